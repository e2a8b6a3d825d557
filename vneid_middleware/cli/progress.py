"""How far a long command is: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from vneid_middleware.cli.words import say

_REDRAW = 0.2
"""Seconds between two pictures of the bar."""
_TELL = 30.0
"""Seconds between two lines, where there is no terminal."""
_WINDOW = 10.0
"""Seconds over which the rate is taken."""
_WIDTH = 30
_NARROW = 50
"""Columns below which there is no room for the bar beside the numbers."""


class Progress:
    """Shows how much is done.

    Args:
        stream: the bar's, standard error.
        tell: is given a line now and then where the stream is no terminal.
        ticks: seconds of a clock that nobody sets.
    """

    def __init__(self, stream: Any, tell: Callable[[str], None], ticks: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._tell = tell
        self._ticks = ticks
        self._is_terminal = stream.isatty()
        self._lock = threading.Lock()
        self._shown = 0
        self._next = 0.0
        self._seen: deque[tuple[float, int]] = deque()

    def show(self, done: int, total: int | None = None) -> None:
        """Show it, if it is time.

        Args:
            total: None where it is not known.
        """
        now = self._ticks()
        rate = self._rate(now, done)
        if not self._next and not self._is_terminal:
            self._next = now + _TELL
        if now < self._next:
            return
        self._next = now + (_REDRAW if self._is_terminal else _TELL)
        words = _words(done, total, rate)
        if self._is_terminal:
            self._draw(words if total is None else f"{_bar(done, total, self._columns())}{words}")
        else:
            self._tell(words)

    def clear(self) -> None:
        """Take the bar off the terminal; what is shown next begins anew."""
        self._draw("")
        self._next = 0.0
        self._seen.clear()

    def _rate(self, now: float, done: int) -> float:
        """Return how many a second, of late."""
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][0] <= now - _WINDOW:
            self._seen.popleft()
        began, first = self._seen[0]
        return max(0.0, (done - first) / (now - began)) if now > began else 0.0

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except OSError:
            return 80

    def _draw(self, line: str) -> None:
        with self._lock:
            if not line and not self._shown:
                return
            # a line that reaches the last column would be two
            line = line[:max(1, self._columns() - 1)]
            self._stream.write("\r" + line.ljust(self._shown) + ("" if line else "\r"))
            self._stream.flush()
            self._shown = len(line)

    def keep_below_log(self) -> None:
        """From now on the log's lines on the same terminal take the bar's place, and it comes back below them."""
        for handler in logging.getLogger().handlers:
            if self._is_terminal and isinstance(handler, logging.StreamHandler) and handler.stream is self._stream:
                handler.setStream(_Above(self, self._stream))


class _Above:
    """The stream of a log on a terminal with a bar."""

    def __init__(self, progress: Progress, stream: Any) -> None:
        self._progress = progress
        self._stream = stream

    def write(self, text: str) -> None:
        self._progress._draw("")
        self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


def _bar(done: int, total: int, columns: int) -> str:
    if columns < _NARROW:
        return ""
    filled = min(_WIDTH, _WIDTH * done // total) if total else 0
    return f"[{'#' * filled}{'-' * (_WIDTH - filled)}] "


def _words(done: int, total: int | None, rate: float) -> str:
    if total is None:
        return f"{_number(done)}  {_per_second(rate)}"
    words = f"{_number(done)} / {_number(total)}  {_per_second(rate)}"
    left = max(0, total - done) / rate if rate > 0 else None
    if left is None or left > 99 * 3600:
        return words
    return f"{words}  " + say("{time} left", time=_clock(left))


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _per_second(rate: float) -> str:
    return f"{rate:.1f}/s" if 0 < rate < 10 else f"{_number(round(rate))}/s"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
