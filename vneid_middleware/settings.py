"""Settings: one table of rows, read once, all problems reported together.

A plugin declares a :class:`SettingsTable`; the same rows serve the ini, ``vneid check``, masking and the reference page.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

Rule = Callable[["Settings"], "Sequence[Problem] | None"]
MASK = "********"


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
        rules: functions of the read settings that return problems; not called while a row of theirs is wrong.
    """

    plugin: str
    rows: tuple[Setting, ...]
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the configuration, told so that it can be mended without the manual."""

    key: str
    expectation: str
    remedy: str = ""
    value: str = ""
    place: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        place = f" ({self.place})" if self.place else ""
        value = f" is {self.value!r}," if self.value else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.key}:{value} {self.expectation}.{remedy}{place}"


@dataclass(frozen=True)
class Source:
    """Where the raw text comes from.

    Args:
        raw: key to text, as PasteDeploy read it.
        here: folder that relative names are relative to; empty when there is no ini.
        file: the ini's path; empty when there is none.
        section: the ini's section, ``filter:vneid``.
        lines: key to line number in ``file``.
        server: the ini's ``[server:main]``, for what follows from it.
        environ: where ``env:NAME`` looks.
    """

    raw: Mapping[str, str]
    here: str = ""
    file: str = ""
    section: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    server: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def place(self, key: str) -> str:
        """Return ``portal.ini, line 12``, the section for a key that is not there, or nothing without an ini."""
        if not self.file:
            return ""
        name = os.path.basename(self.file)
        if key in self.lines:
            return f"{name}, line {self.lines[key]}"
        return f"{name}, [{self.section}]" if self.section else name

    def path(self, name: str) -> Path:
        """Return the absolute path of a file named in a value.

        Raises:
            ValueError: the name is relative and there is no ini to be relative to.
        """
        path = Path(name).expanduser()
        if path.is_absolute():
            return path
        if not self.here:
            raise ValueError("must be an absolute path, since there is no ini file it could be relative to")
        return Path(self.here) / path

    def flag(self, key: str) -> bool:
        """Return a boolean that converters of other keys need to know."""
        return self.raw.get(key, "").strip().lower() in _TRUE

    def flag_is_off(self, key: str) -> bool:
        """Tell whether a boolean is given and false."""
        return self.raw.get(key, "").strip().lower() in _FALSE


class Settings(Mapping[str, Any]):
    """All settings, read and checked; immutable."""

    def __init__(self, values: Mapping[str, Any], source: Source, given: frozenset[str], rows: Mapping[str, Setting]):
        self._values = dict(values)
        self._rows = dict(rows)
        self.source = source
        self.given = given

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def problem(self, key: str, expectation: str, remedy: str = "", *, severity: str = "error",
                show: bool = True) -> Problem:
        """Return a problem of ``key`` at its place, with its value masked if it is secret."""
        row = self._rows.get(key)
        text = "" if not show or key not in self.given else self.source.raw.get(key, "")
        value = MASK if text and (row is None or row.secret) else _shorten(text)
        return Problem(key, expectation, remedy, value, self.source.place(key), severity)

    def shown(self) -> dict[str, str]:
        """Return every setting as text with secrets masked, for tables and reports."""
        return {key: MASK if self._is_secret(key) and value is not None else _as_text(value)
                for key, value in sorted(self._values.items())}

    def fingerprint(self) -> str:
        """Return SHA-256 over all settings as hex: it changes when any value does, a secret's included."""
        digest = hashlib.sha256()
        for key, value in sorted(self._values.items()):
            text = value.reveal() if isinstance(value, Secret) else _as_text(value)
            digest.update(f"{key}\0{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}\n".encode())
        return digest.hexdigest()

    def _is_secret(self, key: str) -> bool:
        row = self._rows.get(key)
        return row is None or row.secret

    def __repr__(self) -> str:
        return f"<Settings {len(self._values)} keys>"


_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def read_settings(tables: Sequence[SettingsTable], source: Source,
                  inactive: Sequence[str] = ()) -> tuple[Settings, list[Problem]]:
    """Read all settings.

    Args:
        tables: the tables of all active plugins.
        source: the raw text.
        inactive: names of plugins that are installed but not active.

    Returns:
        the settings, and every problem with them; with a problem of severity ``error`` the settings are incomplete.
    """
    rows = {row.name: row for table in tables for row in table.rows}
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    used: dict[str, Setting] = {}
    for key, text in source.raw.items():
        row = rows.get(key) or _wildcard_row(rows, key)
        if row is None:
            problems.append(_unknown(key, rows, source, inactive))
        else:
            used[key] = row
            _read_one(key, row, text, source, values, problems)
    wrong = frozenset(used) - frozenset(values)
    _fill_defaults(rows, source, values, wrong, problems)
    settings = Settings(values, source, frozenset(used), {**rows, **used})
    for table in tables:
        if not any(row.name in wrong or (row.name not in values and "*" not in row.name) for row in table.rows):
            for rule in table.rules:
                problems.extend(rule(settings) or ())
    return settings, sorted(problems, key=lambda problem: (problem.severity, _line_of(problem, source)))


def _line_of(problem: Problem, source: Source) -> int:
    return source.lines.get(problem.key, 1_000_000)


def _read_one(key: str, row: Setting, text: str, source: Source, values: dict[str, Any],
              problems: list[Problem]) -> None:
    try:
        plain = _dereference(key, row, text, source, problems)
        value = row.convert(plain, source)
    except ValueError as error:
        shown = MASK if row.secret else _shorten(text)
        problems.append(Problem(key, str(error), row.remedy, shown, source.place(key)))
    else:
        values[key] = Secret(value) if row.secret and isinstance(value, str) else value


def _dereference(key: str, row: Setting, text: str, source: Source, problems: list[Problem]) -> str:
    text = text.strip()
    if text.startswith("env:"):
        name = text[4:].strip()
        if name not in source.environ:
            raise ValueError(f"the environment variable {name} is not set")
        return source.environ[name].strip()
    if text.startswith("file:") and not getattr(row.convert, "keeps_file", False):
        path = source.path(text[5:].strip())
        if row.secret:
            problems.extend(_exposed(key, path, source))
        return _read_file(path)
    return text


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise ValueError(f"the file {path} can't be read: {reason}") from error


def _exposed(key: str, path: Path, source: Source) -> list[Problem]:
    try:
        mode = path.stat().st_mode
    except OSError:
        return []
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return [Problem(key, f"the file {path} can be read by others than its owner", f"Run: chmod 600 {path}.",
                        place=source.place(key), severity="warning")]
    return []


def _wildcard_row(rows: Mapping[str, Setting], key: str) -> Setting | None:
    parts = key.split(".")
    for name, row in rows.items():
        if "*" in name:
            pattern = name.split(".")
            if len(pattern) == len(parts) and all(p in ("*", part) for p, part in zip(pattern, parts, strict=True)):
                return row
    return None


def _unknown(key: str, rows: Mapping[str, Setting], source: Source, inactive: Sequence[str]) -> Problem:
    head = key.split(".")[0]
    if head in inactive:
        return Problem(key, f"this setting belongs to the plugin {head}, which is not active",
                       f"Add {head} to plugins, or remove the line.", place=source.place(key))
    near = difflib.get_close_matches(key, [name for name in rows if "*" not in name], n=1, cutoff=0.6)
    if near:
        return Problem(key, f"unknown setting; did you mean {near[0]}?".rstrip("."), place=source.place(key))
    return Problem(key, "unknown setting", "See docs/settings.md for all of them.", place=source.place(key))


def _fill_defaults(rows: Mapping[str, Setting], source: Source, values: dict[str, Any], wrong: frozenset[str],
                   problems: list[Problem]) -> None:
    for name, row in rows.items():
        if name in values or name in wrong or "*" in name:
            continue
        if row.default is REQUIRED:
            problems.append(Problem(name, "is required and missing", row.remedy or row.help, place=source.place(name)))
        else:
            value = row.default(values, source) if callable(row.default) else row.default
            values[name] = Secret(value) if row.secret and isinstance(value, str) else value


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:77] + "..."


def _as_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{key} = {_as_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple, frozenset)):
        return " ".join(_as_text(item) for item in value)
    if value is None:
        return ""
    return str(value)
