"""How the platforms name members and services, and how such names travel in addresses and headers."""

from __future__ import annotations

import re
from urllib.parse import quote

from vneid_middleware.settings import Source

_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_NOT_IN_A_PART = frozenset("/\\:;%")
_IN_A_PATH = "/:@!$&'()*+,;=~%"
_IN_A_HEADER = "!\"#$&'()*+,/:;<=>?@[]^_`{|}~-. "


def dstcode(value: str, source: Source) -> str:
    """What NDXP calls a service: ``VN:GOV:000.00.00.G22:service``."""
    parts = value.split(":")
    if len(parts) < 4 or not all(map(_CODE.fullmatch, parts)):
        raise ValueError("must be at least four parts with colons between them, such as VN:GOV:000.00.00.G22:service")
    return value


def member(value: str, source: Source) -> tuple[str, ...]:
    """An X-Road client: ``INSTANCE/CLASS/MEMBER`` or ``INSTANCE/CLASS/MEMBER/SUBSYSTEM``."""
    return _parts(value, (3, 4), "must be INSTANCE/CLASS/MEMBER or INSTANCE/CLASS/MEMBER/SUBSYSTEM")


def service(value: str, source: Source) -> tuple[str, ...]:
    """An X-Road service: ``INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE``, or without ``SUBSYSTEM``."""
    return _parts(value, (4, 5), "must be INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE, or that without SUBSYSTEM")


def _parts(value: str, counts: tuple[int, int], expectation: str) -> tuple[str, ...]:
    parts = tuple(value.split("/"))
    if len(parts) not in counts:
        raise ValueError(expectation)
    if not all(part and part == part.strip() and part.isprintable() and part not in (".", "..") and not set(part) & _NOT_IN_A_PART
               for part in parts):
        raise ValueError(expectation + r", each part without \ : ; % and blanks at its ends")
    return parts


def joined(parts: tuple[str, ...]) -> str:
    """Return an X-Road identifier as addresses and headers have it: each part percent-encoded by itself (PR-REST 4.2)."""
    return "/".join(quote(part, safe="") for part in parts)


def path_text(path: str) -> str:
    """Return a path of :class:`vneid_middleware.models.TransportRequest` as it goes out.

    Raises:
        ValueError: it does not begin with a slash, or leads out of where it begins.
    """
    if not path.startswith("/") or {".", ".."} & {segment.replace("%2e", ".").replace("%2E", ".") for segment in path.split("/")}:
        raise ValueError("a path begins with a slash and has no dots for segments")
    return quote(path, safe=_IN_A_PATH)


def header_text(value: str) -> str:
    """Return text as a header can carry it: what is not printable ASCII is percent-encoded UTF-8, and so is the per cent sign."""
    return quote(value.strip(), safe=_IN_A_HEADER, errors="replace")
