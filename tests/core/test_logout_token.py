"""The logout token's profile: what ends, whose it is, and that it is not good for long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from vneid_middleware.core.claims import TokenError
from vneid_middleware.core.logout_token import EVENT, LogoutToken, verify_logout_token

NOW, ISSUER, CLIENT = 1_790_000_000, "https://sso.example.gov.vn/realms/citizen", "dich-vu-cong"
GOOD = {"iss": ISSUER, "sub": "248289761001", "sid": "s-1", "aud": CLIENT, "iat": NOW, "exp": NOW + 120, "jti": "j-1",
        "events": {EVENT: {}}}


def claims(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}


@pytest.fixture
def end(signer: Any) -> Any:
    """Sign the good claims with changes and verify them."""
    def verify(header: dict[str, Any] | None = None, **changes: Any) -> LogoutToken:
        token = signer.token(claims(**changes), **{"typ": "logout+jwt", **(header or {})})
        return verify_token(token, signer)

    return verify


def verify_token(token: str, signer: Any, algorithms: tuple[str, ...] = ("RS256",)) -> LogoutToken:
    return verify_logout_token(token, key_set=signer.key_set(), issuer=ISSUER, client_id=CLIENT, algorithms=algorithms, now=NOW)


@contextmanager
def refused(code: str, claim: str = "") -> Iterator[None]:
    with pytest.raises(TokenError) as caught:
        yield
    assert caught.value.code == code
    assert not claim or caught.value.evidence["claim"] == claim
    assert caught.value.detail, "every refusal tells the operator why"


def test_the_good_token(end: Any) -> None:
    assert end() == LogoutToken("248289761001", "s-1", "j-1", NOW + 180)
    assert end(sub=...) == LogoutToken("", "s-1", "j-1", NOW + 180)
    assert end(sid=...) == LogoutToken("248289761001", "", "j-1", NOW + 180)
    for typ in ("JWT", "LOGOUT+JWT", ...):
        assert end({"typ": typ}).session == "s-1"
    assert end(jti="j", sid="s", sub="u") == LogoutToken("u", "s", "j", NOW + 180)
    assert end(events={EVENT: {"x": 1}, "other": 1}, jti="j" * 255, sid="é" * 255).token_id == "j" * 255


@pytest.mark.threat("A-076")
@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"typ": ""}, {"typ": "JOSE"}, {"cty": "JWT"}, {"cty": ""}])
def test_other_kinds_of_token(end: Any, header: dict[str, Any]) -> None:
    with refused("type_refused"):
        end(header)


@pytest.mark.threat("A-076")
def test_an_id_token_ends_nothing(end: Any) -> None:
    with refused("event_missing", "events"):
        end(events=...)
    with refused("nonce_present", "nonce"):
        end(nonce="n")
    with refused("nonce_present", "nonce"):
        end(nonce=None)


@pytest.mark.parametrize("events", [None, [], [EVENT], EVENT, {}, {EVENT: None}, {EVENT: []}, {EVENT: "{}"},
                                    {EVENT + "x": {}}, {"": {}}])
def test_the_event_is_an_object_under_its_name(end: Any, events: Any) -> None:
    with refused("event_missing", "events"):
        end(events=events)


def test_somebody_or_some_session_is_named(end: Any) -> None:
    with refused("claim_missing", "sid"):
        end(sub=..., sid=...)
    for sid in ("", "x" * 256):
        with refused("claim_invalid", "sid"):
            end(sid=sid)
    for sid in (None, 7, ["s-1"]):
        with refused("claim_invalid", "sid"):
            end(sid=sid)
    for sub in ("", "x" * 256, "é", None, 7):
        with refused("claim_invalid", "sub"):
            end(sub=sub)


def test_it_has_a_name_to_be_used_up(end: Any) -> None:
    with refused("claim_missing", "jti"):
        end(jti=...)
    for jti in ("", "j" * 256, 7, None):
        with refused("claim_invalid", "jti"):
            end(jti=jti)


@pytest.mark.parametrize(("changes", "code"), [
    ({"iss": ISSUER + "/"}, "issuer_mismatch"), ({"iss": ...}, "claim_missing"), ({"aud": "other"}, "audience_mismatch"),
    ({"aud": [CLIENT, "other"], "azp": CLIENT}, "audience_mismatch"), ({"azp": "other"}, "azp_mismatch"),
    ({"aud": ...}, "claim_invalid"), ({"exp": ...}, "claim_missing"), ({"iat": ...}, "claim_missing"),
])
def test_it_is_the_provider_s_and_for_us(end: Any, changes: dict[str, Any], code: str) -> None:
    with refused(code):
        end(**changes)


def test_it_is_not_good_for_long(end: Any) -> None:
    assert end(iat=NOW - 660, exp=NOW - 59).expires_at == NOW + 1
    assert end(iat=NOW + 60, exp=NOW + 660).expires_at == NOW + 720
    for changes, code in (({"exp": NOW - 60}, "expired"), ({"iat": NOW - 661}, "too_old"),
                          ({"iat": NOW + 61}, "issued_in_future"), ({"nbf": NOW + 61}, "not_yet_valid")):
        with refused(code):
            end(**changes)
    with refused("claim_invalid", "exp"):
        end(exp=NOW + 661)


def test_somebody_else_s_signature(signer: Any, stranger: Any) -> None:
    with refused("signature_invalid"):
        verify_token(stranger.token(GOOD), signer)
    with refused("alg_not_allowed"):
        verify_token(signer.token(GOOD), signer, ("ES256",))
    with refused("json_invalid"):
        verify_token(signer.raw(b'{"alg":"RS256"}', json.dumps(GOOD).encode() + b" x"), signer)
