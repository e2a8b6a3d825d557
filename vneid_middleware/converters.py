"""Converters of settings: text in, value out, ``ValueError`` with the expectation in words otherwise."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from vneid_middleware.settings.source import FALSE, TRUE, Source

Converter = Callable[[str, Source], Any]
_PATH_CHARACTERS = frozenset("/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def text(value: str, source: Source) -> str:
    """Any text that is not empty."""
    if not value:
        raise ValueError("must not be empty")
    return value


def boolean(value: str, source: Source) -> bool:
    """``true`` or ``false`` (also yes/no, on/off, 1/0)."""
    word = value.lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError("must be true or false")


def integer(least: int, most: int, unit: str = "") -> Converter:
    """Return a converter of whole numbers from ``least`` to ``most``; ``unit`` is told in the message."""

    def convert(value: str, source: Source) -> int:
        expectation = f"must be a whole number{' of ' + unit if unit else ''} from {least} to {most}"
        if not (value.isascii() and value.isdigit() and len(value) <= 12):
            raise ValueError(expectation)
        number = int(value)
        if not least <= number <= most:
            raise ValueError(expectation)
        return number

    return convert


def seconds(least: int, most: int) -> Converter:
    """Return a converter of durations in seconds."""
    return integer(least, most, "seconds")


def choice(words: Iterable[str]) -> str:
    """Return ``a, b or c``, for messages."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def one_of(*words: str) -> Converter:
    """Return a converter that accepts one of some words."""

    def convert(value: str, source: Source) -> str:
        if value not in words:
            raise ValueError(f"must be {choice(words)}")
        return value

    return convert


def words(value: str, source: Source) -> tuple[str, ...]:
    """A list separated by white space or line ends."""
    return tuple(value.split())


def mapping(value: str, source: Source, form: str = "KEY = VALUE") -> dict[str, str]:
    """Lines ``key = value``; ``form`` tells in the message what they are."""
    result: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in value.splitlines())):
        key, equals, item = (part.strip() for part in line.partition("="))
        if not (equals and key and item):
            raise ValueError(f"must be lines {form}; {line[:40]!r} is not")
        if key in result:
            raise ValueError(f"names {key!r} twice")
        result[key] = item
    return result


def url(value: str, source: Source) -> str:
    """An https URL; http for loopback, or with ``allow_insecure_http``."""
    return _url(value, source, "must be an https URL such as https://host.example/path")


def url_or_none(value: str, source: Source) -> str | None:
    """An https URL, or nothing: switches an endpoint off that the profile names."""
    return url(value, source) if value else None


def plain_url(value: str, source: Source) -> str:
    """An https or http URL."""
    _url_parts(value, "must be a URL such as https://host.example/path")
    return value


def _url(value: str, source: Source, expectation: str) -> str:
    _url_parts(value, expectation)
    if is_exposed(value) and not source.flag("allow_insecure_http"):
        raise ValueError("must begin with https:// (plain http is for loopback only, or with allow_insecure_http)")
    return value


def is_exposed(value: str) -> bool:
    """Tell whether what is sent to a URL goes over a network in the clear."""
    parts = urlsplit(value)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK_NAMES


def _url_parts(value: str, expectation: str) -> None:
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError as error:
        raise ValueError(expectation) from error
    if parts.username is not None:
        raise ValueError("must be a URL without a user name and a password")
    if not (parts.scheme in ("https", "http") and host and port_is_fine and value.isascii() and value.isprintable()
            and not set(value) & set(' \\"<>')) or "#" in value:
        raise ValueError(expectation)


def origin_url(value: str, source: Source) -> str:
    """The portal's public address: scheme, host, and the path it is mounted under; no query, no trailing slash."""
    expectation = "must be the portal's address as browsers see it, such as https://dichvucong.example.gov.vn"
    checked = _url(value, source, expectation)
    parts = urlsplit(checked)
    if "?" in value or value.endswith("/"):
        raise ValueError(expectation + ", with no query and no slash at the end")
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}{parts.path}"


def url_path(value: str, source: Source) -> str:
    """A path on the portal: begins with a slash, has no query and no trailing slash."""
    if not (set(value) <= _PATH_CHARACTERS and value.startswith("/") and not value.endswith("/") and "//" not in value
            and not {".", ".."} & set(value.split("/"))):
        raise ValueError("must be a path of letters, digits and . _ ~ - that begins with / and does not end with one, "
                         "such as /vneid")
    return value


def paths(value: str, source: Source) -> tuple[str, ...]:
    """Paths of the host, separated by white space."""
    found = tuple(value.split())
    for path in found:
        if not path.startswith("/") or path.startswith("//") or set(path) & set("?#%"):
            raise ValueError(f"must be paths that begin with /, as the host sees them, without ? # and %; {path[:40]!r} is not")
    return found


def networks(value: str, source: Source) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """IP addresses and networks (``10.0.0.5``, ``10.0.0.0/8``), separated by white space."""
    found = []
    for word in value.split():
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError as error:
            raise ValueError(f"must be IP addresses or networks such as 10.0.0.0/8; {word[:40]!r} is none") from error
    return tuple(found)


def existing_file(value: str, source: Source) -> str:
    """The name of a file that can be read; relative names are relative to the ini."""
    path = source.path(value.removeprefix("file:").strip())
    try:
        found = path.is_file()
    except OSError as error:
        raise ValueError(f"must name a file; {path} can't be read: {error.strerror}") from error
    if not found:
        raise ValueError(f"must name a file; there is none at {path}")
    return str(path)


existing_file.keeps_file = True  # type: ignore[attr-defined]


def authorities(value: str, source: Source) -> str:
    """The name of a PEM file with certificates; relative names are relative to the ini."""
    import ssl

    name = existing_file(value, source)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=name)
    except ssl.SSLError as error:
        raise ValueError("must be a PEM file with the certificates of authorities") from error
    return name


authorities.keeps_file = True  # type: ignore[attr-defined]


def sqlalchemy_url(value: str, source: Source) -> str:
    """A SQLAlchemy database URL."""
    scheme, separator, _ = value.partition("://")
    if not (separator and value.isprintable() and scheme.replace("+", "").isalnum() and scheme.isascii()):
        raise ValueError("must be an SQLAlchemy URL, such as sqlite:////var/lib/vneid/vneid.db or "
                         "postgresql+psycopg://user@host/database")
    return value


def key_digest(value: str, source: Source) -> str:
    """``sha256:HEX`` of a bearer key."""
    name, _, digest = value.partition(":")
    if name != "sha256" or len(digest) != 64 or not set(digest.lower()) <= set("0123456789abcdef"):
        raise ValueError("must be sha256: and 64 hexadecimal digits")
    return digest.lower()


def key_digests(value: str, source: Source, form: str = "NAME = sha256:HEX") -> dict[str, str]:
    """Lines ``NAME = sha256:HEX``; ``form`` tells in the message what else may stand there."""
    return {name: named_digest(name, digest, source) for name, digest in mapping(value, source, form).items()}


def named_digest(name: str, digest: str, source: Source, form: str = "NAME = sha256:HEX") -> str:
    """``sha256:HEX`` in the line of ``name``."""
    try:
        return key_digest(digest, source)
    except ValueError as error:
        raise ValueError(f"must be lines {form}, with 64 hexadecimal digits; that of {name[:40]!r} is not") from error
