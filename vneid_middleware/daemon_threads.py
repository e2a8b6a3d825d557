"""Threads that end with the process, whatever they hang in: those of ``concurrent.futures`` are waited for at its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonThreads:
    """A few threads, started when they are needed.

    Args:
        most: how many calls are under way at once; further ones wait for their turn.
        name: what the threads' names begin with.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._calls: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._started = 0

    def submit(self, call: Callable[..., T], *given: Any) -> Future[T]:
        """Let a thread make a call, and return what tells its end."""
        ended: Future[T] = Future()
        self._calls.put((ended, call, given))
        with self._lock:
            if not self._idle.acquire(blocking=False) and self._started < self._most:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        return ended

    def _work(self) -> None:
        while True:
            self._make(*self._calls.get())
            self._idle.release()

    @staticmethod
    def _make(ended: Future[Any], call: Callable[..., Any], given: tuple[Any, ...]) -> None:
        if not ended.set_running_or_notify_cancel():
            return
        try:
            result = call(*given)
        except BaseException as error:
            ended.set_exception(error)
        else:
            ended.set_result(result)
