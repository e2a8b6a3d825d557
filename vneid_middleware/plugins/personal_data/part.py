"""What the parts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vneid_middleware.crypto import SealedBox
from vneid_middleware.exceptions import SealError
from vneid_middleware.storage import personal


class Part:
    """A part of what is kept in ``storage``."""

    kept: Mapping[str, str] = {}

    def provision(self, services: Any) -> None:
        """Take note of the services, in which sessions are still missing."""
        self._early = services

    @property
    def _vneid(self) -> Any:
        return self._early["personal_data"]

    def person_keys(self, personal_id: str) -> list[str]:
        """Return a person's keyed hashes, under each secret."""
        return list(self._vneid.key_ring.keyed_hashes("personal", personal_id))

    def issuer(self) -> str:
        """Return who vouches for the accounts of this portal; empty where nobody signs in."""
        sso = self._vneid.components.get("sso")
        return str(sso.provider.issuer_or_origin()) if sso is not None else ""

    def number_keys(self, personal_id: str) -> list[str]:
        """Return the keyed hashes of issuer and number."""
        return list(self._vneid.key_ring.number_keys(self.issuer(), personal_id))

    def subject_keys(self, connection: Any, personal_id: str) -> list[str]:
        """Return the keyed hashes of all accounts that are known to be a person's."""
        # where the provider has no other name for an account, it is the number
        known = set(self._vneid.key_ring.account_keys(self.issuer(), personal_id))
        known |= {row.subject_key for row in personal.sessions_of(connection, self.person_keys(personal_id))}
        return sorted(known | {row.subject_key for row in personal.accounts_of(connection, self.number_keys(personal_id),
                                                                              sorted(known))})


def opened(box: SealedBox, sealed: str | None, context: str) -> Any:
    """Return the JSON that was sealed for ``context``; None where the secret that sealed it is gone, and it with that."""
    try:
        return box.open(sealed or "", context.encode())
    except SealError:
        return None
