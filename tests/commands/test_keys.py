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
NAMED = ("qr.operators", "documents.submitters", "documents.callers")
MORE = {"sso.signing_key": {"sso.client_auth": "private_key_jwt"}, "secret": {"secret": None},
        **{key: {"plugins": "sso documents"} for key in ("documents.submitters", "documents.callers", "documents.signing_key")},
        **{key: {"plugins": "sso qr"} for key in ("qr.operators", "qr.decryption_key")}}
OTHER_LINES = {"documents": ("transport.vneid.kind = direct\ntransport.vneid.url = https://vneid.example\n"
                             "documents.transport = vneid\ndocuments.push_path = /changes\n",)}


@pytest.mark.parametrize(("kind", "key"), [
    ("secret", "secret"), ("bearer", "metrics.key"), ("bearer", "qr.operators"), ("bearer", "documents.submitters"),
    ("bearer", "documents.callers"), ("signing", "sso.signing_key"), ("signing", "documents.signing_key"),
    ("encryption", "sso.decryption_key"), ("encryption", "qr.decryption_key")])
def test_the_printed_line_makes_check_pass(vneid: Command, ini: Callable[..., Path], monkeypatch: pytest.MonkeyPatch,
                                           kind: str, key: str) -> None:
    folder = ini().parent
    monkeypatch.chdir(folder)
    words = ["--name", "mot-cua"] if key in NAMED else []
    made = vneid("keys", "new", kind, "--out", "secrets/new", "--for", key, *words)
    assert made.code == 0
    assert made.err == "", "there is one line, and nothing to choose"
    line = made.out.partition("{")[0]
    assert line.partition(" =")[0] == key
    assert stat.S_IMODE((folder / "secrets" / "new").stat().st_mode) == 0o600
    done = vneid("check", ini(MORE.get(key), lines="".join((line, *OTHER_LINES.get(key.partition(".")[0], ())))))
    errors = [told for told in done.err.splitlines() if told.startswith("error")]
    assert [told for told in errors if key in told] == []
    assert key in (folder / "portal.ini").read_text()
    if key in NAMED:
        assert "mot-cua = " in line


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
    (key,) = json.loads("{" + done.out.partition("{")[2])["keys"]
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
        digest = hashlib.sha256(value.encode()).hexdigest()
        assert done.out == (f"qr.operators =\n    NAME = sha256:{digest}\ndocuments.submitters =\n    NAME = sha256:{digest}\n"
                            f"documents.callers =\n    NAME = key:sha256:{digest}\nmetrics.key = sha256:{digest}\n")
        assert "take the one line that it is for" in done.err
        assert "in place of NAME" in done.err


def test_without_a_file_a_secret_is_printed_alone(vneid: Command) -> None:
    first, second = (vneid("keys", "new", "secret").out for _ in range(2))
    assert len(first.strip()) >= 43
    assert first != second
    value, line = vneid("keys", "new", "bearer", "--for", "metrics.key").out.splitlines()
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


@pytest.mark.parametrize(("words", "told"), [
    (["secret", "--for", "metrics.key"], "--for metrics.key does not go with secret"),
    (["signing", "--for", "qr.decryption_key"], "which is for: sso.signing_key, documents.signing_key"),
    (["bearer", "--for", "metrics.key", "--name", "x"], "--name is for settings with lines NAME"),
    (["secret", "--name", "x"], "--name is for settings with lines NAME"),
    (["bearer", "--for", "qr.operators", "--name", "một cửa"], "letters without diacritics"),
    (["bearer", "--for", "qr.operators", "--name", "a=b"], "letters without diacritics"),
    (["bearer", "--for", "qr.operator"], "invalid choice"),
])
def test_what_does_not_go_together_is_told_and_nothing_is_made(vneid: Command, tmp_path: Path, words: list[str],
                                                               told: str) -> None:
    done = vneid("keys", "new", *words, "--out", tmp_path / "key")
    assert done.code == 2
    assert told in done.err
    assert done.out == ""
    assert not (tmp_path / "key").exists()
