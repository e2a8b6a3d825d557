"""``vneid init``: what it writes starts as it is, and nothing that is there is touched."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from vneid_middleware.cli import main

Command = Callable[..., Any]
HOSTS = ("wsgi", "flask", "pyramid", "django", "plone")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bool], tuple[Path, Any]]:
    """``made("flask", True)`` returns the folder that ``init`` made for a host, with the simulator, and what it said."""
    folder = tmp_path_factory.mktemp("init")

    @cache
    def make(host: str, simulator: bool) -> tuple[Path, Any]:
        where = folder / f"{host}-{simulator}"
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["init", str(where), "--host", host, *(["--simulator"] if simulator else [])])
        return where, (code, out.getvalue(), err.getvalue())

    return make


@pytest.mark.parametrize("simulator", [False, True])
@pytest.mark.parametrize("host", HOSTS)
def test_what_init_writes_starts_as_it_is(made: Any, command: Command, host: str, simulator: bool) -> None:
    where, (code, out, err) = made(host, simulator)
    # a process of its own: each has a module portal
    check = command("check", where / "portal.ini")
    assert code == 0, err
    assert str(where / "portal.ini") in out.splitlines()
    if host == "plone":
        assert check.code == 1
        assert "uses egg:Zope, and no such distribution is installed" in check.err
        assert check.err.count("error:") == 1, "all else is right"
    else:
        assert check.code == 0, check.err
        assert "error" not in check.err
        assert "warning" not in check.err


@pytest.mark.parametrize("host", HOSTS)
def test_only_the_owner_reads_the_secrets(made: Any, host: str) -> None:
    where, (_, out, err) = made(host, False)
    assert mode(where / "secrets") == 0o700
    for name in ("secret", "vneid", "signing.pem"):
        path = where / "secrets" / name
        assert mode(path) == 0o600
        assert path.read_text(encoding="utf-8").strip() not in out + err
    assert (where / "secrets" / "secret").read_text() not in (where / "portal.ini").read_text(encoding="utf-8")


def test_each_portal_has_a_secret_of_its_own(made: Any) -> None:
    folders = [made(host, simulator)[0] for host in HOSTS for simulator in (False, True)]
    secrets = {(where / "secrets" / "secret").read_text() for where in folders}
    assert len(secrets) == len(folders)
    assert min(map(len, secrets)) > 43


def test_a_secret_is_closed_from_its_first_moment(vneid: Command, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert vneid("init", tmp_path / "portal").code == 0
    finally:
        os.umask(before)
    assert mode(tmp_path / "portal" / "secrets" / "secret") == 0o600


@pytest.mark.parametrize("name", ["portal.ini", "portal.py", "secrets/secret", "secrets/vneid", "secrets/signing.pem"])
def test_nothing_is_written_over(vneid: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / name).write_text("mine", encoding="utf-8")
    done = vneid("init", tmp_path)
    assert done.code == 1
    assert name in done.err
    assert "not written over" in done.err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_a_second_init_changes_nothing(vneid: Command, tmp_path: Path) -> None:
    assert vneid("init", tmp_path).code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert vneid("init", tmp_path, "--simulator", "--host", "flask").code == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_a_file(vneid: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = vneid("init", tmp_path / "file")
    assert done.code == 1
    assert "can't be written" in done.err
    assert "Traceback" not in done.all


def test_the_folder_it_stands_in_is_the_default(command: Command, tmp_path: Path) -> None:
    assert command("init", folder=tmp_path).code == 0
    assert (tmp_path / "portal.ini").is_file()


def test_a_django_project_that_is_there_is_served(vneid: Command, tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text(
        "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'hoso.settings')\n", encoding="utf-8")
    assert vneid("init", tmp_path, "--host", "django").code == 0
    text = (tmp_path / "portal.ini").read_text(encoding="utf-8")
    assert "target = hoso.wsgi:application" in text
    assert "DJANGO_SETTINGS_MODULE = hoso.settings" in text
    assert not (tmp_path / "portal.py").exists()


def test_every_comment_is_a_setting_that_may_be_switched_on(vneid: Command, tmp_path: Path) -> None:
    assert vneid("init", tmp_path).code == 0
    ini = tmp_path / "portal.ini"
    text = ini.read_text(encoding="utf-8").replace("portal:application", "wsgiref.simple_server:demo_app")
    text = opened(text)
    assert text.count("\nsession.") >= 5
    assert text.count("\ndocuments.") >= 10
    assert "\n    /ho-so* = login\n" in text
    ini.write_text(text, encoding="utf-8")
    done = vneid("check", ini)
    assert done.code == 0, done.err
    assert "error" not in done.err
    (active,) = [line for line in vneid("plugins", ini).out.splitlines() if line.startswith("active in")]
    assert "sso" in active
    assert "documents" in active


@pytest.mark.parametrize("simulator", [False, True])
@pytest.mark.parametrize(("first", "last"), [("documents.signing_key", "HangGPLX"), ("documents.signing_key", "FROM gplx")],
                         ids=["pull", "pull and push"])
def test_the_papers_can_be_switched_on_by_themselves(vneid: Command, tmp_path: Path, simulator: bool, first: str,
                                                     last: str) -> None:
    assert vneid("init", tmp_path, *(["--simulator"] if simulator else [])).code == 0
    ini = tmp_path / "portal.ini"
    text = ini.read_text(encoding="utf-8").replace("portal:application", "wsgiref.simple_server:demo_app")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    start = text.index(f"#{first}")
    end = text.index("\n", text.index(last, text.index("# And VNeID is told") if last == "FROM gplx" else start))
    papers = text[:start] + opened(text[start:end]) + text[end:]
    ini.write_text(papers, encoding="utf-8")
    done = vneid("check", ini)
    assert done.code == 1
    assert "belong to the plugin documents, which is not active. Add documents to plugins" in done.err
    ini.write_text(papers.replace("#    documents\n", "    documents\n"), encoding="utf-8")
    done = vneid("check", ini)
    assert done.code == 0, done.err
    assert "warning" not in done.err


def opened(text: str) -> str:
    """Take the # away where a setting, or a line of its value, stands behind it; a sentence has one blank before it."""
    return re.sub(r"^#(?=[a-z]|    )", "", text, flags=re.MULTILINE)


def test_an_unknown_host_is_refused(vneid: Command, tmp_path: Path) -> None:
    done = vneid("init", tmp_path, "--host", "rails")
    assert done.code == 2
    assert "django" in done.err
    assert not list(tmp_path.iterdir())


def test_a_folder_with_a_percent_sign_is_told(vneid: Command, tmp_path: Path) -> None:
    where = tmp_path / "100%here"
    done = vneid("init", where)
    assert done.code == 1
    assert "%" in done.err
    assert not where.exists()
