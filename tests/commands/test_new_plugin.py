"""``vneid plugins new``: what it writes installs, is found, and passes its own tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import VNEID


def run(*words: Any, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=100,
                          env={**os.environ, **environment})


def test_a_new_plugin_works_as_it_is(tmp_path: Path) -> None:
    made = run(VNEID, "plugins", "new", "acme-vneid", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "acme-vneid/acme_vneid/__init__.py" in made.stdout
    assert not list(tmp_path.rglob("*NAME*")) + list(tmp_path.rglob("*MODULE*"))
    written = "".join(file.read_text(encoding="utf-8") for file in tmp_path.rglob("*") if file.is_file())
    assert "MODULE" not in written
    assert re.findall("[A-Z_]*NAME[A-Z_]*", written) == ["SCRIPT_NAME", "SERVER_NAME"]
    site = tmp_path / "site"
    installed = run(sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "--target",
                    site, tmp_path / "acme-vneid", folder=tmp_path)
    assert installed.returncode == 0, installed.stderr
    listed = run(VNEID, "plugins", folder=tmp_path, PYTHONPATH=str(site))
    assert "  acme-vneid  acme-vneid 0.1.0  acme_vneid" in listed.stdout
    tested = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=tmp_path / "acme-vneid",
                 PYTHONPATH=str(site))
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "3 passed" in tested.stdout


@pytest.mark.parametrize("name", ["Acme", "a_b", "1a", "a--b", "-a", "a/b", "../a", "", "a b", "é"])
def test_names_that_are_none(vneid: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    done = vneid("plugins", "new", "--", name)
    assert done.code == 2 if name else done.code != 0
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(vneid: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme").mkdir()
    done = vneid("plugins", "new", "acme")
    assert (done.code, list((tmp_path / "acme").iterdir())) == (1, [])
    assert "is there already" in done.err


def test_one_word_too_many(vneid: Callable[..., Any]) -> None:
    assert vneid("plugins", "portal.ini", "x").code == 2
