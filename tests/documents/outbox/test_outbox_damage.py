"""Pages of the SQLite file are damaged: it is said how to restore, nothing is made anew, and nothing of it is sent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from outbox_service import Receiver

Portal = Any
PAGE = 4096
WORDS = "stop the portal and its workers, restore the file from a backup"
ROOT = "SELECT rootpage FROM sqlite_schema WHERE name = '{}'"


@pytest.mark.threat("C-F21")
@pytest.mark.parametrize("what", ["header", "vneid_outbox", "an index"])
def test_a_damaged_page(receiver: Receiver, tmp_path: Path, new_database: Callable[[Path], None], what: str,
                        portal_on: Callable[[str], AbstractContextManager[Portal]], caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "vneid.db"
    new_database(file)
    with portal_on(f"sqlite:///{file}") as portal:
        for number in range(60):
            assert portal.announce(f"A-{number}").status == 202
        index = "SELECT rootpage FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'vneid_outbox' ORDER BY name"
        pages = [1] if what == "header" else [
            row[0] for row in portal.sql(index if what == "an index" else ROOT.format("vneid_outbox"))]
    with file.open("r+b") as database:
        for page in pages:
            database.seek((page - 1) * PAGE)
            database.write(b"\xa5" * PAGE)
    damaged = file.read_bytes()
    with portal_on(f"sqlite:///{file}") as portal:
        assert portal.announce("B").status == 503
        assert "the database is damaged (" in caplog.text
        assert WORDS in caplog.text
        from vneid_middleware.exceptions import StorageError
        from vneid_middleware.plugins.documents.outbox.delivery import Courier

        with pytest.raises(StorageError, match="the database is damaged"):
            Courier(portal.services).claim(8, alone=True)
    assert receiver.got == []
    assert len(file.read_bytes()) == len(damaged)
