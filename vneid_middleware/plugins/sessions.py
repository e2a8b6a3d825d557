"""Sessions: the sealed-cookie store, their limits, and ``GET /session``."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from vneid_middleware.converters import integer, seconds
from vneid_middleware.directives import Registrations, unknown_implementation
from vneid_middleware.interfaces import IProvisioned, ISessionStore
from vneid_middleware.settings import Problem, Setting, Settings, SettingsTable, Source


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


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; what ``session.store`` may name is known when all plugins are in."""

    def store_rule(settings: Settings) -> list[Problem]:
        return unknown_implementation(settings, "session.store", registrations.implementations("session_store"))

    return SettingsTable("session", ROWS, (_limits_rule, store_rule))


ROWS = (
    Setting("session.idle_timeout", seconds(60, 86_400), 900, "Seconds without a request after which a session ends."),
    Setting("session.max_age", seconds(60, 604_800), 28_800, "Seconds after which a session ends, whatever happens."),
    Setting("session.store", lambda value, source: value, "cookie", "Where sessions live: cookie, or a plugin's store."),
    Setting("session.revocation_grace", integer(0, 3600, "seconds"), 60,
            "Seconds that the last known list of ended sessions serves when storage does not answer."),
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
    """Tell who is signed in. Asking never lengthens a session, so that a page can warn before it ends."""
    vneid = request.vneid
    record = vneid.sessions.from_environ(request.environ)
    if record is None:
        response = vneid.pages.json({"authenticated": False, "login_url": vneid.links.own("/login")}, 401)
        response.headers.update(vneid.sessions.challenge(request.environ))
        return response
    from vneid_middleware.core.session import identity_of

    identity = identity_of(record)
    return vneid.pages.json({"authenticated": True, "identity": identity.public(),
                             "expires_at": vneid.sessions.expires_at(record)})


def includeme(config: Any) -> None:
    """Offer the store ``cookie`` and ``GET /session``."""
    config.add_vneid_settings(make_table(config.registry["vneid.registrations"]))
    config.add_vneid_session_store("cookie", CookieStore())
    config.add_route("vneid.session", "/session")
    config.add_view(session_view, route_name="vneid.session", request_method="GET")
