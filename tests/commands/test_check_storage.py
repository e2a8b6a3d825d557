"""``vneid check --online`` on the database: does it keep what it acknowledges?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vneid_middleware.storage import Storage

FAULT = "is off: changes that were acknowledged are lost when the power is cut"


@pytest.fixture
def checked(vneid: Callable[..., Any], ini: Callable[..., Path],
            free_port: Callable[[], int]) -> Callable[[str], list[str]]:
    """``checked(url)`` returns the lines about storage; nothing else of the portal is there to be reached."""
    def run(url: str) -> list[str]:
        done = vneid("check", ini({"storage": url, "sso.profile": "oidc", "sso.issuer": f"http://127.0.0.1:{free_port()}"}),
                     "--online")
        return [line for line in done.all.splitlines() if line.startswith("online: storage: ")]

    return run


@pytest.mark.threat("C-F09")
def test_a_postgresql_that_loses_what_it_acknowledged(checked: Callable[[str], list[str]], postgresql_url: str) -> None:
    """The tests' own server runs without fsync."""
    assert [line for line in checked(postgresql_url) if FAULT in line] == [
        f"online: storage: fsync {FAULT}. Turn it on (portal.ini, line 7)"]
    storage = Storage(postgresql_url)
    with storage.engine().connect() as connection:
        name = postgresql_url.rpartition("/")[2]
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            f"ALTER DATABASE {name} SET synchronous_commit = off")
    storage.close()
    assert [line.split()[2] for line in checked(postgresql_url) if FAULT in line] == ["fsync", "synchronous_commit"]


@pytest.mark.threat("C-F21")
def test_an_sqlite_file_with_a_damaged_page(checked: Callable[[str], list[str]], tmp_path: Path) -> None:
    file = tmp_path / "damaged.db"
    storage = Storage(f"sqlite:///{file}")
    storage.prepare()
    with storage.engine().connect() as connection:
        page = connection.exec_driver_sql("SELECT rootpage FROM sqlite_schema WHERE name = 'vneid_kept_forms'").scalar()
    storage.close()
    assert checked(f"sqlite:///{file}") == ["online: storage: ok"]
    with file.open("r+b") as database:
        database.seek((page - 1) * 4096)
        database.write(b"\xff" * 4096)
    lines = checked(f"sqlite:///{file}")
    assert any("the database is damaged: " in line for line in lines)
