"""What a table of settings is made of, and what is told when a setting is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from vneid_middleware.settings.reading import Settings
    from vneid_middleware.settings.source import Source

Rule = Callable[["Settings"], "Iterable[Problem] | None"]
MASK = "********"

_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]*(?=@)")


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


class Secret:
    """Text that shows itself to nobody who does not ask by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        import hmac

        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(("secret", self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True)
class Setting:
    """One row of a table.

    Args:
        name: dotted key; a ``*`` stands for one segment that the administrator chooses, as in ``transport.*.url``.
        convert: turns text into the value; raises ``ValueError`` whose text is the expectation.
        default: the value when the key is absent; ``REQUIRED``; or a callable of the settings read so far.
        help: what it is for, one or two sentences.
        secret: its value is masked everywhere and becomes a :class:`Secret`.
        default_text: how the reference page tells a default that can't be shown as it is.
        remedy: what to do when the value is wrong or missing.
    """

    name: str
    convert: Callable[[str, Source], Any]
    default: Any
    help: str
    secret: bool = False
    default_text: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class SettingsTable:
    """A plugin's settings and the rules between them.

    Args:
        plugin: the plugin's name in the ini.
        rows: its settings.
        rules: functions of the read settings that return problems; a rule that reads a wrong or missing setting ends
            there and is silent, since the setting's own problem is told.
    """

    plugin: str
    rows: tuple[Setting, ...]
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the configuration, told so that it can be mended without the manual.

    Args:
        key: the setting.
        expectation: what must be, or what is wrong, without a full stop: ``must be true or false``.
        remedy: what to do about it, as a sentence.
        value: the wrong value, masked if it is secret; empty where the expectation says all.
        place: where the key stands.
        severity: ``error`` or ``warning``.
    """

    key: str
    expectation: str
    remedy: str = ""
    value: str = ""
    place: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        return self.told(str)

    def told(self, translated: Callable[[str], str]) -> str:
        """Return it on one line, each part of it in the words that ``translated`` returns for it."""
        # in quotes, so that it can be told from our own words; not a second time where they quote it already
        value = "; " + translated(f"it is {self.value!r}") if self.value and repr(self.value) not in self.expectation else ""
        sentence = f"{self.key}: {translated(self.expectation)}{value}"
        stop = "" if sentence.endswith(("?", ".")) else "."
        told = " ".join(filter(None, (sentence + stop, translated(self.remedy),
                                      f"({translated(self.place)})" if self.place else "")))
        # one line, whatever is in a key or in the name of a file
        return "".join(letter if letter.isprintable() else " " for letter in told)


def shorten(text: str) -> str:
    """Return ``text`` on one line of at most 80 characters, without the credentials of URLs."""
    line = without_credentials(" ".join(text.split()))
    return line if len(line) <= 80 else line[:77] + "..."


def without_credentials(text: str) -> str:
    """Mask the user name and password of URLs."""
    return _CREDENTIALS.sub(MASK, text)
