"""The settings of the counter and the rules between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vneid_middleware.converters import (
    choice,
    integer,
    key_digests,
    mapping,
    one_of,
    seconds,
    text,
    url_path,
    words,
)
from vneid_middleware.core import lookup
from vneid_middleware.core.citizen import FIELDS
from vneid_middleware.directives import Registrations
from vneid_middleware.key_files import private_keys
from vneid_middleware.key_sets import key_set_place
from vneid_middleware.settings import REQUIRED, Problem, Setting, Settings, SettingsTable, Source

SENDABLE = ("requestId", *lookup.CONTEXT)
BINDINGS = ("freshness", "request_id", "qr_id")
_FIELD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def some_of(*known: str) -> Any:
    """Return a converter of words that must be among some."""

    def convert(value: str, source: Source) -> tuple[str, ...]:
        given = words(value, source)
        wrong = [word for word in given if word not in known]
        if wrong or len(set(given)) != len(given):
            raise ValueError(f"must be of {choice(known)}, each at most once")
        return given

    return convert


def field_names(value: str, source: Source) -> tuple[str, ...]:
    """Names of VNeID's fields."""
    given = words(value, source)
    if not given or not all(set(name) <= _FIELD and len(name) <= 64 for name in given) or len(set(given)) != len(given):
        raise ValueError("must be names of fields, each once, such as soDinhDanh hoVaTen")
    return given


def response_codes(value: str, source: Source) -> dict[str, str]:
    """Lines ``CODE = STATUS``."""
    codes = mapping(value, source)
    known = [status for status in lookup.STATUSES if status not in (lookup.CARD_QR, lookup.CONSENT_TIMEOUT)]
    for code, status in codes.items():
        if status not in (*known, lookup.CONSENT_TIMEOUT):
            raise ValueError(f"must be lines CODE = STATUS with a status of {choice(known)}; {status[:40]!r} is none")
        if len(code) > 32 or not code.isascii() or not code.isprintable():
            raise ValueError("must be lines CODE = STATUS with codes of at most 32 printable ASCII characters")
    if lookup.OK not in codes.values():
        raise ValueError(f"must have a line for {lookup.OK}")
    return codes


def operators(value: str, source: Source) -> tuple[str, Any]:
    """Lines ``NAME = sha256:HEX``; ``plugin:NAME``; or ``subrequest:PATH``."""
    kind, colon, rest = value.partition(":")
    if colon and kind == "plugin" and rest and len(rest.split()) == 1:
        return kind, rest
    if colon and kind == "subrequest":
        path, _, _ = rest.partition("?")
        url_path(path, source)
        if not rest.isascii() or not rest.isprintable() or set(rest) & set(' #"<>\\'):
            raise ValueError("must be subrequest: and a path of the host, such as subrequest:/can-bo/toi")
        return kind, rest
    digests = key_digests(value, source, "NAME = sha256:HEX, or plugin:NAME, or subrequest:PATH")
    if not digests:
        raise ValueError("must be lines NAME = sha256:HEX, or plugin:NAME, or subrequest:PATH")
    if len(set(digests.values())) != len(digests):
        raise ValueError("gives two operators the same key: the audit could not tell them apart")
    return "keys", digests


def service_path(value: str, source: Source) -> str:
    """A path behind a transport's url."""
    if value.startswith("/") and value.isascii() and value.isprintable() and not set(value) & set(' #?"<>\\'):
        return value
    raise ValueError("must be a path that begins with /, without a query")


ROWS = (
    Setting("qr.transport", text, REQUIRED, "NAME of the transport.NAME that leads to VNeID.",
            remedy="Describe one: transport.vneid.kind and transport.vneid.url; then qr.transport = vneid."),
    Setting("qr.path", service_path, REQUIRED, "Path of VNeID's service behind the transport.",
            remedy="Give the path that C06 told you."),
    Setting("qr.send", some_of(*SENDABLE), (), "What goes to VNeID beside qrID, which is all that the guide names: of requestId, "
            "officerId, unitCode, dossier."),
    Setting("qr.bind", one_of(*BINDINGS), "freshness",
            "What ties the signed answer to our question: freshness (made within a minute, and never seen before), request_id "
            "(it repeats our requestId) or qr_id (it repeats the qrID)."),
    Setting("qr.response", one_of("plain", "jws", "jwe"), "jws", "How data arrive: plain, signed, or signed and encrypted."),
    Setting("qr.jwks", key_set_place, None, "The signer's keys: file:PATH or an https URL.",
            default_text="required unless plain"),
    Setting("qr.issuer", text, None, "Who must have signed; checked when set."),
    Setting("qr.audience", text, None, "Our name in the signed answer; checked when set."),
    Setting("qr.decryption_key", private_keys, None, "PEM file or JWK with the portal's key, for jwe; several lines: all "
            "decrypt, for rotation.", remedy="Make one with: vneid keys new encryption --for qr.decryption_key, and give C06 its "
            "public half."),
    Setting("qr.response_codes", response_codes, lookup.RESPONSE_CODES, "Lines CODE = STATUS: what VNeID's codes mean.",
            default_text=" ".join(f"{code}={status}" for code, status in lookup.RESPONSE_CODES.items())),
    Setting("qr.consent", one_of("blocking", "poll", "webhook"), "poll", "How the citizen's consent reaches us."),
    Setting("qr.consent_timeout", seconds(1, 3600), 120, "Seconds that the citizen may take."),
    Setting("qr.operators", operators, REQUIRED, "Who may ask: lines NAME = sha256:HEX (bearer keys), plugin:NAME, or "
            "subrequest:PATH, where the host says who an officer is.", secret=True,
            remedy="Make a key with: vneid keys new bearer --for qr.operators --name NAME."),
    Setting("qr.require", some_of(*lookup.CONTEXT), (), "What a lookup must say: of officerId, unitCode, dossier."),
    Setting("qr.fields", field_names, FIELDS, "Which of VNeID's fields leave the middleware."),
    Setting("qr.rate_limit", integer(1, 100_000, "lookups a minute"), 60, "Lookups a minute for each operator."),
)


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; which policies there are is known when all plugins are in."""

    def policy_rule(settings: Settings) -> Iterator[Problem]:
        kind, name = settings["qr.operators"]
        known = registrations.implementations("operator_policy")
        if kind == "plugin" and name not in known:
            yield settings.problem("qr.operators", "must name a policy that a plugin offers",
                                   "Name the vendor's plugin in plugins.")

    return SettingsTable("qr", ROWS, (_transport_rule, _signature_rule, _consent_rule, _path_rule, policy_rule))


def _transport_rule(settings: Settings) -> Iterator[Problem]:
    names = sorted({key.split(".")[1] for key in settings if key.startswith("transport.")})
    if settings["qr.transport"] not in names:
        yield settings.problem("qr.transport", f"must name a transport of this ini: {choice(names or ['none'])}",
                               f"Set transport.{settings['qr.transport']}.kind and .url.")


def _signature_rule(settings: Settings) -> Iterator[Problem]:
    response = settings["qr.response"]
    if response != "plain" and not settings["qr.jwks"]:
        yield settings.problem("qr.jwks", f"is required by qr.response = {response}", "Give file:PATH or the https URL of "
                               "the key set that VNeID signs with.")
    if response == "jwe" and not settings["qr.decryption_key"]:
        yield settings.problem("qr.decryption_key", "is required by qr.response = jwe", "Make one with: vneid keys new "
                               "encryption, and give C06 its public half.")
    if response == "plain":
        yield settings.problem("qr.response", "is plain: whoever stands between VNeID and this portal can make up a citizen",
                               "Use jws or jwe where VNeID signs.", severity="warning")
    elif settings["qr.bind"] == "freshness":
        yield settings.problem("qr.bind", "is freshness: an answer that is old, repeated or made up is found out, and two "
                               "answers that are swapped on the way are not", "Use request_id or qr_id where VNeID repeats "
                               "one of them in what it signs.", severity="warning")


def _consent_rule(settings: Settings) -> Iterator[Problem]:
    if settings["qr.consent"] == "webhook" and settings["qr.response"] == "plain":
        yield settings.problem("qr.consent", "can't be webhook with qr.response = plain: anybody could send a citizen",
                               "Use jws or jwe, or another way of consent.")


def _path_rule(settings: Mapping[str, Any]) -> Iterator[Problem]:
    kind, path = settings["qr.operators"]
    prefix = settings["prefix"]
    if kind == "subrequest" and (path.partition("?")[0] + "/").startswith(prefix + "/"):
        yield settings.problem("qr.operators", f"names a path under the middleware's own prefix {prefix}",  # type: ignore[attr-defined]
                               "Name a path of the host that tells who is signed in there.")
