"""``vneid keys``: what it makes is closed to others, is never written over, and the printed line works."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
KINDS = ("secret", "bearer", "signing", "encryption")


@pytest.mark.parametrize("kind", KINDS)
def test_the_printed_line_makes_check_pass(vneid: Command, ini: Callable[..., Path], monkeypatch: pytest.MonkeyPatch,
                                           kind: str) -> None:
    folder = ini().parent
    monkeypatch.chdir(folder)
    made = vneid("keys", "new", kind, "--out", "secrets/new")
    assert made.code == 0
    key, _, value = made.out.splitlines()[0].partition(" = ")
    assert key in ("secret", "metrics.key", "sso.signing_key", "sso.decryption_key")
    assert stat.S_IMODE((folder / "secrets" / "new").stat().st_mode) == 0o600
    more = {"sso.client_auth": "private_key_jwt"} if kind == "signing" else {}
    done = vneid("check", ini({key: value, **more}))
    assert done.code == 0, done.err
    assert "warning" not in done.err


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_there_is_never_written_over(vneid: Command, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    path.write_text("mine", encoding="utf-8")
    done = vneid("keys", "new", kind, "--out", path)
    assert done.code == 1
    assert done.out == ""
    assert "not written over" in done.err
    assert path.read_text(encoding="utf-8") == "mine"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert vneid("keys", "new", kind, "--out", path).code == 1
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_that_cannot_be_written(vneid: Command, tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place in (tmp_path / "file" / "key", tmp_path / "no-folder" / "key"):
        done = vneid("keys", "new", kind, "--out", place)
        assert done.code == 1
        assert f"{place} can't be written" in done.err
        assert done.out == ""


@pytest.mark.parametrize("kind", ["signing", "encryption"])
def test_keys_show_their_public_half_only(vneid: Command, tmp_path: Path, kind: str) -> None:
    done = vneid("keys", "new", kind, "--out", tmp_path / "key")
    (key,) = json.loads(done.out.partition("\n")[2])["keys"]
    assert key["use"] == {"signing": "sig", "encryption": "enc"}[kind]
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)
    assert key["kid"]
    assert "PRIVATE KEY" not in done.all
    assert "BEGIN PRIVATE KEY" in (tmp_path / "key").read_text()


@pytest.mark.parametrize("kind", ["secret", "bearer"])
def test_with_a_file_the_secret_is_not_printed(vneid: Command, tmp_path: Path, kind: str) -> None:
    done = vneid("keys", "new", kind, "--out", tmp_path / "key")
    value = (tmp_path / "key").read_text().strip()
    assert len(value) >= 43
    assert value not in done.all
    if kind == "bearer":
        assert done.out == f"metrics.key = sha256:{hashlib.sha256(value.encode()).hexdigest()}\n"


def test_without_a_file_a_secret_is_printed_alone(vneid: Command) -> None:
    first, second = (vneid("keys", "new", "secret").out for _ in range(2))
    assert len(first.strip()) >= 43
    assert first != second
    value, line = vneid("keys", "new", "bearer").out.splitlines()
    assert line.endswith(hashlib.sha256(value.encode()).hexdigest())


@pytest.mark.parametrize(("kind", "name"), [("signing", "signing.pem"), ("encryption", "encryption.pem")])
def test_keys_are_always_written(vneid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str,
                                 name: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert vneid("keys", "new", kind).out.splitlines()[0].endswith(f" = {name}")
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert vneid("keys", "new", kind).code == 1


@pytest.mark.parametrize("words", [[], ["new"], ["new", "password"], ["old", "secret"]])
def test_other_words_are_refused(vneid: Command, words: list[str]) -> None:
    done = vneid("keys", *words)
    assert done.code == 2
    assert "usage: vneid keys" in done.err
