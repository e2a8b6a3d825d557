"""How the simulator answers: pages in both languages, JSON, redirects, and refusals in Keycloak's shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader
from webob import Request, Response

from vneid_middleware import negotiation

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
WITH_SCRIPT = _POLICY + "; script-src 'self'; connect-src 'self'"
"""The policy of pages that follow what happens elsewhere."""


class ProtocolError(Exception):
    """A request is refused with an OAuth error in Keycloak's shape."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status, self.error, self.description = status, error, description


class Pages:
    """Pages for people."""

    def __init__(self) -> None:
        self._templates = Environment(loader=PackageLoader("vneid_middleware.simulator"), autoescape=True)

    def page(self, request: Request, template: str, status: int, policy: str = _POLICY, **values: Any) -> Response:
        """Render a template in the reader's language, or in the one that the query's ``lang`` names."""
        lang = request.GET.get("lang", "") if request.GET.get("lang") in ("vi", "en") else negotiation.language(
            request.environ, "vi")
        body = self._templates.get_template(template).render(lang=lang, status=status, vi=lang == "vi", **values)
        response = Response(body, status=status, content_type="text/html", charset="utf-8")
        response.headers["Content-Security-Policy"] = policy
        return response


def refuse_foreign(request: Request) -> None:
    """Refuse a form that a page of another site sent."""
    if negotiation.is_cross_site(request.environ, request.host_url):
        raise ProtocolError(403, "forbidden", "The request came from another site")


def json_answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(json.dumps(body, ensure_ascii=False).encode(), status=status, content_type="application/json",
                    charset="utf-8")


def json_body(request: Request) -> dict[str, Any]:
    """Return the JSON object that a program sent."""
    # a page of another site can't send this content type without asking first
    if request.content_type != "application/json":
        raise ProtocolError(415, "unsupported_media_type", "application/json expected")
    body = json.loads(request.body or b"{}")
    if not isinstance(body, dict):
        raise ValueError("a JSON object expected")
    return body


def redirect(url: str) -> Response:
    """Answer 303."""
    response = Response(status=303, content_type="text/plain", charset="utf-8")
    # set on the headers: WebOb would rebuild a relative or odd URL from the Host header
    response.headers["Location"] = url
    return response
