"""``secret`` is rotated while documents have versions at their receiver: none begins anew."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from outbox_model import check_ended
from outbox_service import SECRET, Receiver, settings_for, write_ini
from vneid_middleware.cli import main

from .conftest import DATABASES, PERSON, Portal, running

NEW = "a-new-secret-of-the-outbox-0123456789-abcdefgh"
At = Callable[..., AbstractContextManager[Portal]]

pytestmark = pytest.mark.threat("C-F44")


@pytest.fixture(params=DATABASES)
def at(request: pytest.FixtureRequest, make_database: Callable[[str], str], receiver: Receiver, signing_key: str) -> At:
    """``with at(NEW, SECRET) as portal`` runs a portal with these lines of ``secret``, always on one database."""
    url = make_database(request.param)

    @contextmanager
    def start(*lines: str, **changed: str) -> Iterator[Portal]:
        settings = {**settings_for(receiver.url, url, signing_key), "secret": "\n".join(lines), **changed}
        with running(settings, receiver) as found:
            found.services.storage.prepare()
            yield found

    return start


def seen(receiver: Receiver, document: str) -> list[int]:
    return receiver.effects[("GPLX", PERSON, document)]


def test_as_the_guide_says(at: At, receiver: Receiver) -> None:
    with at(SECRET) as portal:
        for document in ("A", "B"):
            assert portal.announce(document, idempotencyKey=f"first-{document}").json()["version"] == 1
        portal.work()
    with at(SECRET, NEW) as portal:
        assert portal.announce("A").json()["version"] == 2
    with at(NEW, SECRET) as portal:
        # what waits under the old line is written anew, too; the receiver is not there yet
        portal.sql("UPDATE vneid_outbox SET next_at = next_at + 1000 WHERE version = 2")
        assert portal.announce("A", idempotencyKey="first-A").json()["version"] == 1
        portal.work()
        assert seen(receiver, "A") == [1]
    with at(NEW) as portal:
        assert [portal.announce(document, action="revoke").json()["version"] for document in ("A", "B", "C")] == [3, 2, 1]
        portal.hurry()
        portal.work(2)
        check_ended(portal)
    assert (seen(receiver, "A"), seen(receiver, "B"), seen(receiver, "C")) == ([1, 2, 3], [1, 2], [1])


def test_a_line_that_is_taken_away_too_early(at: At, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with at(SECRET) as portal:
        portal.announce("A")
        portal.work()
    with at(NEW) as portal:
        with caplog.at_level(logging.ERROR):
            for document in ("A", "B"):
                assert portal.announce(document).status == 503
            portal.work()
        assert caplog.text.count("line of secret that is not here") == 3
        assert len(portal.rows()) == 1
    with at(NEW, SECRET) as portal:
        assert portal.announce("B").json()["version"] == 1
        portal.work()
    with at(NEW) as portal:
        assert portal.announce("A").json()["version"] == 2
        portal.work()
        check_ended(portal)
    assert seen(receiver, "A") == [1, 2]


def test_a_machine_that_has_not_the_new_line_yet(at: At, receiver: Receiver) -> None:
    with at(SECRET) as portal:
        portal.announce("A")
    with at(NEW, SECRET) as portal:
        assert portal.announce("A").json()["version"] == 2
        portal.work(2)
    with at(SECRET) as portal:
        assert portal.announce("A").status == 503
        assert portal.announce("Z").status == 503
    with at(NEW, SECRET) as portal:
        assert portal.announce("A").json()["version"] == 3
        portal.work()
        check_ended(portal)
        assert len(portal.sql("SELECT * FROM vneid_documents")) == 1
    assert seen(receiver, "A") == [1, 2, 3]


def test_what_check_says(at: At, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(portal: Portal) -> tuple[int, str]:
        ini = write_ini(portal.settings, tmp_path)
        ini.chmod(0o600)
        capsys.readouterr()
        code = main(["check", str(ini), "--online"])
        captured = capsys.readouterr()
        return code, "\n".join(line for line in (captured.out + captured.err).splitlines() if ": secret: " in line)

    with at(SECRET) as portal:
        portal.announce("A")
        assert told(portal)[1] == "online: secret: ok"
    with at(NEW, SECRET) as portal:
        assert "warning: the outbox still needs an older line" in told(portal)[1]
        portal.work()
        assert told(portal)[1] == "online: secret: ok"
    with at(SECRET) as portal:
        code, line = told(portal)
        assert code == 1
        assert "documents are hashed under a line of secret that is not here" in line


def test_rows_of_a_source_are_not_taken_again(at: At, receiver: Receiver, tmp_path: Path) -> None:
    agency = tmp_path / "agency.db"
    with sqlite3.connect(agency) as connection:
        connection.execute("CREATE TABLE gplx (so, so_dinh_danh, ten, sua)")
        connection.executemany("INSERT INTO gplx VALUES (?, ?, 'Nguyễn Văn An', ?)",
                               [(f"GP-{number}", PERSON, 1_000 + number) for number in range(3)])
    connection.close()
    source: dict[str, Any] = {
        "documents.GPLX.url": f"sqlite:///{agency}", "documents.GPLX.changes_overlap": "100",
        "documents.GPLX.changes": "SELECT so AS maGiayTo, so_dinh_danh AS soDinhDanh, sua AS since FROM gplx "
                                  "WHERE :since IS NULL OR sua > :since ORDER BY sua"}

    def work(portal: Portal) -> None:
        portal.hurry()
        portal.work()
        portal.work()

    with at(SECRET, **source) as portal:
        work(portal)
    assert len(receiver.got) == 3
    with at(NEW, SECRET, **source) as portal:
        work(portal)
    with at(NEW, **source) as portal:
        work(portal)
        check_ended(portal)
    assert len(receiver.got) == 3
