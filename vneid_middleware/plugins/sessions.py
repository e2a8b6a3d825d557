"""Sessions: the sealed-cookie store, their limits, and ``GET /session``."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from vneid_middleware.converters import integer, seconds
from vneid_middleware.directives import Registrations, unknown_implementation
from vneid_middleware.interfaces import IProvisioned, ISessionStore
from vneid_middleware.pages import Message
from vneid_middleware.settings import Problem, Setting, Settings, SettingsTable, Source

LARGE_FORM = 10_000_000
"""Bytes above which ``session.preserve_posts`` is worth a warning."""


def cookie_name(value: str, source: Source) -> str:
    """A cookie name without the ``__Host-`` prefix, which is put before it on https."""
    if not (0 < len(value) <= 32 and value.isascii() and value.replace("_", "").replace("-", "").isalnum()
            and not value.startswith("__")):
        raise ValueError("must be letters, digits, - and _, at most 32 (__Host- is put before it by itself)")
    return value


def _limits_rule(settings: Settings) -> list[Problem]:
    found = []
    if settings["session.idle_timeout"] > settings["session.max_age"]:
        found.append(settings.problem("session.idle_timeout", "must not be longer than session.max_age",
                                      f"Give at most {settings['session.max_age']}."))
    if settings["session.idle_timeout"] > 900:
        found.append(settings.problem("session.idle_timeout", "is longer than the 15 minutes that information systems of "
                                      "level 3 lock a session after", "Give at most 900.", severity="warning"))
    return found


def _forms_rule(settings: Settings) -> list[Problem]:
    most, found = settings["session.preserve_posts"], []
    if most > LARGE_FORM:
        found.append(settings.problem("session.preserve_posts", f"lets each citizen leave {most // 1_000_000} MB in memory and "
                                      "storage without being signed in", f"Give at most {LARGE_FORM}.", severity="warning"))
    if most and not settings["access"] and not settings["challenge"]:
        found.append(settings.problem("session.preserve_posts", "keeps nothing: no path is protected by access, and the "
                                      "portal's 401 is passed on", "Name the paths of the forms in access.",
                                      severity="warning"))
    return found


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; what ``session.store`` may name is known when all plugins are in."""

    def store_rule(settings: Settings) -> list[Problem]:
        return unknown_implementation(settings, "session.store", registrations.implementations("session_store"))

    return SettingsTable("session", ROWS, (_limits_rule, _forms_rule, store_rule))


ROWS = (
    Setting("session.idle_timeout", seconds(60, 86_400), 900, "Seconds without a request after which a session ends."),
    Setting("session.max_age", seconds(60, 604_800), 28_800, "Seconds after which a session ends, whatever happens."),
    Setting("session.store", lambda value, source: value, "cookie", "Where sessions live: cookie, or a plugin's store."),
    Setting("session.revocation_grace", integer(0, 3600, "seconds"), 60,
            "Seconds that the last known list of ended sessions serves when storage does not answer."),
    Setting("session.preserve_posts", integer(0, 104_857_600, "bytes"), 0,
            "Largest body in bytes of a form that is kept when it is sent after the session ended, or needs a higher level; "
            "after the login it is sent again when the citizen says so. 0: off."),
    Setting("session.cookie_name", cookie_name, "vneid", "Name of the session cookie."),
)


@implementer(ISessionStore, IProvisioned)
class CookieStore:
    """Keeps the whole record in the browser, sealed with AES-256-GCM under a key derived from ``secret``."""

    def provision(self, services: Any) -> None:
        self._box = services.key_ring.box("session")

    def save(self, record: Any) -> str:
        return str(self._box.seal(record))

    def loader(self) -> Any:
        return self._box.opener()

    def forget(self, session_id: str) -> None:
        """Nothing is kept."""


def session_view(request: Any) -> Any:
    """Tell who is signed in, and for how long. Asking never lengthens a session, so that a page can warn before it ends.

    With ``?quiet=1`` the answer is 200 also when nobody is signed in: browsers complain about every 401 in their console.
    """
    vneid = request.vneid
    if vneid.sessions.bearer_token(request.environ) is not None:
        return _session_of_app(request)
    record = vneid.sessions.from_environ(request.environ)
    if record is None:
        quiet = request.environ.get("QUERY_STRING") == "quiet=1"
        return vneid.pages.json({"authenticated": False, "login_url": vneid.links.own("/login"),
                                 "continue_url": _login_and_continue(vneid)}, 200 if quiet else 401)
    extendable = vneid.sessions.is_extendable(record)
    return vneid.pages.json({**_described(vneid, record), "extendable": extendable,
                             "continue_url": vneid.links.own("/continue") if extendable
                             else _login_and_continue(vneid, "prompt=login&")})


def _session_of_app(request: Any) -> Any:
    """Answer an app, which has no page to go to where its session is made longer."""
    vneid = request.vneid
    record = vneid.sessions.from_environ(request.environ)
    if record is not None:
        return vneid.pages.json(_described(vneid, record))
    response = vneid.pages.json({"authenticated": False, "login_url": vneid.links.own("/login")}, 401)
    response.headers.update(vneid.sessions.challenge(request.environ))
    return response


def _described(vneid: Any, record: Any) -> dict[str, Any]:
    from vneid_middleware.core.session import identity_of

    expires_at = vneid.sessions.expires_at(record)
    # the clock of whoever asks may be wrong: how long is better than until when
    return {"authenticated": True, "identity": identity_of(record).public(), "expires_at": expires_at,
            "expires_in": max(0, expires_at - vneid.now())}


def _login_and_continue(vneid: Any, query: str = "") -> str:
    return f"{vneid.links.own('/login')}?{query}return_to={vneid.links.own('/continue').removeprefix(vneid.links.origin)}"


def script_view(request: Any) -> Any:
    """Give the script that warns before a session ends."""
    return request.vneid.pages.script("session.js")


def continue_view(request: Any) -> Any:
    """Lengthen the session of who comes here, as any page of the host does, and say so."""
    vneid = request.vneid
    if vneid.sessions.bearer_token(request.environ) is not None:
        # for browsers alone: an app's session can't go on, and must not end up in a cookie
        return vneid.pages.outcome(request, "not_found", 404)
    record = vneid.sessions.from_environ(request.environ)
    if record is None:
        return vneid.pages.redirect(_login_and_continue(vneid))
    response = vneid.pages.outcome(request, "session_continued", 200)
    response.headers.add("Set-Cookie", vneid.sessions.refreshed_cookie(record, vneid.now()))
    return response


MESSAGES = {
    "session_continued": {
        "vi": Message("Phiên đăng nhập được tiếp tục", "Bạn vẫn đang đăng nhập.",
                      "Bạn có thể đóng thẻ này, quay lại thẻ trước và tiếp tục công việc ở đó."),
        "en": Message("Your session goes on", "You are still signed in.",
                      "You can close this tab, go back to the one before and carry on there.")},
}


def includeme(config: Any) -> None:
    """Offer the store ``cookie``, ``GET /session``, and what a page needs that warns before a session ends."""
    config.add_vneid_settings(make_table(config.registry["vneid.registrations"]))
    config.add_vneid_session_store("cookie", CookieStore())
    config.add_vneid_messages("session", MESSAGES)
    for name, path, view in (("session", "/session", session_view), ("session_script", "/session.js", script_view),
                             ("continue", "/continue", continue_view)):
        config.add_route(f"vneid.{name}", path)
        config.add_view(view, route_name=f"vneid.{name}", request_method="GET")
