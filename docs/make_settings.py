"""Writes settings.md from the tables that the plugins declare, so that page and code can't disagree.

Run ``make docs``. With ``--check`` nothing is written; the exit status is 1 where the page is not what it would be.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vneid_middleware import loader
from vneid_middleware.application import assemble
from vneid_middleware.directives import Registrations
from vneid_middleware.settings import REQUIRED, Setting, SettingsTable, Source

PAGE = Path(__file__).with_name("settings.md")
DISTRIBUTION = "vneid-middleware"

HEAD = """\
# Settings

This page is made from the tables in the code by `make docs`; a test compares the two. All keys stand in the filter's
section of the ini, or in the mapping given to `vneid_middleware.make_filter`.

- Any value may be `env:NAME`, an environment variable, or `file:PATH`, the content of a file. A relative path is relative
  to the ini; in Python there is no ini, so paths are absolute.
- Lists are separated by spaces or line ends. Mappings are lines `KEY = VALUE`.
- Durations are seconds.
- A value with `%` goes into a file, since PasteDeploy reads `%` itself.
- A secret is masked wherever settings are shown. A file of secrets that others than its owner can read is a warning.
- An unknown key is an error, and so is a key of a plugin that is not active. All problems are told at once, at start.

The host's own section, `use = egg:vneid-middleware#wsgi`, takes three keys: `target`, the dotted name of a WSGI callable
(`package.module:attribute`, required); `pythonpath`, folders that are put first on `sys.path` (default: the ini's folder);
`environ`, lines `NAME = value` that are set before the host is imported.
"""

TITLES = {
    "foundation": "The portal",
    "sso": "Sign-on: the plugin `sso`",
    "mobile": "Apps: the plugin `mobile`",
    "documents": "Documents: the plugin `documents`",
    "documents.outbox": "Changes of documents, announced and pushed: the plugin `documents`",
    "accounts": "The host's own accounts, found at a login of the plugin `sso`",
    "session": "Sessions",
    "audit": "Audit",
    "keys": "Keys",
    "metrics": "Metrics",
    "transport": "Transports through exchange platforms",
}


def registrations() -> Registrations:
    """Return what this distribution's own plugins declare; no setting needs a value for that."""
    names = [plugin.name for plugin in loader.installed() if plugin.distribution == DISTRIBUTION]
    return assemble(Source({"plugins": " ".join(names)}, here=str(PAGE.parent))).registrations


def page(found: Registrations) -> str:
    """Return the text of settings.md."""
    known = [name for name in TITLES if name in found.tables]
    order = [*known, *(name for name in found.tables if name not in known)]
    return "\n".join([HEAD, *(_section(found.tables[name]) for name in order), _profiles(found)])


def _section(table: SettingsTable) -> str:
    title = TITLES.get(table.plugin, f"The plugin `{table.plugin}`")
    lines = [f"## {title}\n", "| key | meaning | form | default |", "|---|---|---|---|"]
    # `use` is PasteDeploy's
    lines += [f"| `{row.name}` | {_cell(row.help)} | {_cell(_form(row))} | {_cell(_default(row))} |"
              for row in table.rows if row.name != "use"]
    return "\n".join(lines) + "\n"


def _default(row: Setting) -> str:
    if row.default is REQUIRED:
        return "required"
    if row.default_text or callable(row.default):
        return row.default_text
    text = _text(row.default)
    return f"`{text}`" if text else "none"


def _form(row: Setting) -> str:
    words = _expectation(row.convert)
    return f"{words}; secret" if row.secret else words


def _expectation(convert: Callable[[str, Source], Any]) -> str:
    """Return what a value must be: the converter's own words, or else what it says of a value that can't be right."""
    if convert.__doc__:
        words = " ".join(convert.__doc__.split("\n\n")[0].split()).rstrip(".").replace("``", "`")
        return words[0].lower() + words[1:] if words[:2].istitle() else words
    try:
        convert("\N{REPLACEMENT CHARACTER}", Source({}))
    except ValueError as error:
        return str(error).removeprefix("must be ")
    return "a name"


def _profiles(found: Registrations) -> str:
    profiles = found.implementations("profile")
    declared = {row.name for row in found.tables["sso"].rows}
    keys = dict.fromkeys(key for profile in profiles.values() for key in profile.defaults if f"sso.{key}" in declared)
    lines = ["## What the profiles preset\n", "Each of the ini's own keys wins over the profile.\n",
             "| key | " + " | ".join(f"`{name}`" for name in profiles) + " |", "|---" * (len(profiles) + 1) + "|"]
    lines += [f"| `sso.{key}` | " + " | ".join(_preset(profile, key) for profile in profiles.values()) + " |" for key in keys]
    return "\n".join(lines) + "\n"


def _preset(profile: Any, key: str) -> str:
    if key in profile.defaults:
        return f"`{_text(profile.defaults[key])}`"
    if not key.endswith("_endpoint"):
        return "none"
    return "discovered" if profile.defaults.get("discovery") else "to be given"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the page, or compare it.

    Returns:
        the exit status.
    """
    want = page(registrations())
    if arguments != ["--check"]:
        PAGE.write_text(want, encoding="utf-8")
        print(f"wrote {PAGE}")
        return 0
    have = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    for line in difflib.unified_diff(have.splitlines(), want.splitlines(), "docs/settings.md", "the code", lineterm=""):
        print(line)
    if have != want:
        print("docs/settings.md is not what the tables say. Run: make docs", file=sys.stderr)
    return int(have != want)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
