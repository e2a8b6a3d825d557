"""What may be told of an error of a database that is not ours: what helps to mend the SELECT, and nothing of the rows.

Databases quote the value that they could not take (``invalid input syntax for type integer: "NGUYỄN …"``), a row's as well as one
that was bound. So words are told of known kinds only: a name that is not there, the SELECT's own form, the connection. Of all
others the kind is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["told"]

_MOST = 400
_TOLD_CLASSES = ("08", "0A", "25", "28", "3D", "40", "42", "53", "55", "57", "58")
"""Classes of SQLSTATE whose words quote names and the SELECT: connection, sign-in, syntax, missing names and rights, limits."""
_CAST = ("give a bound value its type, which the database can't tell by itself: write CAST(:since AS timestamptz), or the type "
         "of what it is compared with")
_HINTS = dict.fromkeys(("42P18", "42P08", "42804", "42883"), _CAST)
_SQLITE = re.compile(r"no such |near |unable to open|database is locked|database table is locked|interrupted|ambiguous column|"
                     r"incomplete input|misuse|wrong number of arguments|attempt to write|disk I/O|file is not a database|"
                     r"database disk image|not authorized|unrecognized token|too many|Could not decode to UTF-8 column '[^']*'")
_SQLITE_VALUE = re.compile(r"(Could not decode to UTF-8 column '[^']*').*", re.DOTALL)
_MYSQL = frozenset({1040, 1044, 1045, 1046, 1049, 1052, 1054, 1066, 1109, 1129, 1130, 1142, 1143, 1146, 1205, 1213, 1226, 1227,
                    1248, 1267, 1305, 1317, 1370, 1792, 1969, 2002, 2003, 2005, 2006, 2013, 3024})
"""Errors of MySQL and MariaDB whose words quote names only."""
_MYSQL_SYNTAX = 1064
_ORACLE = re.compile(r"ORA-(?:009\d\d|01017|01031|125\d\d)\b")
"""What is wrong with the SELECT's form or names, sign-in, rights, the listener."""
_CODE = re.compile(r"ORA-\d{5}|\b[0-9A-Z]{5}\b(?=\])")


def told(error: Any, values: Iterable[Any]) -> str:
    """Return what may be told of an error, in one line.

    Args:
        error: SQLAlchemy's, whose ``orig`` is the driver's.
        values: what was asked with, which is masked wherever it stands.
    """
    original = getattr(error, "orig", None)
    if original is None:
        return type(error).__name__
    words = _words(original)[:_MOST]
    for value in filter(None, map(str, values)):
        words = words.replace(value, "…")
    hint = _HINTS.get(_sqlstate(original))
    return f"{words}; {hint}" if hint else words


def _words(original: Any) -> str:
    module = type(original).__module__.partition(".")[0]
    text = (str(original).splitlines() or [""])[0]
    if module == "sqlite3":
        return _SQLITE_VALUE.sub(r"\1", text) if _SQLITE.match(text) else _kind(original)
    if module in ("pymysql", "MySQLdb"):
        return _mysql_words(original)
    state = _sqlstate(original)
    if module in ("psycopg", "psycopg2"):
        # without a state it is the driver's own: no connection; or a value that it can't make
        is_told = state[:2] in _TOLD_CLASSES if state else type(original).__name__ == "OperationalError"
        return text if is_told else _kind(original, state)
    if _ORACLE.match(text):
        return text
    found = _CODE.search(text)
    return _kind(original, found[0] if found else "")


def _mysql_words(original: Any) -> str:
    number, text = (*original.args, "", "")[:2]
    if number == _MYSQL_SYNTAX:
        # the driver puts values into the text that it sends, and the server quotes from there on: one word is enough
        near = re.search(r"near '(\w*)", str(text))
        return f"({number}) syntax error near '{near[1] if near and not near[1].isdigit() else ''}'"
    return f"({number}) {text}" if number in _MYSQL else _kind(original, str(number) if isinstance(number, int) else "")


def _sqlstate(original: Any) -> str:
    return str(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "")


def _kind(original: Any, code: str = "") -> str:
    named = f"{type(original).__name__} {code}".strip()
    return f"{named}; its words are not told, since they may quote a row: ask the SELECT by hand to see them"
