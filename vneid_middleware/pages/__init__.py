"""The pages people see: plain words, one thing a page, what happened and what to do next.

Every page is in the reader's language with the other one folded beneath it, works without script and loads nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vneid_middleware import negotiation

if TYPE_CHECKING:
    from webob import Request, Response

__all__ = ["Link", "Look", "Message", "Pages", "correlation_id"]

SECURITY_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


class Message(NamedTuple):
    """The words of one page in one language."""

    title: str
    happened: str
    todo: str


class Link(NamedTuple):
    """What the person can do next: the code of its label, and where it leads."""

    label: str
    href: str


class Look(NamedTuple):
    """What a plugin's own page has of its own."""

    package: str
    """The package whose ``templates`` folder has the page; the common ones can be extended there."""
    style: str = ""
    """CSS after the common one."""
    policy: Mapping[str, str] = MappingProxyType({})
    """Directives of the Content-Security-Policy, over the common ones."""


_COMMON = Look("vneid_middleware.pages")


def correlation_id() -> str:
    """Return a new id that ties a page to the log and the audit: 12 characters that can be read out on the phone."""
    alphabet = "23456789abcdefghjkmnpqrstuvwxyz"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(3))


class Pages:
    """Makes answers for people, and the same answers as JSON for programs.

    Args:
        messages: code to language to :class:`Message`, of all plugins together.
        default_language: ``vi`` or ``en``.
        home: URL of the portal's start page.
        form_targets: origins that a form here may end up at; browsers apply the policy to redirects too.
    """

    def __init__(self, messages: Mapping[str, Mapping[str, Message]], default_language: str, home: str,
                 form_targets: tuple[str, ...] = ()) -> None:
        self._messages = messages
        self._default_language = default_language
        self._home = home
        self._form_targets = form_targets
        self._environments: dict[str, Any] = {}

    def language(self, environ: Mapping[str, Any]) -> str:
        """Return the language that a request is answered in."""
        return negotiation.language(environ, self._default_language)

    def outcome(self, request: Request, code: str, status: int, *, request_id: str = "", links: tuple[Link, ...] = (),
                extra: Mapping[str, Any] | None = None, details: Mapping[str, str] | None = None) -> Response:
        """Answer with a page or, for a program, with ``{"error": code, "message": …, "correlation_id": …}``.

        Args:
            code: the message's code.
            request_id: the correlation id; a new one when empty.
            links: what to do next; the portal's start page when empty.
            extra: further members of the JSON answer.
            details: words put into the message, such as the level that is asked for.
        """
        request_id = request_id or correlation_id()
        environ = request.environ
        if not negotiation.is_navigation(environ):
            message = self.message(code, self.language(environ), details)
            body = {"error": code, "message": f"{message.happened} {message.todo}".strip(), "correlation_id": request_id}
            return self.json({**body, **(extra or {})}, status)
        return self.page(request, "outcome.html", code, status, request_id=request_id, details=details,
                         links=links or (Link("action.home", self._home),))

    def page(self, request: Request, template: str, code: str, status: int = 200, *, look: Look = _COMMON,
             details: Mapping[str, str] | None = None, **values: Any) -> Response:
        """Render a template around the message ``code``, in both languages.

        Args:
            look: the plugin's own, where the page is a plugin's.
        """
        first = self.language(request.environ)
        second = "en" if first == "vi" else "vi"
        style = self._style + look.style
        body = self._templates(look.package).get_template(template).render(
            code=code, lang=first, other=second, status=status, style=style, home=self._home,
            message=self.message(code, first, details), translation=self.message(code, second, details),
            say=lambda word, lang=first: self.message(word, lang).title, **values)
        response = _response(status, "text/html", body.encode("utf-8"))
        response.headers["Content-Security-Policy"] = self._policy(style, look.policy)
        response.headers["Content-Language"] = first
        response.headers["Vary"] = "Accept-Language, Accept, Cookie"
        return response

    def json(self, body: Mapping[str, Any], status: int = 200) -> Response:
        """Answer with JSON."""
        return _response(status, "application/json", json.dumps(body, ensure_ascii=False).encode("utf-8"))

    def empty(self) -> Response:
        """Answer 204."""
        return _response(204, "text/plain", b"")

    def script(self, name: str) -> Response:
        """Answer with one of the scripts in ``static`` that pages of the host may include."""
        response = _response(200, "text/javascript", _static(name))
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    def redirect(self, url: str) -> Response:
        """Answer 303 to an absolute URL that was checked before; the method becomes GET (RFC 9700 section 4.12)."""
        response = _response(303, "text/plain", b"")
        response.headers["Location"] = url
        return response

    def message(self, code: str, lang: str, details: Mapping[str, str] | None = None) -> Message:
        """Return the words for ``code``; a code without words gets those of ``internal_error``."""
        message = (self._messages.get(code) or self._messages["internal_error"])[lang]
        return Message(*(part.format_map(details) for part in message)) if details else message

    def _templates(self, package: str) -> Any:
        environment = self._environments.get(package)
        if environment is None:
            from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

            loader = ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, _COMMON.package))])
            environment = self._environments[package] = Environment(
                loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        return environment

    @cached_property
    def _style(self) -> str:
        from importlib.resources import files

        return files(_COMMON.package).joinpath("templates/style.css").read_text(encoding="utf-8")

    def _policy(self, style: str, own: Mapping[str, str]) -> str:
        digest = b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
        targets = " ".join(("'self'", *self._form_targets))
        common = {"default-src": "'none'", "style-src": f"'sha256-{digest}'", "img-src": "'self' data:", "form-action": targets,
                  "base-uri": "'none'", "frame-ancestors": "'none'"}
        return "; ".join(f"{name} {value}" for name, value in {**common, **own}.items())


@cache
def _static(name: str) -> bytes:
    from importlib.resources import files

    return files("vneid_middleware.pages").joinpath(f"static/{name}").read_bytes()


def _response(status: int, content_type: str, body: bytes) -> Response:
    from webob import Response

    response = Response(status=status, body=body, content_type=content_type, charset="utf-8")
    response.headers.update(SECURITY_HEADERS)
    return response
