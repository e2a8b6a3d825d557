"""The authorization code flow as a relying party sees it: what is asked, and what of the answer is believed.

OpenID Connect Core 1.0 section 3.1, RFC 6749, RFC 7636 (PKCE), RFC 9207 (issuer in the answer), RFC 9700.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from vneid_middleware.core.jose import loads_object
from vneid_middleware.exceptions import LoginError, VNeIDError
from vneid_middleware.models import LoginTransaction

MAX_PARAMETER = 4096
MAX_QUERY = 8192
CLOCK_SKEW = 60
_RANDOM_BYTES = 32
_CRITICAL = ("state", "code", "error", "iss", "encrypt_key")
_FORBIDDEN = ("id_token", "access_token", "token_type", "expires_in")


def new_transaction(*, return_to: str, level: int, now: int, issuer: str, session_id: str = "") -> LoginTransaction:
    """Return a login transaction with 256-bit ``state``, ``nonce`` and code verifier, from the system's CSPRNG."""
    return LoginTransaction(
        state=secrets.token_urlsafe(_RANDOM_BYTES),
        nonce=secrets.token_urlsafe(_RANDOM_BYTES),
        code_verifier=secrets.token_urlsafe(_RANDOM_BYTES),
        return_to=return_to,
        level=level,
        started_at=now,
        issuer=issuer,
        session_id=session_id,
    )


def authorization_url(endpoint: str, transaction: LoginTransaction, *, client_id: str, redirect_uri: str, scope: str,
                      pkce: bool, extra: Mapping[str, str] | None = None) -> str:
    """Return the URL of the authentication request (OpenID Connect Core 3.1.2.1).

    Args:
        endpoint: the authorization endpoint; it may have a query of its own.
        pkce: send a ``code_challenge``; the method is always S256.
        extra: further parameters, such as ``login_hint`` or ``max_age``; they can't replace ours.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    parameters: dict[str, str] = dict(extra or {})
    parameters["nonce"] = transaction.nonce
    if pkce:
        parameters["code_challenge"] = create_s256_code_challenge(transaction.code_verifier)
        parameters["code_challenge_method"] = "S256"
    return str(prepare_grant_uri(endpoint, client_id=client_id, response_type="code", redirect_uri=redirect_uri,
                                 scope=scope, state=transaction.state, **parameters))


@dataclass(frozen=True)
class Callback:
    """The authorization response, checked for form only: ``state`` is not yet compared with anything."""

    state: str
    code: str
    error: str
    issuer: str | None
    encrypt_key: str


def parse_callback(query: str) -> Callback:
    """Read the authorization response from a raw query (RFC 6749 section 4.1.2).

    A ``+`` stays a ``+``: an encrypted code is base64, and a provider may forget to escape it.

    Raises:
        LoginError: 400 ``callback_malformed`` when a parameter is missing, repeated, too long, or belongs to another flow.
    """
    if len(query) > MAX_QUERY:
        raise _malformed("the query is too long")
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        name = unquote(name)
        if name in _FORBIDDEN:
            raise _malformed(f"{name} has no place in the code flow")
        if name not in _CRITICAL:
            continue
        if name in found:
            raise _malformed(f"{name} came twice")
        found[name] = _value(name, value)
    return _callback(found)


def _value(name: str, raw: str) -> str:
    try:
        value = unquote(raw, errors="strict")
    except UnicodeDecodeError as error:
        raise _malformed(f"{name} is not UTF-8") from error
    if len(value) > MAX_PARAMETER or not (value.isprintable() and value.isascii()):
        raise _malformed(f"{name} is too long or holds characters that it can't hold")
    return value


def _callback(found: Mapping[str, str]) -> Callback:
    if not found.get("state"):
        raise _malformed("state is missing")
    if bool(found.get("code")) == bool(found.get("error")):
        raise _malformed("exactly one of code and error must come")
    return Callback(found["state"], found.get("code", ""), found.get("error", ""), found.get("iss"),
                    found.get("encrypt_key", ""))


def check_callback(callback: Callback, transaction: LoginTransaction | None, *, now: int, login_ttl: int,
                   issuer_required: bool) -> None:
    """Check that an authorization response belongs to this browser's own, living login.

    Args:
        callback: the response.
        transaction: what the browser's cookie for this ``state`` holds; None when there is none.
        now: unix seconds.
        login_ttl: seconds that a login may take.
        issuer_required: the provider's metadata announces ``iss`` (RFC 9207 section 3).

    Raises:
        LoginError: 400 ``state_unknown``, ``login_expired`` or ``issuer_mismatch``.
    """
    if transaction is None or not hmac.compare_digest(callback.state.encode(), transaction.state.encode()):
        raise LoginError("state_unknown", "no login of this browser has that state", status=400)
    # it may have begun on a machine whose clock is a little ahead
    if not transaction.started_at - CLOCK_SKEW <= now < transaction.started_at + login_ttl:
        raise LoginError("login_expired", "the login took longer than sso.login_ttl", status=400)
    if callback.issuer is None:
        if issuer_required:
            raise LoginError("issuer_mismatch", "the provider announces iss in the answer and did not send it", status=400)
    elif transaction.issuer and callback.issuer != transaction.issuer:
        raise LoginError("issuer_mismatch", "the answer's iss is not the issuer that was asked", status=400)


def provider_error(error: str) -> LoginError:
    """Return what an ``error`` of the authorization response means (RFC 6749 section 4.1.2.1, OIDC Core 3.1.2.6)."""
    if error == "access_denied":
        return LoginError("login_cancelled", "the citizen refused at VNeID", status=403)
    known = error if error.replace("_", "").isalnum() and len(error) <= 64 else "unknown"
    if error == "temporarily_unavailable":
        return LoginError("provider_unavailable", "the provider answered temporarily_unavailable", status=503)
    return LoginError("provider_error", f"the authorization endpoint answered {known}", status=502, provider_code=known)


def token_request(*, code: str, redirect_uri: str, client_id: str, client_secret: str, client_auth: str,
                  code_verifier: str | None, encrypt_key: str = "", assertion: str = "") -> tuple[dict[str, str], bytes]:
    """Return headers and body of the token request (RFC 6749 section 4.1.3).

    Args:
        client_auth: ``client_secret_basic``, ``client_secret_post`` or ``private_key_jwt``.
        code_verifier: None without PKCE.
        encrypt_key: goes along with an encrypted code, as it came.
        assertion: the signed JWT of ``private_key_jwt`` (RFC 7523).
    """
    from authlib.oauth2.auth import encode_client_secret_basic

    form: list[tuple[str, str]] = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if code_verifier is not None:
        form.append(("code_verifier", code_verifier))
    if encrypt_key:
        form.append(("encrypt_key", encrypt_key))
    if client_auth == "client_secret_basic":
        client = _BasicClient(form_encoded(client_id), form_encoded(client_secret))
        _, headers, _ = encode_client_secret_basic(client, "POST", "", headers, "")
    elif client_auth == "client_secret_post":
        form += [("client_id", client_id), ("client_secret", client_secret)]
    else:
        form += [("client_id", client_id), ("client_assertion", assertion),
                 ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")]
    return headers, urlencode(form).encode("ascii")


@dataclass(frozen=True)
class _BasicClient:
    client_id: str
    client_secret: str


def form_encoded(value: str) -> str:
    """Return a half of a client's Basic credentials (RFC 6749 section 2.3.1): encoded before the two are joined, or a colon
    in the id would split them."""
    return urlencode({"": value})[1:]


@dataclass(frozen=True, repr=False)
class TokenResponse:
    """What the token endpoint gave; it never shows itself."""

    access_token: str
    id_token: str | None


def parse_token_response(answer: Mapping[str, Any], *, id_token_required: bool) -> TokenResponse:
    """Check a token response (RFC 6749 section 5.1, OpenID Connect Core 3.1.3.3).

    Raises:
        VNeIDError: ``token_response_invalid``, naming the field.
    """
    access_token = answer.get("access_token")
    if not (isinstance(access_token, str) and 0 < len(access_token) <= 16_384 and access_token.isascii()
            and access_token.isprintable() and " " not in access_token):
        raise _invalid_answer("access_token is missing or malformed")
    kind = answer.get("token_type")
    if not (isinstance(kind, str) and kind.lower() == "bearer"):
        raise _invalid_answer("token_type is not Bearer")
    lifetime = answer.get("expires_in", 1)
    if lifetime is not None and not _is_lifetime(lifetime):
        raise _invalid_answer("expires_in is not a positive number")
    id_token = answer.get("id_token")
    if id_token is None and id_token_required:
        raise _invalid_answer("id_token is missing (see sso.id_token)")
    if not (id_token is None or isinstance(id_token, str)):
        raise _invalid_answer("id_token is not a string")
    return TokenResponse(access_token, id_token)


def _is_lifetime(value: Any) -> bool:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    return type(value) in (int, float) and 0 < value < 1e10


def error_code(body: bytes) -> str:
    """Return the ``error`` of an error body (RFC 6749 section 5.2), or an empty text; never its description, which may hold
    what was sent."""
    try:
        code = loads_object(body).get("error")
    except VNeIDError:
        return ""
    return code if isinstance(code, str) and len(code) <= 64 and code.replace("_", "").isalnum() else ""


def logout_url(endpoint: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Return the URL that ends the citizen's session at the provider (OpenID Connect RP-Initiated Logout 1.0)."""
    from authlib.common.urls import add_params_to_uri

    return str(add_params_to_uri(endpoint, list(parameters)))


def _malformed(detail: str) -> LoginError:
    return LoginError("callback_malformed", detail, status=400)


def _invalid_answer(detail: str) -> VNeIDError:
    return VNeIDError("token_response_invalid", detail)
