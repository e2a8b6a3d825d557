"""Where a browser may be sent afterwards: to paths of this portal alone, as any browser reads them."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

MAX_LENGTH = 2_048
_DECODINGS = 3

_PRINTABLE_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_PATH_END = re.compile(r"[?#]")
_DOT_SEGMENTS = frozenset({".", ".."})
# control characters, and the line and paragraph separators that some readers take for line ends
_REFUSED_CATEGORIES = frozenset({"Cc", "Zl", "Zp"})

_URL_CHARACTERS = "".join(map(chr, range(0x21, 0x7F)))
_PATH_CHARACTERS = "/:@!$&'()*+,;=-._~"


def safe_return_to(value: str, *, public_url: str) -> str | None:
    """Return the absolute URL on this portal that ``value`` means, or None when it must not be followed.

    Browsers, servers and parsers disagree about what leaves a site (CVE-2021-32786, CVE-2022-23527 and
    CVE-2026-44889 are three answers to one question), so a value passes only where there is nothing to
    disagree about: printable ASCII that begins with one slash, at most 2048 characters, and, as it stands and
    percent-decoded up to three times, UTF-8 without backslash and control characters, and without ``//`` and
    dot segments in the path.

    Args:
        value: a path of the browser with its query, percent-encoded. Where ``public_url`` has a path of its
            own (a mount), a value under it is taken as it is and any other is put under it.
        public_url: the portal's origin and mount path, without a slash at the end.
    """
    if len(value) > MAX_LENGTH or not _PRINTABLE_PATH.fullmatch(value):
        return None
    if not _is_plain(value, _DECODINGS):
        return None
    mount = urlsplit(public_url).path.rstrip("/")
    under_mount = _PATH_END.split(value, maxsplit=1)[0] == mount or value.startswith(mount + "/")
    origin = public_url.rstrip("/").removesuffix(mount)
    return origin + value if under_mount else origin + mount + value


def _is_plain(value: str, decodings: int) -> bool:
    path = _PATH_END.split(value, maxsplit=1)[0]
    if (
        "\\" in value
        or "//" in path
        or not _DOT_SEGMENTS.isdisjoint(path.split("/"))
        or any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in value)
    ):
        return False
    try:
        decoded = unquote(value, errors="strict")
    except UnicodeDecodeError:
        return False
    return decoded == value or not decodings or _is_plain(decoded, decodings - 1)


def return_to_from_query(query_string: str) -> str | None:
    """Return the ``return_to`` of a query: see :func:`split_return_to`."""
    return split_return_to(query_string)[0]


def split_return_to(query_string: str) -> tuple[str | None, str]:
    """Take ``return_to`` out of a raw query.

    A proxy appends the address that was asked for as it is (``return_to=$request_uri`` of nginx), so that its
    query looks like parameters of ours. A ``?`` in the raw value tells it: then everything that follows
    belongs to it, further parameters and the words ``return_to=`` included. Without a ``?`` the value is an
    ordinary form field.

    Args:
        query_string: WSGI's ``QUERY_STRING``.

    Returns:
        the value, percent-encoded where it holds spaces or anything beyond ASCII, and not checked yet; None
        where there is none. Then the rest of the query, raw.

    Raises:
        ValueError: ``return_to`` stands there twice, or the query is no WSGI text (PEP 3333).
    """
    values, rest = [], []
    fields = query_string.split("&")
    for index, field in enumerate(fields):
        name, _, raw = field.partition("=")
        if unquote(name.replace("+", " ")) != "return_to":
            rest.append(field)
        elif "?" in raw:
            values.append(_encode("&".join([raw, *fields[index + 1:]]).encode("latin-1")))
            break
        else:
            values.append(_encode(unquote_to_bytes(raw.replace("+", " ").encode("latin-1"))))
    if len(values) > 1:
        raise ValueError("return_to is given more than once")
    return (values[0] if values else None), "&".join(rest)


def local_path(script_name: str, path_info: str, query_string: str) -> str:
    """Return the browser's path for a request, percent-encoded, out of WSGI's strings (PEP 3333).

    Args:
        script_name: decoded, bytes as latin-1, as ``environ`` has it.
        path_info: the same.
        query_string: raw.
    """
    path = quote((script_name + path_info).encode("latin-1"), safe=_PATH_CHARACTERS) or "/"
    return f"{path}?{_encode(query_string.encode('latin-1'))}" if query_string else path


def _encode(data: bytes) -> str:
    """Percent-encode what can't stand in a URL, and leave what is encoded already."""
    return quote(data, safe=_URL_CHARACTERS)
