"""One attempt to deliver a change: opened, completed, signed, sent within its lease, and settled by what came of it."""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vneid_middleware.core import outbox as rules
from vneid_middleware.core.outbox import Change, Verdict
from vneid_middleware.events import DeliveryBegan, DeliveryEnded
from vneid_middleware.exceptions import AuditError, StorageError, UpstreamError, VNeIDError
from vneid_middleware.models import TransportRequest
from vneid_middleware.outbound import Response
from vneid_middleware.pages import correlation_id
from vneid_middleware.plugins.documents.outbox import present
from vneid_middleware.plugins.documents.outbox.present import Present
from vneid_middleware.storage import outbox, outbox_erasure

if TYPE_CHECKING:
    from vneid_middleware.storage.outbox import Claimed

log = logging.getLogger("vneid_middleware")

MAX_ANSWER = 262_144
_TIMEOUT = 30
_REST = 5.0
"""Seconds that a worker rests when the way is known to be down, or the audit can't be written."""
_CLOCK_STEP = 5.0
"""Seconds that a clock must go back at once to have been set."""
_LOOKS = 50
"""Times that the outbox is looked at for one claim while nothing but what has to wait is found."""
_SIGNING = 0.3
"""Seconds between a provider's answer and the sending of it."""
_MISSES = ("document_missing", "provider_failed", "provider_timeout", "lease_over")
_RESTING = ("busy", "audit_unwritable")
_FIRST_MISSES = 3
"""Attempts after which a person is told that TLS fails."""


@dataclass
class Lease:
    """A claim, and when it ends by a clock that nobody sets."""

    claimed: Claimed
    ends: float


class Unsent(Exception):
    """A change is not sent now and that is no attempt."""


def ticks() -> float:
    """Return seconds of a clock that nobody sets; it goes on while the machine sleeps, where the system has such a one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Courier:
    """Delivers changes by ``documents.transport``.

    Args:
        services: everything of the middleware.
        is_stopping: tells whether the worker is to stop: providers are not waited for then.
    """

    def __init__(self, services: Any, is_stopping: Callable[[], bool] = lambda: False) -> None:
        settings = services.settings
        name = settings["documents.transport"]
        self._vneid = services
        self._transport = services["transports"][name]
        self._present = Present(services, is_stopping)
        self._path: str = settings["documents.push_path"]
        self.timeout = float(settings.get(f"transport.{name}.timeout") or _TIMEOUT)
        self.lease = rules.lease_seconds(self.timeout)
        self._backoff = {"first": settings["documents.retry_first"], "longest": settings["documents.retry_max"]}
        self.rest_until = 0.0
        """By :func:`ticks`: until then one change at a time is tried."""
        self._ahead = float("inf")
        """Seconds that storage's clock is ahead of :func:`ticks`."""

    def claim(self, limit: int, *, alone: bool) -> list[Lease]:
        """Claim what is due; nothing while the channel is paused.

        Args:
            alone: nothing else is under way in this process.

        Raises:
            StorageError: storage does not answer.
        """
        if ticks() < self.rest_until:
            return []
        clock = self._vneid.clock()
        with self._vneid.storage.read() as connection:
            now = outbox.present(connection, clock)
            is_set_back = self._is_set_back(now)
            is_work = self._is_open(connection, now) and (is_set_back or outbox.is_any_due(connection, now))
        if is_set_back:
            with self._vneid.storage.begin() as connection:
                outbox.mend(connection, now=now)
        limit = min(limit, 1 if alone else 0) if self._is_down() else limit
        if limit < 1 or not is_work:
            return []
        leases = self._leases(limit, alone, clock)
        for given_up in (lease.claimed for lease in leases if outbox.is_given_up(lease.claimed)):
            self._bury(given_up, "worker_ended")
            self._vneid["metrics"].tally("vneid_outbox_given_up", "Changes given up since workers ended at them")
        return [lease for lease in leases if not outbox.is_given_up(lease.claimed)]

    def _leases(self, limit: int, alone: bool, clock: float) -> list[Lease]:
        for _ in range(_LOOKS):
            # before the transaction: the lease must not seem longer here than it is there
            began = ticks()
            with self._vneid.storage.begin() as connection:
                found = outbox.claim(connection, limit, now=outbox.present(connection, clock), lease=self.lease, alone=alone)
            if found.claimed or not found.parked:
                return [Lease(claimed, began + self.lease) for claimed in found.claimed]
        return []

    def _is_set_back(self, now: float) -> bool:
        """Tell whether the clock that storage goes by was set back since the last call. The first one tells so, too: what is
        there may have been written by a clock that was ahead."""
        before, self._ahead = self._ahead, now - ticks()
        return self._ahead < before - _CLOCK_STEP

    @staticmethod
    def _is_open(connection: Any, now: float) -> bool:
        state = outbox.channel(connection, now=now)
        return not state.paused and state.not_before <= now

    def _is_down(self) -> bool:
        try:
            self._transport.check()
        except UpstreamError:
            return True
        return False

    def deliver(self, lease: Lease) -> str:
        """Make one attempt and return what came of it: ``delivered``, ``retry``, ``dead``, ``pause`` or ``unsent``.

        Never raises: what can't be written down is found again when the lease is over.
        """
        try:
            return self._attempt(lease)
        except StorageError as error:
            log.error("change %s: what came of it could not be written down: %s", lease.claimed.change_id, error)
        except Exception:
            log.exception("change %s: the attempt failed", lease.claimed.change_id)
        return "unsent"

    def _attempt(self, lease: Lease) -> str:
        claimed = lease.claimed
        with self._vneid.storage.read() as connection:
            is_erased = outbox_erasure.is_erased(connection, claimed)
            is_passed = outbox.is_passed(connection, claimed.document_id, claimed.version)
        if is_erased or is_passed:
            return self._supersede(claimed, outbox.ERASED if is_erased else "newer_delivered")
        try:
            change = self._completed(lease)
            token = self._signed(change, claimed)
        except StorageError:
            # ours; a provider's is told apart before
            raise
        except VNeIDError as error:
            return self._settle(claimed, _unmade(error.code, claimed), "")
        except (Unsent, present.Stopping) as reason:
            return self._release(claimed, str(reason) or "the worker stops")
        message_hash = hashlib.sha256(token.encode()).hexdigest()
        try:
            verdict = self._sent(lease, token, message_hash)
        except Unsent as reason:
            if str(reason) == "lease_over":
                return self._settle(claimed, _unmade("lease_over", claimed), "")
            return self._release(claimed, str(reason))
        return self._settle(claimed, verdict, message_hash)

    def _completed(self, lease: Lease) -> Change:
        """Return the change with the document that it is about."""
        claimed = lease.claimed
        change: Change = self._vneid["outbox"].open(claimed.sealed, claimed.change_id)
        if change.data is not None or outbox_erasure.is_tombstone(claimed):
            # of what was erased nothing but the names goes out, whatever the provider still has
            return change
        spare = lease.ends - ticks() - rules.needed(self.timeout) - _SIGNING
        data = self._present.data(change, spare, lambda: self._lengthen(lease))
        if data is None and change.action == rules.UPSERT:
            raise VNeIDError("document_missing", "the provider has no such document")
        return rules.checked(change._replace(data=data))

    def _lengthen(self, lease: Lease) -> None:
        """Make a lease as long as the wait for a slow provider may be, and what comes after it."""
        began, length = ticks(), present.LONGEST + self.lease
        with self._vneid.storage.begin() as connection:
            now = outbox.present(connection, self._vneid.clock())
            if not outbox.renew(connection, lease.claimed, now=now, lease=length):
                raise Unsent("lease_lost")
        lease.ends = began + length

    def _signed(self, change: Change, claimed: Claimed) -> str:
        payload = rules.message(change, claimed.change_id, claimed.version, issuer=self._vneid.links.public_url,
                                now=self._vneid.now())
        token: str = self._vneid.keys.sign("documents.signing_key", payload, {"typ": "JWT"})
        return token

    def _sent(self, lease: Lease, token: str, message_hash: str) -> Verdict:
        """Send the message and judge the answer; one audit record before it, and one after."""
        claimed = lease.claimed
        request_id = correlation_id()
        facts: dict[str, Any] = {"request_id": request_id, "change_id": claimed.change_id, "kind": claimed.kind,
                                 "version": claimed.version, "attempt": claimed.attempts, "message_hash": message_hash}
        self._check_lease(lease)
        try:
            self._vneid.tell(DeliveryBegan(**facts))
        except AuditError as error:
            self._vneid["alarm"].send("audit_unwritable", request_id)
            raise Unsent("audit_unwritable") from error
        try:
            verdict = self._exchanged(lease, token, request_id)
        except Unsent as error:
            verdict = Verdict(rules.RETRY, str(error))
        self._vneid.tell_anyway(DeliveryEnded(**facts, result=verdict.outcome, reason=verdict.reason))
        if verdict.reason in ("busy", "lease_over"):
            raise Unsent(verdict.reason)
        return verdict

    def _exchanged(self, lease: Lease, token: str, request_id: str) -> Verdict:
        request = TransportRequest(self._path, token.encode("ascii"), "application/jose", lease.claimed.change_id,
                                   max_body=MAX_ANSWER)
        work = self._vneid.outbound.submit(self._send(lease, request))
        try:
            # the transport's own deadline comes first; this one is for a transport that has none
            response = work.result(self.timeout + 0.4)
        except (FutureTimeout, TimeoutError):
            work.cancel()
            return Verdict(rules.RETRY, "timeout")
        except UpstreamError as error:
            if error.code == "tls" and lease.claimed.attempts == _FIRST_MISSES:
                self._vneid["alarm"].send("delivery_tls", request_id, transport=self._vneid.settings["documents.transport"])
            return rules.judge_failure(error)
        claimed = lease.claimed
        return rules.judge(response.status, response.body, change_id=claimed.change_id, version=claimed.version,
                           sent_before=claimed.sent_before, retry_after=response.headers.get("retry-after", ""),
                           now=self._vneid.clock())

    async def _send(self, lease: Lease, request: TransportRequest) -> Response:
        # the very last moment before the connection: a process that was stopped must not send what is another one's by now
        self._check_lease(lease)
        response: Response = await self._transport.send(request)
        return response

    def _check_lease(self, lease: Lease) -> None:
        if not rules.may_send(lease.ends - ticks(), self.timeout):
            raise Unsent("lease_over")

    def _settle(self, claimed: Claimed, verdict: Verdict, message_hash: str) -> str:
        if verdict.outcome == rules.PAUSE:
            return self._pause(claimed, verdict.reason)
        if verdict.outcome == rules.DEAD:
            return self._bury(claimed, verdict.reason, message_hash)
        wait = rules.delay(claimed.attempts, chance=random.random(), wait=verdict.wait, **self._backoff)  # noqa: S311  jitter
        state = rules.DELIVERED if verdict.outcome == rules.DELIVERED else rules.READY
        with self._vneid.storage.begin() as connection:
            now = outbox.present(connection, self._vneid.clock())
            if verdict.slow_down:
                outbox.hold(connection, now=now, not_before=now + wait)
            was_erased = False
            if state == rules.DELIVERED:
                was_erased = outbox_erasure.before_delivery(connection, claimed, verdict.reason)
            elif outbox_erasure.settle_erased(connection, claimed, now=now):
                return rules.SUPERSEDED
            told = outbox.settle(connection, claimed, state, verdict.reason, now=now, message_hash=message_hash,
                                 wait=0 if state == rules.DELIVERED else wait, there=verdict.there)
            if state == rules.DELIVERED:
                outbox_erasure.after_delivery(connection, claimed, told, was_erased=was_erased)
        self._tell(claimed, verdict, told)
        return verdict.outcome

    def _tell(self, claimed: Claimed, verdict: Verdict, told: str | None) -> None:
        """Log what people look for: of each change that fails the first time, and that it arrived after all."""
        name = f"change {claimed.change_id} of {claimed.kind}"
        if told is None:
            log.warning("%s: the attempt ended when the lease was another worker's: %s", name, verdict.reason)
        elif told == rules.NEWER_THERE:
            self._vneid["alarm"].send("outbox_behind", correlation_id(), change_id=claimed.change_id, kind=claimed.kind,
                                      version=claimed.version, there=verdict.there)
        elif verdict.outcome == rules.DELIVERED and claimed.attempts > 1:
            log.info("%s is delivered, at attempt %s", name, claimed.attempts)
        elif verdict.outcome == rules.RETRY and claimed.attempts == 1:
            log.warning("%s is not delivered yet: %s; it is tried again", name, verdict.reason)

    def _pause(self, claimed: Claimed, reason: str) -> str:
        with self._vneid.storage.begin() as connection:
            now = outbox.present(connection, self._vneid.clock())
            if not outbox_erasure.settle_erased(connection, claimed, now=now):
                outbox.release(connection, claimed, now=now)
            is_new = outbox.hold(connection, now=now, paused=reason)
        if is_new:
            self._vneid["alarm"].send("channel_paused", correlation_id(), reason=reason,
                                      transport=self._vneid.settings["documents.transport"])
        return rules.PAUSE

    def _bury(self, claimed: Claimed, reason: str, message_hash: str = "") -> str:
        with self._vneid.storage.begin() as connection:
            now = outbox.present(connection, self._vneid.clock())
            if outbox.is_given_up(claimed):
                if outbox_erasure.give_up_erased(connection, claimed, now=now):
                    return rules.SUPERSEDED
            else:
                if outbox_erasure.settle_erased(connection, claimed, now=now):
                    return rules.SUPERSEDED
                if outbox.settle(connection, claimed, rules.DEAD, reason, now=now, message_hash=message_hash) is None:
                    return "unsent"
        self._vneid["alarm"].send("dead_letter", correlation_id(), change_id=claimed.change_id, kind=claimed.kind,
                                  version=claimed.version, reason=reason)
        return rules.DEAD

    def _supersede(self, claimed: Claimed, reason: str) -> str:
        with self._vneid.storage.begin() as connection:
            outbox.supersede(connection, claimed, now=outbox.present(connection, self._vneid.clock()), reason=reason)
        return rules.SUPERSEDED

    def _release(self, claimed: Claimed, reason: str) -> str:
        if reason in _RESTING:
            self.rest_until = ticks() + _REST
        log.warning("change %s is not sent now: %s", claimed.change_id, reason)
        with self._vneid.storage.begin() as connection:
            now = outbox.present(connection, self._vneid.clock())
            if not outbox_erasure.settle_erased(connection, claimed, now=now):
                outbox.release(connection, claimed, now=now)
        return "unsent"


def _unmade(code: str, claimed: Claimed) -> Verdict:
    """Tell what becomes of a change whose message can't be made, or not in time: what may mend itself is tried again."""
    if code == "provider_unavailable":
        return Verdict(rules.RETRY, code)
    if code in _MISSES and claimed.attempts < rules.MOST_MISSES:
        return Verdict(rules.RETRY, code)
    return Verdict(rules.DEAD, code)
