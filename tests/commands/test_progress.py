"""How far a long command is, as it is shown."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from vneid_middleware.cli.progress import Progress


class Terminal(io.StringIO):
    """A terminal that remembers each picture."""

    def isatty(self) -> bool:
        return True

    @property
    def pictures(self) -> list[str]:
        return [picture.rstrip() for picture in self.getvalue().split("\r") if picture.strip()]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def followed(stream: Any, seconds: float, step: float, rate: int, total: int | None) -> tuple[Progress, list[str]]:
    """Show something that goes at a steady rate; return what was told, too."""
    clock, told = Clock(), []
    progress = Progress(stream, told.append, clock)
    for turn in range(round(seconds / step) + 1):
        clock.now = 100 + turn * step
        progress.show(round(turn * step * rate), total)
    return progress, told


def test_done_total_rate_and_time_left() -> None:
    terminal = Terminal()
    _, told = followed(terminal, 10, 0.01, 300, 10_000)
    assert re.fullmatch(r"\[#{8,9}-{21,22}\] (3 000|2 \d\d\d) / 10 000  300/s  0:23 left", terminal.pictures[-1])
    assert told == []
    # no more than five a second, however often it is asked
    assert 45 <= len(terminal.pictures) <= 51


@pytest.mark.parametrize(("rate", "total", "words"), [
    (1, 100, "1.0/s  1:30 left"), (1, 10_010, "1.0/s  2:46:40 left"), (0, 100, "0 / 100  0/s"), (1, 10**9, "1.0/s"),
    (10, 50, "100 / 50  10/s  0:00 left"),
])
def test_times_are_for_people(rate: int, total: int, words: str) -> None:
    terminal = Terminal()
    followed(terminal, 10, 1, rate, total)
    assert terminal.pictures[-1].endswith(words)
    assert len(re.findall("[#-]", terminal.pictures[-1])) == 30


def test_without_a_total_there_is_no_bar() -> None:
    terminal = Terminal()
    followed(terminal, 10, 1, 1000, None)
    assert terminal.pictures[-1] == "10 000  1 000/s"


def test_without_a_terminal_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    progress, told = followed(stream, 65, 1, 10, 1000)
    assert told == ["300 / 1 000  10/s  1:10 left", "600 / 1 000  10/s  0:40 left"]
    progress.clear()
    assert stream.getvalue() == ""


def test_a_shorter_line_leaves_nothing_of_a_longer_one_and_the_end_leaves_nothing() -> None:
    terminal = Terminal()
    progress, _ = followed(terminal, 10, 1, 1000, 20_000)
    progress.clear()
    screen = ""
    for part in terminal.getvalue().split("\r")[1:]:
        screen = part + screen[len(part):]
    assert screen.strip() == ""


@pytest.mark.parametrize(("columns", "bar"), [(100, True), (50, True), (49, False), (20, False), (5, False)])
def test_a_narrow_terminal(columns: int, bar: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "_columns", lambda self: columns)
    terminal = Terminal()
    followed(terminal, 10, 1, 100, 9_000_000)
    assert ("[" in terminal.pictures[-1]) == bar
    assert max(map(len, terminal.pictures)) < columns
