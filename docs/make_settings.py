"""Writes docs/settings.md from the tables in the code; with ``--check`` it only tells whether that page is true."""

from __future__ import annotations

import sys
from pathlib import Path

from vneid_middleware.application import assemble
from vneid_middleware.settings import REQUIRED, Setting, Source

PAGE = Path(__file__).parent / "settings.md"
HEAD = """# Settings

Made from the tables in the code by `make docs`; do not edit.

All keys live in the ini's `[filter:…]` section. Any value may be `env:NAME` or `file:PATH`. Lists are separated by white
space or lines; mappings are lines `key = value`. Durations are seconds.
"""


def page() -> str:
    """Return the whole page."""
    tables = assemble(Source({"plugins": "sso"})).registrations.tables
    parts = [HEAD]
    for name, table in tables.items():
        parts += [f"\n## {name}\n", "| key | meaning | default |", "|---|---|---|"]
        parts += [f"| `{row.name}`{' (secret)' if row.secret else ''} | {row.help.replace('|', chr(92) + '|')} | {default(row)} |"
                  for row in table.rows if row.name != "use"]
    return "\n".join(parts) + "\n"


def default(row: Setting) -> str:
    """Return a default as the page shows it."""
    if row.default_text:
        return row.default_text
    if row.default is REQUIRED:
        return "required"
    if row.default in (None, ()):
        return "none"
    if isinstance(row.default, bool):
        return f"`{str(row.default).lower()}`"
    return f"`{' '.join(row.default) if isinstance(row.default, tuple) else row.default}`"


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
            return 0
        print("docs/settings.md is not what the tables say: run make docs", file=sys.stderr)
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
