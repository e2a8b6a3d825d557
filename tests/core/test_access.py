"""The rules of ``access``: their form, which path they take, and what follows."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vneid_middleware.core.access import (
    ALLOW,
    FORBIDDEN,
    LOGIN,
    STEP_UP,
    AccessRules,
    Decision,
    Requirement,
    decide,
    parse_access,
    parse_requirements,
)
from vneid_middleware.models import Identity, frozen

SIGNED_IN = Identity(
    subject="s", issuer="https://vneid.gov.vn", personal_id="001096012345", full_name="Nguyễn Văn An",
    birth_date=None,
    account_type="person", level=1, claims=frozen({}), authenticated_at=1, session_id="x")


def wsgi(path: str) -> str:
    """Return the path as PEP 3333 hands it over."""
    return path.encode("utf-8", "surrogateescape").decode("latin-1")


def takes(pattern: str, path: str) -> bool:
    return bool(parse_access(f"{pattern} = login").requirements(wsgi(path)))


def person(**changes: Any) -> Identity:
    if "claims" in changes:
        changes["claims"] = frozen(changes["claims"])
    return SIGNED_IN._replace(**changes)


class TestForm:
    def test_a_whole_table(self) -> None:
        rules = parse_access("""
            /static/*      = pass
            /admin*        = login level>=2 account=person claim:role=admin
            /ho-so/*       =   level>=1
            *              = pass
        """)
        assert [rule.pattern for rule in rules.rules] == ["/static/*", "/admin*", "/ho-so/*", "*"]
        assert rules.requirements("/static/a.css") == ()
        assert rules.requirements("/admin") == (
            Requirement(), Requirement(level=2), Requirement(account_type="person"),
            Requirement(claim="role", claim_value="admin"))
        assert rules.requirements("/ho-so/1") == (Requirement(level=1),)
        assert rules.requirements("/") == ()

    @pytest.mark.parametrize("lines", ["", "\n", "  \n\t\n"])
    def test_no_rules(self, lines: str) -> None:
        rules = parse_access(lines)
        assert not rules
        assert rules == AccessRules()
        assert rules.requirements("/admin") == ()

    @pytest.mark.parametrize("line", ["/a=login", "/a =login", "/a= login", "\t/a\t=\tlogin  ",
        "/a  =  login"])
    def test_spaces_do_not_matter(self, line: str) -> None:
        rules = parse_access(line)
        assert rules
        assert rules.requirements("/a") == (Requirement(),)

    def test_the_first_equals_sign_ends_the_pattern_where_none_has_spaces_around(self) -> None:
        assert parse_access("/a=claim:role=admin").requirements("/a") == (Requirement(claim="role", claim_value="admin"),)

    def test_equals_signs_and_spaces_in_a_pattern(self) -> None:
        assert parse_access("/a=b c/* = login").requirements("/a=b c/d") == (Requirement(),)

    @pytest.mark.parametrize(("line", "expected"), [
        ("/a", "PATTERN = REQUIREMENT"), ("login", "PATTERN = REQUIREMENT"),
        ("a = login", "must begin with / or *"), (" = login", "must begin with / or *"),
        ("?a = login", "must begin with / or *"), ("[/]a = login", "must begin with / or *"),
        ("# /a = login", "must begin with / or *"), ("https://x.vn/a = login", "must begin with / or *"),
        ("/a[ = login", "without its ]"), ("/a[b = login", "without its ]"),
        ("/a[! = login", "without its ]"), ("/a[] = login", "without its ]"),
        ("/a[!] = login", "without its ]"), ("/a[b]c[ = login", "without its ]"),
        ("/[z-a] = login", "no character"), ("/a = ", "no requirement"), ("/a =", "no requirement"),
        ("/a = admin", "'admin' is no requirement"), ("/a = Login", "'Login' is no requirement"),
        ("/a = level>=3", "'level>=3' is no requirement"), ("/a = level>=0", "'level>=0' is no requirement"),
        ("/a = level >= 2", "'level' is no requirement"), ("/a = level=2", "'level=2' is no requirement"),
        ("/a = level>2", "'level>2' is no requirement"), ("/a = account=company",
            "'account=company' is no requirement"), ("/a = account=", "'account=' is no requirement"),
        ("/a = account", "'account' is no requirement"),
        ("/a = claim:role", "'claim:role' is no requirement"),
        ("/a = claim:=x", "'claim:=x' is no requirement"),
        ("/a = claim:role=", "'claim:role=' is no requirement"),
        ("/a = claim=role", "'claim=role' is no requirement"),
        ("/a = type=person", "'type=person' is no requirement"), ("/a = pass login", "pass stands alone"),
        ("/a = login pass", "pass stands alone"), ("/a = pass pass", "pass stands alone"),
        ("/a = login, level>=2", "'login,' is no requirement"),
        ("/a = login = x", "'=' is no requirement"),
    ])
    def test_lines_that_are_refused(self, line: str, expected: str) -> None:
        with pytest.raises(ValueError, match=re.escape(expected)) as caught:
            parse_access(f"/good = pass\n{line}\n")
        assert repr(" ".join(line.split())) in str(caught.value)

    def test_the_claims_that_rules_ask_for_are_told(self) -> None:
        rules = parse_access("/a = claim:role=admin level>=2\n/b = login\n/c = claim:unit=1\n/d = claim:role=x")
        assert rules.claim_names() == {"role", "unit"}
        assert parse_access("/b = login").claim_names() == frozenset()

    def test_every_wrong_line_is_named_at_once(self) -> None:
        with pytest.raises(ValueError, match=r"(?s)'a = login'.*'/b = root'") as caught:
            parse_access("a = login\n/good = login\n/b = root")
        assert "good" not in str(caught.value)

    @pytest.mark.parametrize(("text", "expected"), [
        ("pass", ()), ("login", (Requirement(),)),
        (" level>=2  account=person ", (Requirement(level=2), Requirement(account_type="person"))),
        ("claim:unit=a=b", (Requirement(claim="unit", claim_value="a=b"),)),
        ("claim:https://x/y=1", (Requirement(claim="https://x/y", claim_value="1"),)),
    ])
    def test_requirements_alone(self, text: str, expected: Any) -> None:
        assert parse_requirements(text) == expected

    @given(st.text(max_size=30) | st.text(alphabet="/*[]!?= loginps-a\n", max_size=30))
    def test_nothing_but_our_error(self, lines: str) -> None:
        try:
            rules = parse_access(lines)
        except ValueError as error:
            message = str(error)
        else:
            message = "expected" if len(rules.rules) <= len(lines.splitlines()) else "too many"
        assert re.search("expected|the pattern|pass stands alone", message)


class TestMatching:
    @pytest.mark.parametrize(("pattern", "takes_these", "not_these"), [
        ("*", ["", "/", "/a/b", "x", "/\n"], []), ("/", ["/"], ["", "/a", "//"]),
        ("/a", ["/a"], ["/", "/a/", "/ab", "/A", "/a/b", "//a", "/a;x", "/./a", "/a\n", " /a"]),
        ("/a/*", ["/a/", "/a/b", "/a/b/c", "/a//", "/a/\n"], ["/a", "/ab/", "/A/b", "/x/a/b"]),
        ("/a*", ["/a", "/a/", "/abc", "/a/b/c"], ["/", "/b", "/A"]),
        ("*.pdf", [".pdf", "/a.pdf", "/a/b.pdf"], ["/a.pdf/", "/a.PDF", "/apdf", "/a.pdf\n"]),
        ("/*/in", ["//in", "/a/in", "/a/b/in"], ["/in", "/a/in/", "/a/inn"]),
        ("/a/?", ["/a/b", "/a//", "/a/ễ", "/a/😀", "/a/\n"], ["/a/", "/a/bc", "/a/e\u0302\u0303"]),
        ("/[abc]/x", ["/a/x", "/c/x"], ["/d/x", "//x", "/ab/x", "/A/x"]),
        ("/[!abc]/x", ["/d/x", "///x", "/ă/x"], ["/a/x", "//x"]),
        ("/[a-c0-9]", ["/b", "/7"], ["/d", "/-", "/"]), ("/[]x]", ["/]", "/x"], ["/", "/["]),
        ("/[[]x", ["/[x"], ["/x"]), ("/[áàạ]", ["/á", "/ạ"], ["/a", "/ả", "/\udce1"]),
        ("/tra-cứu/*", ["/tra-cứu/", "/tra-cứu/hồ-sơ"], ["/tra-cuu/", "/tra-cu", "/tra-cứu"]),
        ("/tra-cứu", ["/tra-cứu"], ["/tra-c\u01b0\u0301u"]),
        ("*hồ*sơ", ["/hồ sơ", "/a/hồ/x/sơ"], ["/hồ sơ/", "/ho so"]),
        ("/a.b+(c)", ["/a.b+(c)"], ["/axb+(c)", "/abbc"]), ("/a\\b", ["/a\\b"], ["/ab"]),
        ("/a**b", ["/ab", "/axb"], ["/a", "/abx"]), ("/a**", ["/a", "/ab"], ["/", "/b"]),
        ("/*/in/*", ["/x/in/", "/x/y/in/z"], ["/*/", "/in/x", "/x/inn/"]), ("/a?*", ["/ab", "/abc"], ["/a", "/b"]),
        ("/[ab]*", ["/a", "/bc"], ["/[ab]", "/c"]), ("/*b*", ["/b", "/abc"], ["/", "/a"]),
    ])
    @pytest.mark.threat("A-153")
    def test_globs(self, pattern: str, takes_these: list[str], not_these: list[str]) -> None:
        for path in takes_these:
            assert takes(pattern, path), path
        for path in not_these:
            assert not takes(pattern, path), path

    def test_bytes_that_are_no_utf_8_only_match_a_star(self) -> None:
        for path in ("/\xff", "/\xc0\xaf", "/\xe1", "/\xed\xa0\x80", "/x/\x80"):
            for pattern in ("*", "/*"):
                assert parse_access(f"{pattern} = login").requirements(path)
            for pattern in ("/ÿ", "//", "/á", "/[à-ỹ]", "/À¯"):
                assert not parse_access(f"{pattern} = login").requirements(path)

    @pytest.mark.threat("A-153")
    def test_the_first_rule_that_matches_wins(self) -> None:
        rules = parse_access("/a/open/* = pass\n/a/* = level>=2\n/a/b/* = login\n* = login")
        assert rules.requirements("/a/open/x") == ()
        assert rules.requirements("/a/b/c") == (Requirement(level=2),)
        assert rules.requirements("/a/open") == (Requirement(level=2),)
        assert rules.requirements("/") == (Requirement(),)

    @pytest.mark.timeout(20)
    @pytest.mark.parametrize("pattern", [
        "*a" * 50 + "*b", "/" + "*a*" * 40 + "b", "*" * 1000 + "b", "/*" + "?" * 60 + "*b",
        "*[a-c]" * 50 + "*d", "*aaaaaaaaaa" * 20 + "b", "*é" * 40 + "*b", "/" + "a*" * 60 + "?" * 30 + "b",
    ])
    def test_many_stars_take_no_longer_on_a_hostile_path(self, pattern: str) -> None:
        rules = parse_access(f"{pattern} = login")
        for path in ("/" + "a" * 20_000, "/" + "a" * 20_000 + "c", wsgi("/" + "aé" * 7_000)):
            assert rules.requirements(path) == ()

    @given(st.text(alphabet="*?ab/é", max_size=10).map(lambda tail: "*" + tail) | st.text(alphabet="*?ab/é",
        max_size=10).map(lambda tail: "/" + tail),
           st.text(alphabet="ab/é\n", max_size=14))
    def test_globs_agree_with_a_plain_definition(self, pattern: str, path: str) -> None:
        assert takes(pattern, path) == _matches(pattern, path)


@lru_cache(maxsize=100_000)
def _matches(pattern: str, path: str) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "*":
        return _matches(pattern[1:], path) or (path != "" and _matches(pattern, path[1:]))
    return path != "" and pattern[0] in ("?", path[0]) and _matches(pattern[1:], path[1:])


class TestDecisions:
    @pytest.mark.parametrize(("requirements", "identity", "expected"), [
        ("pass", None, Decision(ALLOW)), ("pass", person(level=0), Decision(ALLOW)),
        ("login", None, Decision(LOGIN)), ("login", person(level=0), Decision(ALLOW)),
        ("level>=1", None, Decision(LOGIN, 1)), ("level>=2", None, Decision(LOGIN, 2)),
        ("login level>=1 level>=2", None, Decision(LOGIN, 2)),
        ("level>=1", person(level=0), Decision(STEP_UP, 1)), ("level>=1", person(level=1), Decision(ALLOW)),
        ("level>=1", person(level=2), Decision(ALLOW)), ("level>=2", person(level=1), Decision(STEP_UP, 2)),
        ("level>=2 level>=1", person(level=1), Decision(STEP_UP, 2)),
        ("level>=2", person(level=2), Decision(ALLOW)), ("account=person", None, Decision(LOGIN)),
        ("account=person", person(), Decision(ALLOW)), ("account=organisation", person(),
            Decision(FORBIDDEN, reason="account")), ("account=person", person(account_type="organisation"),
            Decision(FORBIDDEN, reason="account")), ("account=organisation",
            person(account_type="organisation"), Decision(ALLOW)),
        ("account=person account=organisation", person(), Decision(FORBIDDEN, reason="account")),
        ("level>=2 account=organisation", person(), Decision(FORBIDDEN, reason="account")),
        ("level>=2 claim:role=admin", person(), Decision(FORBIDDEN, reason="claim:role")),
        ("level>=2 claim:role=admin", person(claims={"role": "admin"}), Decision(STEP_UP, 2)),
        ("claim:role=admin", None, Decision(LOGIN)),
    ])
    def test_what_follows(self, requirements: str, identity: Identity | None, expected: Decision) -> None:
        assert decide(parse_requirements(requirements), identity) == expected

    @pytest.mark.parametrize(("claim", "value", "allowed"), [
        ("admin", "admin", True), ("Admin", "admin", False), ("admin ", "admin", False),
        ("administrator", "admin", False), ("", "admin", False), (["user", "admin"], "admin", True),
        (["user"], "admin", False), ([], "admin", False), (("admin",), "admin", True),
        ([["admin"]], "admin", False), (7, "7", True), ("7", "7", True), (7, "07", False), ([7], "7", True),
        (-1, "-1", True), (True, "true", True), (True, "True", False), (True, "1", False),
        (False, "false", True), (False, "0", False), (1, "true", False), ([True], "true", True),
        (None, "None", False), (None, "null", False), (1.0, "1.0", False), ({"admin": 1}, "admin", False),
        ({"admin"}, "admin", False), (b"admin", "admin", False), ("phòng-1", "phòng-1", True),
        ("a=b", "a=b", True),
    ])
    def test_claims(self, claim: Any, value: str, allowed: bool) -> None:
        decision = decide(parse_requirements(f"claim:c={value}"), person(claims={"c": claim}))
        assert decision == (Decision(ALLOW) if allowed else Decision(FORBIDDEN, reason="claim:c"))
