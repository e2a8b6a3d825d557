"""How a lookup ends: once, written to the audit before anybody sees it, kept sealed until it is fetched, and wiped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from vneid_middleware import text
from vneid_middleware.core import lookup
from vneid_middleware.core.lookup import Result
from vneid_middleware.events import LookupAnswered
from vneid_middleware.exceptions import AuditError, SealError, VNeIDError
from vneid_middleware.models import PERSON
from vneid_middleware.plugins.qr.upstream import Answer
from vneid_middleware.plugins.qr.waiter import Waiter
from vneid_middleware.storage import lookups, tokens
from vneid_middleware.storage.lookups import Lookup

log = logging.getLogger("vneid_middleware")

KEPT = 120
"""Seconds that a result waits for its operator."""
LEASE = 6
"""Seconds without a sign of life after which a process is taken to be gone, with the answers that it waited for and the ends
that it had begun to write down."""


class Settling:
    """Ends lookups.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services
        self._box = services.key_ring.box("lookup-result")

    def settle(self, row: Lookup, answer: Answer, waiter: Waiter[Result] | None) -> None:
        """End a lookup, unless it has ended: hand the result to whoever waits, or keep it."""
        handed = waiter is not None and waiter.promise()
        result: Result | None = None
        try:
            result = self._settled(row, answer, handed)
        finally:
            if waiter is not None:
                waiter.give(result if handed else None)

    def _settled(self, row: Lookup, answer: Answer, handed: bool) -> Result | None:
        key, now, result = row.lookup_key, self._vneid.now(), answer.result
        with self._vneid.storage.begin() as connection:
            state = lookups.TAKEN if handed else lookups.SETTLING
            if not lookups.begin_settling(connection, key, state, result.status, now=now, lease_until=now + LEASE):
                return None
            if answer.answer_key and not tokens.use(connection, "lookup-answer", answer.answer_key, now=now,
                                                    expires_at=answer.remember_until):
                result = Result(lookup.INVALID_RESPONSE, result.code, reason="answer_seen")
        result = self._told(row, result, answer.personal_id)
        if not handed:
            sealed = self._box.seal(list(result), key.encode())
            with self._vneid.storage.begin() as connection:
                lookups.finish_settling(connection, key, result.status, sealed)
        return result

    def _told(self, row: Lookup, result: Result, personal_id: str) -> Result:
        """Write the end down; what can't be written down gives no data away."""
        try:
            self.tell((row.request_id, "", ""), result, personal_id)
        except AuditError as error:
            log.error("%s: the end of a lookup could not be written to the audit: %s", row.request_id, error)
            self._vneid["alarm"].send("audit_unwritable", row.request_id)
            return Result(lookup.UNAVAILABLE, reason="audit_unwritable")
        if result.status == lookup.INVALID_RESPONSE:
            log.error("%s: VNeID's answer to a lookup is refused: %s", row.request_id, result.reason)
            self._vneid["alarm"].send("lookup_answer_refused", row.request_id, reason=result.reason)
        return result

    def tell(self, who: tuple[str, str, str], result: Result, personal_id: str = "") -> None:
        """Write to the audit how a lookup ended.

        Args:
            who: correlation id, address, user agent.
            personal_id: the citizen's, where there is one; its keyed hash and its masked form go on.

        Raises:
            AuditError: it could not be written.
        """
        citizen = {}
        if result.status == lookup.OK and personal_id:
            citizen = {"subject_hash": self._vneid.key_ring.keyed_hashes("personal", personal_id)[0],
                       "personal_id": text.mask(personal_id), "account_type": PERSON}
        self._vneid.tell(LookupAnswered(*who, who=citizen, status=result.status, reason=result.reason,
                                        response_code=result.code or ""))

    def take(self, lookup_key: str) -> Result | None:
        """Return a result that was kept, and wipe it; None where it is only being written.

        Raises:
            VNeIDError: ``lookup_unknown``: somebody was first.
        """
        with self._vneid.storage.begin() as connection:
            sealed = lookups.take(connection, lookup_key)
            row = lookups.get(connection, lookup_key) if sealed is None else None
        if sealed is None:
            if row is not None and row.state != lookups.TAKEN:
                return None
            raise VNeIDError("lookup_unknown", "the result has been fetched")
        try:
            status, code, message, data, warnings, *rest = self._box.open(sealed, lookup_key.encode())
        except SealError:
            return Result(lookup.UNAVAILABLE, reason="secret_changed")
        return Result(status, code, message, data, tuple(warnings), *rest)

    def is_overdue(self, row: Lookup, now: int) -> bool:
        """Tell whether a lookup's time is over, or the process that waited for its answer is gone."""
        return row.deadline < now or (row.lease_until is not None and row.lease_until < now)

    def close(self, row: Lookup, now: int) -> None:
        """End a lookup that is overdue: the citizen did not answer, or a restart cut it off."""
        cut_off = row.lease_until is not None and row.lease_until < now
        result = Result(lookup.UNAVAILABLE, reason="cut_off") if cut_off else Result(lookup.CONSENT_TIMEOUT, reason="no_answer")
        self.settle(row, Answer(result), None)

    def drop(self, row: Lookup, who: Any) -> None:
        """End a lookup that its operator no longer wants."""
        with self._vneid.storage.begin() as connection:
            ended = lookups.abandon(connection, row.lookup_key, "cancelled")
        if ended:
            self.tell(tuple(who), Result("cancelled", reason="by_operator"))

    def tidy(self, now: int, ended: Callable[[str], None]) -> bool:
        """End what is overdue, wipe what nobody fetches; tell whether there is anything left to look after.

        Args:
            ended: is told the keys of the lookups that were ended.
        """
        with self._vneid.storage.read() as connection:
            overdue, left = lookups.overdue(connection, now), lookups.unfinished(connection)
        for row in overdue:
            self.close(row, now)
            ended(row.lookup_key)
        if left:
            with self._vneid.storage.begin() as connection:
                lookups.wipe_unfetched(connection, now - KEPT)
        return left > 0
