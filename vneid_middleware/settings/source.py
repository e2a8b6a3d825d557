"""Where the raw text of the settings comes from."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from vneid_middleware.settings.table import Problem

TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})


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

    raw: Mapping[str, str] = field(repr=False)
    here: str = ""
    file: str = ""
    section: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    server: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("the raw settings hold secrets, which are not written anywhere")

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
        try:
            path = Path(name).expanduser()
        except RuntimeError as error:
            raise ValueError("must be a path; the home folder in it is nobody's") from error
        if not name or "\0" in name:
            raise ValueError("must name a file")
        if path.is_absolute():
            return path
        if not self.here:
            raise ValueError("must be an absolute path, since there is no ini file it could be relative to")
        return Path(self.here) / path

    def text(self, key: str, default: str = "") -> str:
        """Return what a key says, ``env:`` and ``file:`` followed, for what must be known before the tables are.

        Returns:
            the text; ``default`` when the key is absent or can't be followed, which its own reading will tell.
        """
        try:
            return self.follow(self.raw.get(key, default))
        except ValueError:
            return default

    def follow(self, text: str) -> str:
        """Return the text that ``env:NAME`` or ``file:PATH`` stands for; any other text as it is.

        Raises:
            ValueError: the variable is not set, or the file can't be read.
        """
        text = text.strip()
        if text.startswith("env:"):
            name = text[4:].strip()
            if name not in self.environ:
                raise ValueError(f"the environment variable {name} is not set" if name else "env: names no variable")
            return self.environ[name].strip()
        if text.startswith("file:"):
            return _read_file(self.path(text[5:].strip()))
        return text

    def flag(self, key: str) -> bool:
        """Return a boolean that converters of other keys need to know."""
        return self.text(key).lower() in TRUE

    def flag_is_off(self, key: str) -> bool:
        """Tell whether a boolean is given and false."""
        return self.text(key).lower() in FALSE


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ValueError(f"the file {path} can't be read: {reason}") from error


def exposed_file(key: str, name: str, source: Source) -> list[Problem]:
    """Return a warning when others than its owner can read the secret file that ``key`` names."""
    try:
        path = source.path(name.strip())
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return []
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return [Problem(key, f"the file {path} can be read by others than its owner", f"Run: chmod 600 {path}.",
                        place=source.place(key), severity="warning")]
    return []
