"""The guide's SELECTs of changes, as they stand there, on the databases that they are for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from licences import run_sql
from vneid_middleware.core.change_cursor import Cursor
from vneid_middleware.storage.change_source import ChangeDatabase

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "administrator.md"
FOUND = re.findall(r"with `cap_nhat ([^`]+)`[^`]*(?:`[^`]+`[^`]*)*?```text\n(SELECT.*?)```",
                   GUIDE.read_text(encoding="utf-8"), re.DOTALL)
EXAMPLES = dict(zip(("sqlite", "postgresql", "mariadb"), FOUND, strict=True))


@pytest.fixture(params=EXAMPLES)
def example(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """URL of a database with a table as the guide says, and its SELECT."""
    name = request.param
    url = f"sqlite:///{tmp_path}/gplx.db" if name == "sqlite" else request.getfixturevalue(f"{name}_url")
    column, query = EXAMPLES[request.param]
    run_sql(url, f"CREATE TABLE gplx (so_dinh_danh VARCHAR(12), so_gplx VARCHAR(20), phien_ban INTEGER, cap_nhat {column})",
            "CREATE INDEX gplx_changed ON gplx (cap_nhat)")
    for number in range(3):
        _put(url, number)
    return url, query


def _put(url: str, number: int) -> None:
    run_sql(url, f"INSERT INTO gplx VALUES ('001204000123', 'GP-{number}', 1, '2026-11-02 09:3{number}:00')")


def test_the_first_reading_finds_all_and_the_next_what_is_new(example: tuple[str, str]) -> None:
    url, query = example
    database = ChangeDatabase(url, query)
    rows = database.rows(None, 100)
    assert [row["maGiayTo"] for row in rows] == ["GP-0", "GP-1", "GP-2"]
    last = Cursor.stored(Cursor.of(rows[-1]["since"]).store())
    assert database.rows(last.back(0), 100) == []
    assert [row["maGiayTo"] for row in database.rows(last.back(61), 100)] == ["GP-1", "GP-2"]
    _put(url, 5)
    assert [row["maGiayTo"] for row in database.rows(last.back(0), 100)] == ["GP-5"]


def test_an_index_leads_to_what_is_new(example: tuple[str, str]) -> None:
    url, query = example
    database = ChangeDatabase(url, query)
    since = Cursor.of(database.rows(None, 100)[-1]["since"]).back(0)
    assert database.try_query(since).scanned == ()
    assert database.count(None) == 3
