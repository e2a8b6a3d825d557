"""Compact JWS, key sets and the JSON inside: RFC vectors first, then everything that must be refused."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from vneid_middleware.core.jose import (
    SUPPORTED_ALGORITHMS,
    JoseError,
    KeySet,
    decode_base64url,
    encode_base64url,
    loads_object,
    parse_compact,
    verify_signature,
)
from vneid_middleware.exceptions import VNeIDError

DEFAULT = ("RS256", "PS256", "ES256")

RFC7515_PAYLOAD = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
RFC7515_A2_KEY = {
    "kty": "RSA",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql"
    "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs"
    "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud"
    "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    "e": "AQAB",
}
RFC7515_A2 = (
    "eyJhbGciOiJSUzI1NiJ9." + RFC7515_PAYLOAD + "."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG"
    "bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
    "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6"
    "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
RFC7515_A3_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
RFC7515_A3 = (
    "eyJhbGciOiJFUzI1NiJ9." + RFC7515_PAYLOAD + "."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)


def refused(code: str) -> Any:
    # every refusal tells the operator why
    return pytest.raises(JoseError, match=f"^{code}: [-a-zA-Z]")


def keys_of(*jwks: Any) -> KeySet:
    return KeySet.from_jwks({"keys": list(jwks)})


class TestVectors:
    @pytest.mark.parametrize(("token", "jwk", "alg"), [
        (RFC7515_A2, RFC7515_A2_KEY, "RS256"),
        (RFC7515_A3, RFC7515_A3_KEY, "ES256"),
    ])
    def test_rfc_7515_appendix_a(self, token: str, jwk: dict[str, str], alg: str) -> None:
        parsed = parse_compact(token)
        assert verify_signature(parsed, keys_of(jwk), DEFAULT) == {"alg": alg}
        assert parsed.claims() == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}

    def test_rfc_7515_appendix_a_with_the_other_payload(self) -> None:
        altered = RFC7515_A3.replace("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Ui".replace("b2", "b3"))
        with refused("signature_invalid"):
            verify_signature(parse_compact(altered), keys_of(RFC7515_A3_KEY), DEFAULT)

    def test_rfc_7636_appendix_b(self) -> None:
        digest = hashlib.sha256(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").digest()
        assert encode_base64url(digest) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        assert decode_base64url("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM") == digest

    @pytest.mark.conformance("oidcc-client-test-idtoken-sig-rs256")
    @pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
    def test_every_rsa_algorithm_verifies_where_it_is_allowed(self, signer: Any, make_signer: Any,
        alg: str) -> None:
        parsed = parse_compact(make_signer(signer.private_key, alg, signer.kid).token({"sub": "a"}))
        assert verify_signature(parsed, signer.key_set(), [alg])["alg"] == alg
        with refused("alg_not_allowed"):
            verify_signature(parsed, signer.key_set(), SUPPORTED_ALGORITHMS - {alg})

    @pytest.mark.parametrize(("alg", "curve"), [
        ("ES256", ec.SECP256R1()), ("ES384", ec.SECP384R1()), ("ES512", ec.SECP521R1()),
    ])
    def test_every_elliptic_algorithm_verifies_where_it_is_allowed(
            self, make_signer: Any, alg: str, curve: Any) -> None:
        signer = make_signer(ec.generate_private_key(curve), alg, "ec")
        parsed = parse_compact(signer.token({"sub": "a"}))
        assert verify_signature(parsed, signer.key_set(), [alg])["kid"] == "ec"
        with refused("alg_not_allowed"):
            verify_signature(parsed, signer.key_set(), SUPPORTED_ALGORITHMS - {alg})


class TestBase64url:
    @given(st.binary())
    def test_what_is_encoded_decodes(self, data: bytes) -> None:
        assert decode_base64url(encode_base64url(data)) == data

    @given(st.text(alphabet="ABab01+/-_= \n\u00e9", max_size=12))
    def test_one_spelling_only(self, text: str) -> None:
        try:
            spelling = encode_base64url(decode_base64url(text))
        except JoseError as error:
            spelling = text if error.code == "malformed" else error.code
        assert spelling == text

    @pytest.mark.threat("A-084")
    @pytest.mark.parametrize("text", ["YQ==", "YQ=", "YR", "Y", "Y Q", "YQ\n", "+/+/", "YQ\u0000", "\uff39Q",
        "Y\u00c4=="])
    def test_other_spellings_are_refused(self, text: str) -> None:
        with refused("malformed"):
            decode_base64url(text)


class TestParsing:
    @pytest.mark.threat("A-070")
    @pytest.mark.parametrize("text", [
        "", ".", "..", "...", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "e30.e30", "e30.e30.", "{}",
        "a.b.c.d.e",
    ])
    def test_not_three_parts(self, text: str) -> None:
        with refused("malformed"):
            parse_compact(text)

    @pytest.mark.parametrize("token", [None, b"e30.e30.e30", 7, ["e30", "e30", "e30"]])
    def test_not_text(self, token: Any) -> None:
        with refused("malformed"):
            parse_compact(token)

    @pytest.mark.threat("A-084")
    @pytest.mark.parametrize("bend", [
        lambda token: token + "=",
        lambda token: token + "==",
        lambda token: token + " ",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.replace(".", ".\n", 1),
        lambda token: token.replace(".", "=.", 1),
        lambda token: token.replace("-", "+").replace("_", "/"),
        lambda token: token + "\u0000",
        lambda token: token + "é",
        lambda token: token.replace(".", "\uff0e"),
        lambda token: "\ufeff" + token,
    ])
    def test_one_token_has_one_spelling(self, bend: Any) -> None:
        assert parse_compact(RFC7515_A2).header == {"alg": "RS256"}
        with refused("malformed"):
            parse_compact(bend(RFC7515_A2))

    @pytest.mark.threat("A-084")
    def test_unused_bits_of_the_last_character_are_zero(self) -> None:
        assert RFC7515_A2.endswith("w")
        with refused("malformed"):
            parse_compact(RFC7515_A2[:-1] + "x")

    @pytest.mark.threat("A-085")
    @pytest.mark.parametrize("header", [
        b'{"alg":"RS256","alg":"RS256"}', b'{"alg":"none","alg":"RS256"}',
        b'{"alg":"RS256","kid":"a","kid":"b"}',
        b'{"alg":"RS256","x":{"y":1,"y":1}}', b'["alg"]', b'"alg"', b"null", b"{}x", b"", b"\xff",
        b'\xef\xbb\xbf{"alg":"RS256"}',
    ])
    def test_header_that_two_readers_see_differently(self, signer: Any, header: bytes) -> None:
        with pytest.raises(JoseError) as caught:
            parse_compact(signer.raw(header, b"{}"))
        assert caught.value.code in {"json_invalid", "malformed"}

    @pytest.mark.threat("A-085")
    @pytest.mark.parametrize("payload", [b'{"sub":"a","sub":"b"}', b'{"sub":"a","sub":"a"}', b"[]",
        b'{"a":NaN}'])
    def test_payload_that_two_readers_see_differently(self, signer: Any, payload: bytes) -> None:
        with refused("json_invalid"):
            parse_compact(signer.raw(b'{"alg":"RS256"}', payload)).claims()

    @pytest.mark.threat("A-075")
    @pytest.mark.parametrize("parameters", [
        {"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": ["alg"]}, {"crit": ["x", "x"], "x": 1},
        {"crit": None}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True}, {"zip": "DEF"},
        {"enc": "A256GCM"},
    ])
    def test_critical_and_unencoded(self, signer: Any, parameters: dict[str, Any]) -> None:
        with refused("header_refused"):
            parse_compact(signer.token({}, **parameters))

    @pytest.mark.threat("A-074")
    @pytest.mark.parametrize("kid", [7, 1.5, True, None, [], ["rsa-1"], {}, "", "a\u0000", "a\nb", "é",
        "k" * 257, "\x7f"])
    def test_key_id_of_the_wrong_form(self, signer: Any, kid: Any) -> None:
        with refused("header_refused"):
            parse_compact(signer.token({}, kid=kid))

    @pytest.mark.parametrize("alg", [..., None, 256, ["RS256"], {"RS256": 1}, True])
    def test_algorithm_that_is_not_text(self, signer: Any, alg: Any) -> None:
        with refused("header_refused"):
            parse_compact(signer.token({}, alg=alg))

    @pytest.mark.parametrize("name", ["typ", "cty", "jku", "x5u", "x5t", "x5t#S256", "x5c", "jwk"])
    def test_parameter_of_the_wrong_type(self, signer: Any, name: str) -> None:
        wrong: list[Any] = [None, 7, True, {} if name == "x5c" else [], [] if name == "jwk" else {}]
        for value in wrong:
            with refused("header_refused"):
                parse_compact(signer.token({}, **{name: value}))

    @pytest.mark.threat("A-086")
    @pytest.mark.parametrize("token", [
        "!" * 16_385, "e30.e30." + "A" * 16_377, "!" * 1_500 + ".e30.e30", "." * 16_385, "é" * 16_385,
    ])
    def test_size_is_looked_at_before_anything_is_decoded(self, token: str,
        monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base64, "urlsafe_b64decode", lambda *_: pytest.fail("decoded"))
        with refused("too_large"):
            parse_compact(token)

    @pytest.mark.threat("A-086")
    def test_the_largest_token_and_header_are_read(self, signer: Any) -> None:
        padding = "x" * (1024 - len(json.dumps({"alg": "RS256", "kid": "rsa-1", "x": ""})))
        token = signer.token({}, x=padding)
        assert len(parse_compact(token).header["x"]) == len(padding)
        assert parse_compact(token, max_size=len(token)).header["alg"] == "RS256"
        with refused("too_large"):
            parse_compact(token, max_size=len(token) - 1)
        with refused("too_large"):
            parse_compact(signer.token({}, x=padding + "x"))
        with refused("too_large"):
            parse_compact(token, max_header=1000)

    @given(st.text(max_size=60) | st.lists(st.text(alphabet="ey0iJ-_", max_size=9), max_size=5).map(".".join))
    def test_nothing_but_our_error(self, text: str) -> None:
        with pytest.raises(JoseError):
            parse_compact(text)


class TestStrictJSON:
    @pytest.mark.threat("A-045")
    @pytest.mark.parametrize("text", [
        "", " ", "null", "[]", "[{}]", "7", '"a"', "{", "{}{}", "{} x", "{'a':1}", "{a:1}", '{"a":1,}',
        '{"a":01}',
        '{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', '{"\\u0061":1,"a":2}', '{"a":NaN}', '{"a":Infinity}',
        '{"a":-Infinity}',
        '{"a":1e999}', '{"a":-1e999}', '{"a":9223372036854775809}', '{"a":-9223372036854775809}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":' * 33 + "1" + "}" * 33, '{"a":' * 10_000 + "1" + "}" * 10_000,
        '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
        '\ufeff{"a":1}', '{"a":"\\ud800"}', '{"\\udfff":1}', '{"a":["\\ud83d"]}', '{"a":"\ud800"}',
        '{"a":"\n"}', '{"a":"\u0000"}',
    ])
    def test_refused(self, text: str) -> None:
        with refused("json_invalid"):
            loads_object(text)

    @pytest.mark.threat("A-045")
    @pytest.mark.parametrize("data", [
        b"\xff", b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\xaf"}', '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-16-le"),
        '{"a":1}'.encode("utf-32"), b'\xef\xbb\xbf{"a":1}', '{"a":"ễ"}'.encode("cp1258",
            "replace")[:-4] + b'\xe3"}',
    ])
    def test_other_encodings_are_refused(self, data: bytes) -> None:
        with refused("json_invalid"):
            loads_object(data)

    @pytest.mark.parametrize(("text", "value"), [
        ("{}", {}), (' {"a": [1, 2.5, null, true]} ', {"a": [1, 2.5, None, True]}),
        ('{"a":9223372036854775808,"b":-9223372036854775808}', {"a": 2**63, "b": -(2**63)}),
        ('{"HoVaTen":"Nguyễn Thị Hoà","x":"\\ud83d\\ude00"}', {"HoVaTen": "Nguyễn Thị Hoà", "x": "😀"}),
        ('{"a":{"a":1}}', {"a": {"a": 1}}),
    ])
    def test_read(self, text: str, value: dict[str, Any]) -> None:
        assert loads_object(text) == loads_object(text.encode()) == value

    def test_the_deepest_that_is_read(self) -> None:
        assert "a" in loads_object('{"a":' * 32 + "1" + "}" * 32)
        assert "a" in loads_object('{"a":' + "[" * 31 + "]" * 31 + "}")

    def test_the_message_repeats_nothing(self) -> None:
        for text in ('{"NguyenVanAn":1,"NguyenVanAn":2}', '{"a": 001096012345}', '{"a": "001096012345'):
            with pytest.raises(JoseError) as caught:
                loads_object(text)
            assert "NguyenVanAn" not in str(caught.value)
            assert "001096" not in str(caught.value)
            assert caught.value.__suppress_context__

    @given(st.dictionaries(st.text(), st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False,
            allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=9)))
    def test_ordinary_objects_come_back(self, value: dict[str, Any]) -> None:
        assert loads_object(json.dumps(value)) == value

    @given(st.text(alphabet='{}[]",:\\ud8a01eN\u00e9-.', max_size=24) | st.binary(max_size=24))
    def test_nothing_but_our_error_and_nothing_more_than_the_library(self, data: Any) -> None:
        try:
            value = loads_object(data)
        except JoseError as error:
            code = error.code
        else:
            code = "json_invalid" if json.loads(data) == value else "another value"
        assert code == "json_invalid"


def _jwk_of(key: Any, **members: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": encode_base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
            "e": encode_base64url(numbers.e.to_bytes(3, "big")), **members}


class TestKeySets:
    @pytest.mark.threat("A-057")
    @pytest.mark.parametrize("members", [
        {"use": "enc"}, {"use": ["sig"]}, {"use": ""}, {"key_ops": ["encrypt"]}, {"key_ops": []},
        {"key_ops": "verify"}, {"alg": "RSA-OAEP"},
        {"alg": "HS256"}, {"alg": "none"}, {"alg": ["RS256"]}, {"kid": 7}, {"kid": ""}, {"kid": ["rsa-1"]},
        {"kid": "k" * 300}, {"kty": "oct"}, {"kty": ...}, {"kty": "rsa"}, {"kty": ["RSA"]}, {"kty": "EC"},
        {"n": ...}, {"n": 7}, {"n": None}, {"n": ""}, {"n": "!"}, {"n": "é"}, {"n": "A"}, {"n": "A" * 5000},
        {"n": "_" * 4000},
        {"e": ...}, {"e": "AQ"}, {"e": "Ag"}, {"e": "AA"}, {"e": ""}, {"e": "A" * 400}, {"e": ["AQAB"]},
        {"e": "AQAA"}, {"e": "__________8B"},
    ])
    def test_rsa_keys_that_are_ignored(self, signer: Any, members: dict[str, Any]) -> None:
        key_set = keys_of(signer.jwk(**members))
        assert (key_set.keys, len(key_set.ignored), bool(key_set)) == ((), 1, False)
        assert key_set.ignored[0].startswith("keys[0]: ")

    @pytest.mark.threat("A-057")
    @pytest.mark.parametrize("members", [
        {"x": ...}, {"y": ...}, {"x": 7}, {"x": ""}, {"x": "AQAB"}, {"crv": ...}, {"crv": "P-192"},
        {"crv": "secp256k1"}, {"crv": "P-384"}, {"crv": ["P-256"]}, {"y": "A" * 43},
        {"x": "A" * 43, "y": "A" * 43}, {"x": "_" * 43}, {"d": "AQAB"}, {"use": "enc"},
        {"key_ops": ["deriveKey"]}, {"alg": "ECDH-ES"}, {"kty": "OKP"}, {"kty": "RSA"},
    ])
    def test_elliptic_keys_that_are_ignored(self, ec_signer: Any, members: dict[str, Any]) -> None:
        key_set = keys_of(ec_signer.jwk(**members))
        assert (key_set.keys, len(key_set.ignored)) == ((), 1)

    @pytest.mark.threat("A-057")
    @pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
    def test_private_and_symmetric_keys(self, signer: Any, ec_signer: Any, member: str) -> None:
        key_set = keys_of(signer.jwk(**{member: "AQAB"}), ec_signer.jwk(**{member: "AQAB"}),
                          {"kty": "oct", member: "AQAB"})
        assert (key_set.keys, len(key_set.ignored)) == ((), 3)

    @pytest.mark.threat("A-057")
    def test_point_off_the_curve(self, ec_signer: Any) -> None:
        jwk = ec_signer.jwk()
        y = bytearray(decode_base64url(jwk["y"]))
        y[-1] ^= 1
        assert keys_of({**jwk, "y": encode_base64url(bytes(y))}).keys == ()
        assert len(keys_of(jwk).keys) == 1

    @pytest.mark.threat("A-057")
    @pytest.mark.parametrize("bits", [1024, 2040])
    def test_short_rsa_keys(self, bits: int) -> None:
        assert keys_of(_jwk_of(rsa.generate_private_key(65537, bits))).keys == ()

    @pytest.mark.threat("A-057")
    @pytest.mark.parametrize("entry", [None, 7, "RSA", [], [["kty", "RSA"]], {}])
    def test_entries_that_are_no_keys(self, signer: Any, entry: Any) -> None:
        key_set = keys_of(entry, signer.jwk())
        assert len(key_set.keys) == len(key_set.ignored) == 1
        assert key_set.ignored[0].startswith("keys[0]: ")

    @pytest.mark.threat("A-057")
    @pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "RSA"}, {"Keys": []}])
    def test_no_key_set(self, document: dict[str, Any]) -> None:
        with refused("key_set_invalid"):
            KeySet.from_jwks(document)

    @pytest.mark.threat("A-057")
    def test_at_most_a_hundred_keys_are_read(self, signer: Any) -> None:
        key_set = KeySet.from_jwks({"keys": [signer.jwk(kid=f"k{number}") for number in range(10_000)]})
        assert len(key_set.keys) == 100
        assert key_set.ignored == ("keys[100:]: more than 100 keys",)
        assert KeySet.from_jwks({"keys": [signer.jwk(kid=f"k{number}") for number in range(100)]}).ignored == ()
        assert key_set.candidates("RS256", "k99")
        assert not key_set.candidates("RS256", "k100")

    @pytest.mark.threat("A-057")
    def test_second_key_under_one_id(self, signer: Any, stranger: Any, ec_signer: Any) -> None:
        key_set = keys_of(signer.jwk(), stranger.jwk(), ec_signer.jwk(kid="rsa-1"))
        assert len(key_set.ignored) == 1
        assert verify_signature(parse_compact(signer.token({})), key_set, DEFAULT)
        assert verify_signature(parse_compact(ec_signer.token({}, kid="rsa-1")), key_set, DEFAULT)
        with refused("signature_invalid"):
            verify_signature(parse_compact(stranger.token({})), key_set, DEFAULT)

    def test_a_key_set_does_not_change(self, signer: Any) -> None:
        key_set = signer.key_set()
        with pytest.raises(AttributeError):
            key_set.keys = ()

    @pytest.mark.parametrize("members", [
        {}, {"use": ...}, {"use": None}, {"key_ops": ["verify"]}, {"alg": "RS256"}, {"alg": None},
        {"kid": ...}, {"x5c": ["AAAA"]}, {"ext": True},
    ])
    def test_keys_that_are_kept(self, signer: Any, members: dict[str, Any]) -> None:
        assert len(signer.key_set(**members).candidates("RS256", None)) == 1
        assert signer.key_set(**members).ignored == ()

    def test_the_smallest_exponent(self, make_signer: Any) -> None:
        one = make_signer(rsa.generate_private_key(3, 2048), "RS256", "rsa-3")
        assert verify_signature(parse_compact(one.token({})), one.key_set(), DEFAULT)

    def test_leading_zero_of_a_modulus(self, signer: Any) -> None:
        padded = encode_base64url(b"\0" + decode_base64url(signer.jwk()["n"]))
        assert verify_signature(parse_compact(signer.token({})), signer.key_set(n=padded), DEFAULT)


    def test_the_longest_modulus(self, signer: Any) -> None:
        def modulus(size: int) -> str:
            return encode_base64url(b"\xff" * size)

        assert [key.public_key.key_size for key in keys_of(signer.jwk(n=modulus(2_048))).keys] == [16_384]
        for size in (2_049, 2_050):
            assert keys_of(signer.jwk(n=modulus(size))).ignored == ("keys[0]: not of 2048 to 16384 bits",)
        assert keys_of(signer.jwk(n=modulus(2_051))).ignored == ("keys[0]: longer than 16384 bits",)

    @pytest.mark.parametrize(("entry", "reason"), [
        (7, "not an object"), ({"kty": "oct", "k": "AQAB"}, "holds private or symmetric key material"),
        ({"use": "enc"}, "use is not sig"), ({"key_ops": ["sign"]}, "key_ops does not hold verify"),
        ({"alg": "HS256"}, "alg is not a supported signature algorithm"),
        ({"kid": ""}, "kid is not 1 to 256 printable ASCII characters"),
        ({"kty": "OKP"}, "neither RSA nor EC on P-256, P-384 or P-521"),
        ({"n": ...}, "n or e is missing or not text"), ({"n": encode_base64url(b"\xff" * 128)}, "not of 2048 to 16384 bits"),
        ({"e": "__________8AAQ"}, "e is not an odd number from 3 to 2**64"),
    ])
    def test_an_ignored_key_s_reason_is_told(self, signer: Any, entry: Any, reason: str) -> None:
        given = signer.jwk(**entry) if isinstance(entry, dict) and "k" not in entry else entry
        assert keys_of(given).ignored == (f"keys[0]: {reason}",)

    def test_the_second_key_s_reason_is_told(self, signer: Any, stranger: Any) -> None:
        key_set = keys_of(signer.jwk(), stranger.jwk())
        assert key_set.ignored == ("keys[1]: an earlier key of this type has the same kid",)
        assert bool(key_set) is True


class TestEvidence:
    """What an operator gets to see beside the code."""

    @pytest.mark.parametrize(("header", "parameter", "detail"), [
        ({"crit": ["exp"]}, "crit", "the header has crit"), ({"typ": 7}, "typ", "typ is of the wrong type"),
        ({"alg": ...}, "alg", "alg is missing"), ({"kid": ""}, "kid", "kid is not 1 to 256 printable ASCII characters"),
    ])
    def test_headers(self, signer: Any, header: dict[str, Any], parameter: str, detail: str) -> None:
        with refused("header_refused") as caught:
            parse_compact(signer.token({}, **header))
        assert (caught.value.evidence, caught.value.detail) == ({"parameter": parameter}, detail)

    def test_signatures_and_keys(self, signer: Any, stranger: Any) -> None:
        both = keys_of(signer.jwk(), stranger.jwk(kid="rsa-2"))
        for token, key_set, evidence in (
                (stranger.token({}), signer.key_set(), {"kid": "rsa-1", "alg": "RS256"}),
                (stranger.token({}, kid=...), both, {"alg": "RS256"}),
                (signer.token({}, kid="rsa-9"), both, {"kid": "rsa-9", "alg": "RS256"})):
            with pytest.raises(JoseError) as caught:
                verify_signature(parse_compact(token), key_set, DEFAULT)
            assert caught.value.evidence == evidence

    def test_a_strange_algorithm_is_shortened(self, signer: Any) -> None:
        with refused("alg_not_allowed") as caught:
            verify_signature(parse_compact(signer.token({}, alg="x" * 100)), signer.key_set(), DEFAULT)
        assert caught.value.detail == f"alg '{'x' * 20}' is not among RS256 PS256 ES256"

    @pytest.mark.parametrize(("text", "reason"), [
        ('{"a":9223372036854775809}', "an integer is out of range"), ('{"a":1e999}', "a number is out of range"),
        ('{"a":NaN}', "NaN is not JSON"), ('{"a":1,"a":1}', "an object gives one name twice"), ("[]", "not an object"),
        ('{"a":' * 33 + "1" + "}" * 33, "nested too deeply"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"), ("{", "not JSON in UTF-8"),
    ])
    def test_json(self, text: str, reason: str) -> None:
        with refused("json_invalid") as caught:
            loads_object(text)
        assert caught.value.detail == reason


class TestCandidates:
    @pytest.fixture
    def without_ids(self, signer: Any, ec_signer: Any) -> list[Any]:
        """The key set of the OpenID conformance suite for tokens without ``kid``."""
        koblitz = ec_signer.jwk(kid=..., crv="secp256k1")
        okp = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "x": encode_base64url(
            ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))}
        return [koblitz, okp, signer.jwk(kid=..., use="enc"), ec_signer.jwk(kid=..., use="enc"),
                signer.jwk(kid=...), ec_signer.jwk(kid=...)]

    @pytest.mark.threat("A-058")
    @pytest.mark.conformance("oidcc-client-test-kid-absent-single-jwks")
    def test_no_key_id_and_one_key_of_the_type(self, signer: Any, ec_signer: Any,
        without_ids: list[Any]) -> None:
        key_set = keys_of(*without_ids)
        for one in (signer, ec_signer):
            assert verify_signature(parse_compact(one.token({}, kid=...)), key_set, DEFAULT)["alg"] == one.alg

    @pytest.mark.threat("A-058")
    @pytest.mark.conformance("oidcc-client-test-kid-absent-multiple-jwks")
    def test_no_key_id_and_several_keys_of_the_type(self, signer: Any, stranger: Any,
        without_ids: list[Any]) -> None:
        key_set = keys_of(stranger.jwk(kid="other"), *without_ids)
        assert len(key_set.candidates("RS256", None)) == 2
        with refused("key_ambiguous") as caught:
            verify_signature(parse_compact(signer.token({}, kid=...)), key_set, DEFAULT)
        assert caught.value.key_set_may_be_stale

    @pytest.mark.threat("A-058")
    def test_several_keys_without_ids(self, signer: Any, stranger: Any) -> None:
        key_set = keys_of(signer.jwk(kid=...), stranger.jwk(kid=...))
        assert len(key_set.candidates("RS256", None)) == 2
        with refused("key_ambiguous"):
            verify_signature(parse_compact(signer.token({}, kid=...)), key_set, DEFAULT)

    def test_one_id_for_a_key_of_one_algorithm_and_a_key_of_any(self, signer: Any, stranger: Any) -> None:
        key_set = keys_of(stranger.jwk(alg="RS256"), signer.jwk())
        for one in (signer, stranger):
            assert verify_signature(parse_compact(one.token({})), key_set, DEFAULT)
        assert len(key_set.candidates("PS256", "rsa-1")) == 1

    @pytest.mark.threat("A-058")
    def test_a_key_id_wants_that_very_key(self, signer: Any, without_ids: list[Any]) -> None:
        with refused("key_unknown"):
            verify_signature(parse_compact(signer.token({})), keys_of(*without_ids), DEFAULT)

    @pytest.mark.threat("A-074")
    @pytest.mark.parametrize("kid", ["rsa-2", "RSA-1", "rsa-1 ", "../../etc/passwd", "' OR 1=1 --", "rsa",
        "rsa-11"])
    def test_unknown_key_id(self, signer: Any, kid: str) -> None:
        with refused("key_unknown") as caught:
            verify_signature(parse_compact(signer.token({}, kid=kid)), signer.key_set(), DEFAULT)
        assert caught.value.key_set_may_be_stale
        assert caught.value.evidence == {"kid": kid, "alg": "RS256"}

    @pytest.mark.threat("A-072")
    def test_a_key_for_one_algorithm_serves_no_other(self, signer: Any, ec_signer: Any) -> None:
        assert ec_signer.key_set(alg="ES256").candidates("ES256", "ec-1")
        assert not ec_signer.key_set(alg="ES384").candidates("ES256", "ec-1")
        key_set = signer.key_set(alg="PS256")
        assert key_set.candidates("PS256", "rsa-1")
        with refused("key_unknown"):
            verify_signature(parse_compact(signer.token({})), key_set, DEFAULT)

    def test_empty_key_set(self, signer: Any) -> None:
        with refused("key_unknown"):
            verify_signature(parse_compact(signer.token({})), keys_of(), DEFAULT)


def _hmac_token(signer: Any, secret: bytes, alg: str = "HS256") -> str:
    import hmac

    head = encode_base64url(json.dumps({"alg": alg,
        "kid": signer.kid}).encode()) + "." + encode_base64url(b"{}")
    return head + "." + encode_base64url(hmac.new(secret, head.encode(), "sha256").digest())


class TestSignatures:
    @pytest.mark.threat("A-070")
    @pytest.mark.conformance("oidcc-client-test-idtoken-sig-none")
    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
    def test_no_algorithm(self, signer: Any, alg: str) -> None:
        signed = signer.token({}, alg=alg)
        for allowed in (DEFAULT, [alg], [*DEFAULT, alg]):
            with refused("alg_not_allowed"):
                verify_signature(parse_compact(signed), signer.key_set(), allowed)
        with refused("malformed"):
            parse_compact(signed.rpartition(".")[0] + ".")

    @pytest.mark.threat("A-071")
    @pytest.mark.conformance("oidcc-client-test-invalid-sig-hs256")
    @pytest.mark.parametrize("alg", ["HS256", "RS256"])
    def test_the_public_key_is_no_secret(self, signer: Any, alg: str) -> None:
        public = signer.private_key.public_key()
        secrets = [public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
                   public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
                   public.public_bytes(Encoding.PEM, PublicFormat.PKCS1), json.dumps(signer.jwk()).encode(),
                   b"client-secret", b""]
        for secret in secrets:
            parsed = parse_compact(_hmac_token(signer, secret, alg))
            with pytest.raises(JoseError) as caught:
                verify_signature(parsed, signer.key_set(), [*DEFAULT, "HS256"])
            assert caught.value.code == ("alg_not_allowed" if alg == "HS256" else "signature_invalid")

    @pytest.mark.threat("A-072")
    @pytest.mark.parametrize("alg", ["ES256K", "EdDSA", "ES521", "rs256", "RS256 ", "RS1", "RS", "\u0455256"])
    def test_algorithms_that_nobody_may_allow(self, signer: Any, alg: str) -> None:
        with refused("alg_not_allowed"):
            verify_signature(parse_compact(signer.token({}, alg=alg)), signer.key_set(), [*DEFAULT, alg])

    @pytest.mark.threat("A-072")
    @pytest.mark.conformance("oidcc-client-test-invalid-sig-es256")
    def test_algorithm_and_key_are_of_two_kinds(self, signer: Any, ec_signer: Any) -> None:
        key_set = keys_of(signer.jwk(), ec_signer.jwk())
        for one, alg in ((signer, "ES256"), (ec_signer, "RS256")):
            with refused("key_unknown"):
                verify_signature(parse_compact(one.token({}, alg=alg)), key_set, DEFAULT)

    @pytest.mark.threat("A-072")
    def test_signed_by_one_algorithm_and_said_to_be_another(self, signer: Any) -> None:
        with refused("signature_invalid"):
            verify_signature(parse_compact(signer.token({}, alg="PS256")), signer.key_set(), DEFAULT)

    @pytest.mark.threat("A-073")
    @pytest.mark.parametrize("parameter", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"])
    def test_a_token_brings_no_key(
            self, signer: Any, stranger: Any, parameter: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("resolved"))
        value: Any = {"jwk": stranger.jwk(), "x5c": ["AAAA"]}.get(parameter, "https://evil.example/keys")
        with refused("signature_invalid"):
            verify_signature(parse_compact(stranger.token({}, **{parameter: value})), signer.key_set(),
                DEFAULT)
        assert verify_signature(parse_compact(signer.token({}, **{parameter: value})), signer.key_set(),
            DEFAULT)

    @pytest.mark.threat("A-084")
    @pytest.mark.conformance("oidcc-client-test-invalid-sig-rs256")
    @pytest.mark.parametrize("name", ["signer", "ec_signer"])
    def test_every_byte_of_the_signature_counts(self, name: str, request: pytest.FixtureRequest) -> None:
        one = request.getfixturevalue(name)
        parsed = parse_compact(one.token({"sub": "a"}))
        verify_signature(parsed, one.key_set(), DEFAULT)
        for index in range(len(parsed.signature)):
            bent = bytearray(parsed.signature)
            bent[index] ^= 1 << (index % 8)
            with refused("signature_invalid") as caught:
                verify_signature(parsed._replace(signature=bytes(bent)), one.key_set(), DEFAULT)
            assert caught.value.key_set_may_be_stale

    @pytest.mark.threat("A-084")
    def test_every_byte_that_is_signed_counts(self, ec_signer: Any) -> None:
        token = ec_signer.token({"sub": "a"})
        head, _, signature = token.rpartition(".")
        for index in range(len(head)):
            bent = head[:index] + ("A" if head[index] != "A" else "B") + head[index + 1:]
            with pytest.raises(JoseError):
                verify_signature(parse_compact(f"{bent}.{signature}"), ec_signer.key_set(), DEFAULT)

    @pytest.mark.threat("A-084")
    @pytest.mark.parametrize("bend", [
        lambda raw: raw[32:] + raw[:32],
        lambda raw: bytes(64),
        lambda raw: raw[:32] + bytes(32),
        lambda raw: bytes(32) + raw[32:],
        lambda raw: bytes(31) + b"\1" + bytes(31) + b"\1",
        lambda raw: raw + b"\0",
        lambda raw: b"\0" + raw,
        lambda raw: raw[:-1],
        lambda raw: raw[:32],
        lambda raw: raw + raw,
        lambda raw: b"\x30\x44\x02\x20" + raw[:32] + b"\x02\x20" + raw[32:],
        lambda raw: b"\xff" * 64,
    ])
    def test_bent_elliptic_signatures(self, ec_signer: Any, bend: Any) -> None:
        parsed = parse_compact(ec_signer.token({"sub": "a"}))
        with refused("signature_invalid"):
            verify_signature(parsed._replace(signature=bend(parsed.signature)), ec_signer.key_set(), DEFAULT)

    @pytest.mark.threat("A-084")
    @pytest.mark.parametrize("bend", [
        lambda raw: raw + b"\0", lambda raw: b"\0" + raw, lambda raw: raw[:-1], lambda raw: bytes(256),
        lambda raw: b"\0",
        lambda raw: b"\xff" * 256, lambda raw: raw * 2,
    ])
    def test_bent_rsa_signatures(self, signer: Any, bend: Any) -> None:
        parsed = parse_compact(signer.token({"sub": "a"}))
        with refused("signature_invalid"):
            verify_signature(parsed._replace(signature=bend(parsed.signature)), signer.key_set(), DEFAULT)

    def test_only_key_trouble_may_be_cured_by_newer_keys(self, signer: Any) -> None:
        with refused("alg_not_allowed") as caught:
            verify_signature(parse_compact(signer.token({}, alg="HS256")), signer.key_set(), DEFAULT)
        assert not caught.value.key_set_may_be_stale
        assert isinstance(caught.value, VNeIDError)
