"""What the log says when a database of the agency's can't take a SELECT or a value: what helps to mend it, and no row's value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from licences import run_sql
from vneid_middleware.exceptions import StorageError
from vneid_middleware.storage import change_source

NAME = "NGUYỄN THỊ ÁNH TUYẾT"


@pytest.mark.parametrize(("select", "told", "hidden"), [
    ("CAST(ten AS integer) FROM d", ["InvalidTextRepresentation 22P02"], [NAME, "TUYẾT"]),
    ("to_date(ngay, 'YYYYMMDD') FROM d", ["DatetimeFieldOverflow 22008"], ["19900231", "1990"]),
    ("khong_co FROM d", ["column", "khong_co", "does not exist"], []),
    ("1 FROM nowhere", ["relation", "nowhere", "does not exist"], []),
    ("1 FROM d WHERE (", ["syntax error"], []),
])
@pytest.mark.threat("A-235")
def test_postgresql_tells_no_value_of_a_row(postgresql_url: str, select: str, told: list[str], hidden: list[str]) -> None:
    run_sql(postgresql_url, "CREATE TABLE d (ten varchar, ngay varchar)", f"INSERT INTO d VALUES ('{NAME}', '19900231')")
    with pytest.raises(StorageError) as caught:
        change_source.ChangeDatabase(postgresql_url, f"SELECT {select}").rows(None, None)
    _all_in(str(caught.value), told, hidden)


@pytest.mark.parametrize(("select", "told", "hidden"), [
    ("CAST(ten AS JSON)", [], [NAME]),
    ("JSON_VALUE(ten, 5)", [], [NAME]),
    ("khong_co", ["1054", "khong_co"], []),
    ("ten ten ten", ["1064", "syntax error near 'ten"], []),
])
def test_mariadb_tells_no_value_of_a_row(mariadb_url: str, select: str, told: list[str], hidden: list[str]) -> None:
    run_sql(mariadb_url, "CREATE TABLE d (ten varchar(99))", f"INSERT INTO d VALUES ('{NAME}')")
    database = change_source.ChangeDatabase(mariadb_url, f"SELECT {select} FROM d")
    try:
        database.rows(None, None)
    except StorageError as error:
        _all_in(str(error), told, hidden)
    else:
        assert not told


def test_sqlite_tells_no_value_of_a_row(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/d.db"
    run_sql(url, "CREATE TABLE d (ten TEXT)", "INSERT INTO d VALUES (CAST(X'4e475559ff' AS TEXT))")
    with pytest.raises(StorageError) as caught:
        change_source.ChangeDatabase(url, "SELECT ten FROM d").rows(None, None)
    _all_in(str(caught.value), ["Could not decode to UTF-8 column 'ten'"], ["NGUY"])
    with pytest.raises(StorageError, match="no such column: khong_co"):
        change_source.ChangeDatabase(url, "SELECT khong_co FROM d").rows(None, None)


def test_a_driver_that_is_not_known_tells_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    from vneid_middleware.storage.driver_errors import told

    class DatabaseError(Exception):
        pass

    class Wrapped(Exception):
        orig: Any = None

    error = Wrapped()
    for words, expected in ((f"ORA-01722: unable to convert '{NAME}' to a number", "DatabaseError ORA-01722;"),
                            ('ORA-00904: "KHONG_CO": invalid identifier', 'ORA-00904: "KHONG_CO": invalid identifier'),
                            (f"[22018] [Microsoft] Conversion failed when converting '{NAME}'", "DatabaseError 22018;"),
                            (NAME, "DatabaseError; its words are not told")):
        error.orig = DatabaseError(words)
        assert told(error, ()).startswith(expected)
        assert NAME not in told(error, ())


def test_a_bound_value_without_a_type_is_told_with_the_remedy(postgresql_url: str) -> None:
    run_sql(postgresql_url, "CREATE TABLE d (a varchar, b varchar, t timestamptz)")
    query = "SELECT a, b, t AS since FROM d WHERE (:since IS NULL OR t > :since) ORDER BY t"
    with pytest.raises(StorageError, match=r"write CAST\(:since AS timestamptz\)"):
        change_source.ChangeDatabase(postgresql_url, query).rows(None, 10)


def test_two_colons_are_refused_with_the_remedy() -> None:
    from vneid_middleware.storage.foreign import check_select

    with pytest.raises(ValueError, match=r"must write CAST\(:since AS timestamptz\) in place of :since::timestamptz"):
        check_select("SELECT a FROM d WHERE (:since IS NULL OR t > :since::timestamptz) ORDER BY t")
    assert check_select("SELECT a::text FROM d WHERE t > :since ORDER BY t") == {"since"}


def _all_in(words: str, told: list[str], hidden: list[str]) -> None:
    assert [part for part in told if part not in words] == []
    assert [part for part in hidden if part in words] == []
