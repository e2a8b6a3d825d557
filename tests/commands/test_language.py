"""The command line in Vietnamese, where the locale is."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from vneid_middleware import cli, simulator
from vneid_middleware.cli.vietnamese import ARGPARSE, WORDS

Command = Callable[..., Any]
FILES = [path for package in (cli, simulator) for path in Path(package.__file__ or "").parent.glob("*.py")
         if package is cli or path.name.startswith("__")]
LETTERS = "ăâđêôơưáàảãạéèẻẽẹíìỉĩịóòỏõọúùủũụýỳỷỹỵấầẩẫậắằẳẵặếềểễệốồổỗộớờởỡợứừửữự"
FOR_PROGRAMMERS = ("conflicting", "call__", "'required' is", "mutually exclusive", "callable", "can't open", "cannot merge",
                   "invalid option string", "dest= is", "invalid conflict", "cannot have multiple", "unknown parser",
                   'argument "-"', "unexpected option", "deprecated")
"""Words of argparse that only a mistake in our own code would show, or what we don't use."""


@pytest.fixture(autouse=True)
def locale(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "vi_VN.UTF-8")
    return monkeypatch


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (getattr(node.func, "id", "") in names or getattr(node.func, "attr", "") in names):
            yield node


@cache
def trees() -> dict[Path, ast.Module]:
    """Return the files, parsed once."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def said() -> set[str]:
    """What the code says: the words of ``say`` and the descriptions of the commands."""
    found = set(cli._COMMANDS.values())
    for tree in trees().values():
        for call in calls(tree, "say"):
            if isinstance(call.args[0], ast.Constant):
                found.add(call.args[0].value)
        for call in calls(tree, "counted"):
            found.update(word.value for word in call.args if isinstance(word, ast.Constant))
    return found


def test_every_message_has_its_vietnamese_words_and_no_words_are_left_over() -> None:
    assert len(said()) > 80
    assert said() - set(WORDS) == set()
    assert set(WORDS) - said() - set(ARGPARSE) == set()


def test_the_words_are_vietnamese_and_have_the_same_places_for_values() -> None:
    for english, vietnamese in WORDS.items():
        places = [sorted(re.findall(r"\{\w+\}|%%?\(\w+\)\w|%[sr]|--[\w-]+", text)) for text in (english, vietnamese)]
        assert places[0] == places[1], english
        assert "{" in english or set(vietnamese.lower()) & set(LETTERS), vietnamese
        assert english[-1:] not in ".:" or vietnamese[-1] == english[-1], vietnamese


def test_nothing_is_printed_that_is_not_in_the_table() -> None:
    """Two words one after the other are a message, unless they are a part of an ini or of a command's name."""
    bare = []
    for path, tree in trees().items():
        for call in calls(tree, "print", "add_argument", "add_parser", "Problem", "Row",
                          "ConfigurationError", "ArgumentTypeError"):
            inside = {id(node) for inner in calls(call, "say", "counted") for node in ast.walk(inner)}
            bare += [f"{path.name}: {node.value}" for node in ast.walk(call)
                     if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside
                     and re.search(r"[a-z]{2,} [a-z]{2,}", re.sub(r"^vneid( [a-z]+)*", "", node.value))]
    assert bare == []


def test_what_argparse_says_has_its_vietnamese_words() -> None:
    tree = ast.parse(Path(argparse.__file__).read_text(encoding="utf-8"))
    words = {arg.value for call in calls(tree, "_", "ngettext") for arg in call.args
             if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    assert len(words) > 20
    assert [word for word in words - set(WORDS) if not any(part in word for part in FOR_PROGRAMMERS)] == []


@pytest.mark.parametrize("words", [[], ["init"], ["serve"], ["check"], ["plugins"], ["simulator"], ["sessions"], ["keys"],
                                   ["worker"], ["documents"], ["export"], ["erase"], ["outbox", "x.ini", "list"],
                                   ["outbox", "x.ini", "retry"], ["documents", "x.ini", "backfill"],
                                   ["sessions", "x.ini", "list"], ["sessions", "x.ini", "revoke"], ["keys", "new"]])
def test_all_help_is_vietnamese(vneid: Command, words: list[str]) -> None:
    done = vneid(*words, "--help")
    assert done.code == 0
    # the one for plugins is our own
    assert done.out.startswith("cách dùng: vneid")
    assert "hiện phần trợ giúp này rồi thoát" in done.out
    for english in ("usage", "options", "show ", "the portal", "Example", "default"):
        assert english not in done.out


@pytest.mark.parametrize(("words", "expected"), [
    ([], "vneid: lỗi: thiếu các đối số: COMMAND"),
    (["chekc"], "lựa chọn không hợp lệ: 'chekc'"),
    (["check"], "thiếu các đối số: FILE.ini"),
    (["keys", "new", "secret", "--out"], "đối số --out: cần một giá trị"),
    (["simulator", "--port", "0"], "cần một cổng mạng từ 1 đến 65535"),
    (["sessions", "x.ini", "list", "--x"], "không nhận ra đối số: --x"),
])
def test_refusals_are_vietnamese(vneid: Command, words: list[str], expected: str) -> None:
    done = vneid(*words)
    assert done.code == 2
    assert expected in done.err
    assert " error" not in done.err
    assert done.out == ""


def test_the_compliance_table_and_the_problems(vneid: Command, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini())
    assert done.code == 0
    assert done.out.startswith("yêu cầu ")
    assert re.search(r"^chỉ truyền qua TLS .* đạt +public_url$", done.out, re.MULTILINE)
    assert "khởi động được" in done.err
    broken = vneid("check", ini({"sso.client_id": None}, pipeline=""))
    assert broken.code == 1
    assert "lỗi: [pipeline:main]: bị thiếu. Hãy thêm: pipeline = vneid portal (portal.ini)" in broken.err
    assert ("lỗi: sso.client_id: bắt buộc phải có nhưng đang thiếu. Mã khách (client id) mà C06 cấp cho cổng. "
            "(portal.ini, [filter:vneid])") in broken.err


@pytest.mark.parametrize(("variables", "vietnamese"), [
    ({"LANG": "vi"}, True), ({"LANG": "vi_VN"}, True), ({"LANG": "vi_VN.UTF-8"}, True), ({"LC_MESSAGES": "vi_VN.UTF-8"}, True),
    ({"LC_ALL": "vi_VN.UTF-8", "LANG": "en_US.UTF-8"}, True), ({"LC_ALL": "", "LANG": "vi_VN"}, True),
    ({"LC_ALL": "C", "LANG": "vi_VN.UTF-8"}, False), ({"LC_MESSAGES": "en_US.UTF-8", "LANG": "vi_VN.UTF-8"}, False),
    ({"LANG": "en_US.UTF-8"}, False), ({"LANG": "C"}, False), ({"LANG": "vic_US"}, False), ({}, False),
])
def test_the_locale_decides(vneid: Command, locale: pytest.MonkeyPatch, variables: dict[str, str], vietnamese: bool) -> None:
    locale.delenv("LANG")
    for name, value in variables.items():
        locale.setenv(name, value)
    told = vneid("--help").out
    assert told.startswith("cách dùng: " if vietnamese else "usage: ")


def test_a_terminal_that_can_not_show_it_is_spoken_to_in_english(command: Command, locale: pytest.MonkeyPatch) -> None:
    assert command("chekc").err.startswith("cách dùng: ")
    locale.setenv("PYTHONIOENCODING", "ascii")
    assert command("chekc").err.startswith("usage: ")


def test_the_portal_s_own_use_of_argparse_is_left_alone(vneid: Command) -> None:
    assert vneid("--help").out.startswith("cách dùng: ")
    assert argparse.ArgumentParser(prog="host").format_help().startswith("usage: host")
