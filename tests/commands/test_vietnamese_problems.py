"""Problems with settings in Vietnamese: whatever tables, converters and rules can say is known to the command line."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import vneid_middleware
from vneid_middleware.cli.problems import explained, vietnamese
from vneid_middleware.cli.vietnamese_expectations import GENERAL
from vneid_middleware.cli.vietnamese_parts import PARTS
from vneid_middleware.cli.vietnamese_remedies import REMEDIES

Command = Callable[..., Any]
ROOT = Path(vneid_middleware.__file__).parent
WORDS = {**GENERAL, **PARTS, **REMEDIES}
LETTERS = "ăâđêôơưáàảãạéèẻẽẹíìỉĩịóòỏõọúùủũụýỳỷỹỵấầẩẫậắằẳẵặếềểễệốồổỗộớờởỡợứừửữự"
SAY = {"ValueError", "PluginError", "Problem", "problem", "_wrong", "_parts", "_url", "_url_parts"}
"""Whose arguments are told to an administrator, or handed on to one of these."""
FILES = [ROOT / name for name in (
    "application.py", "converters.py", "directives.py", "loader.py", "paste.py", "key_files.py", "core/access.py",
    "core/keys.py", "settings/reading.py", "settings/source.py", "storage/urls.py", "plugins/foundation.py",
    "plugins/sessions.py", "plugins/keys.py", "plugins/audit/__init__.py", "plugins/audit/sinks.py",
    "plugins/sso/accounts.py")] + sorted(ROOT.glob("plugins/**/settings.py")) + [
    ROOT / "plugins/transports" / name for name in ("identifiers.py", "lgsp.py", "ndxp.py", "xroad.py")]
FUNCTIONS = {"storage/foreign.py": ("check_select", "foreign_url", "_bound"), "storage/accounts.py": ("check_query",),
             "core/mobile.py": ("app_id_fault", "callback_fault")}
ENGLISH = {
    # what plugins and the programmers of plugins do wrong
    "a path begins with a slash and has no dots for segments",
}
"""What stays English."""


def text(node: ast.AST) -> str:
    """Return what is written down, with ``{expression}`` for what is not; empty for a mere expression."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
                       for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text(node.left), text(node.right)
        return (left or "{left}") + (right or "{right}") if left or right else ""
    return ""


def arguments(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in SAY:
            for argument in node.args:
                for part in (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,):
                    yield text(part)
        if isinstance(node, ast.keyword) and node.arg == "remedy":
            yield text(node.value)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("expectation", "_RISK"):
            yield text(node.value)


def sentences() -> dict[str, str]:
    """Return what can be told, and where it stands."""
    found = {words: path.name for path in FILES for words in arguments(ast.parse(path.read_text(encoding="utf-8")))}
    for name, functions in FUNCTIONS.items():
        for node in ast.parse((ROOT / name).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name in functions:
                found.update(dict.fromkeys(arguments(node), name))
                found.update({text(inner.value): name for inner in ast.walk(node) if isinstance(inner, ast.Return)
                              and inner.value is not None})
    # a sentence has blanks; a key, a path and a lone place for a value don't
    return {words: where for words, where in found.items() if re.search(r"[a-z]{2,} [a-z(]", re.sub(r"\{.*?\}", "{}", words))}


def filled(words: str) -> str:
    """Put something where a value belongs; where that is a sentence of its own, one that is known."""
    values = {**dict.fromkeys(("problem", "left", "expectation"), "must be true or false"),
              **dict.fromkeys(("form", "_CALLERS"), "KEY = VALUE"), "' of ' + unit if unit else ''": " of seconds"}
    return re.sub(r"\{([^{}]*(?:\{[^{}]*\})?[^{}]*)\}", lambda match: values.get(match[1], "'x-y'"), words)


def test_all_that_can_be_told_is_known_in_vietnamese() -> None:
    found = sentences()
    assert len(found) > 150
    unknown = {words: where for words, where in found.items() if words not in ENGLISH and not vietnamese(filled(words))}
    assert unknown == {}
    assert set(found) >= ENGLISH


def test_the_remedies_of_all_rows_are_known() -> None:
    from vneid_middleware.application import assemble
    from vneid_middleware.settings import REQUIRED, Source

    tables = assemble(Source({"plugins": "sso mobile qr documents"})).registrations.tables.values()
    rows = [row for table in tables for row in table.rows]
    # without a remedy a missing setting is told what it is for
    told = {row.remedy or (row.help if row.default is REQUIRED else "") for row in rows} - {""}
    assert len(told) > 8
    assert [words for words in told if not vietnamese(words)] == []


def test_the_words_are_vietnamese_and_have_the_same_places_for_values() -> None:
    for english, words in WORDS.items():
        places = [sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in (english, words)]
        assert places[0] == places[1], english
        assert set(words.lower()) & set(LETTERS) or "{inner}" in english, words
        assert english[-1] not in ".?" or words[-1] == english[-1], words


@pytest.mark.parametrize(("english", "words"), [
    ("must be vi or en", "phải là vi hoặc en"),
    ("must be one of guide-2023, oidc", "phải là một trong: guide-2023, oidc"),
    ("must be lines NAME = sha256:HEX, with 64 hexadecimal digits; that of 'mot-cua' is not",
     "phải gồm các dòng NAME = sha256:HEX, với 64 chữ số thập lục phân; dòng của 'mot-cua' không đúng dạng"),
    ("'/x': expected PATTERN = REQUIREMENT; 'y = login': the pattern must begin with / or *",
     "'/x': phải có dạng PATTERN = REQUIREMENT; 'y = login': mẫu đường dẫn phải bắt đầu bằng / hoặc *"),
    ("the plugin acme: must be true or false", "plugin acme: phải là true hoặc false"),
    ("portal.ini, line 12", "portal.ini, dòng 12"),
])
def test_values_go_over(english: str, words: str) -> None:
    assert vietnamese(english) == words


@pytest.mark.parametrize("english", ["", "whatever a vendor's plugin says", "the plugin acme: whatever it says",
                                     "must be true or false; and more", "'/x': unheard of"])
def test_what_is_not_known_stays_english(english: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "vi_VN.UTF-8")
    assert vietnamese(english) == ""
    assert explained(english) == english


def test_check_and_serve_explain_in_the_reader_s_language(vneid: Command, ini: Callable[..., Path],
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    path = ini({"plugins": "sso documents", "language": "fr", "session.max_age": "5m", "documents.submitters": "mot-cua",
                "documents.GPLX.lookup": "SELECT 1", "sso.isuer": "x"})
    english = vneid("check", path).err
    assert "must be vi or en; it is 'fr'" in english
    monkeypatch.setenv("LC_ALL", "vi_VN.UTF-8")
    for command in ("check", "serve"):
        told = vneid(command, path).err
        assert "lỗi: language: phải là vi hoặc en; giá trị hiện tại là 'fr'. (portal.ini, dòng " in told
        assert "lỗi: session.max_age: phải là số giây nguyên từ " in told
        assert ("lỗi: documents.submitters: phải gồm các dòng NAME = sha256:HEX; 'mot-cua' không đúng dạng. Hãy tạo khóa bằng "
                "lệnh: vneid keys new bearer --for documents.submitters --name NAME.") in told
        assert "documents.GPLX.lookup: phải truy vấn theo :soDinhDanh: nếu không sẽ tìm thấy giấy tờ của công dân khác" in told
        assert "sso.isuer: không có thiết lập này; có phải ý bạn là sso.issuer?" in told
        assert not re.search("must be|is required|unknown|it is", told)
