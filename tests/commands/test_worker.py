"""``vneid worker`` from the command line, on a database that is not there yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

INI = """
[filter:vneid]
use = egg:vneid-middleware
public_url = http://127.0.0.1:%(port)s
secret = a-secret-of-the-worker-0123456789-abcdefghijkl
sso.client_id = id
sso.client_secret = secret
"""


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    file = tmp_path / "portal.ini"
    file.write_text(INI, encoding="utf-8")
    return file


def work(*words: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from vneid_middleware.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run([sys.executable, "-W", "ignore", "-c", code, "worker", *words], capture_output=True, text=True,
                          env={"LANG": "C.UTF-8", "PATH": ""}, timeout=60)


def test_a_new_database_is_made_without_a_word_of_it(ini: Path) -> None:
    done = work(str(ini), "port=7000", "--once")
    assert (done.returncode, done.stdout) == (0, "0 delivered, 0 to try again, 0 dead letters\n")
    assert done.stderr == "vneid worker: documents.transport is not set: nothing is delivered, only cleaned up\n"
    assert (ini.parent / "var" / "vneid.db").stat().st_size > 0


@pytest.mark.parametrize(("words", "told"), [
    ((), "holds a %"), (("7000",), "7000: expected NAME=VALUE"), (("=7000",), "expected NAME=VALUE"),
    (("port=70000",), "public_url"),
])
def test_a_variable_that_is_missing_or_malformed_is_told(ini: Path, words: tuple[str, ...], told: str) -> None:
    done = work(str(ini), *words, "--once")
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert not (ini.parent / "var").exists()
