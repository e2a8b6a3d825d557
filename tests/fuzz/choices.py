"""Bytes of a fuzzer as decisions: which example to take, and how to bend it. The same bytes decide the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

NASTY: Sequence[Any] = (
    None, True, False, 0, 1, -1, 2, 3, 2**63, -(2**63), 10**19, 1.0, 1.5, 1e308, "", " ", "0", "1", "2", "3", "none", "HS256",
    "RS256", "ES256", "PS256", "JWT", "logout+jwt", "\x00", "\n", "a\r\nb", "ễ", "e\u0302\u0303", "\u202e", "\ud800", "\xa0",
    "00000000", "19900231", "2020-01-01", "9999-12-31", "31/12/9999", "a" * 300, "ế" * 300, "/", "//", "null", "[]", "{}",
    "{", '"', "\\", "%00", [], {}, [[]], [None], [""], ["a", "a"], {"": ""}, {"level": 3}, [1, "1", None],
)
PIECES = ("", "\x00", "\n", "\r\n", "\t", " ", "\xa0", "\x85", "\u2028", "=", "==", "&", ";", ",", ".", "..", "/", "//", "\\",
          "%", "%00", "%2f", "%5c", "%0d%0a", "%252e", "%c3%a0", "%ff", "+", "-", "_", "~", "*", "[", "]", "?", "#", "@", ":",
          '"', "'", "{", "}", "null", "true", "level", "é", "ễ", "\u0661", "\uff0f", "\udc80", "\ud800", "\U0001f600",
          "\u202e", "0", "9", "A", "a", "http://", "https:", "javascript:", "vneid")


class Choices:
    """Reads decisions off ``data``, the first byte first; what is used up decides for the first of everything."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def __bool__(self) -> bool:
        """Whether there is anything left to decide with."""
        return self._at < len(self._data)

    def number(self, most: int) -> int:
        """Return a number from 0 to ``most``."""
        size = (most.bit_length() + 7) // 8
        taken = self._data[self._at:self._at + size]
        self._at += size
        return int.from_bytes(taken, "little") % (most + 1)

    def one_in(self, count: int) -> bool:
        """Return true once in ``count`` times."""
        return self.number(count - 1) == count - 1

    def pick(self, options: Sequence[T]) -> T:
        """Return one of ``options``."""
        return options[self.number(len(options) - 1)]

    def bytes(self, most: int) -> bytes:
        """Return at most ``most`` bytes as they come."""
        size = self.number(most)
        taken = self._data[self._at:self._at + size]
        self._at += size
        return taken

    def text(self, most: int = 255) -> str:
        """Return text out of UTF-8; what is none becomes lone surrogates."""
        return self.bytes(most).decode("utf-8", "surrogateescape")

    def latin(self, most: int = 255) -> str:
        """Return text as WSGI has it: one character for each byte."""
        return self.bytes(most).decode("latin-1")

    def bent(self, text: str, edits: int = 6) -> str:
        """Return ``text`` with up to ``edits`` changes; none is likely enough."""
        for _ in range(self.number(edits)):
            text = self._edited(text)
        return text

    def _edited(self, text: str) -> str:
        at = self.number(65_535) % (len(text) + 1)
        end = at + self.number(24)
        kind = self.number(8)
        if kind == 0:
            return text[:at] + text[end:]
        if kind == 1:
            return text[:at] + self.pick(PIECES) + text[at:]
        if kind == 2:
            return text[:at] + self.text(16) + text[end:]
        if kind == 3:
            return text[:at] + text[at:end].swapcase() + text[end:]
        if kind == 4:
            return text[:at] + text[at:end] * (2 + self.number(3)) + text[end:]
        if kind == 5 and at < len(text):
            return text[:at] + chr(ord(text[at]) ^ 1 << self.number(6)) + text[at + 1:]
        if kind == 6:
            return text[end:] + text[:end]
        if kind == 7 and self.one_in(16):
            # what takes time by the square shows when it is long
            return text[:at] + (text[at:end] or self.pick(PIECES)) * self.pick((12, 40, 40, 40, 400, 400, 2_000)) + text[end:]
        return text[:at]

    def bent_json(self, value: Any, edits: int = 4) -> str:
        """Return ``value`` as JSON, with members and items changed, dropped, added and given twice."""
        tree = _tree(value)
        for _ in range(self.number(edits)):
            self._bend(tree)
        return _written(tree)

    def _bend(self, tree: Any) -> None:
        parent, depth = tree, self.number(3)
        for _ in range(depth):
            inner = [member[-1] for member in parent if isinstance(member[-1], list)]
            parent = self.pick(inner) if inner else parent
        at = self.number(255) % (len(parent) + 1)
        kind = self.number(4)
        if at == len(parent) or kind == 0:
            name = self.pick((*(member[0] for member in parent[:12]), self.text(12)))
            parent.insert(at, [name, self._value(tree)])
        elif kind == 1:
            del parent[at]
        elif kind == 2:
            parent.insert(self.number(255) % len(parent), list(parent[at]))
        else:
            parent[at][-1] = self._value(tree)

    def _value(self, tree: Any) -> Any:
        kind = self.number(5)
        if kind == 0:
            return self.text(40)
        if kind == 1:
            return self.number(2**32 - 1)
        if kind == 2 and tree:
            found = self.pick(tree)[-1]
            return self.bent(found) if isinstance(found, str) else _copied(found)
        return _tree(self.pick(NASTY))


class _Object(list[Any]):
    """``[name, value]`` of each member: an object may give a name twice."""


def _tree(value: Any) -> Any:
    if isinstance(value, dict):
        return _Object([name, _tree(inner)] for name, inner in value.items())
    return [["", _tree(inner)] for inner in value] if isinstance(value, list) else value


def _copied(tree: Any) -> Any:
    return type(tree)([name, _copied(inner)] for name, inner in tree) if isinstance(tree, list) else tree


def _written(tree: Any) -> str:
    if isinstance(tree, _Object):
        return "{" + ",".join(f"{json.dumps(name)}:{_written(inner)}" for name, inner in tree) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(_written(inner) for _, inner in tree) + "]"
    return json.dumps(tree, ensure_ascii=False) if not _has_surrogates(tree) else json.dumps(tree)


def _has_surrogates(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value)
