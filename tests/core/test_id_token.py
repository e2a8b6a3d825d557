"""The ID token's profile: one good token, and every way in which it can be less than that."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import datetime, tzinfo
from typing import Any

import joserfc.errors
import jwt
import pytest
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from joserfc.jws import JWSRegistry

from vneid_middleware.core.claims import TokenError
from vneid_middleware.core.id_token import verify_id_token
from vneid_middleware.core.jose import JoseError, KeySet, encode_base64url

NOW = 1_790_000_000
ISSUER = "https://sso.example.gov.vn/realms/citizen"
CLIENT = "dich-vu-cong"
NONCE = "n-0S6_WzA2Mj"
ALGORITHMS = ("RS256", "PS256", "ES256")

GOOD: dict[str, Any] = {"iss": ISSUER, "sub": "248289761001", "aud": CLIENT, "exp": NOW + 300, "iat": NOW,
    "nonce": NONCE}

# OpenID Connect Core 1.0, appendix A.3
CORE_ACCESS_TOKEN, CORE_AT_HASH = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"


def good(**changes: Any) -> dict[str, Any]:
    """Return the good claims with changes; a claim given as ``...`` is left out."""
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}


def verify(token: str, key_set: KeySet, **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"key_set": key_set, "issuer": ISSUER, "client_id": CLIENT, "nonce": NONCE,
                                 "algorithms": ALGORITHMS, "now": NOW, **changes}
    return verify_id_token(token, **arguments)


@pytest.fixture
def check(signer: Any) -> Any:
    """Sign the good claims with changes and verify them."""
    return lambda arguments=None, **changes: verify(signer.token(good(**changes)), signer.key_set(),
        **(arguments or {}))


@pytest.fixture
def refuse(check: Any) -> Any:
    """Do the same, see it refused with the code, and return the error."""

    def refuse(code: str, arguments: Any = None, **changes: Any) -> TokenError:
        with pytest.raises(TokenError) as caught:
            check(arguments, **changes)
        assert caught.value.code == code
        assert caught.value.detail, "every refusal tells the operator why"
        return caught.value

    return refuse


class TestAccepted:
    @pytest.mark.conformance("oidcc-client-test")
    def test_the_good_token(self, check: Any) -> None:
        assert check() == GOOD

    @pytest.mark.parametrize("changes", [
        {"aud": [CLIENT]}, {"azp": CLIENT}, {"nbf": NOW}, {"sub": "a"}, {"sub": "x" * 255}, {"sub": " ~"},
        {"exp": 2**63}, {"auth_time": "whenever"}, {"HoVaTen": "Nguyễn Thị Hoà"},
    ])
    def test_variants(self, check: Any, changes: dict[str, Any]) -> None:
        assert check(**changes) == good(**changes)

    @pytest.mark.parametrize("typ", [..., "JWT"])
    def test_type(self, signer: Any, typ: Any) -> None:
        assert verify(signer.token(GOOD, typ=typ), signer.key_set())["sub"] == GOOD["sub"]

    def test_elliptic(self, ec_signer: Any) -> None:
        assert verify(ec_signer.token(GOOD), ec_signer.key_set()) == GOOD


class TestHeaderAndSignature:
    @pytest.mark.threat("A-076")
    @pytest.mark.parametrize("typ", ["logout+jwt", "at+jwt", "JOSE+JSON", "JOSE", "secevent+jwt", "", "jwt",
        "JWT "])
    def test_tokens_of_another_type(self, signer: Any, typ: Any) -> None:
        with pytest.raises(TokenError, match=r"^type_refused: "):
            verify(signer.token(GOOD, typ=typ), signer.key_set())

    @pytest.mark.threat("A-077")
    def test_token_within_a_token(self, signer: Any) -> None:
        nested = signer.token(GOOD)
        for _ in range(10):
            nested = signer.raw(b'{"alg":"RS256","kid":"rsa-1","cty":"JWT"}', nested.encode())
            with pytest.raises(TokenError) as caught:
                verify(nested, signer.key_set())
            assert caught.value.code in {"json_invalid", "too_large"}
        with pytest.raises(TokenError, match=r"^type_refused: "):
            verify(signer.token(GOOD, cty="JWT"), signer.key_set())

    @pytest.mark.threat("A-084")
    def test_somebody_elses_signature(self, signer: Any, stranger: Any) -> None:
        with pytest.raises(TokenError, match=r"^signature_invalid") as caught:
            verify(stranger.token(GOOD), signer.key_set())
        assert caught.value.key_set_may_be_stale

    @pytest.mark.conformance("oidcc-client-test-signing-key-rotation-just-before-signing")
    def test_a_key_that_is_not_known_yet(self, signer: Any, stranger: Any) -> None:
        token = signer.token(GOOD, kid="rsa-2")
        with pytest.raises(TokenError, match=r"^key_unknown") as caught:
            verify(token, signer.key_set())
        assert caught.value.key_set_may_be_stale
        assert verify(token, signer.key_set(kid="rsa-2")) == GOOD

    @pytest.mark.threat("A-085")
    @pytest.mark.parametrize("name", sorted(GOOD))
    def test_claims_given_twice(self, signer: Any, name: str) -> None:
        payload = json.dumps(GOOD)[:-1] + f', "{name}": {json.dumps(GOOD[name])}}}'
        with pytest.raises(TokenError, match=r"^json_invalid") as caught:
            verify(signer.raw(b'{"alg":"RS256","kid":"rsa-1"}', payload.encode()), signer.key_set())
        assert not caught.value.key_set_may_be_stale

    @pytest.mark.threat("A-086")
    def test_size(self, refuse: Any) -> None:
        assert refuse("too_large", padding="x" * 16_384).evidence["size"] > 16_384

    @pytest.mark.threat("A-072")
    def test_algorithm_that_is_not_in_the_list(self, refuse: Any) -> None:
        refuse("alg_not_allowed", {"algorithms": ["PS256", "ES256"]})
        refuse("alg_not_allowed", {"algorithms": []})

    def test_what_a_claim_must_be_is_told(self, refuse: Any) -> None:
        assert refuse("claim_invalid", exp="1").detail == "exp is not an integer"
        assert refuse("claim_invalid", sub=7).detail == "sub is not text"

    def test_every_error_is_one_for_callers(self, refuse: Any) -> None:
        assert isinstance(refuse("expired", exp=1), JoseError)


class TestIssuer:
    @pytest.mark.threat("A-078")
    @pytest.mark.conformance("oidcc-client-test-invalid-iss")
    @pytest.mark.parametrize("iss", [
        "https://evil.example", ISSUER + "/", ISSUER[:-1], ISSUER + "x", ISSUER.upper(),
        ISSUER.replace("https", "http"),
        ISSUER.replace("gov.vn", "gov.vn:443"), ISSUER.replace("sso", "\u0455so"), ISSUER + " ",
        ISSUER + "\u0000", "",
        ISSUER.replace("e", "%65", 1), "https://sso.example.gov.vn",
    ])
    def test_other_issuers(self, refuse: Any, iss: str) -> None:
        refuse("issuer_mismatch", iss=iss)

    @pytest.mark.threat("A-078")
    @pytest.mark.parametrize("iss", [[ISSUER], {ISSUER: 1}, None, 7, True])
    def test_issuer_of_another_type(self, refuse: Any, iss: Any) -> None:
        assert refuse("claim_invalid", iss=iss).evidence == {"claim": "iss"}

    @pytest.mark.threat("A-078")
    def test_no_issuer(self, refuse: Any) -> None:
        assert refuse("claim_missing", iss=...).evidence == {"claim": "iss"}


class TestAudience:
    @pytest.mark.threat("A-079")
    @pytest.mark.conformance("oidcc-client-test-invalid-aud")
    @pytest.mark.parametrize("aud", [
        "other", "", CLIENT[:-1], CLIENT + "x", CLIENT.upper(), f"{CLIENT} other", [], ["other"],
        [CLIENT[:-1]], [CLIENT, "other"], ["other", CLIENT], [""], [CLIENT, ""],
    ])
    def test_other_audiences(self, refuse: Any, aud: Any) -> None:
        refuse("audience_mismatch", aud=aud)
        refuse("audience_mismatch", aud=aud, azp=CLIENT)

    @pytest.mark.threat("A-079")
    @pytest.mark.conformance("oidcc-client-test-missing-aud")
    @pytest.mark.parametrize("aud", [..., None, 7, True, {CLIENT: 1}, [CLIENT, 7], [[CLIENT]],
        [None, CLIENT]])
    def test_audience_of_another_type(self, refuse: Any, aud: Any) -> None:
        assert refuse("claim_invalid", aud=aud).evidence == {"claim": "aud"}

    @pytest.mark.threat("A-079")
    @pytest.mark.parametrize("azp", ["other", "", None, 7, [CLIENT], CLIENT + " "])
    def test_authorized_party(self, refuse: Any, azp: Any) -> None:
        refuse("azp_mismatch", azp=azp)
        refuse("azp_mismatch", aud=[CLIENT], azp=azp)

    @pytest.mark.threat("A-079")
    def test_several_audiences_need_trust_and_the_authorized_party(self, check: Any, refuse: Any) -> None:
        trust = {"trusted_audiences": ["account"]}
        assert check(trust, aud=[CLIENT, "account"], azp=CLIENT)["aud"] == [CLIENT, "account"]
        refuse("azp_mismatch", trust, aud=[CLIENT, "account"])
        refuse("azp_mismatch", trust, aud=[CLIENT, "account"], azp="account")
        refuse("audience_mismatch", trust, aud=[CLIENT, "account", "third"], azp=CLIENT)
        refuse("audience_mismatch", trust, aud=["account"], azp=CLIENT)
        refuse("audience_mismatch", trust, aud="account", azp=CLIENT)


class TestSubject:
    @pytest.mark.threat("A-082")
    @pytest.mark.conformance("oidcc-client-test-missing-sub")
    @pytest.mark.parametrize(("sub", "code"), [
        (..., "claim_missing"), ("", "claim_invalid"), ("x" * 256, "claim_invalid"),
        ("nguyễn", "claim_invalid"), ("a\u0000", "claim_invalid"), ("a\r\nX: 1", "claim_invalid"),
        ("a\n", "claim_invalid"), ("\x7f", "claim_invalid"), (7, "claim_invalid"), (None, "claim_invalid"),
        (["a"], "claim_invalid"), ({}, "claim_invalid"), (True, "claim_invalid"),
        ("\u202ea", "claim_invalid"),
    ])
    def test_subjects_that_are_refused(self, refuse: Any, sub: Any, code: str) -> None:
        assert refuse(code, sub=sub).evidence == {"claim": "sub"}


class TestTimes:
    @pytest.mark.threat("A-080")
    @pytest.mark.parametrize(("leeway", "off"), [(0, 0), (60, 60), (7, 7)])
    def test_the_second_in_which_it_expires(self, check: Any, refuse: Any, leeway: int, off: int) -> None:
        assert check({"leeway": leeway}, exp=NOW - off + 1)
        assert refuse("expired", {"leeway": leeway}, exp=NOW - off).evidence == {"seconds": off}
        assert refuse("expired", {"leeway": leeway}, exp=NOW - off - 1).evidence == {"seconds": off + 1}

    @pytest.mark.threat("A-081")
    @pytest.mark.parametrize("leeway", [0, 60])
    def test_the_second_from_which_it_holds(self, check: Any, refuse: Any, leeway: int) -> None:
        assert check({"leeway": leeway}, iat=NOW + leeway, nbf=NOW + leeway)
        late = NOW + leeway + 1
        assert refuse("issued_in_future", {"leeway": leeway}, iat=late).evidence == {"seconds": leeway + 1}
        assert refuse("not_yet_valid", {"leeway": leeway}, nbf=late).evidence == {"seconds": leeway + 1}

    @pytest.mark.threat("A-081")
    def test_the_oldest_token(self, check: Any, refuse: Any) -> None:
        assert check(iat=NOW - 660)
        assert refuse("too_old", iat=NOW - 661).evidence == {"seconds": 661}
        refuse("too_old", iat=0)
        refuse("too_old", iat=-1)
        refuse("too_old", {"max_token_age": 5, "leeway": 0}, iat=NOW - 6)
        assert check({"max_token_age": 5, "leeway": 0}, iat=NOW - 5)

    @pytest.mark.threat("A-080")
    @pytest.mark.parametrize("exp", [0, -1, -(2**63), NOW - 3600])
    def test_long_expired(self, refuse: Any, exp: int) -> None:
        assert refuse("expired", exp=exp).evidence["seconds"] == NOW - exp

    @pytest.mark.threat("A-080")
    @pytest.mark.threat("A-081")
    @pytest.mark.conformance("oidcc-client-test-missing-iat")
    @pytest.mark.parametrize("name", ["exp", "iat"])
    def test_missing(self, refuse: Any, name: str) -> None:
        assert refuse("claim_missing", **{name: ...}).evidence == {"claim": name}

    @pytest.mark.threat("A-080")
    @pytest.mark.threat("A-081")
    @pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
    @pytest.mark.parametrize("value", [str(NOW), True, None, float(NOW), NOW + 0.5, 1e308, [NOW], {}, ""])
    def test_no_integer(self, refuse: Any, name: str, value: Any) -> None:
        assert refuse("claim_invalid", **{name: value}).evidence == {"claim": name}

    @pytest.mark.threat("A-080")
    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 30])
    def test_no_number(self, signer: Any, number: str) -> None:
        payload = json.dumps(good(exp=...))[:-1] + f', "exp": {number}}}'
        with pytest.raises(TokenError, match=r"^json_invalid"):
            verify(signer.raw(b'{"alg":"RS256","kid":"rsa-1"}', payload.encode()), signer.key_set())

    @pytest.mark.threat("A-080")
    @pytest.mark.parametrize("leeway", [-1, 61, 3600])
    def test_leeway_has_an_end(self, check: Any, leeway: int) -> None:
        with pytest.raises(ValueError, match="leeway"):
            check({"leeway": leeway})


class TestNonce:
    @pytest.mark.threat("A-014")
    @pytest.mark.conformance("oidcc-client-test-nonce-invalid")
    @pytest.mark.parametrize("nonce", ["other", "", NONCE + "x", NONCE[:-1], NONCE.lower(), " " + NONCE,
        "nhầm"])
    def test_nonce_of_another_login(self, refuse: Any, nonce: str) -> None:
        refuse("nonce_mismatch", nonce=nonce)
        refuse("nonce_mismatch", {"require_nonce": False}, nonce=nonce)
        refuse("nonce_mismatch", {"require_nonce": False, "nonce": None}, nonce=nonce)

    @pytest.mark.threat("A-014")
    @pytest.mark.parametrize("nonce", [None, 7, True, [NONCE], {}])
    def test_nonce_of_another_type(self, refuse: Any, nonce: Any) -> None:
        assert refuse("claim_invalid", nonce=nonce).evidence == {"claim": "nonce"}
        refuse("claim_invalid", {"require_nonce": False, "nonce": None}, nonce=nonce)

    @pytest.mark.threat("A-014")
    def test_no_nonce(self, check: Any, refuse: Any) -> None:
        assert refuse("nonce_missing", nonce=...).evidence == {"claim": "nonce"}
        assert "nonce" not in check({"require_nonce": False}, nonce=...)

    @pytest.mark.threat("A-014")
    @pytest.mark.parametrize("nonce", [None, ""])
    def test_a_nonce_is_not_required_by_accident(self, check: Any, nonce: Any) -> None:
        with pytest.raises(ValueError, match="nonce"):
            check({"nonce": nonce})


class TestAccessTokenHash:
    @pytest.mark.threat("A-083")
    def test_the_example_of_openid_connect_core(self, check: Any) -> None:
        assert check({"access_token": CORE_ACCESS_TOKEN}, at_hash=CORE_AT_HASH)["at_hash"] == CORE_AT_HASH

    @pytest.mark.threat("A-083")
    @pytest.mark.parametrize(("alg", "length"), [("RS384", 24), ("PS512", 32)])
    def test_the_hash_is_that_of_the_signature(self, signer: Any, make_signer: Any, alg: str,
        length: int) -> None:
        digest = hashlib.new(f"sha{alg[2:]}", b"opaque").digest()
        one = make_signer(signer.private_key, alg, signer.kid)
        arguments = {"algorithms": [alg], "access_token": "opaque"}
        assert verify(one.token(good(at_hash=encode_base64url(digest[:length]))), one.key_set(), **arguments)
        for wrong in (digest, digest[length:], hashlib.sha256(b"opaque").digest()[:16]):
            with pytest.raises(TokenError, match=r"^at_hash_mismatch"):
                verify(one.token(good(at_hash=encode_base64url(wrong))), one.key_set(), **arguments)

    @pytest.mark.threat("A-083")
    @pytest.mark.parametrize("at_hash", ["", "77QmUPtjPfzWtF2AnpK9RA", CORE_AT_HASH + "==",
        CORE_AT_HASH.lower(), "ề"])
    def test_wrong(self, refuse: Any, at_hash: str) -> None:
        refuse("at_hash_mismatch", {"access_token": CORE_ACCESS_TOKEN}, at_hash=at_hash)

    @pytest.mark.threat("A-083")
    @pytest.mark.parametrize("at_hash", [None, 7, [CORE_AT_HASH], True])
    def test_of_another_type(self, refuse: Any, at_hash: Any) -> None:
        refuse("claim_invalid", {"access_token": CORE_ACCESS_TOKEN}, at_hash=at_hash)

    @pytest.mark.threat("A-083")
    def test_of_another_access_token_or_none(self, check: Any, refuse: Any) -> None:
        refuse("at_hash_mismatch", {"access_token": "other"}, at_hash=CORE_AT_HASH)
        refuse("at_hash_mismatch", {"access_token": ""}, at_hash=CORE_AT_HASH)
        refuse("at_hash_mismatch", at_hash=CORE_AT_HASH)
        refuse("at_hash_mismatch", at_hash=encode_base64url(hashlib.sha256(b"").digest()[:16]))
        assert check({"access_token": "other"}) == GOOD


class TestAuthenticationTime:
    @pytest.mark.threat("A-029")
    def test_recent_enough(self, check: Any, refuse: Any) -> None:
        asked = {"max_age": 300}
        assert check(asked, auth_time=NOW - 360)
        assert check(asked, auth_time=NOW + 60)
        assert refuse("claim_invalid", asked, auth_time=NOW + 61).evidence == {"claim": "auth_time",
            "seconds": 61}
        assert refuse("auth_too_old", asked, auth_time=NOW - 361).evidence == {"seconds": 361}
        assert check({"max_age": 0, "leeway": 0}, auth_time=NOW)
        refuse("auth_too_old", {"max_age": 0, "leeway": 0}, auth_time=NOW - 1)

    @pytest.mark.threat("A-029")
    @pytest.mark.parametrize(("auth_time", "code"), [
        (..., "claim_missing"), (None, "claim_invalid"), (str(NOW), "claim_invalid"),
        (float(NOW), "claim_invalid"),
        (True, "claim_invalid"), (NOW + 61, "claim_invalid"), (0, "auth_too_old"),
    ])
    def test_not_told(self, refuse: Any, auth_time: Any, code: str) -> None:
        refuse(code, {"max_age": 300}, auth_time=auth_time)


@pytest.mark.threat("A-190")
def test_errors_hold_nothing_of_the_citizen_and_nothing_of_the_token(signer: Any) -> None:
    canary = "001096012345"
    for claims in (good(iss=canary), good(aud=canary), good(azp=canary), good(sub=canary + "\n"),
        good(sub=[canary]), good(exp=canary),
                   good(nonce=canary), good(at_hash=canary), good(iat=canary), good(nbf=canary),
                   good(aud=[CLIENT, canary])):
        token = signer.token(claims)
        with pytest.raises(TokenError) as caught:
            verify(token, signer.key_set())
        shown = f"{caught.value!s} {caught.value!r} {caught.value.evidence} {caught.value.detail}"
        assert canary not in shown
        assert not any(part in shown for part in token.split("."))


# Differential test: the same bent tokens through three verifiers.

_BENT_VALUES: tuple[Any, ...] = (
    "", "x", None, True, 0, -1, 1.5, [], {}, [CLIENT], [CLIENT, "x"], 2**40, "1790000000", CLIENT, ISSUER,
    NONCE,
)


class _StoppedClock(datetime):
    """PyJWT takes no ``now``."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> _StoppedClock:
        return cls.fromtimestamp(NOW, tz)


def _bend_value(rng: random.Random, values: dict[str, Any], names: list[str]) -> None:
    name = rng.choice(names)
    if rng.random() < 0.3:
        values.pop(name, None)
    else:
        values[name] = rng.choice(_BENT_VALUES)


def _bend_text(rng: random.Random, token: str) -> str:
    place = rng.randrange(len(token))
    return rng.choice([
        token[:place] + rng.choice("ABab01-_+/=. \n") + token[place + 1:],
        token[:place] + token[place + 1:],
        token + rng.choice(["=", "==", ".", "\n", "A", " "]),
        token[:place],
        token.replace(".", "..", 1),
    ])


def _bent_token(rng: random.Random, signers: list[Any]) -> str:
    one = rng.choice(signers)
    header: dict[str, Any] = {"alg": one.alg, "kid": one.kid}
    claims = dict(GOOD)
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        kind = rng.random()
        if kind < 0.5:
            _bend_value(rng, claims, [*GOOD, "azp", "nbf", "exp", "iat"])
        elif kind < 0.7:
            header[rng.choice(["typ", "crit", "b64", "cty", "jwk", "x5c", "x5t", "kid", "zip",
                "foo"])] = rng.choice(_BENT_VALUES)
        elif kind < 0.8:
            claims[rng.choice(["iat", "exp", "nbf"])] = NOW + rng.choice([-(10**7), -700, -61, -59, 59, 61,
                700])
        else:
            claims[rng.choice(["foo", "at_hash", "auth_time"])] = rng.choice(_BENT_VALUES)
    payload, head = json.dumps(claims), json.dumps(header)
    if rng.random() < 0.08:
        payload = payload[:-1] + ', "sub": "' + GOOD["sub"] + '"}'
    if rng.random() < 0.04:
        head = head[:-1] + f', "alg": "{one.alg}"}}'
    token: str = one.raw(head.encode(), payload.encode())
    return _bend_text(rng, token) if rng.random() < 0.3 else token


def _pyjwt_accepts(token: str, jwks: list[dict[str, Any]]) -> bool:
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = next(jwt.PyJWK(jwk) for jwk in jwks if jwk["kid"] == kid)
        claims = jwt.decode(token, key, algorithms=list(ALGORITHMS), audience=CLIENT, issuer=ISSUER,
            leeway=60,
                            options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]})
    except (jwt.PyJWTError, StopIteration):
        return False
    return bool(claims["nonce"] == NONCE)


def _parameters_it_does_not_know_are_ignored() -> JWSRegistry:
    """RFC 7515 section 4 says so; joserfc refuses them unless it is told."""
    return JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)


def _joserfc_accepts(token: str, jwks: list[dict[str, Any]]) -> bool:
    registry = joserfc_jwt.JWTClaimsRegistry(
        now=NOW, leeway=60, iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": CLIENT},
        sub={"essential": True}, exp={"essential": True}, iat={"essential": True},
        nonce={"essential": True, "value": NONCE})
    try:
        decoded = joserfc_jwt.decode(token, joserfc_jwk.KeySet.import_key_set({"keys": jwks}),
            registry=_parameters_it_does_not_know_are_ignored())
        registry.validate(decoded.claims)
    except (joserfc.errors.JoseError, ValueError, TypeError, AttributeError):
        return False
    return True


@pytest.mark.threat("A-092")
def test_what_we_accept_the_libraries_accept_too(
        signer: Any, ec_signer: Any, stranger: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jwt.api_jwt.datetime", _StoppedClock)
    rng = random.Random(92)
    jwks = [signer.jwk(), ec_signer.jwk()]
    key_set = KeySet.from_jwks({"keys": jwks})
    seen = {"ours": 0, "only the libraries": 0, "nobody": 0}
    for _ in range(600):
        token = _bent_token(rng, [signer, signer, ec_signer, ec_signer, stranger])
        libraries = _pyjwt_accepts(token, jwks), _joserfc_accepts(token, jwks)
        try:
            verify(token, key_set)
        except TokenError:
            seen["only the libraries" if any(libraries) else "nobody"] += 1
        else:
            assert libraries == (True, True), token
            seen["ours"] += 1
    assert min(seen.values()) >= 20, seen
