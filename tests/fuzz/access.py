"""Access rules: read or refused, matched as a plain definition of a glob says, and never generous."""

from __future__ import annotations

import re
from typing import Any

from fuzz.choices import Choices
from fuzz.targets import target
from vneid_middleware.core.access import ALLOW, FORBIDDEN, LOGIN, STEP_UP, Requirement, decide, parse_access, parse_requirements
from vneid_middleware.models import Identity

LINES = ("/a/* = login", "/tra-cứu/? = level>=2 account=person", "*.pdf = claim:role=admin", "/[a-c]x/[!0-9]* = level>=1",
         "/open = pass", "* = login", "/a=b c = login", "/a*b*c*d = level>=1 level>=2")
WORDS = ("pass", "login", "level>=1", "level>=2", "account=person", "account=organisation", "claim:role=admin", "claim:n=7",
         "level>=3", "claim:=", "admin")
SAFE_SET = re.compile(r"(?:[a-zđ](?:-[a-zđ])?)+")
PERSON = Identity("s", "i", "p", "", None, "person", 1, {}, 0, "id")


@target(50)
def access_rules(choices: Choices) -> None:
    """Rules are compiled, or refused in words; the first that matches counts."""
    lines = choices.bent("\n".join(choices.pick(LINES) for _ in range(1 + choices.number(3))))
    try:
        rules = parse_access(lines)
    except ValueError as error:
        assert re.search("expected|the pattern|pass stands alone|no requirement", str(error))
        return
    path = choices.bent(choices.pick(("/a/b", "/tra-cứu/ễ", "/x.pdf", "/ax/9", "/open", "/abcd", choices.text(40))), 2)
    environ_path = path.encode("utf-8", "surrogateescape" if _escapes(path) else "replace").decode("latin-1")
    path = environ_path.encode("latin-1").decode("utf-8", "surrogateescape")
    found = rules.requirements(environ_path)
    for rule in rules.rules:
        expected = matches(rule.pattern, path)
        if expected is None:
            return
        if expected:
            assert found == rule.requirements, rule.pattern
            return
    assert found == ()


def _escapes(text: str) -> bool:
    return not any("\ud800" <= letter < "\udc80" or "\udd00" <= letter <= "\udfff" for letter in text)


def matches(pattern: str, path: str) -> bool | None:
    """Tell whether a glob takes a path; None for sets that have no plain meaning."""
    parts: list[Any] = []
    at = 0
    while at < len(pattern):
        if pattern[at] == "[":
            found = re.compile(r"\[(!?)([^\]]+)\]").match(pattern, at)
            if found is None or not SAFE_SET.fullmatch(found[2]):
                return None
            parts.append((bool(found[1]), _letters(found[2])))
            at = found.end()
        else:
            parts.append(pattern[at])
            at += 1
    reached = {0}
    for part in parts:
        if part == "*":
            reached = set(range(min(reached), len(path) + 1)) if reached else set()
        else:
            reached = {place + 1 for place in reached if place < len(path) and _takes(part, path[place])}
    return len(path) in reached


def _letters(told: str) -> list[tuple[str, str]]:
    return [(piece[0], piece[-1]) for piece in re.findall(r".-.|.", told)]


def _takes(part: Any, letter: str) -> bool:
    if isinstance(part, tuple):
        return part[0] != any(low <= letter <= high for low, high in part[1])
    return part in ("?", letter)


@target(30)
def access_decision(choices: Choices) -> None:
    """Nobody passes whom one of the requirements does not take."""
    words = choices.bent(" ".join(choices.pick(WORDS) for _ in range(choices.number(4))), 2)
    try:
        requirements = parse_requirements(words)
    except ValueError as error:
        assert re.search("expected|pass stands alone", str(error))
        return
    identity = None if choices.one_in(6) else PERSON._replace(
        level=choices.number(2), account_type=choices.pick(("person", "organisation")),
        claims={"role": choices.pick(("admin", ["user", "admin"], "", None, True, {"admin": 1})),
                "n": choices.pick((7, "7", 7.0))})
    decision = decide(requirements, identity)
    assert decision.outcome in (ALLOW, LOGIN, STEP_UP, FORBIDDEN)
    assert (decision.outcome == ALLOW) == all(_is_met(needed, identity) for needed in requirements)
    assert (decision.outcome == LOGIN) == (identity is None and requirements != ())
    if decision.outcome == STEP_UP:
        assert identity is not None
        assert identity.level < decision.level == max(needed.level for needed in requirements)


def _is_met(needed: Requirement, identity: Identity | None) -> bool:
    if identity is None:
        return False
    told = identity.claims.get(needed.claim)
    told = told if isinstance(told, list) else [told]
    return (identity.level >= needed.level and needed.account_type in ("", identity.account_type)
            and (not needed.claim or any(_same(item, needed.claim_value) for item in told)))


def _same(told: Any, value: str) -> bool:
    return {True: "true", False: "false"}[told] == value if isinstance(told, bool) else (
        isinstance(told, (str, int)) and str(told) == value)
