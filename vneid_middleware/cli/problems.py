"""Problems with settings in the reader's language.

They are made far below, in English, with values in them; here the sentence is found again by its words, and the values go over.
"""

from __future__ import annotations

import re
from functools import cache

from vneid_middleware.cli.words import language

_PLACE = re.compile(r"\\\{(\w+)\\\}")

_VALUES = {"key": r"\S+", "choice": r"[^\s,;]+(?:, [^\s,;]+)*(?: or [^\s,;]+)?",
           "form": r"KEY = VALUE|NAME = [^\s,;]+(?:(?: or|,|, or) (?:NAME = )?[^\s,;]+:[^\s,;]+)*"}
"""What may stand in a place, where anything would take in sentences that are not known."""


def explained(english: str) -> str:
    """Return a problem's sentence in the language of whoever types; one that is not known stays English."""
    if language() != "vi" or not english:
        return english
    return vietnamese(english) or english


def vietnamese(english: str) -> str:
    """Return the Vietnamese for a sentence, or for several with semicolons between them; empty where there is none."""
    found = _one(english)
    if not found and "; " in english:
        parts = [_one(part) for part in english.split("; ")]
        return "; ".join(parts) if all(parts) else ""
    return found


def _one(english: str) -> str:
    exact, patterns = _sentences()
    if english in exact:
        return exact[english]
    for pattern, words in patterns:
        match = pattern.fullmatch(english)
        if match is None:
            continue
        values = match.groupdict()
        if "choice" in values:
            values["choice"] = values["choice"].replace(" or ", " hoặc ")
        if "inner" in values:
            values["inner"] = vietnamese(values["inner"])
            if not values["inner"]:
                continue
        return words.format(**values)
    return ""


@cache
def _sentences() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Return the sentences without and with values; of the latter those first that say most."""
    # loaded for those alone who read them
    from vneid_middleware.cli.vietnamese_expectations import GENERAL
    from vneid_middleware.cli.vietnamese_parts import PARTS
    from vneid_middleware.cli.vietnamese_remedies import REMEDIES

    words = {**GENERAL, **PARTS, **REMEDIES}
    exact = {english: text for english, text in words.items() if not re.search(r"\{\w+\}", english)}
    with_values = sorted(set(words) - set(exact), key=lambda english: (-len(re.sub(r"\{\w+\}", "", english)), english))
    return exact, [(re.compile(_PLACE.sub(_group, re.escape(english)), re.DOTALL), words[english]) for english in with_values]


def _group(place: re.Match[str]) -> str:
    return f"(?P<{place[1]}>{_VALUES.get(place[1], '.+?')})"
