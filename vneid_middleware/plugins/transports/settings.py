"""The settings of transports, and what each kind needs of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vneid_middleware.converters import choice, existing_file, is_exposed, one_of, plain_url, seconds, text, url
from vneid_middleware.directives import Registrations
from vneid_middleware.interfaces import ISettingsCheck
from vneid_middleware.plugins.transports.identifiers import dstcode, member, service
from vneid_middleware.settings import Problem, Setting, Settings, SettingsTable, Source, exposed_file

COMMON = ("kind", "url", "timeout", "headers", "auth", "username", "password", "bearer", "client_certificate", "client_key")
"""What every kind reads."""
TIMEOUT = 30
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_OURS = frozenset({"accept-encoding", "authorization", "connection", "content-length", "content-type", "expect", "host",
                   "transfer-encoding"})
_IN_OWN_NETWORK = ("ndxp", "xroad")
"""Kinds whose address may be plain http: their adapter stands in the agency's own network."""


def base_url(value: str, source: Source) -> str:
    """An https URL without a query; http for loopback, with `allow_insecure_http`, and for `ndxp` and `xroad`."""
    if "?" in value:
        raise ValueError("must be a URL without a query")
    return plain_url(value, source)


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


def user_name(value: str, source: Source) -> str:
    """A name without a colon, which Basic ends it by."""
    if ":" in value:
        raise ValueError("must have no colon")
    return text(value, source)


def header_value(value: str, source: Source) -> str:
    """Printable ASCII without blanks, as a header carries it."""
    if not (value and value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("must be printable ASCII without blanks")
    return value


ROWS = (
    Setting("transport.*.kind", text, None, "How messages travel: direct, ndxp, xroad, lgsp-wso2, lgsp-token, or a plugin's."),
    Setting("transport.*.url", base_url, None, "The platform's address; what is sent goes to this and the path of the service."),
    Setting("transport.*.timeout", seconds(1, 300), TIMEOUT, "Seconds that a message may take, from the name's look-up to the "
            "answer's last byte."),
    Setting("transport.*.headers", header_lines, {}, "Lines NAME: VALUE, sent with every message.", secret=True,
            default_text="none"),
    Setting("transport.*.auth", one_of("none", "basic", "bearer", "c06"), "none",
            "How we sign in at the platform; c06 is the connecting account of the Ministry of Public Security's services."),
    Setting("transport.*.username", user_name, None, "For auth = basic and c06."),
    Setting("transport.*.password", text, None, "For auth = basic and c06.", secret=True),
    Setting("transport.*.bearer", header_value, None, "For auth = bearer.", secret=True),
    Setting("transport.*.client_certificate", existing_file, None, "PEM file of the certificate that we show (mutual TLS)."),
    Setting("transport.*.client_key", existing_file, None, "PEM file of its private key, where it is a file of its own."),
    Setting("transport.*.dstcode", dstcode, None, "For ndxp: the platform's name of the service."),
    Setting("transport.*.dstcode_in", one_of("query", "header"), "query", "For ndxp: where dstcode stands in a message."),
    Setting("transport.*.providerurl", plain_url, None, "For ndxp: the parameter of that name, where the service's owner "
            "gave one."),
    Setting("transport.*.client", member, None, "For xroad: who we are."),
    Setting("transport.*.service", service, None, "For xroad: what is asked."),
    Setting("transport.*.token_url", url, None, "For lgsp-wso2: where access tokens are fetched, such as "
            "https://lgsp.example.gov.vn/token."),
    Setting("transport.*.client_id", text, None, "For lgsp-wso2: the consumer key."),
    Setting("transport.*.client_secret", text, None, "For lgsp-wso2: the consumer secret.", secret=True),
    Setting("transport.*.access_key", text, None, "For lgsp-token: AccessKey.", secret=True),
    Setting("transport.*.secret_key", text, None, "For lgsp-token: SecretKey.", secret=True),
    Setting("transport.*.app_name", text, None, "For lgsp-token: AppName."),
    Setting("transport.*.partner_code", text, None, "For lgsp-token: PartnerCode."),
    Setting("transport.*.partner_code_cus", text, None, "For lgsp-token: PartnerCodeCus."),
)


def names(settings: Settings) -> list[str]:
    """Return the names of the transports that the ini describes, rightly or wrongly."""
    return sorted({key.split(".")[1] for key in settings.source.raw if key.startswith("transport.") and key.count(".") > 1})


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; which kinds there are is known when all plugins are in."""

    def kinds_rule(settings: Settings) -> Iterator[Problem]:
        kinds = registrations.implementations("transport")
        for name in names(settings):
            yield from _problems(Described(name, settings), kinds)

    return SettingsTable("transport", ROWS, (kinds_rule,))


class Described:
    """What the ini says of one transport, rightly or wrongly.

    Args:
        name: NAME in ``transport.NAME``.
        settings: all settings.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        prefix = f"transport.{name}."
        readable = set(settings)
        self.given = {key.removeprefix(prefix) for key in settings.source.raw if key.startswith(prefix)}
        self.readable = {part for part in self.given if prefix + part in readable}

    def key(self, part: str) -> str:
        """Return the whole key of a part, ``url`` say."""
        return f"transport.{self.name}.{part}"

    def get(self, part: str, default: Any = None) -> Any:
        """Return what the ini says, or ``default`` where it says nothing or something wrong."""
        return self.settings[self.key(part)] if part in self.readable else default

    def problem(self, part: str, expectation: str, remedy: str = "", **options: Any) -> Problem:
        """Return a problem of a part; see :meth:`vneid_middleware.settings.Settings.problem`."""
        return self.settings.problem(self.key(part), expectation, remedy, **options)


def _problems(transport: Described, kinds: Mapping[str, Any]) -> Iterator[Problem]:
    kind = transport.get("kind")
    if kind is None or kind not in kinds:
        if kind is None and "kind" in transport.given:
            return
        told = "is required" if kind is None else "names no kind of transport"
        yield transport.problem("kind", f"{told}: must be {choice(sorted(kinds))}",
                                "If it is a vendor's, name the vendor's plugin in plugins.")
        return
    yield from _key_problems(transport, kind, kinds[kind])
    yield from _auth_problems(transport)
    yield from _address_problems(transport, kind)
    yield from _certificate_problems(transport)
    if ISettingsCheck.providedBy(kinds[kind]):
        yield from kinds[kind].problems(transport)


def _key_problems(transport: Described, kind: str, factory: Any) -> Iterator[Problem]:
    for missing in sorted(set(factory.required) - transport.given):
        yield transport.problem(missing, f"is required by {transport.key('kind')} = {kind}")
    for unread in sorted(transport.readable - {*COMMON, *factory.required, *factory.optional}):
        yield transport.problem(unread, f"is not read by {transport.key('kind')} = {kind}",
                                "Remove the line, or choose the kind that it belongs to.", show=False)


_NEEDED_BY_AUTH = {"basic": ("username", "password"), "c06": ("username", "password"), "bearer": ("bearer",)}


def _auth_problems(transport: Described) -> Iterator[Problem]:
    if "auth" in transport.given - transport.readable:
        return
    auth = transport.get("auth", "none")
    needed = _NEEDED_BY_AUTH.get(auth, ())
    for part in ("username", "password", "bearer"):
        if part in needed and part not in transport.given:
            yield transport.problem(part, f"is required by {transport.key('auth')} = {auth}")
        if part not in needed and part in transport.given:
            yield transport.problem(part, f"is not used by {transport.key('auth')} = {auth}",
                                    f"Remove the line, or set {transport.key('auth')}.", show=False)


def _address_problems(transport: Described, kind: str) -> Iterator[Problem]:
    address = transport.get("url")
    if address is None:
        return
    if is_exposed(address) and kind not in _IN_OWN_NETWORK and not transport.settings["allow_insecure_http"]:
        yield transport.problem("url", "must begin with https:// (plain http is for loopback, for "
                                f"{choice(_IN_OWN_NETWORK)}, or with allow_insecure_http)")
    if address.startswith("http://") and "client_certificate" in transport.given:
        yield transport.problem("client_certificate", f"is not used, since {transport.key('url')} is plain http",
                                "Remove the line, or give an https address.", show=False)


def _certificate_problems(transport: Described) -> Iterator[Problem]:
    import ssl

    certificate, key = transport.get("client_certificate"), transport.get("client_key")
    if key and "client_certificate" not in transport.given:
        yield transport.problem("client_certificate", f"is required by {transport.key('client_key')}")
    if not certificate or "client_key" in transport.given - transport.readable:
        return
    try:
        # without a password of ours OpenSSL would ask for one on the terminal
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError):
        yield transport.problem("client_certificate",
                                "and its private key must be PEM files that belong together, without a password")
    else:
        part = "client_key" if key else "client_certificate"
        yield from exposed_file(transport.key(part), key or certificate, transport.settings.source)
