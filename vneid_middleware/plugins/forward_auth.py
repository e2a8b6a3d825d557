"""``GET /auth``: a web server in front of a portal that is not Python asks here whether a request may pass.

For nginx ``auth_request``, Caddy ``forward_auth`` and Traefik ``ForwardAuth``. It decides by the session (the cookie, or
an app's access token) and its own query alone, never by a forwarded path or header: those can be the client's
(CVE-2026-40575).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from vneid_middleware.core import session as records
from vneid_middleware.core.access import ALLOW, LOGIN, Requirement, decide, parse_requirements
from vneid_middleware.identity_headers import ENCODERS, identity_headers, percent

_LEVEL_ONLY = "step_up_required"


def auth_view(request: Any) -> Any:
    """Answer 200 with the identity as ``X-VNeID-…`` headers, 401 when nobody is signed in, 403 when it is not enough."""
    vneid = request.vneid
    try:
        requirements = _requirements(request.environ.get("QUERY_STRING", ""))
    except ValueError as error:
        return vneid.pages.json({"error": "request_malformed", "message": str(error)}, 400)
    record = vneid.sessions.from_environ(request.environ)
    identity = records.identity_of(record) if record is not None else None
    decision = decide(requirements, identity)
    if decision.outcome == LOGIN:
        response = vneid.pages.json({"error": "login_required", "login_url": vneid.links.own("/login")}, 401)
        response.headers.update(vneid.sessions.challenge(request.environ))
        return response
    if decision.outcome != ALLOW:
        code = "forbidden" if decision.reason else _LEVEL_ONLY
        return vneid.pages.json({"error": code, "level": decision.level}, 403)
    return _passed(vneid, record, identity)


def _requirements(query: str) -> tuple[Requirement, ...]:
    """Read ``require``; whatever it says, somebody must be signed in."""
    given = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "require"]
    if len(given) > 1:
        raise ValueError("require came twice")
    return (Requirement(), *(parse_requirements(given[0]) if given else ()))


def _passed(vneid: Any, record: Any, identity: Any) -> Any:
    response = vneid.pages.json({"authenticated": True})
    encode = ENCODERS.get(vneid.settings["identity_headers"], percent)
    response.headers.update(identity_headers(identity, encode))
    now = vneid.clock()
    if records.is_refresh_due(record, now):
        response.headers.add("Set-Cookie", vneid.sessions.refreshed_cookie(record, now))
    return response


def includeme(config: Any) -> None:
    """Offer ``GET /auth``."""
    config.add_route("vneid.auth", "/auth")
    config.add_view(auth_view, route_name="vneid.auth", request_method="GET")
