"""The past faults of the libraries beneath, each by its number: none of them reaches us, whatever version is installed.

What a fault needs a whole portal for is held where the portal is: states bound to a browser (CVE-2026-41425), discovery of
another issuer (CVE-2026-104056), a key set's address that redirects (CVE-2026-102267), and a flood of unknown key ids (one of
CVE-2026-48522 to 48526), in ``tests/journey`` and ``tests/outbound``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vneid_middleware.core.claims import TokenError
from vneid_middleware.core.id_token import verify_id_token
from vneid_middleware.core.jose import KeySet, encode_base64url
from vneid_middleware.core.redirects import safe_return_to

NOW = 1_790_000_000
ISSUER = "https://sso.example.gov.vn/realms/citizen"
CLAIMS = {"iss": ISSUER, "sub": "248289761001", "aud": "portal", "exp": NOW + 300, "iat": NOW, "nonce": "n-1"}


def refusal(token: str, key_set: KeySet, algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256"), **more: Any) -> str:
    with pytest.raises(TokenError) as caught:
        verify_id_token(token, key_set=key_set, issuer=ISSUER, client_id="portal", nonce="n-1", algorithms=algorithms, now=NOW,
                        **more)
    assert len(str(caught.value)) < 300
    return caught.value.code


def hmac_token(secret: bytes, **header: Any) -> str:
    signing_input = ".".join(encode_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", **header}, CLAIMS))
    return f"{signing_input}.{encode_base64url(hmac.new(secret, signing_input.encode(), hashlib.sha256).digest())}"


def test_the_token_that_all_the_others_are_made_of_is_good(signer: Any):
    arguments: dict[str, Any] = {"key_set": signer.key_set(), "issuer": ISSUER, "client_id": "portal", "nonce": "n-1",
                                 "algorithms": ("RS256",), "now": NOW}
    assert verify_id_token(signer.token(CLAIMS), **arguments) == CLAIMS


@pytest.mark.threat("A-093")
@pytest.mark.parametrize(("number", "encoding", "form"), [
    ("CVE-2017-11424", Encoding.PEM, PublicFormat.PKCS1), ("CVE-2022-29217", Encoding.OpenSSH, PublicFormat.OpenSSH),
    ("CVE-2024-37568", Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ("CVE-2026-114615", Encoding.DER, PublicFormat.SubjectPublicKeyInfo)])
def test_a_public_key_is_no_secret_of_an_hmac(signer: Any, number: str, encoding: Any, form: Any):
    secret = signer.private_key.public_key().public_bytes(encoding, form)
    for algorithms in (("RS256",), ("RS256", "HS256")):
        assert refusal(hmac_token(secret, kid=signer.kid), signer.key_set(), algorithms) == "alg_not_allowed"


@pytest.mark.threat("A-093")
@pytest.mark.parametrize("number", ["CVE-2026-48526", "GHSA-xgmm"])
def test_the_text_of_a_jwk_is_no_secret_of_an_hmac(signer: Any, number: str):
    for text in (json.dumps(signer.jwk()), json.dumps({"keys": [signer.jwk()]}), json.dumps(signer.jwk(), separators=(",", ":"))):
        assert refusal(hmac_token(text.encode()), signer.key_set(), ("RS256", "HS256")) == "alg_not_allowed"


@pytest.mark.threat("A-093")
@pytest.mark.parametrize("number", ["CVE-2026-102266", "CVE-2026-114616", "CVE-2026-49852"])
def test_an_empty_key_signs_nothing(number: str):
    key_set = KeySet.from_jwks({"keys": [{"kty": "oct", "k": "", "kid": "empty", "alg": "HS256"}]})
    assert not key_set
    assert refusal(hmac_token(b"", kid="empty"), key_set, ("HS256",)) == "alg_not_allowed"


@pytest.mark.threat("A-093")
@pytest.mark.parametrize("number", ["CVE-2026-28802"])
@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_none_is_no_algorithm(signer: Any, number: str, alg: str):
    head, payload = (encode_base64url(json.dumps(part).encode()) for part in ({"alg": alg, "kid": signer.kid}, CLAIMS))
    assert refusal(f"{head}.{payload}.", signer.key_set(), ("RS256", "none")) == "malformed"
    assert refusal(f"{head}.{payload}.AA", signer.key_set(), ("RS256", "none", "None", "NONE", "")) == "alg_not_allowed"


@pytest.mark.threat("A-093")
@pytest.mark.parametrize("number", ["GHSA-jq35"])
def test_a_keys_own_algorithm_does_not_widen_ours(signer: Any, number: str):
    token = signer.token(CLAIMS, alg="RS512")
    assert refusal(token, signer.key_set(alg="RS512")) == "alg_not_allowed"
    assert refusal(signer.token(CLAIMS), signer.key_set(alg="RS512")) == "key_unknown"


@pytest.mark.threat("A-093")
@pytest.mark.parametrize(("number", "header"), [
    ("CVE-2025-59420", {"crit": ["b64"], "b64": True}), ("CVE-2026-32597", {"crit": ["exp"]}),
    ("CVE-2026-48522 to 48526", {"b64": False}),
    ("CVE-2025-62706", {"zip": "DEF"}), ("CVE-2026-28490", {"enc": "A256GCM"})])
def test_what_changes_the_meaning_of_a_token_is_refused(signer: Any, number: str, header: dict[str, Any]):
    assert refusal(signer.token(CLAIMS, **header), signer.key_set()) == "header_refused"


@pytest.mark.threat("A-093")
@pytest.mark.parametrize("number", ["CVE-2026-27962"])
def test_a_token_brings_no_key_of_its_own(signer: Any, number: str):
    from cryptography.hazmat.primitives.asymmetric import rsa

    foreign = type(signer)(rsa.generate_private_key(65537, 2048), "RS256", "foreign")
    for kid in ("foreign", signer.kid):
        token = foreign.token(CLAIMS, kid=kid, jwk=foreign.jwk(), jku="https://evil.example/jwks")
        assert refusal(token, signer.key_set()) == ("signature_invalid" if kid == signer.kid else "key_unknown")


@pytest.mark.threat("A-093")
@pytest.mark.parametrize(("number", "size"), [("CVE-2025-61920", 20_000), ("CVE-2025-65015", 5_000_000)])
def test_a_token_without_end_is_refused_before_it_is_read(signer: Any, number: str, size: int):
    assert refusal(signer.token({**CLAIMS, "more": "x" * size}), signer.key_set()) == "too_large"
    assert refusal(signer.token(CLAIMS, more="x" * 2_000), signer.key_set()) == "too_large"
    assert refusal("." * size, signer.key_set()) == "too_large"


@pytest.mark.threat("A-093")
@pytest.mark.parametrize(("number", "issuer"), [
    ("CVE-2024-53861", ISSUER[:-1]), ("CVE-2024-53861", "https"), ("CVE-2024-53861", ""), ("CVE-2024-53861", ISSUER + "/"),
    ("CVE-2026-75509", [ISSUER]), ("CVE-2026-75509", [ISSUER, "https://evil.example"]), ("CVE-2026-75509", {ISSUER: 1})])
def test_an_issuer_is_one_text_and_the_whole_of_it(signer: Any, number: str, issuer: Any):
    assert refusal(signer.token({**CLAIMS, "iss": issuer}), signer.key_set()) in ("issuer_mismatch", "claim_invalid")


@pytest.mark.threat("A-093")
@pytest.mark.parametrize("number", ["CVE-2026-28498"])
@pytest.mark.parametrize("at_hash", ["", "x", None, 7, [], "77QmUPtjPfzWtF2AnpK9RQ"])
def test_an_at_hash_that_can_not_be_checked_is_not_passed_over(signer: Any, number: str, at_hash: Any):
    token = signer.token({**CLAIMS, "at_hash": at_hash})
    assert refusal(token, signer.key_set(), access_token="another-access-token") in ("at_hash_mismatch", "claim_invalid")
    assert refusal(token, signer.key_set()) in ("at_hash_mismatch", "claim_invalid")


@pytest.mark.threat("A-093")
@pytest.mark.parametrize("number", ["CVE-2026-96760"])
def test_the_json_form_of_a_token_is_none(signer: Any, number: str):
    head, payload, _ = signer.token(CLAIMS).split(".")
    for form in ({"payload": payload, "signatures": []}, {"payload": payload, "protected": head, "signature": ""}):
        assert refusal(json.dumps(form), signer.key_set()) == "malformed"


@pytest.mark.threat("A-093")
@pytest.mark.parametrize(("number", "target"), [
    ("CVE-2024-42353", "//evil.example"), ("CVE-2026-44889", "/\t/evil.example"), ("CVE-2026-44889", "/\n/evil.example"),
    ("CVE-2026-54770", " //evil.example"), ("CVE-2026-54770", "\x00//evil.example"), ("CVE-2026-54770", "\x1f/\\evil.example")])
def test_no_spelling_leads_off_the_portal(number: str, target: str):
    assert safe_return_to(target, public_url="https://portal.example") is None
