"""Pulls under way: a provider is asked beside the request that waits for it, and never longer than a moment of it.

What is slow goes on: the caller is told ``pending`` and asks again with the same ``requestId``. Nothing of it is kept on
disk; where a process ends, or another one is asked, the provider is asked anew, which changes nothing there.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

from vneid_middleware.core import documents
from vneid_middleware.core.documents import INVALID_REQUEST, PENDING, UNAVAILABLE, PullRequest
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.models import DocumentRequest, FoundDocument
from vneid_middleware.per_process import PerProcess
from vneid_middleware.plugins.documents.asking import Asking

log = logging.getLogger("vneid_middleware")

MOMENT = 2.0
"""Seconds that a request waits for a provider."""
AT_ONCE = 0.2
"""Seconds of them that need no slot: what answers within them holds no thread of the server for long."""
LONGEST = 30.0
"""Seconds until a provider that does not answer counts as unavailable."""
KEPT = 120.0
"""Seconds that a late answer waits for its caller."""
RETRY_AFTER = 2
MOST = 50
"""Questions of one kind under way in a process, and answers that wait for their caller among them."""


class Work(NamedTuple):
    """A question under way."""

    kind: str
    asked: DocumentRequest
    began: float
    found: Future[FoundDocument]


class Running:
    """What one process has of pulls.

    Args:
        slots: how many of the server's threads may wait.
    """

    def __init__(self, slots: int) -> None:
        self.slots = threading.BoundedSemaphore(slots)
        self._work: dict[tuple[str, str], Work] = {}
        self._asking = Asking()
        self._lock = threading.Lock()

    def begin(self, caller: str, pull: PullRequest, provider: Any) -> Work | None:
        """Return the work of a question: the one that is under way under this id, or a new one; None where there is no room."""
        key, now = (caller, pull.request_id), time.monotonic()
        with self._lock:
            known = self._work.get(key)
            if known is not None and now - known.began < LONGEST + KEPT:
                return known
            self._drop_old(now)
            # counted for each kind: a back end that is slow or hangs takes no other kind with it
            has_room = sum(work.kind == pull.kind for work in self._work.values()) < MOST
            found = self._asking.begin(pull.kind, _find, provider, pull) if has_room else None
            if found is None:
                return None
            work = Work(pull.kind, pull.asked, now, found)
            self._work[key] = work
            return work

    def end(self, caller: str, request_id: str, work: Work) -> None:
        """Forget a question that is answered or given up."""
        with self._lock:
            self._work.pop((caller, request_id), None)
            self._asking.note_slow(work.kind, work.found)

    def _drop_old(self, now: float) -> None:
        for key, work in list(self._work.items()):
            if now - work.began >= LONGEST + (KEPT if work.found.done() else 0):
                del self._work[key]
                self._asking.note_slow(work.kind, work.found)


class Pulls:
    """Asks providers.

    Args:
        server_threads: how many requests the server takes at once; at most half of them wait for providers.
    """

    def __init__(self, server_threads: int) -> None:
        self._running = PerProcess(lambda: Running(max(1, server_threads // 2)))

    @property
    def slots(self) -> threading.BoundedSemaphore:
        """What a thread of this process's server holds while it waits for others."""
        return self._running().slots

    def ask(self, caller: str, pull: PullRequest, provider: Any) -> FoundDocument:
        """Return what the provider found, ``pending`` where that takes longer, or ``unavailable``.

        Args:
            caller: whose question it is: nobody else gets its answer, whatever id they ask under.
            provider: an ``IDocumentProvider``.
        """
        running = self._running()
        work = running.begin(caller, pull, provider)
        if work is None:
            return FoundDocument(UNAVAILABLE, reason="busy")
        if (work.kind, work.asked) != (pull.kind, pull.asked):
            return FoundDocument(INVALID_REQUEST, fields=("requestId",), reason="request_id_reused")
        if not _waited(running, work):
            if time.monotonic() - work.began < LONGEST:
                return FoundDocument(PENDING)
            running.end(caller, pull.request_id, work)
            return FoundDocument(UNAVAILABLE, reason="hangs")
        running.end(caller, pull.request_id, work)
        return FoundDocument(UNAVAILABLE, reason="busy") if work.found.cancelled() else work.found.result()


def _waited(running: Running, work: Work) -> bool:
    """Wait a moment; tell whether there is an answer."""
    if wait([work.found], AT_ONCE).done:
        return True
    if not running.slots.acquire(blocking=False):
        return False
    try:
        return bool(wait([work.found], MOMENT - AT_ONCE).done)
    finally:
        running.slots.release()


def _find(provider: Any, pull: PullRequest) -> FoundDocument:
    """Ask a provider; whatever it does comes out as an answer."""
    try:
        found = documents.check_found(provider.find(pull.asked))
        if found.status in documents.WITH_DATA:
            _check_json(found)
        return found
    except VNeIDError as error:
        log.error("the document provider of %s failed: %s", pull.kind, error)
        return FoundDocument(UNAVAILABLE, reason=error.code)
    except BaseException as error:
        # also what is no Exception, such as a sys.exit() of foreign code; its words may hold what it was asked with
        log.error("the document provider of %s failed with %s at %s", pull.kind, type(error).__name__, _place(error))
        return FoundDocument(UNAVAILABLE, reason="provider_failed")


def _check_json(found: FoundDocument) -> None:
    try:
        size = len(json.dumps([found.data, found.document_id], ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise VNeIDError("provider_invalid", f"the provider's data are not ready for JSON: {type(error).__name__}") from None
    if size > documents.MAX_DATA:
        raise VNeIDError("provider_too_large", f"the provider's data are larger than {documents.MAX_DATA} bytes")


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}" if trace is not None else "an unknown place"
