"""A form that waits for its sender to sign in again: what is kept of it, and how it is put before the host once more."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from vneid_middleware.core.redirects import local_path

PARAMETER = "vneid-form"
"""What the button's address carries beside the form's own query, as its last part."""
TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
"""What an HTML form can send (HTML section 4.10.21.8); anything else comes from a program, which sends again by itself."""
MAX_ADDRESS = 4_096
MAX_SHOWN = 120

_PRESSED = re.compile(rf"(?P<rest>(?:.*(?=&))?)&?{PARAMETER}=(?P<id>[A-Za-z0-9_-]{{22}})")
_RAW_ADDRESSES = ("REQUEST_URI", "RAW_URI")
"""What servers add to PEP 3333: the address as it came."""


@dataclass(frozen=True)
class KeptForm:
    """A POST, as far as it is the citizen's: cookies and headers are the browser's own at the time of sending again.

    ``account`` is the keyed hash of the account whose session had ended, empty where that could not be told. ``script_name``
    and ``path_info`` are WSGI's (bytes as latin-1), ``query`` and ``content_type`` raw.
    """

    account: str
    script_name: str
    path_info: str
    query: str
    content_type: str
    body: bytes

    def pack(self) -> bytes:
        """Return one line of JSON and the body behind it."""
        head = [self.account, self.script_name, self.path_info, self.query, self.content_type, len(self.body)]
        return json.dumps(head).encode("ascii") + b"\n" + self.body

    @classmethod
    def unpack(cls, packed: bytes) -> KeptForm:
        """Return what :meth:`pack` made; whatever follows the body is passed over."""
        head, _, rest = packed.partition(b"\n")
        account, script_name, path_info, query, content_type, length = json.loads(head)
        return cls(account, script_name, path_info, query, content_type, rest[:length])

    def is_for(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a request goes where the form went."""
        address = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        return address == (self.script_name, self.path_info)

    def button(self, form_id: str) -> str:
        """Return the path that the button which sends the form again posts to: the form's own."""
        mark = f"{PARAMETER}={form_id}"
        return local_path(self.script_name, self.path_info, f"{self.query}&{mark}" if self.query else mark)

    def shown_path(self) -> str:
        """Return the form's path for a person to read: percent-encoded where it holds what can't be seen."""
        raw = (self.script_name + self.path_info).encode("latin-1")
        text = raw.decode("utf-8", "replace")
        text = text if text.isprintable() else quote(raw)
        return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN - 1] + "…"

    def replay(self, environ: Mapping[str, Any]) -> dict[str, Any]:
        """Return the environ of the press with the form's own query, type and body in it."""
        return {**readdressed(environ, self.query), "CONTENT_TYPE": self.content_type,
                "CONTENT_LENGTH": str(len(self.body)), "wsgi.input": io.BytesIO(self.body)}


def obstacle(environ: Mapping[str, Any], most: int) -> str:
    """Return why a POST can't be kept, by its headers alone.

    Args:
        most: the largest body in bytes.

    Returns:
        ``type``, ``size`` (larger, or of unknown length) or, where nothing is in the way, an empty text.
    """
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() not in TYPES or environ.get("HTTP_CONTENT_ENCODING"):
        return "type"
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit() and len(length) < 12 and int(length) <= most):
        return "size"
    address = sum(len(environ.get(name, "")) for name in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE"))
    return "size" if address > MAX_ADDRESS else ""


def read_body(environ: Mapping[str, Any]) -> bytes | None:
    """Return the body of a POST without :func:`obstacle`, or None when the client broke off."""
    left, parts = int(environ["CONTENT_LENGTH"]), []
    try:
        while left and (part := environ["wsgi.input"].read(left)):
            parts.append(part)
            left -= len(part)
    except OSError:
        return None
    return None if left else b"".join(parts)


def is_empty(environ: Mapping[str, Any]) -> bool:
    """Tell whether a POST has no body, as the button that sends a form again has none."""
    return environ.get("CONTENT_LENGTH", "") in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ


def pressed(query: str) -> tuple[str, str] | None:
    """Return the form's id and its own query out of the query of a press; None where it is none."""
    found = _PRESSED.fullmatch(query)
    return (found["id"], found["rest"]) if found else None


def readdressed(environ: Mapping[str, Any], query: str) -> dict[str, Any]:
    """Return a copy of an environ with another query, also in the raw address that some servers add."""
    address = local_path(environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", ""), query)
    return {**environ, "QUERY_STRING": query, **{name: address for name in _RAW_ADDRESSES if name in environ}}
