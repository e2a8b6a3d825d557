"""How a relying party proves itself at the token endpoint: by its secret, or by a key of its own."""

from __future__ import annotations

import hmac
from base64 import b64decode
from typing import Any
from urllib.parse import unquote_plus

from webob import Request

from vneid_middleware.simulator.answers import ProtocolError
from vneid_middleware.simulator.state import Client, State

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ["RS256", "PS256", "ES256"]


def authenticated(request: Request, state: State, audiences: list[str]) -> Client:
    """Return the client that a token request comes from.

    Args:
        request: the token request.
        state: the simulator's memory.
        audiences: what ``aud`` of an assertion may be: the issuer, and the endpoint.

    Raises:
        ProtocolError: 401: unknown, not proven, or proven in another way than the client is registered for.
    """
    method, given_id, proof = _given(request)
    client = state.clients.get(given_id)
    if client is None or client.auth_method not in ("", method) or not _holds(client, method, proof, state, audiences):
        raise ProtocolError(401, "unauthorized_client", "Invalid client or Invalid client credentials")
    return client


def _given(request: Request) -> tuple[str, str, str]:
    form = request.POST
    if request.authorization and request.authorization[0].lower() == "basic":
        given_id, _, secret = (unquote_plus(part) for part in b64decode(str(request.authorization[1])).decode().partition(":"))
        return "client_secret_basic", given_id, secret
    if form.get("client_assertion_type") == _ASSERTION:
        return "private_key_jwt", form.get("client_id", ""), form.get("client_assertion", "")
    return "client_secret_post", form.get("client_id", ""), form.get("client_secret", "")


def _holds(client: Client, method: str, proof: str, state: State, audiences: list[str]) -> bool:
    if method == "private_key_jwt":
        return bool(client.assertion_key) and _is_assertion(client, proof, state, audiences)
    return hmac.compare_digest(client.client_secret.encode(), proof.encode())


def _is_assertion(client: Client, assertion: str, state: State, audiences: list[str]) -> bool:
    """RFC 7523 section 3 and OpenID Connect Core section 9: signed by the client's key, for us, alive, and never used before."""
    import jwt

    # times are looked at here, by the simulator's own clock
    options: Any = {"require": ["iss", "sub", "aud", "exp", "jti"], "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(assertion, client.assertion_key, algorithms=_ALGORITHMS, audience=audiences, options=options)
    except jwt.PyJWTError:
        return False
    if not (claims["iss"] == claims["sub"] == client.client_id and claims["exp"] > state.clock()):
        return False
    with state.lock:
        if claims["jti"] in state.assertions:
            return False
        state.assertions.add(claims["jti"])
    return True
