"""Who may ask at the counter: by a bearer key, or because the host itself says so."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from zope.interface import implementer

from vneid_middleware import bearer_keys, negotiation
from vneid_middleware.core import bearer
from vneid_middleware.core.jose import loads_object
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import IOperatorPolicy
from vneid_middleware.models import Operator

log = logging.getLogger("vneid_middleware")

MAX_ANSWER = 65_536
_MAX_NAME = 128
_PASSED_ON = ("HTTP_COOKIE", "HTTP_HOST", "HTTP_USER_AGENT", "HTTP_ACCEPT_LANGUAGE", "HTTP_X_FORWARDED_FOR",
              "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT", "HTTP_FORWARDED", "SERVER_NAME",
              "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE", "REMOTE_ADDR", "REMOTE_PORT", "HTTPS")
"""What the host is asked with: who the caller is, by which way; nothing of what they sent."""


@implementer(IOperatorPolicy)
class BearerOperators:
    """Operators with keys of their own.

    Args:
        digests: operator's name to SHA-256 of the key, as hex.
    """

    challenge = bearer_keys.CHALLENGE

    def __init__(self, digests: Mapping[str, str]) -> None:
        self._digests = dict(digests)

    def identify(self, request: Any) -> Operator | None:
        """Return the operator whose key ``Authorization`` holds."""
        name = bearer_keys.holder(request.headers.get("Authorization", ""), self._digests)
        return Operator(name) if name else None


class HostAnswer(NamedTuple):
    """What the host said."""

    status: int
    content_type: str
    body: bytes


@implementer(IOperatorPolicy)
class HostOperators:
    """The officers of the host: it is asked with the caller's own cookies, or an app's access token.

    Args:
        path: where the host says who is there: ``200`` and JSON with ``officerId`` for an officer.
        origin: the portal's own.
    """

    challenge = ""

    def __init__(self, path: str, origin: str) -> None:
        self._path, _, self._query = path.partition("?")
        self._origin = origin

    def identify(self, request: Any) -> Operator | None:
        """Return the officer whom the host names."""
        if negotiation.is_cross_site(request.environ, self._origin):
            raise VNeIDError("cross_site", "the request came from another site")
        answer = self.ask(request.environ)
        if answer.status == 401:
            return None
        officer_id = officer_of(answer)
        if officer_id is None:
            raise VNeIDError("not_an_officer", f"the host answered {answer.status}")
        return Operator(officer_id, officer_id)

    def ask(self, environ: Mapping[str, Any]) -> HostAnswer:
        """Ask the host, through the middleware, so that a session of ours counts as it does on the host's pages."""
        try:
            return _call(environ["vneid.portal"], self._environ(environ))
        except Exception:
            # any fault of the host is a no
            log.exception("the host failed when it was asked whether an officer is there")
            return HostAnswer(500, "", b"")

    def ask_anonymously(self, host: Any) -> HostAnswer:
        """Return what the host says to somebody without cookies, who must be no officer.

        Args:
            host: a WSGI application.
        """
        from wsgiref.util import setup_testing_defaults

        environ: dict[str, Any] = {"vneid.portal": host, "vneid.script_name": "", "REMOTE_ADDR": "127.0.0.1"}
        setup_testing_defaults(environ)
        return self.ask(environ)

    def _environ(self, environ: Mapping[str, Any]) -> dict[str, Any]:
        asked = {key: environ[key] for key in _PASSED_ON if key in environ}
        if bearer.PREFIX in environ.get("HTTP_AUTHORIZATION", ""):
            # an app's session counts as it does on the host's pages, and then the cookie's does not
            asked["HTTP_AUTHORIZATION"] = environ["HTTP_AUTHORIZATION"]
        asked.update({key: value for key, value in environ.items() if key.startswith("wsgi.")})
        asked.update({"REQUEST_METHOD": "GET", "SCRIPT_NAME": environ["vneid.script_name"], "PATH_INFO": self._path,
                      "QUERY_STRING": self._query, "HTTP_ACCEPT": "application/json",
                      "wsgi.input": io.BytesIO(), "wsgi.errors": environ["wsgi.errors"]})
        # its own answers must not go by the server's file sender, which writes to the client
        asked.pop("wsgi.file_wrapper", None)
        return asked


def _call(app: Any, environ: dict[str, Any]) -> HostAnswer:
    began: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        began[:] = [(status, headers)]
        return written.append

    answer: Iterable[bytes] = app(environ, start_response)
    try:
        size = sum(map(len, written))
        for part in answer:
            written.append(part)
            size += len(part)
            if size > MAX_ANSWER:
                return HostAnswer(500, "", b"")
    finally:
        getattr(answer, "close", bool)()
    status, headers = began[0]
    kinds = [value for name, value in headers if name.lower() == "content-type"]
    return HostAnswer(int(status[:3]), kinds[0] if kinds else "", b"".join(written))


def officer_of(answer: HostAnswer) -> str | None:
    """Return the officer whom the host names, or None: a login page that is answered with 200 names nobody."""
    if not 200 <= answer.status < 300 or answer.content_type.partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        officer_id = loads_object(answer.body).get("officerId")
    except VNeIDError:
        return None
    if not isinstance(officer_id, str) or not 0 < len(officer_id.strip()) <= _MAX_NAME or not officer_id.isprintable():
        return None
    return officer_id.strip()
