"""The settings of documents, and the rules between them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vneid_middleware.converters import boolean, choice, integer, mapping, named_digest, networks, text
from vneid_middleware.core import documents
from vneid_middleware.core.matching import BEFORE_TODAY, RULES, STATES, MatchRule, StateRule
from vneid_middleware.directives import Registrations
from vneid_middleware.key_files import private_keys
from vneid_middleware.key_sets import key_set_place
from vneid_middleware.settings import REQUIRED, Problem, Setting, Settings, SettingsTable, Source
from vneid_middleware.storage.foreign import check_select
from vneid_middleware.storage.urls import foreign_url

PERSONAL_ID = "soDinhDanh"
DOCUMENT_ID = "maGiayTo"
RATE = 600


class Callers(NamedTuple):
    """Who may pull."""

    key_sets: Mapping[str, str]
    """Name to where the keys are that they sign with."""
    digests: Mapping[str, str]
    """Name to the digest of a bearer key."""


_CALLERS = "NAME = key:sha256:HEX, NAME = jwks:file:PATH or NAME = jwks:https://…"


def callers(value: str, source: Source) -> Callers:
    """Lines ``NAME = jwks:file:…``, ``NAME = jwks:https://…`` or ``NAME = key:sha256:HEX``."""
    found = Callers({}, {})
    lines = mapping(value, source, _CALLERS)
    if not lines:
        raise ValueError(f"must be lines {_CALLERS}")
    for name, said in lines.items():
        if len(name) > 128 or not name.isascii() or not name.isprintable() or " " in name:
            raise ValueError("must name callers by at most 128 printable ASCII characters without spaces")
        kind, _, rest = said.partition(":")
        if kind == "jwks":
            found.key_sets[name] = key_set_place(rest, source)  # type: ignore[index]
        elif kind == "key":
            found.digests[name] = named_digest(name, rest, source, "NAME = key:sha256:HEX")  # type: ignore[index]
        else:
            raise ValueError(f"must be lines {_CALLERS}; that of {name[:40]!r} is not")
    if len(set(found.digests.values())) != len(found.digests):
        raise ValueError("gives two callers the same key: the audit could not tell them apart")
    return found


def key_id(value: str, source: Source) -> str:
    """A key's name, as JWS headers have it."""
    if not 0 < len(value) <= 128 or not value.isascii() or not value.isprintable():
        raise ValueError("must be 1 to 128 printable ASCII characters")
    return value


def header_values(value: str, source: Source) -> tuple[str, ...]:
    """Values of a header, one a line."""
    found = tuple(line.strip() for line in value.splitlines() if line.strip())
    if not found or not all(line.isascii() and line.isprintable() and "," not in line for line in found):
        raise ValueError("must be lines such as VN/GOV/0000/vneid, in printable ASCII without commas")
    return found


def response_codes(value: str, source: Source) -> dict[str, str]:
    """Lines ``STATUS = CODE``; a status without a line keeps its code."""
    given = mapping(value, source)
    for status, code in given.items():
        if status not in documents.RESPONSE_CODES:
            raise ValueError(f"must be lines STATUS = CODE with a status of {choice(documents.RESPONSE_CODES)}; "
                             f"{status[:40]!r} is none")
        if len(code) > 32 or not code.isascii() or not code.isprintable():
            raise ValueError("must be lines STATUS = CODE with codes of at most 32 printable ASCII characters")
    codes = {**documents.RESPONSE_CODES, **given}
    if len(set(codes.values())) != len(codes):
        raise ValueError("gives two statuses the same code: the caller could not tell them apart")
    return codes


def lookup_query(value: str, source: Source) -> str:
    """One SELECT by ``:soDinhDanh`` and names of inputs."""
    names = check_select(value)
    if PERSONAL_ID not in names:
        raise ValueError(f"must ask by :{PERSONAL_ID}: it would find other citizens' documents")
    wrong = sorted(name for name in names if not documents.is_input(name))
    if wrong:
        raise ValueError(f"must ask by names of inputs; :{wrong[0][:40]} is none")
    return value


def match_rules(value: str, source: Source) -> dict[str, MatchRule]:
    """Lines ``INPUT = column : RULE``."""
    rules = {}
    for name, said in mapping(value, source).items():
        column, colon, rule = (part.strip() for part in said.rpartition(":"))
        if not (colon and column and documents.is_input(name)):
            raise ValueError(f"must be lines INPUT = column : RULE; that of {name[:40]!r} is not")
        if rule not in RULES:
            raise ValueError(f"must be lines INPUT = column : RULE with a rule of {choice(RULES)}; {rule[:40]!r} is none")
        rules[name] = MatchRule(column, rule)
    return rules


def field_columns(value: str, source: Source) -> dict[str, str]:
    """Lines ``FIELD = column``."""
    found = mapping(value, source)
    if not found:
        raise ValueError("must have a line FIELD = column for each field that goes out")
    wrong = [name for name in found if not documents.is_input(name)]
    if wrong:
        raise ValueError(f"must be lines FIELD = column with names such as SoGPLX; {wrong[0][:40]!r} is none")
    return found


def state_rules(value: str, source: Source) -> tuple[StateRule, ...]:
    """Lines ``STATUS = column : VALUE`` or ``STATUS = column : before-today``; a status may have several."""
    found = []
    for line in filter(None, (line.strip() for line in value.splitlines())):
        status, equals, said = (part.strip() for part in line.partition("="))
        column, colon, wanted = (part.strip() for part in said.partition(":"))
        if not (equals and colon and column and wanted) or status not in STATES:
            raise ValueError(f"must be lines STATUS = column : VALUE, or STATUS = column : {BEFORE_TODAY}, with a status of "
                             f"{choice(STATES)}; {line[:40]!r} is not")
        found.append(StateRule(status, column, wanted))
    return tuple(found)


ROWS = (
    Setting("documents.signing_key", private_keys, REQUIRED, "PEM file or JWK with the key that the portal signs answers and "
            "changes with; several lines: the first signs, all are published, for rotation.",
            remedy="Make one with: vneid keys new signing --for documents.signing_key."),
    Setting("documents.key_id", key_id, None, "kid of that key in what is signed and in the published key set.",
            default_text="the key's thumbprint (RFC 7638)"),
    Setting("documents.callers", callers, REQUIRED, "Who may pull: lines NAME = jwks:file:PATH or jwks:https://… (signs its "
            "requests), or NAME = key:sha256:HEX (a bearer key).",
            remedy="Ask VNeID for its key set, or make a key with: vneid keys new bearer --for documents.callers --name NAME."),
    Setting("documents.allow", networks, (), "Addresses that pulls may come from, for platforms that call from a fixed place.",
            default_text="any"),
    Setting("documents.x_road_clients", header_values, (), "Lines CLIENT: X-Road-Client must be one of them; only with "
            "documents.allow.", default_text="not looked at"),
    Setting("documents.response_codes", response_codes, documents.RESPONSE_CODES, "Lines STATUS = CODE: what an answer's status "
            "is called in responseCode.",
            default_text=" ".join(f"{status}={code}" for status, code in documents.RESPONSE_CODES.items())),
    Setting("documents.rate_limit", integer(1, 1_000_000, "pulls a minute"), RATE, "Pulls a minute for each caller, in each "
            "process: with several processes a caller may have as many times more."),
    Setting("documents.*.provider", text, None, "Who knows the documents of a kind (GPLX, BHYT, …): sql, or a plugin's.",
            default_text="required per kind"),
    Setting("documents.*.url", foreign_url, None, "For sql: SQLAlchemy URL of the database with the documents; it is only read.",
            secret=True),
    Setting("documents.*.lookup", lookup_query, None, "For sql: a SELECT with :soDinhDanh and, by name, what the citizen typed; "
            "one that binds an input makes that input required."),
    Setting("documents.*.match", match_rules, {}, "For sql: lines INPUT = column : RULE, which narrow what was found by what the "
            "citizen typed; exact, name (NFC, case, spaces and tone placement make no difference) or date.",
            default_text="none"),
    Setting("documents.*.fields", field_columns, None, "For sql: lines FIELD = column, what goes out."),
    Setting("documents.*.id", text, DOCUMENT_ID, "For sql: the column that is maGiayTo."),
    Setting("documents.*.many", boolean, False, "For sql: true: all of the citizen's papers of this kind go out, as a list."),
    Setting("documents.*.state", state_rules, (), "For sql: lines STATUS = column : VALUE, or STATUS = column : before-today, "
            "for revoked and expired.", default_text="none"),
)
_OF_PROVIDERS = frozenset(row.name.rpartition(".")[2] for row in ROWS if ".*." in row.name) - {"provider"}


def kinds(settings: Settings) -> list[str]:
    """Return the kinds of document that the ini describes, rightly or wrongly."""
    return sorted({key.split(".")[1] for key in settings.source.raw if key.startswith("documents.") and key.count(".") == 2})


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; which providers there are is known when all plugins are in."""

    def kinds_rule(settings: Settings) -> Iterator[Problem]:
        providers = registrations.implementations("document_provider")
        for kind in kinds(settings):
            yield from _kind_problems(kind, settings, providers)

    return SettingsTable("documents", ROWS, (_origin_rule, kinds_rule, _lookup_rule))


def _origin_rule(settings: Settings) -> Iterator[Problem]:
    if settings["documents.x_road_clients"] and not settings["documents.allow"]:
        yield settings.problem("documents.x_road_clients", "is there without documents.allow: anybody can send that header",
                               "Give documents.allow the address of the security server.")


def _kind_problems(kind: str, settings: Settings, providers: Mapping[str, Any]) -> Iterator[Problem]:
    prefix = f"documents.{kind}."
    if not documents.is_kind(kind):
        yield settings.problem(prefix + "provider", "names a kind of more than letters, digits, - and _", "Use a name such as "
                               "GPLX, as VNeID sends it in loaiGiayTo.", show=False)
    name: str = settings[prefix + "provider"] if prefix + "provider" in settings.source.raw else ""
    meant = _meant(kind, settings) if name == "" else ""
    if meant:
        for key in sorted(key for key in settings.source.raw if key.startswith(prefix)):
            yield settings.problem(key, f"is of a kind without a provider, {kind}; did you mean "
                                   f"documents.{meant}.{key.removeprefix(prefix)}?", "Upper and lower case make two kinds.",
                                   show=False)
        return
    if name == "":
        yield settings.problem(prefix + "provider", "is required for each kind of document, and missing",
                               "Say sql, or name a plugin's provider.")
    if name not in providers:
        if name:
            yield settings.problem(prefix + "provider", f"must be {choice(sorted(providers))}",
                                   "If it is a vendor's, name the vendor's plugin in plugins.")
        return
    given = {key.removeprefix(prefix) for key in settings.source.raw if key.startswith(prefix)}
    for part in sorted(set(providers[name].required) - given):
        yield settings.problem(prefix + part, f"is required by {prefix}provider = {name}", "Add it.")
    for part in sorted(given & _OF_PROVIDERS - set(providers[name].required) - set(providers[name].optional)):
        yield settings.problem(prefix + part, f"is of no use to {prefix}provider = {name}", "Remove the line.", show=False)


def _meant(kind: str, settings: Settings) -> str:
    """Return the kind with a provider that a kind without one was probably meant to be; empty where there is none."""
    known = {key.split(".")[1] for key in settings.source.raw if key.startswith("documents.") and key.endswith(".provider")}
    near = difflib.get_close_matches(kind.casefold(), [name.casefold() for name in known], n=1, cutoff=0.75)
    return next((name for name in sorted(known) if near and name.casefold() == near[0]), "")


def _lookup_rule(settings: Settings) -> Iterator[Problem]:
    for kind in kinds(settings):
        prefix = f"documents.{kind}."
        lookup = settings.get(prefix + "lookup") if prefix + "lookup" in settings.given else None
        if lookup is None:
            continue
        bound = check_select(lookup)
        for name in sorted(bound & set(settings.get(prefix + "match") or ())):
            yield settings.problem(prefix + "match", f"compares {name}, which {prefix}lookup binds already: a wrong {name} is "
                                   "not_found and never mismatch", f"Take :{name} out of the SELECT, or its line out of match.",
                                   severity="warning", show=False)
        fields = settings.get(prefix + "fields") or {}
        paper = settings.get(prefix + "id", DOCUMENT_ID).lower()
        if fields.get(PERSONAL_ID, "").lower() == paper:
            yield settings.problem(prefix + "fields", f"must give {PERSONAL_ID} the column with the citizen's number, by which "
                                   f"each row is compared once more; {paper} is the paper's, {prefix}id",
                                   f"Name the right column, or give the field a name other than {PERSONAL_ID}.", show=False)
        own = {name for name, column in fields.items() if column == settings.get(prefix + "id", DOCUMENT_ID)}
        others = bound - {PERSONAL_ID, DOCUMENT_ID} - own
        if others and ("documents.submitters" in settings.given or prefix + "changes" in settings.given):
            yield settings.problem(prefix + "lookup", f"binds {', '.join(sorted(others))}, which no change tells: a change "
                                   "that is announced without data can't be delivered", "Bind soDinhDanh only, and compare the "
                                   f"rest by {prefix}match.", severity="warning", show=False)
