"""The access tokens of apps: the whole session record, sealed, as the session cookie is for browsers."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from vneid_middleware.interfaces import IBearerSessions, IProvisioned


@implementer(IBearerSessions, IProvisioned)
class SealedTokens:
    """Seals a record with AES-256-GCM under a key that is for access tokens alone: none opens as a cookie, nor a cookie here."""

    max_age = 0

    def provision(self, services: Any) -> None:
        self._box = services.key_ring.box("access-token")
        self.max_age = services.settings["mobile.max_age"]

    def save(self, record: Any) -> str:
        return str(self._box.seal(record))

    def loader(self) -> Any:
        return self._box.opener()
