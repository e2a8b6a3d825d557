"""What VNeID answers to a lookup: at once, when it is asked after, or by its webhook.

VNeID is called on the loop of the outbound client; verification, storage and audit run on threads of their own. A request
waits for none of it longer than ``MOMENT``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from vneid_middleware.core import lookup
from vneid_middleware.core.lookup import Result
from vneid_middleware.exceptions import UpstreamError, VNeIDError
from vneid_middleware.per_process import PerProcess
from vneid_middleware.plugins.qr.keeper import Keeper
from vneid_middleware.plugins.qr.process import MOST_CALLS, Process
from vneid_middleware.plugins.qr.questions import Questions
from vneid_middleware.plugins.qr.settling import Settling
from vneid_middleware.plugins.qr.upstream import Answer, Asked, Upstream
from vneid_middleware.plugins.qr.waiter import Waiter
from vneid_middleware.storage import lookups
from vneid_middleware.storage.lookups import Lookup

log = logging.getLogger("vneid_middleware")

MOMENT = 0.3
"""Seconds that a request waits for VNeID."""
_GIVE_UP = 3
"""Calls in a row that get no answer before a waiting lookup is given up."""
_LOOK_EVERY = 0.05


class Calls:
    """Calls VNeID, and brings what it says to where lookups end.

    Args:
        services: everything of the middleware.
        upstream: asks and verifies.
        questions: what was asked.
        settling: ends lookups.
        process: gives this process's own part.
    """

    def __init__(self, services: Any, upstream: Upstream, questions: Questions, settling: Settling,
                 process: PerProcess[Process]) -> None:
        self._vneid = services
        self._upstream = upstream
        self._questions = questions
        self._settling = settling
        self._process = process
        self.keeper = Keeper(services, settling, process)

    def call(self, row: Lookup, asked: Asked, *, first: bool = False) -> Result | None:
        """Ask VNeID, and wait a moment for what it says, unless half of the server's threads wait already.

        Args:
            first: whether the question itself is put, and not asked after.

        Returns:
            the lookup's end, where it came within the moment.
        """
        process, waiter = self._process(), Waiter[Result]()
        has_slot = process.slots.acquire(blocking=False)
        try:
            self._begin(process, row, asked, waiter if has_slot else None, first)
            return waiter.wait(MOMENT) if has_slot else None
        finally:
            if has_slot:
                process.slots.release()

    def _begin(self, process: Process, row: Lookup, asked: Asked, waiter: Waiter[Result] | None, first: bool) -> None:
        if len(process.calls) < MOST_CALLS:
            self.keeper.keep()
            process.began(row.lookup_key, self._vneid.outbound.submit(self._exchange(process, row, asked, waiter, first)))
        elif first:
            self._answered(process, row, asked, Answer(Result(lookup.UNAVAILABLE, reason="busy")), waiter, first)
        elif waiter is not None:
            # who waits already goes on waiting: VNeID was not asked, so it did not fail either
            waiter.give(None)

    async def _exchange(self, process: Process, row: Lookup, asked: Asked, waiter: Waiter[Result] | None, first: bool) -> None:
        try:
            try:
                response = await self._upstream.transport.send(self._upstream.request(asked))
            except UpstreamError as error:
                log.warning("%s: VNeID could not be asked: %s", row.request_id, error)
                await self._on_thread(process, self._answered, row, asked, self._upstream.failure(error), waiter, first)
            else:
                await self._on_thread(process, self._read, row, asked, response, waiter, first)
        except Exception:
            log.exception("%s: a lookup failed", row.request_id)
        finally:
            if waiter is not None:
                waiter.give(None)

    @staticmethod
    async def _on_thread(process: Process, function: Any, *arguments: Any) -> None:
        await asyncio.wrap_future(process.pool.submit(function, process, *arguments))

    def _read(self, process: Process, row: Lookup, asked: Asked, response: Any, waiter: Waiter[Result] | None,
              first: bool) -> None:
        self._answered(process, row, asked, self._upstream.read(response, asked), waiter, first)

    def _answered(self, process: Process, row: Lookup, asked: Asked, answer: Answer, waiter: Waiter[Result] | None,
                  first: bool) -> None:
        if answer.result.status == lookup.PENDING:
            process.answered(row.lookup_key)
            if not first or self._questions.remember(row, asked._replace(transaction_id=answer.transaction_id)):
                return
            answer = Answer(Result(lookup.INVALID_RESPONSE, answer.result.code, reason="transaction_invalid"))
        no_answer = answer.result.code is None and answer.result.status == lookup.UNAVAILABLE
        if no_answer and not first and process.failed(row.lookup_key) < _GIVE_UP:
            # the citizen may be about to answer: a moment's trouble on the way ends nothing
            return
        self._settling.settle(row, answer, waiter)
        process.forget(row.lookup_key)

    def hook(self, body: bytes) -> None:
        """Take an envelope that VNeID sends by itself.

        Raises:
            UpstreamError: the signer's keys can't be had now: the lookup goes on waiting.
            VNeIDError: ``envelope_malformed``; ``transaction_unknown``; ``invalid_response`` where the envelope does not
                verify, whereby the lookup goes on waiting.
        """
        envelope = lookup.read_envelope(body)
        row = self._of_transaction(envelope.transaction_id) if envelope.transaction_id else None
        if row is None:
            raise VNeIDError("transaction_unknown", "no lookup has this transactionId")
        asked = self._questions.opened(row) if row.state == lookups.WAITING else None
        if asked is None:
            return
        answer = self._upstream.envelope(envelope, asked, self._process().slots)
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
