"""Sign-on of apps, as far as it needs nobody else: what an app may ask, where it is called back, and who may redeem a code.

RFC 8252 (OAuth 2.0 for native apps), RFC 7636 (PKCE), RFC 6749 (the names of errors). An app holds no secret of ours: a
transaction and a verifier that never left it are what it is known by.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from vneid_middleware.exceptions import LoginError, VNeIDError

TRANSACTION_TTL = 300
"""Seconds that a sign-on may take."""
CODE_TTL = 60
"""Seconds that an app has to redeem the code it was called back with."""
MAX_CODE = 4096
WEB, APP = "web", "app"

_APP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_TRANSACTION = re.compile(r"[A-Za-z0-9_-]{43}")


class AppRequestError(VNeIDError):
    """An app's request is refused.

    Args:
        code: an ``error`` of RFC 6749 section 4.1.2.1 or 5.2.
        detail: what is wrong, for the app's developer; never a value that was sent.
        status: the HTTP status.
    """

    def __init__(self, code: str, detail: str, *, status: int = 400) -> None:
        super().__init__(code, detail)
        self.status = status


class Start(NamedTuple):
    """What an app asks for."""

    app_id: str
    callback: str
    mode: str
    code_challenge: str


class Redemption(NamedTuple):
    """What an app redeems, checked for form."""

    transaction: str
    code: str
    code_verifier: str
    encrypt_key: str

    def __repr__(self) -> str:
        return "<Redemption>"


def app_id_fault(name: str) -> str:
    """Return what is wrong with an app's name, or nothing."""
    return "" if _APP_ID.fullmatch(name) else "must be 1 to 64 letters, digits and . _ -"


def callback_fault(uri: str) -> str:
    """Return what is wrong with an app's callback, or nothing.

    A claimed https link (RFC 8252 section 7.2), or a scheme of one's own that begins with a domain turned round, and so has
    a dot in it (section 7.1). Never the app's own machine (section 8.3): another app could listen there.
    """
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "is no URI"
    if not (uri.isascii() and uri.isprintable()) or set(uri) & set(' "<>\\^`{|}#') or len(uri) > 1024:
        return "must be ASCII without spaces, quotes and a fragment"
    if "@" in parts.netloc:
        return "must not name a user"
    if host == "localhost" or host.endswith(".localhost") or _is_address(host):
        return "must not lead to this device itself or to an address"
    if parts.scheme == "https":
        return "" if _DOMAIN.fullmatch(host) else "must have a domain name"
    scheme, colon, _ = uri.partition(":")
    if not (colon and _SCHEME.fullmatch(scheme)):
        return "must be https, or a scheme with a dot in it such as vn.gov.example.app"
    return ""


def _is_address(host: str) -> bool:
    # 127.0.0.1, but also 127.1, 2130706433, 0x7f.1 and [::1]: what some resolver takes for an address
    last = host.rpartition(".")[2]
    return ":" in host or last.isdigit() or last.startswith("0x")


def parse_start(body: Mapping[str, Any], apps: Mapping[str, tuple[str, ...]], *, deep_link: bool) -> Start:
    """Read the body of a start request.

    Args:
        apps: the registered apps with their callbacks.
        deep_link: whether the mode ``app`` is on.

    Raises:
        AppRequestError: something is missing, malformed or not registered.
    """
    asked = Start(*(_text(body, name, 1024) for name in Start._fields))
    if body.get("code_challenge_method", "S256") != "S256" or not _CHALLENGE.fullmatch(asked.code_challenge):
        raise AppRequestError("invalid_request", "code_challenge must be S256: 43 base64url characters")
    if asked.mode not in (WEB, APP):
        raise AppRequestError("invalid_request", "mode must be web or app")
    if asked.app_id not in apps:
        raise AppRequestError("unauthorized_client", "app_id is not registered")
    # exactly: no prefix, no other port, no further parameter (RFC 9700 section 4.1.3)
    if asked.callback not in apps[asked.app_id]:
        raise AppRequestError("invalid_request", "callback is not registered for this app")
    if asked.mode == APP and not deep_link:
        raise AppRequestError("unauthorized_client", "mode app is off")
    return asked


def parse_redemption(body: Mapping[str, Any]) -> Redemption:
    """Read the body of a token request.

    Raises:
        AppRequestError: something is missing or malformed.
    """
    asked = Redemption(_text(body, "transaction", 64), _text(body, "code", MAX_CODE), _text(body, "code_verifier", 128),
                       _text(body, "encrypt_key", MAX_CODE) if "encrypt_key" in body else "")
    if not _VERIFIER.fullmatch(asked.code_verifier):
        raise AppRequestError("invalid_request", "code_verifier must be 43 to 128 of the characters that RFC 7636 allows")
    if not _TRANSACTION.fullmatch(asked.transaction):
        raise AppRequestError("invalid_grant", "the transaction is unknown or over")
    return asked


def _text(body: Mapping[str, Any], name: str, most: int) -> str:
    value = body.get(name)
    if not (isinstance(value, str) and 0 < len(value) <= most and value.isascii() and value.isprintable()):
        raise AppRequestError("invalid_request", f"{name} is missing or malformed")
    return value


def fits(verifier: str, challenge: str) -> bool:
    """Tell whether a verifier is the one that a challenge was made of (RFC 7636 section 4.6)."""
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    return hmac.compare_digest(create_s256_code_challenge(verifier).encode(), challenge.encode())


def new_secret() -> str:
    """Return a new transaction or code: 256 bits from the system's CSPRNG."""
    return secrets.token_urlsafe(32)


def deep_link(client_id: str, client_secret: str) -> str:
    """Return the guide's authorization deep link, ``vneid://app/login/CLIENT_ID/CLIENT_SECRET``.

    Args:
        client_secret: empty where the link goes without it.
    """
    parts = [part for part in (client_id, client_secret) if part]
    return "vneid://app/login/" + "/".join(quote(part, safe="") for part in parts)


def called_back(callback: str, parameter: str, value: str) -> str:
    """Return an app's callback with one parameter more."""
    return callback + ("&" if "?" in callback else "?") + urlencode({parameter: value})


def oauth_error(error: LoginError) -> str:
    """Return what a failed login is called by RFC 6749 section 4.1.2.1."""
    if error.status in (503, 504) or error.code == "provider_unavailable":
        return "temporarily_unavailable"
    return {400: "invalid_request", 403: "access_denied"}.get(error.status, "server_error")
