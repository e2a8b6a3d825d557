"""What is over goes from every table that remembers something for a while, also where nobody writes any more."""

from __future__ import annotations

import pytest

from vneid_middleware.storage import tables
from vneid_middleware.storage.housekeeping import clean
from vneid_middleware.storage.purge import purge

NOW = 1_800_000_000
LASTING = {
    "sessions": "expires_at", "ended_sessions": "expires_at", "login_claims": "expires_at", "used_tokens": "expires_at",
    "lookups": "forget_at", "mobile_sign_ons": "expires_at", "kept_forms": "expires_at",
}
"""Table to the column that says until when a row is needed."""


def row(table, until: str, at: int, key: str) -> dict:
    """Return a row with something in every column that must not be empty."""
    found = {}
    for column in table.columns:
        if column.name == until:
            found[column.name] = at
        elif column.primary_key:
            found[column.name] = key if column.type.python_type is str else None
        elif not column.nullable:
            found[column.name] = key if column.type.python_type is str else 0
    return {name: value for name, value in found.items() if value is not None}


def test_every_table_that_remembers_for_a_while_is_named_here() -> None:
    dated = {table.name.removeprefix("vneid_") for table in tables.metadata.tables.values()
             if {"expires_at", "forget_at"} & set(table.columns.keys())}
    assert dated == set(LASTING)


@pytest.mark.parametrize("name", sorted(LASTING))
def test_what_is_over_goes_and_what_is_needed_stays(opened, name: str) -> None:
    storage, table = opened(), getattr(tables, name)
    with storage.begin() as connection:
        connection.execute(table.insert().values(**row(table, LASTING[name], NOW - 1, "over")))
        connection.execute(table.insert().values(**row(table, LASTING[name], NOW + 1, "needed")))
    assert clean(storage, now=NOW, oldest_audit="2000") == 1
    with storage.read() as connection:
        assert [getattr(left, LASTING[name]) for left in connection.execute(table.select())] == [NOW + 1]


@pytest.mark.parametrize("name", [*sorted(LASTING), "audit_records"])
def test_nothing_is_read_that_is_needed_still(opened, name: str) -> None:
    """Each write drops what is over along with it, and must not read the whole table for that."""
    storage, table = opened(), getattr(tables, name)
    dated = LASTING.get(name, "time")
    key, = table.primary_key

    def steps() -> int:
        with storage.begin() as connection:
            driver = connection.connection.dbapi_connection
            if not hasattr(driver, "set_progress_handler"):
                # only SQLite counts them
                return 0
            counted = [0]

            def count() -> int:
                counted[0] += 1
                return 0

            driver.set_progress_handler(count, 10)
            assert purge(connection, key, table.c[dated], NOW if dated != "time" else "2000") == 0
            driver.set_progress_handler(None, 0)
            return counted[0]

    few = steps()
    with storage.begin() as connection:
        at = NOW + 1 if dated != "time" else "2026-11-27T00:00:00"
        for number in range(500):
            connection.execute(table.insert().values(**row(table, dated, at, f"k-{number}")))
    assert steps() <= few + 2
