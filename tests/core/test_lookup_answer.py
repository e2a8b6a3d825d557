"""VNeID's signed answer: unsigned, foreign, old, swapped and repeated ones are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe as library
from joserfc.jwk import ECKey, RSAKey

from vneid_middleware.core import jwe
from vneid_middleware.core.claims import TokenError
from vneid_middleware.core.jose import JoseError
from vneid_middleware.core.lookup_answer import verify_answer

NOW = 1_790_000_000
CLAIMS = {"soDinhDanh": "100190000001", "iat": NOW, "exp": NOW + 60, "iss": "vneid", "aud": "portal", "qrID": "qr-1",
          "requestId": "r-1"}


def answer(signer: Any, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}
    return str(signer.token(claims, **(header or {})))


def check(token: str, signer: Any, now: int = NOW, **more: Any) -> Any:
    return verify_answer(token, key_set=signer.key_set(), now=now, **more)


def code_of(token: str, signer: Any, **more: Any) -> str:
    with pytest.raises(TokenError) as caught:
        check(token, signer, **more)
    assert "100190000001" not in str(caught.value)
    return caught.value.code


def test_an_answer_that_is_ours_is_taken_and_known_again(signer: Any):
    token = answer(signer)
    found = check(token, signer, issuer="vneid", audience="portal", bind="request_id", request_id="r-1", qr_id="qr-1")
    assert found.claims == CLAIMS
    assert found.answer_key == check(token, signer).answer_key != check(answer(signer, jti="2"), signer).answer_key
    assert code_of(token, signer, now=found.remember_until) == "too_old"


@pytest.mark.parametrize(("changes", "more", "code"), [
    ({}, {"issuer": "other"}, "issuer_mismatch"), ({"iss": ...}, {"issuer": "vneid"}, "claim_missing"),
    ({}, {"audience": "other"}, "audience_mismatch"), ({"aud": ["portal", "other"]}, {"audience": "portal"}, "audience_mismatch"),
    ({"aud": ...}, {"audience": "portal"}, "claim_invalid"),
    ({"iat": NOW - 61}, {}, "too_old"), ({"iat": NOW + 61, "exp": NOW + 99}, {}, "issued_in_future"),
    ({"iat": ...}, {}, "claim_missing"), ({"exp": ...}, {}, "claim_missing"), ({"exp": NOW - 60}, {}, "expired"),
    ({"exp": NOW}, {}, "expired"), ({"iat": str(NOW)}, {}, "claim_invalid"), ({"iat": True}, {}, "claim_invalid"),
    ({"iat": float(NOW)}, {}, "claim_invalid"), ({"nbf": NOW + 61}, {}, "not_yet_valid"),
    ({"requestId": "r-2"}, {"request_id": "r-1"}, "binding_mismatch"),
    ({"requestId": ...}, {"bind": "request_id", "request_id": "r-1"}, "claim_missing"),
    ({"requestId": ""}, {"bind": "request_id", "request_id": ""}, "binding_mismatch"),
    ({"qrID": "qr-2"}, {"qr_id": "qr-1"}, "binding_mismatch"),
    ({"qrID": ...}, {"bind": "qr_id", "qr_id": "qr-1"}, "claim_missing"),
    ({"qrID": "QR-1"}, {"bind": "qr_id", "qr_id": "qr-1"}, "binding_mismatch"), ({"qrID": 1}, {"qr_id": "qr-1"}, "claim_invalid"),
])
def test_an_answer_to_somebody_else_or_another_time_or_question_is_refused(signer: Any, changes: Any, more: Any, code: str):
    assert code_of(answer(signer, **changes), signer, **more) == code


@pytest.mark.parametrize(("header", "code"), [({"typ": "logout+jwt"}, "type_refused"), ({"cty": "JWT"}, "type_refused"),
                                              ({"alg": "none"}, "alg_not_allowed"), ({"alg": "HS256"}, "alg_not_allowed"),
                                              ({"alg": "RS384"}, "alg_not_allowed"), ({"kid": "other"}, "key_unknown")])
def test_a_header_that_means_something_else_is_refused(signer: Any, header: dict[str, Any], code: str):
    assert code_of(answer(signer, header), signer) == code


def test_unsigned_altered_and_foreign_answers_are_refused(signer: Any):
    foreign = type(signer)(rsa.generate_private_key(65537, 2048), "RS256", signer.kid)
    head, payload, signature = answer(signer).split(".")
    _, swapped, _ = answer(signer, soDinhDanh="100085000002").split(".")
    assert code_of(f"{head}.{swapped}.{signature}", signer) == "signature_invalid"
    assert code_of(f"{head}.{payload}.", signer) == "malformed"
    assert code_of(answer(foreign), signer) == "signature_invalid"


def test_a_binding_that_does_not_exist_is_our_own_mistake(signer: Any):
    with pytest.raises(ValueError, match="freshness"):
        check(answer(signer), signer, bind="nonce")


# -- the envelope around it --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    return {"RSA-OAEP-256": rsa.generate_private_key(65537, 2048), "ECDH-ES+A256KW": ec.generate_private_key(ec.SECP256R1())}


def public(key: Any) -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return (RSAKey if isinstance(key, rsa.RSAPrivateKey) else ECKey).import_key(pem)


def encrypted(key: Any, alg: str, plain: bytes = b"inner", enc: str = "A256GCM", **header: Any) -> str:
    parameters = {"alg": alg, "enc": enc, **header}
    return library.encrypt_compact(parameters, plain, public(key), algorithms=[alg, enc, "DEF"])


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES+A256KW"])
def test_what_another_library_encrypted_opens_with_our_key(keys: dict[str, Any], alg: str):
    assert jwe.decrypt(encrypted(keys[alg], alg, cty="JWT"), keys[alg]) == b"inner"


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES+A256KW"])
@pytest.mark.parametrize("part", [1, 2, 3, 4])
def test_every_kind_of_damage_is_one_error(keys: dict[str, Any], alg: str, part: int):
    parts = encrypted(keys[alg], alg, b"some content of a few bytes").split(".")
    parts[part] = ("B" if parts[part][0] == "A" else "A") + parts[part][1:]
    with pytest.raises(JoseError) as caught:
        jwe.decrypt(".".join(parts), keys[alg])
    assert (caught.value.code, caught.value.detail) == ("decryption_failed", "")


@pytest.mark.filterwarnings("ignore:JWE algorithm")
@pytest.mark.parametrize(("alg", "enc", "more", "code"), [
    ("RSA-OAEP", "A256GCM", {}, "alg_not_allowed"), ("RSA1_5", "A256GCM", {}, "alg_not_allowed"),
    ("RSA-OAEP-256", "A128GCM", {}, "alg_not_allowed"), ("RSA-OAEP-256", "A256CBC-HS512", {}, "alg_not_allowed"),
    ("RSA-OAEP-256", "A256GCM", {"zip": "DEF"}, "header_refused"),
])
def test_other_algorithms_and_compression_are_refused_unopened(keys: dict[str, Any], alg: str, enc: str, more: Any, code: str):
    with pytest.raises(JoseError) as caught:
        jwe.decrypt(encrypted(keys["RSA-OAEP-256"], alg, b"x", enc, **more), keys["RSA-OAEP-256"])
    assert caught.value.code == code


@pytest.mark.parametrize("header", [{"alg": "dir"}, {"alg": "PBES2-HS256+A128KW", "p2c": 10**9}, {"crit": ["exp"]}, {"jku": "https://x.example"},
                                    {"alg": "ECDH-ES+A256KW"}, {"alg": "ECDH-ES+A256KW", "epk": {"kty": "EC", "crv": "P-521"}},
                                    {"epk": {"kty": "EC", "crv": "P-256"}}])
def test_headers_that_would_cost_or_mislead_us_are_refused(keys: dict[str, Any], header: dict[str, Any]):
    from vneid_middleware.core.jose import encode_base64url

    _, *rest = encrypted(keys["RSA-OAEP-256"], "RSA-OAEP-256").split(".")
    forged = encode_base64url(json.dumps({"alg": "RSA-OAEP-256", "enc": "A256GCM", **header}).encode())
    with pytest.raises(JoseError) as caught:
        jwe.decrypt(".".join([forged, *rest]), keys["RSA-OAEP-256"])
    assert caught.value.code in ("alg_not_allowed", "header_refused")


def test_an_answer_for_another_key_size_kind_or_form_is_refused(keys: dict[str, Any]):
    rsa_token = encrypted(keys["RSA-OAEP-256"], "RSA-OAEP-256")
    for token, key in ((rsa_token, keys["ECDH-ES+A256KW"]), (rsa_token, rsa.generate_private_key(65537, 2048)),
                       (rsa_token + ".x", keys["RSA-OAEP-256"]), (rsa_token.replace(".", "", 1), keys["RSA-OAEP-256"]),
                       ("é" + rsa_token, keys["RSA-OAEP-256"]),
                       ("a" * 70_000, keys["RSA-OAEP-256"]), (b"x", keys["RSA-OAEP-256"])):
        with pytest.raises(JoseError):
            jwe.decrypt(token, key)
