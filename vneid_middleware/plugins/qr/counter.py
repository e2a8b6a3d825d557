"""Lookups at the counter, from the scan to the answer that is fetched and wiped (the guide's B1 to B11).

VNeID is called on the loop of the outbound client; verification, storage and audit run on threads of their own. A request
waits for none of it longer than ``MOMENT``: what comes later is kept sealed until its operator asks for it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from vneid_middleware.core import lookup, scan
from vneid_middleware.core.lookup import Question, Result
from vneid_middleware.events import LookupAsked
from vneid_middleware.exceptions import AuditError, SealError, UpstreamError, VNeIDError
from vneid_middleware.models import Operator
from vneid_middleware.per_process import PerProcess
from vneid_middleware.plugins.qr.operators import BearerOperators, HostOperators
from vneid_middleware.plugins.qr.process import MOST_CALLS, Process
from vneid_middleware.plugins.qr.settling import Settling
from vneid_middleware.plugins.qr.upstream import Answer, Asked, Upstream
from vneid_middleware.plugins.qr.waiter import Waiter
from vneid_middleware.storage import lookups
from vneid_middleware.storage.lookups import Lookup

log = logging.getLogger("vneid_middleware")

MOMENT = 0.3
"""Seconds that a request waits for VNeID."""
SINGLE_USE = 600
"""Seconds that a scanned code is known again: VNeID's own live one minute."""
QR_LIFE = 60
"""Seconds after its first scan in which a code may be tried again, where VNeID could not be reached."""
LEASE = 6
"""Seconds without a sign of life after which a process is taken to be gone, with the answers it waited for."""
_KEEP_EVERY = 2.0
_GIVE_UP = 3
"""Calls in a row that get no answer before a waiting lookup is given up."""
_ALARM_EVERY = 60
_LOOK_EVERY = 0.05
_SLACK = 5
"""Seconds that a call of its own may end after the citizen's time."""


class Who(NamedTuple):
    """What of the request goes into events."""

    request_id: str
    remote_addr: str
    user_agent: str


class Begun(NamedTuple):
    """A lookup that was asked for: its id, and its result where that is there already."""

    identifier: str
    result: Result | None


class Counter:
    """The lookups of a portal.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services
        self._settings = services.settings
        self.upstream = Upstream(services)
        self._settling = Settling(services, LEASE)
        self._box = services.key_ring.box("lookup-question")
        threads = services.settings["server_threads"]
        self._process = PerProcess(lambda: Process(threads))
        self._mode: str = services.settings["qr.consent"]
        self.policy = _policy(services)
        codes: Mapping[str, str] = services.settings["qr.response_codes"]
        self.pending_code = next((code for code, status in codes.items() if status == lookup.PENDING), None)
        self._alarmed = 0.0

    # -- asking --------------------------------------------------------------------------------------------------------

    def ask(self, question: Question, operator: Operator, who: Who) -> Begun:
        """Begin a lookup.

        Returns:
            its id and, where it came within a moment, its result.

        Raises:
            VNeIDError: ``too_many_lookups``, with evidence ``retry_after`` in seconds.
            StorageError, AuditError: nothing can be kept, so nobody is asked.
        """
        now, read = self._vneid.now(), scan.read_scan(question.qr_id)
        asked = Asked(secrets.token_urlsafe(24), question.qr_id, str(uuid.uuid4()), operator.officer_id or question.officer_id,
                      question.unit_code, question.dossier)
        row = self._row(asked, operator, who, now)
        with self._vneid.storage.begin() as connection:
            self._check_rate(connection, operator, who, now)
            if read.kind == scan.VNEID:
                known = self._known(connection, row, now)
                result = known.result if known else None
                if known and known.identifier:
                    return known
            else:
                result = _not_vneid(read)
            if result is not None:
                row = row._replace(state=lookups.TAKEN, status=result.status, sealed=None, lease_until=None, deadline=now)
            lookups.add(connection, row, now=now)
        self._tell_asked(asked, operator, row, who)
        if result is not None:
            self._settling.tell(who, result)
            return Begun(asked.identifier, result)
        return Begun(asked.identifier, self._moment(lambda waiter: self._call(row, asked, waiter, first=True)))

    def _row(self, asked: Asked, operator: Operator, who: Who, now: int) -> Lookup:
        ring, key = self._vneid.key_ring, lookups.key_of(asked.identifier)
        deadline = now + self._settings["qr.consent_timeout"] + (_SLACK if self._mode == "blocking" else 0)
        return Lookup(lookup_key=key, operator_key=self._operator_keys(operator)[0],
                      qr_key=ring.keyed_hashes("qr", asked.qr_id)[0], request_id=who.request_id, state=lookups.WAITING,
                      status=lookup.PENDING, mode=self._mode, created_at=now, deadline=deadline, lease_until=now + LEASE,
                      owner=self._process().owner, transaction_key=None, sealed=self._sealed(key, asked), settled_at=None,
                      forget_at=deadline + SINGLE_USE)

    def _operator_keys(self, operator: Operator) -> list[str]:
        return list(self._vneid.key_ring.keyed_hashes("operator", operator.name))

    def _sealed(self, key: str, asked: Asked) -> str:
        return str(self._box.seal(list(asked), key.encode()))

    def _opened(self, row: Lookup) -> Asked | None:
        try:
            return Asked(*self._box.open(row.sealed or "", row.lookup_key.encode()))
        except SealError:
            return None

    def _check_rate(self, connection: Any, operator: Operator, who: Who, now: int) -> None:
        limit: int = self._settings["qr.rate_limit"]
        count, oldest = lookups.asked_since(connection, self._operator_keys(operator), now - 60)
        if count >= limit:
            if now - self._alarmed >= _ALARM_EVERY:
                self._alarmed = now
                self._vneid["alarm"].send("lookups_too_many", who.request_id, operator=self._operator_keys(operator)[0][:16])
            raise VNeIDError("too_many_lookups", f"more than {limit} lookups a minute", retry_after=max(1, oldest + 61 - now))

    def _known(self, connection: Any, row: Lookup, now: int) -> Begun | None:
        """Tell what becomes of a code that was scanned before: a scanner that fired twice gets the lookup under way."""
        found = lookups.of_qr(connection, self._vneid.key_ring.keyed_hashes("qr", self._opened_qr(row)))
        if found is None:
            return None
        before, first_seen = found
        if before.state == lookups.WAITING and before.operator_key == row.operator_key:
            asked = self._opened(before)
            if asked is not None:
                return Begun(asked.identifier, None)
        if before.status == lookup.UNAVAILABLE and now - first_seen <= QR_LIFE:
            return None
        status = lookup.INVALID_QR if before.status == lookup.INVALID_QR else lookup.EXPIRED_QR
        return Begun("", Result(status, reason="used"))

    def _opened_qr(self, row: Lookup) -> str:
        asked = self._opened(row)
        return asked.qr_id if asked else ""

    def _tell_asked(self, asked: Asked, operator: Operator, row: Lookup, who: Who) -> None:
        name = operator.name if operator.name != operator.officer_id else ""
        try:
            self._vneid.tell(LookupAsked(**who._asdict(), operator=name, officer_id=asked.officer_id,
                                         unit_code=asked.unit_code, dossier=asked.dossier, qr_hash=row.qr_key))
        except AuditError:
            # what can't be written down is not asked
            with self._vneid.storage.begin() as connection:
                lookups.drop(connection, row.lookup_key)
            raise

    def _moment(self, begin: Any) -> Result | None:
        """Begin a call and wait a moment for its end, unless half of the server's threads wait already."""
        process, waiter = self._process(), Waiter[Result]()
        has_slot = process.slots.acquire(blocking=False)
        try:
            begin(waiter if has_slot else None)
            return waiter.wait(MOMENT) if has_slot else None
        finally:
            if has_slot:
                process.slots.release()

    # -- asking after it -----------------------------------------------------------------------------------------------

    def look(self, identifier: str, operator: Operator) -> Result | None:
        """Return the result of a lookup, once; None while it waits.

        Raises:
            VNeIDError: ``lookup_unknown``: there is none, it was fetched, or it is somebody else's.
        """
        row, now = self._own(identifier, operator), self._vneid.now()
        if row.state != lookups.SETTLED and self._settling.is_overdue(row, now):
            self._settling.close(row, now)
            return self._settling.take(row.lookup_key)
        if row.state == lookups.SETTLED:
            self._process().forget(row.lookup_key)
            return self._settling.take(row.lookup_key)
        may_poll = self._process().note(row.lookup_key)
        asked = self._opened(row) if row.mode == "poll" and row.transaction_key and may_poll else None
        if asked is None:
            return None
        return self._moment(lambda waiter: self._call(row, asked, waiter))

    def cancel(self, identifier: str, operator: Operator, who: Who) -> None:
        """End a lookup that its operator no longer wants; what VNeID still answers is dropped.

        Raises:
            VNeIDError: ``lookup_unknown``.
        """
        row = self._own(identifier, operator)
        call = self._process().calls.get(row.lookup_key)
        if call is not None:
            call.cancel()
        self._settling.drop(row, who)

    def retry_after(self) -> int:
        """Return the seconds after which a waiting operator should ask again."""
        return self._process().retry_after()

    def _own(self, identifier: str, operator: Operator) -> Lookup:
        with self._vneid.storage.read() as connection:
            row = lookups.get(connection, lookups.key_of(identifier))
        if row is None or row.state == lookups.TAKEN or row.operator_key not in self._operator_keys(operator):
            raise VNeIDError("lookup_unknown", "there is no such lookup for this operator")
        return row

    # -- VNeID's answers -----------------------------------------------------------------------------------------------

    def _call(self, row: Lookup, asked: Asked, waiter: Waiter[Result] | None, *, first: bool = False) -> None:
        process = self._process()
        if len(process.calls) >= MOST_CALLS:
            self._answered(process, row, asked, Answer(Result(lookup.UNAVAILABLE, reason="busy")), waiter, first)
            return
        self._keep(process)
        process.began(row.lookup_key, self._vneid.outbound.submit(self._exchange(process, row, asked, waiter, first)))

    async def _exchange(self, process: Process, row: Lookup, asked: Asked, waiter: Waiter[Result] | None, first: bool) -> None:
        try:
            try:
                response = await self.upstream.transport.send(self.upstream.request(asked))
            except UpstreamError as error:
                log.warning("%s: VNeID could not be asked: %s", row.request_id, error)
                await self._on_thread(process, self._answered, row, asked, self.upstream.failure(error), waiter, first)
            else:
                await self._on_thread(process, self._read, row, asked, response, waiter, first)
        except Exception:
            log.exception("%s: a lookup failed", row.request_id)
        finally:
            if waiter is not None:
                waiter.give(None)

    @staticmethod
    async def _on_thread(process: Process, function: Any, *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(process.pool, function, process, *arguments)

    def _read(self, process: Process, row: Lookup, asked: Asked, response: Any, waiter: Waiter[Result] | None,
              first: bool) -> None:
        self._answered(process, row, asked, self.upstream.read(response, asked), waiter, first)

    def _answered(self, process: Process, row: Lookup, asked: Asked, answer: Answer, waiter: Waiter[Result] | None,
                  first: bool) -> None:
        if answer.result.status == lookup.PENDING:
            process.answered(row.lookup_key)
            if not first or self._remember(row, asked._replace(transaction_id=answer.transaction_id)):
                return
            answer = Answer(Result(lookup.INVALID_RESPONSE, answer.result.code, reason="transaction_invalid"))
        no_answer = answer.result.code is None and answer.result.status == lookup.UNAVAILABLE
        if no_answer and not first and process.failed(row.lookup_key) < _GIVE_UP:
            # the citizen may be about to answer: a moment's trouble on the way ends nothing
            return
        self._settling.settle(row, answer, waiter)
        process.forget(row.lookup_key)

    def _remember(self, row: Lookup, asked: Asked) -> bool:
        key = lookups.key_of(asked.transaction_id)
        with self._vneid.storage.begin() as connection:
            return lookups.remember(connection, row.lookup_key, key, self._sealed(row.lookup_key, asked))

    def hook(self, body: bytes) -> None:
        """Take an envelope that VNeID sends by itself.

        Raises:
            VNeIDError: ``envelope_malformed``; ``transaction_unknown``; ``invalid_response`` where the envelope does not
                verify, whereby the lookup goes on waiting.
        """
        envelope = lookup.read_envelope(body)
        row = self._of_transaction(envelope.transaction_id) if envelope.transaction_id else None
        if row is None:
            raise VNeIDError("transaction_unknown", "no lookup has this transactionId")
        asked = self._opened(row) if row.state == lookups.WAITING else None
        if asked is None:
            return
        answer = self.upstream.envelope(envelope, asked)
        if answer.result.status == lookup.INVALID_RESPONSE:
            log.warning("%s: what came by webhook does not verify: %s", row.request_id, answer.result.reason)
            raise VNeIDError("invalid_response", answer.result.reason)
        if answer.result.status != lookup.PENDING:
            self._settling.settle(row, answer, None)

    def _of_transaction(self, transaction_id: str) -> Lookup | None:
        """Return a transaction's lookup; one that may still be learning its transaction is waited for a moment."""
        process, end = self._process(), time.monotonic() + 3 * MOMENT
        has_slot = process.slots.acquire(blocking=False)
        try:
            while True:
                with self._vneid.storage.read() as connection:
                    row = lookups.of_transaction(connection, lookups.key_of(transaction_id))
                    goes_on = row is None and has_slot and lookups.is_any_without_transaction(connection)
                if not goes_on or time.monotonic() >= end:
                    return row
                time.sleep(_LOOK_EVERY)
        finally:
            if has_slot:
                process.slots.release()

    # -- keeping -------------------------------------------------------------------------------------------------------

    def _keep(self, process: Process) -> None:
        if process.keeper is None or process.keeper.done():
            process.keeper = self._vneid.outbound.submit(self._keep_on(process))

    async def _keep_on(self, process: Process) -> None:
        """While there is a lookup: say that this process lives, end what is over, wipe what nobody fetches."""
        goes_on = True
        while goes_on:
            await asyncio.sleep(_KEEP_EVERY)
            try:
                goes_on = await asyncio.get_running_loop().run_in_executor(process.pool, self._keep_once, process)
            except VNeIDError as error:
                log.warning("lookups could not be looked after: %s", error)

    def _keep_once(self, process: Process) -> bool:
        now = self._vneid.now()
        if process.calls:
            with self._vneid.storage.begin() as connection:
                lookups.renew(connection, process.owner, now + LEASE)
        return self._settling.tidy(now) or bool(process.calls)



def _policy(services: Any) -> Any:
    kind, what = services.settings["qr.operators"]
    if kind == "plugin":
        return services.roles["operator_policy", what]
    return BearerOperators(what) if kind == "keys" else HostOperators(what, services.links.origin)


def _not_vneid(read: scan.Scan) -> Result:
    """Return what a scan comes to that VNeID need not be asked about."""
    if read.kind == scan.UNREADABLE:
        return Result(lookup.INVALID_QR, reason="unreadable")
    prefill: Mapping[str, str] = read.prefill
    return Result(lookup.CARD_QR, prefill=prefill, reason=read.kind)
