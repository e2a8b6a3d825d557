"""Signed tokens, key sets and the JSON inside: accepted is only what the right key signed and every rule lets through."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm, get_default_algorithms

from fuzz.choices import Choices
from fuzz.targets import target
from vneid_middleware.core.claims import TokenError
from vneid_middleware.core.id_token import verify_id_token
from vneid_middleware.core.jose import JoseError, KeySet, loads_object, parse_compact, verify_signature
from vneid_middleware.core.logout_token import EVENT, verify_logout_token
from vneid_middleware.core.lookup_answer import verify_answer

NOW = 1_790_000_000
ISSUER, CLIENT, NONCE, QR_ID = "https://sso.example.gov.vn/realms/citizen", "dich-vu-cong", "n-0S6_WzA2Mj", "qr-1"
ALGORITHMS = ("RS256", "PS256", "ES256")
RSA_KEY, EC_KEY, STRANGER = (rsa.generate_private_key(65_537, 2_048), ec.generate_private_key(ec.SECP256R1()),
                             ec.generate_private_key(ec.SECP256R1()))
UNKNOWN_PARAMETERS_ARE_FINE = joserfc_jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
SECOND = ECKey.import_key(json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())))


def _public(key: Any, kid: str) -> dict[str, Any]:
    algorithm: Any = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    jwk = json.loads(algorithm.to_jwk(key.public_key()))
    jwk.pop("key_ops", None)
    return {**jwk, "kid": kid, "use": "sig"}


JWKS = {"keys": [_public(RSA_KEY, "rsa-1"), _public(EC_KEY, "ec-1"),
                 {**_public(ec.generate_private_key(ec.SECP384R1()), "ec-2"), "alg": "ES384"}]}
KEYS = KeySet.from_jwks(JWKS)

ID = {"iss": ISSUER, "sub": "248289761001", "aud": CLIENT, "exp": NOW + 300, "iat": NOW, "nonce": NONCE}
LOGOUT = {"iss": ISSUER, "sub": "248289761001", "sid": "s-1", "aud": CLIENT, "exp": NOW + 300, "iat": NOW, "jti": "j-1",
          "events": {EVENT: {}}}
LOOKUP = {"iss": ISSUER, "aud": CLIENT, "exp": NOW + 60, "iat": NOW, "requestId": "r-1", "qrID": QR_ID,
          "soDinhDanh": "001099012345", "hoVaTen": "Nguyễn Thị Hoà"}
MORE = {"azp": CLIENT, "at_hash": "77QmUPtjPfzWtF2AnpK9RQ", "auth_time": NOW - 10, "nbf": NOW}
ACCESS_TOKEN = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: str, payload: str, key: Any = EC_KEY, alg: str = "ES256") -> str:
    text = f"{b64(header.encode('utf-8', 'surrogatepass'))}.{b64(payload.encode('utf-8', 'surrogatepass'))}"
    return f"{text}.{b64(get_default_algorithms()[alg].sign(text.encode(), key))}"


def _as_id_token(token: str, **changes: Any) -> Any:
    return verify_id_token(token, **{"key_set": KEYS, "issuer": ISSUER, "client_id": CLIENT, "nonce": NONCE,
                                     "algorithms": ALGORITHMS, "now": NOW, **changes})


def _as_logout_token(token: str) -> Any:
    return verify_logout_token(token, key_set=KEYS, issuer=ISSUER, client_id=CLIENT, algorithms=ALGORITHMS, now=NOW)


def _as_answer(token: str, **changes: Any) -> Any:
    return verify_answer(token, **{"key_set": KEYS, "now": NOW, "issuer": ISSUER, "audience": CLIENT, "request_id": "r-1",
                                   "qr_id": QR_ID, **changes})


# the guide gives the answer at the counter no type of its own: what an ID token lacks is the citizen's fields
GENUINE: dict[str, tuple[Any, ...]] = {
    signed('{"alg":"ES256","kid":"ec-1"}', json.dumps(ID)): (_as_id_token, _as_answer),
    signed('{"alg":"RS256","kid":"rsa-1","typ":"JWT"}', json.dumps(ID), RSA_KEY, "RS256"): (_as_id_token, _as_answer),
    signed('{"alg":"ES256","kid":"ec-1","typ":"logout+jwt"}', json.dumps(LOGOUT)): (_as_logout_token,),
    signed('{"alg":"PS256","kid":"rsa-1","typ":"JWT"}', json.dumps(LOOKUP), RSA_KEY, "PS256"): (_as_answer,),
}
FORGED = [signed('{"alg":"ES256","kid":"ec-1"}', json.dumps(ID), STRANGER),
          ".".join([b64(b'{"alg":"none"}'), b64(json.dumps(ID).encode()), ""]),
          signed('{"alg":"ES256","kid":"ec-1"}', json.dumps(ID)).rpartition(".")[0] + "." + b64(bytes(64))]


@target(50)
def token_text(choices: Choices) -> None:
    """A token that differs from a genuine one in a single character is nobody's; a genuine one is good for its purpose alone."""
    parts = [choices.pick((*GENUINE, *FORGED)).split(".") for _ in range(2)]
    whole = ".".join(choices.pick(parts)[place % 3] for place in range(3)) if choices.one_in(3) else ".".join(parts[0])
    token = choices.bent(whole, 2) if not choices.one_in(16) else choices.text()
    for verify in (_as_id_token, _as_logout_token, _as_answer):
        try:
            verify(token)
        except TokenError as error:
            assert verify not in GENUINE.get(token, ()), f"a good token is refused: {error}"
            assert len(str(error)) < 400
        else:
            assert verify in GENUINE.get(token, ()), "accepted, and not what was signed for this purpose"


def _read(payload: str) -> Any:
    """Read JSON as any other reader does, but for names given twice."""
    def unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(members)) == len(members), "a name is given twice"
        return dict(members)

    return json.loads(payload, object_pairs_hook=unique)


def _header(choices: Choices, typ: str) -> str:
    good = {"alg": "ES256", "kid": "ec-1", "typ": typ}
    return choices.bent_json(good, 2) if choices.one_in(4) else json.dumps(good)


def _holds_for_everything(claims: dict[str, Any], token: str) -> None:
    assert claims["iss"] == ISSUER
    assert claims["aud"] in (CLIENT, [CLIENT]) or set(claims["aud"]) == {CLIENT}
    for name in ("exp", "iat", *({"nbf"} & claims.keys())):
        assert type(claims[name]) is int, name
    assert claims["exp"] + 60 > NOW
    assert claims["iat"] <= NOW + 60
    assert claims.get("nbf", 0) <= NOW + 60
    # what we accept, two others accept as well: times apart, which they take from the clock
    jwt.decode(token, EC_KEY.public_key(), ["ES256"], audience=CLIENT, issuer=ISSUER,
               options={"verify_exp": False, "verify_iat": False, "verify_nbf": False})
    joserfc_jws.deserialize_compact(token, SECOND, registry=UNKNOWN_PARAMETERS_ARE_FINE)


@target(40)
def id_token(choices: Choices) -> None:
    """An ID token signed by the right key is accepted only with the claims of this login."""
    payload = choices.bent_json({**ID, **(MORE if choices.one_in(3) else {})})
    token = signed(_header(choices, "JWT"), payload)
    max_age, required = choices.pick((None, 300)), choices.one_in(2)
    try:
        claims = _as_id_token(token, max_age=max_age, access_token=choices.pick((ACCESS_TOKEN, None)), require_nonce=required)
    except TokenError:
        return
    read = _read(payload)
    assert claims == read
    _holds_for_everything(read, token)
    assert isinstance(read["sub"], str)
    assert 0 < len(read["sub"]) <= 255
    assert read.get("azp", CLIENT) == CLIENT
    assert read.get("nonce", NONCE) == NONCE
    assert "nonce" in read or not required
    assert read["iat"] >= NOW - 660
    assert read.get("at_hash", MORE["at_hash"]) == MORE["at_hash"]
    assert max_age is None or NOW - 360 <= read["auth_time"] <= NOW + 60


@target(25)
def logout_token(choices: Choices) -> None:
    """A logout token names what ends, cannot be an ID token, and is not good for long."""
    payload = choices.bent_json(LOGOUT)
    token = signed(_header(choices, "logout+jwt"), payload)
    try:
        found = _as_logout_token(token)
    except TokenError:
        return
    read = _read(payload)
    _holds_for_everything(read, token)
    assert isinstance(read["events"][EVENT], dict)
    assert "nonce" not in read
    assert found.subject == read.get("sub", "")
    assert found.session == read.get("sid", "")
    assert found.subject or found.session
    assert 0 < len(found.token_id) <= 255
    assert NOW < found.expires_at <= NOW + 720


@target(25)
def lookup_answer(choices: Choices) -> None:
    """An answer at the counter is fresh, for us and for this question."""
    payload = choices.bent_json(LOOKUP)
    token = signed(_header(choices, "JWT"), payload)
    bind = choices.pick(("freshness", "request_id", "qr_id"))
    try:
        found = _as_answer(token, bind=bind)
    except TokenError:
        return
    read = _read(payload)
    assert found.claims == read
    _holds_for_everything(read, token)
    assert abs(read["iat"] - NOW) <= 60
    assert read["exp"] > read["iat"]
    assert read.get("requestId", "r-1") == "r-1"
    assert read.get("qrID", QR_ID) == QR_ID
    assert {"freshness": "iat", "request_id": "requestId", "qr_id": "qrID"}[bind] in read
    assert found.remember_until > NOW


@target(20)
def token_header(choices: Choices) -> None:
    """The header decides nothing but which of our keys is tried, with which of the allowed algorithms."""
    header = choices.bent_json({"alg": "ES256", "kid": "ec-1", "typ": "JWT", "jku": "https://evil.example/", "cty": "x"}, 6)
    allowed = choices.pick((ALGORITHMS, ("ES256",), ("RS256",), ("none", "HS256"), ()))
    try:
        found = verify_signature(parse_compact(signed(header, "{}")), KEYS, allowed)
    except JoseError:
        return
    assert found == _read(header)
    assert found["alg"] == "ES256"
    assert "ES256" in allowed
    assert found.get("kid", "ec-1") == "ec-1"
    assert not {"crit", "b64", "zip", "enc"} & found.keys()


@target(40)
def key_set(choices: Choices) -> None:
    """Of a key set only sound public signature keys are kept, each under a name of its own."""
    try:
        document = loads_object(choices.bent(choices.bent_json(JWKS, 6), 1))
    except JoseError:
        return
    try:
        found = KeySet.from_jwks(document)
    except JoseError as error:
        assert error.code == "key_set_invalid"
        assert not isinstance(document.get("keys"), list)
        return
    assert len(found.keys) <= 100
    assert len(found.keys) + len(found.ignored) >= min(len(document["keys"]), 100)
    assert all(len(reason) < 300 and reason.isprintable() for reason in found.ignored)
    assert len({key[:3] for key in found.keys if key.kid is not None}) == sum(key.kid is not None for key in found.keys)
    for key in found.keys:
        if isinstance(key.public_key, EllipticCurvePublicKey):
            assert key.kind in ("P-256", "P-384", "P-521")
        else:
            assert key.kind == "RSA"
            assert 2_048 <= key.public_key.key_size <= 16_384
            assert key.public_key.public_numbers().e % 2
            assert key.public_key.public_numbers().e >= 3
        assert any(isinstance(entry, dict) and entry.get("kid") == key.kid and not {"d", "k", "p"} & entry.keys()
                   and entry.get("use") in (None, "sig") for entry in document["keys"])
    for key in found.candidates("ES256", "ec-1"):
        assert key.kind == "P-256"


JSON = ('{"a":1,"b":[true,null,-1.5e3,"ễ\\u0041"],"c":{"d":{"e":9223372036854775808}}}', '{"a":{"a":{"a":[[[1]]]}}}',
        '{"loAS":"[{\\"level\\":3}]","NaN":NaN}', '{"a":1e400}', "[1]", "7", '"x"', "")


@target(60)
def json_object(choices: Choices) -> None:
    """JSON is read exactly where every strict reader reads the same."""
    text = choices.bent(choices.pick((*JSON, choices.text())))
    data: bytes | str = text
    if choices.one_in(2) and all(not "\ud800" <= letter <= "\udfff" or "\udc80" <= letter <= "\udcff" for letter in text):
        data = text.encode("utf-8", choices.pick(("surrogateescape", "surrogatepass", "replace")))
    expected = _strictly(data)
    try:
        value = loads_object(data)
    except JoseError as error:
        assert error.code == "json_invalid"
        assert len(str(error)) < 100
        assert expected is None, "good JSON is refused"
        return
    assert value == expected
    assert loads_object(json.dumps(value)) == value


def _strictly(data: bytes | str) -> Any:
    """Return what is read, or None where a strict reader must refuse."""
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value = _read(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError, AssertionError):
        return None
    return value if isinstance(value, dict) and _is_bounded(value, 32) else None


def _is_bounded(value: Any, depth: int) -> bool:
    if isinstance(value, (dict, list)):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return depth > 0 and all(_is_bounded(item, depth - 1) for item in inner)
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) <= 2**63
    return not isinstance(value, float) or math.isfinite(value)
