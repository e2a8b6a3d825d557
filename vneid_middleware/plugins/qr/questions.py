"""What officers ask: kept sealed while it waits, told to the audit before anybody is asked, and a code's once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vneid_middleware.core import lookup, scan
from vneid_middleware.core.lookup import Result
from vneid_middleware.events import LookupAsked
from vneid_middleware.exceptions import AuditError, SealError, VNeIDError
from vneid_middleware.models import Operator, Who
from vneid_middleware.plugins.qr.settling import LEASE
from vneid_middleware.plugins.qr.upstream import Asked
from vneid_middleware.storage import lookups
from vneid_middleware.storage.lookups import Lookup

SINGLE_USE = 600
"""Seconds that a scanned code is known again: VNeID's own live one minute."""
QR_LIFE = 60
"""Seconds after its first scan in which a code may be tried again, where VNeID could not be reached."""
_ALARM_EVERY = 60
_SLACK = 5
"""Seconds that a call of its own may end after the citizen's time."""


class Begun(NamedTuple):
    """A lookup that was asked for: its id, and its result where that is there already."""

    identifier: str
    result: Result | None


class Questions:
    """The questions of a portal.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services
        self._settings = services.settings
        self._box = services.key_ring.box("lookup-question")
        self._mode: str = services.settings["qr.consent"]
        self._alarmed = 0.0

    def begin(self, asked: Asked, operator: Operator, who: Who, owner: str) -> tuple[Lookup, Begun]:
        """Keep a question, and say what is known of its end already.

        Args:
            owner: the process that will ask.

        Returns:
            its row, and: another lookup of the same code that is under way; or this one, with a result where VNeID need not
            be asked.

        Raises:
            VNeIDError: ``too_many_lookups``, with evidence ``retry_after`` in seconds.
        """
        now, operator_keys = self._vneid.now(), self.operator_keys(operator)
        row = self._row(asked, operator_keys[0], who, owner, now)
        with self._vneid.storage.begin() as connection:
            lookups.take_turns(connection, row.operator_key, row.qr_key)
            self._check_rate(connection, operator_keys, who, now)
            known = self._known(connection, asked.qr_id, operator_keys, now)
            if known.identifier:
                return row, known
            if known.result is not None:
                row = row._replace(state=lookups.TAKEN, status=known.result.status, sealed=None, lease_until=None, deadline=now)
            lookups.add(connection, row, now=now)
        return row, Begun(asked.identifier, known.result)

    def _row(self, asked: Asked, operator_key: str, who: Who, owner: str, now: int) -> Lookup:
        key = lookups.key_of(asked.identifier)
        deadline = now + self._settings["qr.consent_timeout"] + (_SLACK if self._mode == "blocking" else 0)
        return Lookup(lookup_key=key, operator_key=operator_key,
                      qr_key=self._vneid.key_ring.keyed_hashes("qr", asked.qr_id)[0], request_id=who.request_id,
                      state=lookups.WAITING, status=lookup.PENDING, mode=self._mode, created_at=now, deadline=deadline,
                      lease_until=now + LEASE, owner=owner, transaction_key=None, sealed=self._sealed(key, asked),
                      settled_at=None, forget_at=deadline + SINGLE_USE)

    def operator_keys(self, operator: Operator) -> list[str]:
        """Return what an operator is known by in storage, under the newest secret first."""
        return list(self._vneid.key_ring.keyed_hashes("operator", operator.name))

    def _sealed(self, key: str, asked: Asked) -> str:
        return str(self._box.seal(list(asked), key.encode()))

    def opened(self, row: Lookup) -> Asked | None:
        """Return the question of a lookup that waits; None where the secret that sealed it is gone."""
        try:
            return Asked(*self._box.open(row.sealed or "", row.lookup_key.encode()))
        except SealError:
            return None

    def remember(self, row: Lookup, asked: Asked) -> bool:
        """Keep VNeID's transaction; False when the lookup is over, or the transaction is another one's."""
        key = lookups.key_of(asked.transaction_id)
        with self._vneid.storage.begin() as connection:
            return lookups.remember(connection, row.lookup_key, key, self._sealed(row.lookup_key, asked))

    def _check_rate(self, connection: Any, operator_keys: list[str], who: Who, now: int) -> None:
        limit: int = self._settings["qr.rate_limit"]
        count, oldest = lookups.asked_since(connection, operator_keys, now - 60, now)
        if count >= limit:
            if now - self._alarmed >= _ALARM_EVERY:
                self._alarmed = now
                self._vneid["alarm"].send("lookups_too_many", who.request_id, operator=operator_keys[0][:16])
            raise VNeIDError("too_many_lookups", f"more than {limit} lookups a minute", retry_after=max(1, oldest + 61 - now))

    def _known(self, connection: Any, qr_id: str, operator_keys: list[str], now: int) -> Begun:
        """Tell what VNeID need not be asked: what is no code of its own, and codes that were scanned before.

        A scanner that fired twice gets the lookup under way.
        """
        read = scan.read_scan(qr_id)
        if read.kind != scan.VNEID:
            return Begun("", _not_vneid(read, qr_id))
        found = lookups.of_qr(connection, self._vneid.key_ring.keyed_hashes("qr", qr_id), in_vain=lookup.UNAVAILABLE)
        if found is None:
            return Begun("", None)
        before, first_seen = found
        if before.state == lookups.WAITING and before.operator_key in operator_keys:
            asked = self.opened(before)
            if asked is not None:
                return Begun(asked.identifier, None)
        if before.status == lookup.UNAVAILABLE and now - first_seen <= QR_LIFE:
            return Begun("", None)
        status = lookup.INVALID_QR if before.status == lookup.INVALID_QR else lookup.EXPIRED_QR
        return Begun("", Result(status, reason="used"))

    def tell(self, asked: Asked, operator: Operator, row: Lookup, who: Who) -> None:
        """Write to the audit who asks; what can't be written down is not asked.

        Raises:
            AuditError: it could not be written.
        """
        name = operator.name if operator.name != operator.officer_id else ""
        try:
            self._vneid.tell(LookupAsked(**who._asdict(), operator=name, officer_id=asked.officer_id,
                                         unit_code=asked.unit_code, dossier=asked.dossier, qr_hash=row.qr_key))
        except AuditError:
            with self._vneid.storage.begin() as connection:
                lookups.drop(connection, row.lookup_key)
            raise


def _not_vneid(read: scan.Scan, value: str) -> Result:
    """Return what a scan comes to that VNeID need not be asked about."""
    if read.kind == scan.UNREADABLE:
        return Result(lookup.INVALID_QR, reason=scan.damage_of(value) or "unreadable")
    prefill: Mapping[str, str] = read.prefill
    return Result(lookup.CARD_QR, prefill=prefill, reason=read.kind)
