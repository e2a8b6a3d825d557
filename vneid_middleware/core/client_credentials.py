"""An access token for ourselves, without a citizen: the client credentials grant (RFC 6749 section 4.4)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

from vneid_middleware.core.oidc import form_encoded, parse_token_response

UNTOLD_LIFETIME = 300
"""Seconds that a token serves whose answer does not tell its lifetime."""
_LONGEST = 86_400


class AccessToken(NamedTuple):
    """A token and the seconds that it may be used for."""

    value: str
    lifetime: float

    def __repr__(self) -> str:
        return "AccessToken(…)"


def token_request(client_id: str, client_secret: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the token request; the client signs in by Basic (RFC 6749 section 2.3.1)."""
    pair = f"{form_encoded(client_id)}:{form_encoded(client_secret)}".encode("ascii")
    return {"Authorization": "Basic " + b64encode(pair).decode("ascii"), "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded"}, b"grant_type=client_credentials"


def parse_answer(answer: Mapping[str, Any]) -> AccessToken:
    """Check the token endpoint's answer (RFC 6749 section 5.1).

    A gateway tells "never ends" by the largest number that it knows: a lifetime beyond a day counts as a day.

    Raises:
        VNeIDError: ``token_response_invalid``, naming the field.
    """
    lifetime = answer.get("expires_in")
    if type(lifetime) is int and lifetime > _LONGEST:
        answer = {**answer, "expires_in": _LONGEST}
    token = parse_token_response(answer, id_token_required=False).access_token
    seconds = min(float(answer.get("expires_in") or UNTOLD_LIFETIME), _LONGEST)
    # soon enough before its end that a message under way still arrives with it
    return AccessToken(token, seconds - min(30.0, seconds / 10))
