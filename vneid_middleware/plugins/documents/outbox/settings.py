"""The settings of announcing and pushing changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from vneid_middleware.converters import choice, integer, key_digests, seconds, text
from vneid_middleware.core.outbox import PYTHON
from vneid_middleware.settings import Problem, Setting, Settings, SettingsTable, Source
from vneid_middleware.storage.foreign import check_select

POLL_INTERVAL = 10
OVERLAP = 300
_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)


def submitters(value: str, source: Source) -> dict[str, str]:
    """Lines ``NAME = sha256:HEX``."""
    found = key_digests(value, source)
    if len(set(found.values())) != len(found):
        raise ValueError("gives two submitters the same key: the audit could not tell them apart")
    if any(len(name) > 64 or ":" in name for name in found):
        raise ValueError("must name submitters in at most 64 characters, without a colon")
    if PYTHON in found:
        raise ValueError(f"must not name a submitter {PYTHON}: code of the portal's own announces under that name")
    return found


def service_path(value: str, source: Source) -> str:
    """A path behind a transport's url."""
    if value.startswith("/") and value.isascii() and value.isprintable() and not set(value) & set(' #?"<>\\'):
        return value
    raise ValueError("must be a path that begins with /, without a query")


def change_query(value: str, source: Source) -> str:
    """A SELECT that asks by ``:since``."""
    if check_select(value) != {"since"}:
        raise ValueError("must ask by :since and by nothing else")
    return value


ROWS = (
    Setting("documents.transport", text, None, "NAME of the transport.NAME by which changes are pushed.",
            default_text="nothing is pushed",
            remedy="Describe one: transport.vneid.kind and transport.vneid.url; then documents.transport = vneid."),
    Setting("documents.push_path", service_path, None, "Path behind the transport that changes are pushed to.",
            default_text="required for push", remedy="Give the path that C06 told you."),
    Setting("documents.submitters", submitters, {}, "Lines NAME = sha256:HEX: who may announce changes.", default_text="none",
            remedy="Make a key with: vneid keys new bearer --for documents.submitters --name NAME."),
    Setting("documents.retry_first", seconds(1, 3_600), 1, "Seconds until the second attempt; each further wait is twice as "
            "long, with jitter. Retry-After wins."),
    Setting("documents.retry_max", seconds(1, 86_400), 300, "The longest wait between two attempts, in seconds."),
    Setting("documents.*.changes", change_query, None, "A SELECT with :since whose rows (soDinhDanh, maGiayTo, since, and "
            "action if there is one) are changes to push."),
    Setting("documents.*.poll_interval", seconds(1, 86_400), POLL_INTERVAL, "Seconds between two readings of the changes."),
    Setting("documents.*.changes_overlap", integer(0, 1_000_000_000), OVERLAP, "How far each reading goes back behind the last "
            "one, for rows that were committed late: seconds where the cursor is a time, a count where it is a number."),
)


def push_rule(settings: Settings) -> Iterator[Problem]:
    """What pushing needs, and what needs pushing."""
    named = settings["documents.transport"]
    if named is None:
        for key in _needing(settings):
            yield settings.problem(key, "needs documents.transport, by which changes are pushed",
                                   "Set documents.transport and documents.push_path.", show=False)
        return
    names = sorted({key.split(".")[1] for key in settings if key.startswith("transport.")})
    if named not in names:
        yield settings.problem("documents.transport", f"must name a transport of this ini: {choice(names or ['none'])}",
                               f"Set transport.{named}.kind and .url.")
    for key, remedy in (("documents.push_path", "Give the path that C06 told you."),
                        ("documents.signing_key", "Make one with: vneid keys new signing --for documents.signing_key.")):
        if not settings.get(key):
            yield settings.problem(key, "is required by documents.transport", remedy)


def _needing(settings: Mapping[str, Any]) -> list[str]:
    given = [key for key in ("documents.submitters", "documents.push_path") if settings[key]]
    return given + _changes(settings)


def _changes(settings: Mapping[str, Any]) -> list[str]:
    return [key for key in settings if key.startswith("documents.") and key.endswith(".changes")]


def _source_rule(settings: Settings) -> Iterator[Problem]:
    for key in _changes(settings):
        # one that is there and wrong is told by itself
        if key.removesuffix("changes") + "url" not in settings.source.raw:
            yield settings.problem(key, f"needs {key.removesuffix('changes')}url, the database that it is asked in",
                                   "Give its SQLAlchemy URL.", show=False)
        if not _ORDERED.search(str(settings[key])):
            yield settings.problem(key, "has no ORDER BY: rows that come out of their order would be missed",
                                   "Add ORDER BY and the column that is since.", show=False)


def _wait_rule(settings: Settings) -> Iterator[Problem]:
    if settings["documents.retry_first"] > settings["documents.retry_max"]:
        yield settings.problem("documents.retry_first", "must not be more than documents.retry_max", "Make it smaller.")


TABLE = SettingsTable("documents.outbox", ROWS, (push_rule, _source_rule, _wait_rule))


def kinds_of(settings: Mapping[str, Any]) -> frozenset[str]:
    """Return the kinds of documents that the ini names."""
    return frozenset(key.split(".")[1] for key in settings if key.startswith("documents.") and key.count(".") == 2
                     and "*" not in key)
