"""The SQLite file is deleted, replaced, emptied or out of reach: nothing is acknowledged, sent or made anew."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from outbox_model import check_ended
from outbox_service import Receiver
from support import Browser
from vneid_middleware.exceptions import StorageError
from vneid_middleware.storage import Storage
from vneid_middleware.storage.files import MARK

Portal = Any
NOBODY = 65_534


@pytest.fixture
def file() -> Iterator[Path]:
    """Where the database is: in a folder that anybody may come to."""
    folder = Path(tempfile.mkdtemp(prefix="vneid-files-"))
    folder.chmod(0o755)
    yield folder / "vneid.db"
    shutil.rmtree(folder)


@pytest.fixture
def portal(file: Path, portal_on: Callable[[str], AbstractContextManager[Portal]],
           new_database: Callable[[Path], None]) -> Iterator[Portal]:
    """A portal on a database of its own, where one change was delivered."""
    new_database(file)
    with portal_on(f"sqlite:///{file}") as found:
        assert found.announce("FIRST").status == 202
        found.work()
        yield found


def delete(file: Path) -> Callable[[], None]:
    kept = file.with_suffix(".kept")
    os.link(file, kept)
    file.unlink()
    return lambda: kept.rename(file)


def move(file: Path) -> Callable[[], None]:
    kept = file.rename(file.with_suffix(".moved"))
    return lambda: kept.rename(file) and None


def move_the_folder(file: Path) -> Callable[[], None]:
    kept = file.parent.rename(f"{file.parent}-moved")
    return lambda: kept.rename(file.parent) and None


@pytest.mark.threat("C-F20")
@pytest.mark.parametrize("lose", [delete, move, move_the_folder])
def test_a_file_that_is_lost_under_us(portal: Portal, receiver: Receiver, fork: Callable[..., Any], file: Path,
                                      wait_until: Callable[..., Any], lose: Callable[[Path], Callable[[], None]]) -> None:
    worker = fork()
    assert portal.announce("A").status == 202
    wait_until(lambda: len(receiver.got) == 2)
    wait_until(lambda: portal.rows("state")[-1] == ("delivered",))
    restore = lose(file)
    try:
        refused = portal.announce("B")
        assert (refused.status, refused.json()["error"]) == (503, "change_not_taken")
        assert Browser().get(portal.base + "/vneid/health/ready").status == 503
        wait_until(lambda: f"{file} was deleted or replaced while it was in use" in worker.output)
        assert not file.exists()
    finally:
        restore()
    assert len(receiver.got) == 2
    assert portal.announce("C").status == 202
    wait_until(lambda: portal.rows("state")[-1] == ("delivered",))
    assert worker.stop() == 0
    check_ended(portal)


@pytest.mark.threat("C-F20")
def test_a_file_that_is_replaced_under_us(portal: Portal, receiver: Receiver, file: Path,
                                          new_database: Callable[[Path], None]) -> None:
    """Whoever has the old file open neither takes changes into it nor sends what it holds; started anew it uses the new one."""
    assert portal.announce("A").status == 202
    kept = file.rename(file.with_suffix(".moved"))
    new_database(file)
    assert portal.announce("B").status == 503
    with pytest.raises(StorageError, match="stop the portal and its workers, restore the file, then start them again"):
        portal.services.storage.check()
    # what the worker would do for ever, once
    from vneid_middleware.plugins.documents.outbox.delivery import Courier

    with pytest.raises(StorageError, match="deleted or replaced"):
        Courier(portal.services).claim(8, alone=True)
    assert len(receiver.got) == 1
    portal.services.storage.close()
    kept.replace(file)
    portal.work()
    check_ended(portal)


@pytest.mark.threat("C-F20")
def test_what_is_written_while_the_file_goes_is_not_acknowledged(portal: Portal, file: Path) -> None:
    from vneid_middleware.outbox import Outbox

    outbox: Outbox = portal.services["outbox"]
    restored = []

    def write() -> None:
        with portal.services.storage.begin() as connection:
            outbox.enqueue(connection, "GPLX", "001204000123", "A", data={})
            restored.append(delete(file))

    with pytest.raises(StorageError, match="was deleted or replaced"):
        write()
    restored[0]()
    assert len(portal.rows()) == 1


@pytest.mark.threat("C-F20")
@pytest.mark.threat("C-F21")
@pytest.mark.parametrize("gone", [True, False], ids=["gone", "empty"])
def test_what_was_there_before_is_not_made_anew(portal: Portal, receiver: Receiver, file: Path, tmp_path: Path, gone: bool,
                                                worker_process: Callable[..., Any],
                                                portal_on: Callable[[str], AbstractContextManager[Portal]]) -> None:
    assert portal.announce("A").status == 202
    portal.services.storage.close()
    backup = tmp_path / "backup.db"
    shutil.copyfile(file, backup)
    for part in file.parent.glob("vneid.db*"):
        if not part.name.endswith(MARK):
            part.unlink()
    if not gone:
        file.touch()
    words = "is gone, and it was made before" if gone else "is empty, and it was made before"
    out, _ = worker_process(portal, tmp_path, "--once").communicate(timeout=30)
    assert words in out
    assert f"restore it from a backup, or remove {file}{MARK}" in out
    with portal_on(f"sqlite:///{file}") as again:
        assert again.announce("B").status == 503
        assert Browser().get(again.base + "/vneid/health/ready").status == 503
        assert file.exists() is not gone
        assert gone or not file.stat().st_size
        assert len(receiver.got) == 1
        # stopped, restored, started again
        again.services.storage.close()
        for part in file.parent.glob("vneid.db*"):
            part.unlink()
        shutil.copyfile(backup, file)
        assert again.announce("C").status == 202
        again.work()
        check_ended(again)
    assert len(receiver.got) == 3


def test_to_begin_anew_is_a_decision(file: Path) -> None:
    for _ in range(2):
        storage = Storage(f"sqlite:///{file}")
        storage.prepare()
        storage.close()
        assert "restore it from a" in Path(f"{file}{MARK}").read_text(encoding="utf-8")
        file.unlink()
        with pytest.raises(StorageError, match="is gone"):
            Storage(f"sqlite:///{file}").prepare()
        Path(f"{file}{MARK}").unlink()


def test_a_database_of_before_there_was_a_mark_gets_one(portal: Portal, file: Path) -> None:
    assert Path(f"{file}{MARK}").stat().st_mode & 0o777 == 0o600


RIGHTS = {"the file can't be read": (0o000, 0o777, "Permission denied"),
          "the file can't be written": (0o444, 0o777, "Permission denied"),
          "the folder can't be written": (0o666, 0o555, "attempt to write a readonly database"),
          "the folder can't be entered": (0o666, 0o000, "Permission denied")}


@pytest.mark.threat("C-F20")
@pytest.mark.skipif(os.geteuid() != 0, reason="changing to another user takes root")
@pytest.mark.parametrize("what", RIGHTS)
def test_a_worker_that_lost_its_rights(portal: Portal, receiver: Receiver, file: Path, fork: Callable[..., Any],
                                       wait_until: Callable[..., Any], what: str) -> None:
    """Rights don't bind root: the worker is somebody else, who may when all is mended."""
    assert portal.announce("A").status == 202
    portal.services.storage.close()
    of_file, of_folder, words = RIGHTS[what]
    for part in file.parent.iterdir():
        os.chown(part, NOBODY, NOBODY)
    file.chmod(of_file)
    file.parent.chmod(of_folder)
    os.chown(file, 0, 0)
    worker = fork(f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})")
    wait_until(lambda: f"storage does not answer, next try in 0.5 s: {words}" in worker.output)
    assert len(receiver.got) == 1
    file.chmod(0o666)
    file.parent.chmod(0o777)
    wait_until(lambda: len(receiver.got) == 2)
    wait_until(lambda: portal.rows("state")[-1] == ("delivered",))
    assert worker.stop() == 0
    check_ended(portal)

