"""Reading settings: from raw text by the rows of all tables to values, and every problem on the way."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from vneid_middleware.settings.source import Source, exposed_file
from vneid_middleware.settings.table import (
    MASK,
    REQUIRED,
    Problem,
    Secret,
    Setting,
    SettingsTable,
    shorten,
    without_credentials,
)


class _Unreadable(Exception):
    """A rule asked for a setting that is wrong or missing."""


class Settings(Mapping[str, Any]):
    """All settings, read and checked; immutable.

    Args:
        values: key to value.
        source: the raw text.
        texts: key to text, of the keys that the administrator gave.
        rows: key to row.
    """

    def __init__(self, values: Mapping[str, Any], source: Source, texts: Mapping[str, str], rows: Mapping[str, Setting],
                 unreadable: frozenset[str] = frozenset()):
        self._values = dict(values)
        self._texts = dict(texts)
        self._rows = dict(rows)
        self._unreadable = unreadable
        self.source = source
        self.given = frozenset(texts)

    def __getitem__(self, key: str) -> Any:
        if key in self._unreadable:
            raise _Unreadable(key)
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def problem(self, key: str, expectation: str, remedy: str = "", *, severity: str = "error",
                show: bool = True) -> Problem:
        """Return a problem of ``key`` at its place, with its value masked if it is secret."""
        row = self._rows.get(key)
        text = self._texts.get(key, "") if show else ""
        value = MASK if text and (row is None or row.secret) else shorten(text)
        return Problem(key, expectation, remedy, value, self.source.place(key), severity)

    def shown(self) -> dict[str, str]:
        """Return every setting as text with secrets masked, for tables and reports."""
        return {key: MASK if self._is_secret(key) and value is not None else without_credentials(self._text(key))
                for key, value in sorted(self._values.items())}

    def fingerprint(self) -> str:
        """Return SHA-256 over all settings as hex: it changes when any value does, a secret's included."""
        digest = hashlib.sha256()
        for key in sorted(self._values):
            value = hashlib.sha256(self._text(key).encode("utf-8", "surrogatepass")).hexdigest()
            digest.update(f"{key}\0{value}\n".encode())
        return digest.hexdigest()

    def _text(self, key: str) -> str:
        # of what was given, the text: a compiled value has no form that is the same in every process
        value, row = self._values[key], self._rows.get(key)
        if key in self._texts:
            return self._texts[key]
        return row.default_text if row is not None and not _is_plain(value) else _as_text(value)

    def _is_secret(self, key: str) -> bool:
        row = self._rows.get(key)
        return row is None or row.secret

    def __repr__(self) -> str:
        return f"<Settings {len(self._values)} keys>"


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
    texts: dict[str, str] = {}
    used: dict[str, Setting] = {}
    not_active: dict[str, list[str]] = {}
    for key in source.raw:
        row = rows.get(key) or _wildcard_row(rows, key)
        if row is None and key.split(".")[0] in inactive:
            not_active.setdefault(key.split(".")[0], []).append(key)
        elif row is None:
            problems.append(_unknown(key, rows, source))
        else:
            used[key] = row
            _read_one(key, row, source, values, texts, problems)
    problems += [_not_active(plugin, keys, source) for plugin, keys in not_active.items()]
    wrong = frozenset(used) - frozenset(values)
    missing = _fill_defaults(rows, source, values, wrong, problems)
    read = Settings(values, source, texts, {**rows, **used}, wrong | missing)
    for table in tables:
        problems += _apply_rules(table, read)
    settings = Settings(values, source, texts, {**rows, **used})
    return settings, sorted(problems, key=lambda problem: (problem.severity, _line_of(problem, source)))


def _apply_rules(table: SettingsTable, settings: Settings) -> list[Problem]:
    found: list[Problem] = []
    for rule in table.rules:
        try:
            found.extend(rule(settings) or ())
        except _Unreadable:
            continue
        except Exception as error:
            found.append(Problem("plugins", f"a rule of the plugin {table.plugin} failed on these settings with "
                                            f"{type(error).__name__}", "Tell whoever made the plugin."))
    return found


def _line_of(problem: Problem, source: Source) -> int:
    return source.lines.get(problem.key, 1_000_000)


def _read_one(key: str, row: Setting, source: Source, values: dict[str, Any], texts: dict[str, str],
              problems: list[Problem]) -> None:
    raw = source.raw[key].strip()
    place = source.place(key)
    if row.secret and raw.startswith("file:"):
        problems.extend(exposed_file(key, raw[5:], source))
    try:
        text = raw if raw.startswith("file:") and getattr(row.convert, "keeps_file", False) else source.follow(raw)
    except ValueError as error:
        problems.append(Problem(key, str(error), "" if raw.startswith("env:") else row.remedy, place=place))
        return
    shown = MASK if row.secret else shorten(text)
    try:
        value = row.convert(text, source)
    except ValueError as error:
        words = _masked(str(error), text) if row.secret else without_credentials(str(error))
        problems.append(Problem(key, words, row.remedy, shown, place))
    except Exception as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        problems.append(Problem(key, f"can't be read: {reason}", row.remedy, shown, place))
    else:
        texts[key] = text
        values[key] = Secret(value) if row.secret and isinstance(value, str) else value


def _masked(words: str, secret: str) -> str:
    """Take out of a converter's words what it repeats of a secret."""
    for part in (secret, *secret.split()):
        if len(part) >= 4:
            words = words.replace(part, MASK)
    return words


def _wildcard_row(rows: Mapping[str, Setting], key: str) -> Setting | None:
    parts = key.split(".")
    for name, row in rows.items():
        if "*" in name:
            pattern = name.split(".")
            if len(pattern) == len(parts) and all(p in ("*", part) for p, part in zip(pattern, parts, strict=True)):
                return row
    return None


def _not_active(plugin: str, keys: Sequence[str], source: Source) -> Problem:
    """Tell of all keys of a plugin at once: there is one mistake, and one line that mends it."""
    first, others = keys[0], len(keys) - 1
    if not others:
        return Problem(first, f"this setting belongs to the plugin {plugin}, which is not active",
                       f"Add {plugin} to plugins, or remove the line.", place=source.place(first))
    return Problem(first, f"this setting and {others} more belong to the plugin {plugin}, which is not active",
                   f"Add {plugin} to plugins, or remove the lines.", place=source.place(first))


def _unknown(key: str, rows: Mapping[str, Setting], source: Source) -> Problem:
    head = key.split(".")[0]
    if head in source.text("plugins").split() and not any(name.startswith(head + ".") for name in rows):
        return Problem(key, f"unknown setting: the plugin {head} can't be used, or has no settings", place=source.place(key))
    near = difflib.get_close_matches(key, [_filled_in(name, key) for name in rows], n=1, cutoff=0.6)
    if near:
        return Problem(key, f"unknown setting; did you mean {near[0]}?", place=source.place(key))
    return Problem(key, "unknown setting", "See docs/settings.md for all of them.", place=source.place(key))


def _filled_in(name: str, key: str) -> str:
    """Return a row's name with what the administrator chose for each ``*``."""
    pattern, parts = name.split("."), key.split(".")
    if len(pattern) != len(parts):
        return name
    return ".".join(part if segment == "*" else segment for segment, part in zip(pattern, parts, strict=True))


def _fill_defaults(rows: Mapping[str, Setting], source: Source, values: dict[str, Any], wrong: frozenset[str],
                   problems: list[Problem]) -> frozenset[str]:
    """Give every setting that is absent its default; return the names of those that have none."""
    missing = set()
    for name, row in rows.items():
        if name in values or name in wrong or "*" in name:
            continue
        if row.default is REQUIRED:
            missing.add(name)
            problems.append(Problem(name, "is required and missing", row.remedy or row.help, place=source.place(name)))
        else:
            value = row.default(values, source) if callable(row.default) else row.default
            values[name] = Secret(value) if row.secret and isinstance(value, str) else value
    return frozenset(missing)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple, frozenset)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (str, bool, int, float, Secret, Mapping, IPv4Network, IPv6Network))


def _as_text(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return "\n".join(f"{key} = {_as_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple, frozenset)):
        return " ".join(_as_text(item) for item in value)
    return "" if value is None else str(value)
