"""The rules of ``access``: which paths need whom, and what follows for the one who asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, NamedTuple

from vneid_middleware.models import ACCOUNT_TYPES, Identity

ALLOW, LOGIN, STEP_UP, FORBIDDEN = "allow", "login", "step_up", "forbidden"

_LEVELS = {"level>=1": 1, "level>=2": 2}
_EXPECTED = "pass, login, level>=1, level>=2, account=person, account=organisation or claim:NAME=VALUE"
_SET = re.compile(r"\[!?\]?[^\]]*(?P<end>\]?)")
_NO_CHARACTER = "(?!)"


class Requirement(NamedTuple):
    """One thing that is needed: somebody signed in and, where set, a level, an account type or a claim."""

    level: int = 0
    account_type: str = ""
    claim: str = ""
    claim_value: str = ""


Requirements = tuple[Requirement, ...]


class Decision(NamedTuple):
    """What follows from the requirements."""

    outcome: str
    """:data:`ALLOW`, :data:`LOGIN` (nobody is signed in), :data:`STEP_UP` (a login at ``level`` cures it) or
    :data:`FORBIDDEN` (no login of this account does)."""
    level: int = 0
    """The level that a login has to reach."""
    reason: str = ""
    """Why it is forbidden: ``account`` or ``claim:NAME``."""


_ALLOWED = Decision(ALLOW)


class Rule(NamedTuple):
    """One line of ``access``, compiled."""

    pattern: str
    matches: Callable[[str], Any]
    requirements: Requirements


@dataclass(frozen=True)
class AccessRules:
    """All lines of ``access``, in their order. False in a condition when there are none."""

    rules: tuple[Rule, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rules)

    def claim_names(self) -> frozenset[str]:
        """Return the claims that any rule asks for."""
        return frozenset(needed.claim for rule in self.rules for needed in rule.requirements if needed.claim)

    def requirements(self, path_info: str) -> Requirements:
        """Return what the first matching rule needs; nothing where none matches.

        Args:
            path_info: WSGI's ``PATH_INFO``: decoded, bytes as latin-1 (PEP 3333), as the host routes on it.
        """
        if not path_info.isascii():
            # bytes that are no UTF-8 become lone surrogates, which no pattern names and every * takes
            path_info = path_info.encode("latin-1").decode("utf-8", "surrogateescape")
        for _, matches, requirements in self.rules:
            if matches(path_info):
                return requirements
        return ()


def parse_access(lines: str) -> AccessRules:
    """Read and compile the setting ``access``.

    Args:
        lines: ``PATTERN = REQUIREMENT…``, one rule a line; a pattern begins with ``/`` or ``*``, ``*`` takes
            anything, ``/`` included, ``?`` one character, ``[…]`` one of a set. Of several requirements all
            are needed.

    Raises:
        ValueError: names every line that is wrong, and what is expected.
    """
    rules, problems = [], []
    for line in filter(None, (" ".join(line.split()) for line in lines.splitlines())):
        try:
            rules.append(_parse_line(line))
        except ValueError as error:
            problems.append(f"{line!r}: {error}")
    if problems:
        raise ValueError("; ".join(problems))
    return AccessRules(tuple(rules))


def parse_requirements(text: str) -> Requirements:
    """Read the right side of a rule: ``pass``, or one or more requirements between spaces.

    Raises:
        ValueError: names the word that is wrong, and what is expected.
    """
    words = text.split()
    if not words:
        raise ValueError(f"no requirement; expected {_EXPECTED}")
    if words == ["pass"]:
        return ()
    if "pass" in words:
        raise ValueError("pass stands alone; remove it or the others")
    return tuple(_parse_requirement(word) for word in words)


def decide(requirements: Requirements, identity: Identity | None) -> Decision:
    """Tell what follows for ``identity``, None being nobody. What no login cures is told first."""
    if not requirements:
        return _ALLOWED
    level = max(requirement.level for requirement in requirements)
    if identity is None:
        return Decision(LOGIN, level)
    for requirement in requirements:
        if requirement.account_type and requirement.account_type != identity.account_type:
            return Decision(FORBIDDEN, reason="account")
        if requirement.claim and not _holds(identity.claims.get(requirement.claim), requirement.claim_value):
            return Decision(FORBIDDEN, reason=f"claim:{requirement.claim}")
    return Decision(STEP_UP, level) if identity.level < level else _ALLOWED


def _parse_line(line: str) -> Rule:
    pattern, separator, requirements = line.partition(" = ")
    if not separator:
        pattern, separator, requirements = line.partition("=")
    if not separator:
        raise ValueError("expected PATTERN = REQUIREMENT")
    pattern = pattern.strip()
    return Rule(pattern, _compile(pattern), parse_requirements(requirements))


def _compile(pattern: str) -> Callable[[str], Any]:
    """Return the cheapest test for a glob; :func:`fnmatch.translate` makes one that needs no backtracking."""
    if not pattern.startswith(("/", "*")):
        raise ValueError("the pattern must begin with / or *")
    if any(not match["end"] for match in _SET.finditer(pattern)):
        raise ValueError("the pattern has a [ without its ]; write [[] for the character itself")
    if not re.search(r"[*?\[]", pattern):
        return pattern.__eq__
    if not re.search(r"[*?\[]", pattern[:-1]) and pattern.endswith("*"):
        prefix = pattern[:-1]
        return lambda path: path.startswith(prefix)
    expression = translate(pattern)
    if _NO_CHARACTER in expression:
        raise ValueError("the pattern has a set that no character is in, such as [z-a]")
    return re.compile(expression).match


def _parse_requirement(word: str) -> Requirement:
    if word == "login":
        return Requirement()
    if word in _LEVELS:
        return Requirement(level=_LEVELS[word])
    kind, _, value = word.partition("=")
    if kind == "account" and value in ACCOUNT_TYPES:
        return Requirement(account_type=value)
    if kind.startswith("claim:") and kind != "claim:" and value:
        return Requirement(claim=kind.removeprefix("claim:"), claim_value=value)
    raise ValueError(f"{word!r} is no requirement; expected {_EXPECTED}")


def _holds(claim: object, expected: str) -> bool:
    if isinstance(claim, (list, tuple)):
        return any(_equals(item, expected) for item in claim)
    return _equals(claim, expected)


def _equals(claim: object, expected: str) -> bool:
    if isinstance(claim, bool):
        return expected == ("true" if claim else "false")
    return isinstance(claim, (str, int)) and str(claim) == expected
