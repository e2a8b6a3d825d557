"""The settings of transports, and what each kind needs of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vneid_middleware.converters import choice, existing_file, one_of, seconds, text, url
from vneid_middleware.directives import Registrations
from vneid_middleware.settings import Problem, Setting, Settings, SettingsTable, Source

COMMON = ("kind", "url", "timeout", "headers", "auth", "username", "password", "bearer", "client_certificate", "client_key")
"""What every kind reads."""
TIMEOUT = 30
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "authorization"})


def header_lines(value: str, source: Source) -> dict[str, str]:
    """Lines ``Name: value`` or ``Name = value``."""
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in value.splitlines())):
        mark = min((place for place in (line.find(":"), line.find("=")) if place > 0), default=0)
        name, content = line[:mark].strip(), line[mark + 1:].strip()
        if not (mark and name and set(name) <= _TOKEN and content and content.isascii() and content.isprintable()):
            raise ValueError("must be lines NAME: VALUE with a header's name and printable ASCII")
        if name.lower() in _OURS or name.lower() in map(str.lower, found):
            raise ValueError(f"must name headers once, and none that the middleware sets itself; {name[:40]} is one")
        found[name] = content
    return found


ROWS = (
    Setting("transport.*.kind", text, None, "How messages travel: direct, ndxp, xroad, lgsp-wso2, lgsp-token, or a plugin's."),
    Setting("transport.*.url", url, None, "The platform's address; what is sent goes to this and the path of the service."),
    Setting("transport.*.timeout", seconds(1, 300), TIMEOUT, "Seconds that a message may take, from the name's look-up to the "
            "answer's last byte."),
    Setting("transport.*.headers", header_lines, {}, "Lines NAME: VALUE, sent with every message.", secret=False,
            default_text="none"),
    Setting("transport.*.auth", one_of("none", "basic", "bearer", "c06"), "none",
            "How we sign in at the platform; c06 is the connecting account of the Ministry of Public Security's services."),
    Setting("transport.*.username", text, None, "For auth = basic and c06."),
    Setting("transport.*.password", text, None, "For auth = basic and c06.", secret=True),
    Setting("transport.*.bearer", text, None, "For auth = bearer.", secret=True),
    Setting("transport.*.client_certificate", existing_file, None, "PEM file of the certificate that we show (mutual TLS)."),
    Setting("transport.*.client_key", existing_file, None, "PEM file of its private key, where it is a file of its own."),
)


def names(settings: Mapping[str, Any]) -> list[str]:
    """Return the names of the transports that the ini describes."""
    return sorted({key.split(".")[1] for key in settings if key.startswith("transport.")})


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; which kinds there are is known when all plugins are in."""

    def kinds_rule(settings: Settings) -> list[Problem]:
        kinds = registrations.implementations("transport")
        return [problem for name in names(settings) for problem in _kind_problems(settings, name, kinds)]

    return SettingsTable("transport", ROWS, (kinds_rule, _auth_rule, _certificate_rule))


def _kind_problems(settings: Settings, name: str, kinds: Mapping[str, Any]) -> Iterator[Problem]:
    key = f"transport.{name}.kind"
    kind = settings.get(key)
    if kind is None or kind not in kinds:
        told = "is required" if kind is None else "names no kind of transport"
        yield settings.problem(key, f"{told}: must be {choice(sorted(kinds))}",
                               "If it is a vendor's, name the vendor's plugin in plugins.")
        return
    factory = kinds[kind]
    given = {key.split(".")[2] for key in settings if key.startswith(f"transport.{name}.")}
    for missing in sorted(set(factory.required) - given):
        yield settings.problem(f"transport.{name}.{missing}", f"is required by transport.{name}.kind = {kind}")
    for unread in sorted(given - {*COMMON, *factory.required, *factory.optional}):
        yield settings.problem(f"transport.{name}.{unread}", f"is not read by transport.{name}.kind = {kind}",
                               "Remove the line, or choose the kind that it belongs to.", show=False)


_NEEDED_BY_AUTH = {"basic": ("username", "password"), "c06": ("username", "password"), "bearer": ("bearer",)}


def _auth_rule(settings: Settings) -> Iterator[Problem]:
    for name in names(settings):
        auth = settings.get(f"transport.{name}.auth", "none")
        needed = _NEEDED_BY_AUTH.get(auth, ())
        for part in ("username", "password", "bearer"):
            key = f"transport.{name}.{part}"
            if part in needed and key not in settings:
                yield settings.problem(key, f"is required by transport.{name}.auth = {auth}")
            if part not in needed and key in settings:
                yield settings.problem(key, f"is not used by transport.{name}.auth = {auth}",
                                       f"Remove the line, or set transport.{name}.auth.", show=False)


def _certificate_rule(settings: Settings) -> Iterator[Problem]:
    import ssl

    for name in names(settings):
        certificate, key = (settings.get(f"transport.{name}.client_{part}") for part in ("certificate", "key"))
        if key and not certificate:
            yield settings.problem(f"transport.{name}.client_certificate", f"is required by transport.{name}.client_key")
        if certificate:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key)
            except (ssl.SSLError, OSError):
                yield settings.problem(f"transport.{name}.client_certificate",
                                       "and its private key must be PEM files that belong together, without a password")
