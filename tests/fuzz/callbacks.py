"""What comes back from the provider: the callback's query, the token response, userinfo and the encrypted envelope."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from fuzz.choices import Choices
from fuzz.targets import target
from vneid_middleware.core import oidc
from vneid_middleware.core.identity import PRESETS, map_claims, merge_claims
from vneid_middleware.core.jose import JoseError, loads_object
from vneid_middleware.exceptions import LoginError, VNeIDError
from vneid_middleware.models import LoginTransaction
from vneid_middleware.plugins.sso.decoders import RsaAes
from vneid_middleware.text import normalise_name

NOW = 1_790_000_000
QUERIES = ("code=SplxlOBeZQQYbYS6WxSbIA&state=af0ifjsldkj", "state=af0ifjsldkj&error=access_denied&error_description=x",
           "code=a%2Bb+c%2F&state=s&iss=https%3A%2F%2Fsso.example.gov.vn&encrypt_key=a+b%3D%3D", "state=s", "code=c", "",
           "code=c&state=s&id_token=x", "code=c&state=s&code=d", "co%64e=c&state=s", "code=%C3%A0&state=s")


def _printable(value: str) -> bool:
    return all("\x20" <= character <= "\x7e" for character in value)


@target(80)
def callback_query(choices: Choices) -> None:
    """A callback is read where each of its parameters is there once, in the code flow's form; everything else is 400."""
    query = choices.bent(choices.pick((*QUERIES, choices.latin())))
    try:
        found = oidc.parse_callback(query)
    except LoginError as error:
        assert (error.code, error.status) == ("callback_malformed", 400)
        assert len(error.detail) < 200
        return
    assert len(query) <= 8_192
    names = [unquote(name) for name, _ in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True, max_num_fields=10_000)]
    for name in ("state", "code", "error", "iss", "encrypt_key"):
        assert names.count(name) <= 1
    assert not {"id_token", "access_token", "token_type", "expires_in"} & set(names)
    assert found.state
    assert bool(found.code) != bool(found.error)
    values = {"state": found.state, "code": found.code, "error": found.error, "iss": found.issuer,
              "encrypt_key": found.encrypt_key}
    assert all(_printable(value) and len(value) <= 4_096 for value in values.values() if value)
    again = "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items() if value or (name == "iss"
                     and value is not None))
    if len(again) <= 8_192:
        assert oidc.parse_callback(again) == found


@target(30)
def callback_check(choices: Choices) -> None:
    """An answer is taken for a login of this browser only where state, time and issuer agree."""
    states = ("af0ifjsldkj", "af0ifjsldk", "", quote(choices.latin(12)))
    issuers = ("https://sso.example.gov.vn", "https://sso.example.gov.vn/", "https://evil.example", "")
    started = NOW + choices.number(4_000) - 2_000
    transaction = None if choices.one_in(12) else LoginTransaction(choices.pick(states[:2]), "n", "v", "https://p/", 0, started,
                                                                  choices.pick((*issuers[:2], "")))
    callback = oidc.Callback(choices.pick(states), "c", "", choices.pick((*issuers, None)), "")
    required = choices.one_in(2)
    try:
        oidc.check_callback(callback, transaction, now=NOW, login_ttl=600, issuer_required=required)
    except LoginError as error:
        assert error.status == 400
        assert error.code in ("state_unknown", "login_expired", "issuer_mismatch")
        return
    assert transaction is not None
    assert callback.state == transaction.state
    assert -60 <= NOW - started < 600
    assert callback.issuer in ((transaction.issuer,) if required else (transaction.issuer, None)) or not transaction.issuer
    assert callback.issuer is not None or not required


ANSWER = {"access_token": "eyJ.abc-_~+/=", "token_type": "Bearer", "expires_in": 300, "refresh_token": "r", "scope": "openid",
          "id_token": "a.b.c"}


@target(40)
def token_response(choices: Choices) -> None:
    """A token response gives an access token that can stand in a header, or nothing."""
    required = choices.one_in(2)
    try:
        answer = loads_object(choices.bent(choices.bent_json(ANSWER), 2))
    except JoseError as error:
        assert error.code == "json_invalid"
        return
    try:
        found = oidc.parse_token_response(answer, id_token_required=required)
    except VNeIDError as error:
        assert error.code == "token_response_invalid"
        return
    assert 0 < len(found.access_token) <= 16_384
    assert all("\x21" <= character <= "\x7e" for character in found.access_token)
    assert answer["token_type"].lower() == "bearer"
    assert not isinstance(answer.get("expires_in"), bool)
    assert float(answer.get("expires_in") or 1) > 0
    assert found.id_token == answer.get("id_token")
    assert isinstance(found.id_token, str) or not required
    assert len(found.access_token) < 20 or found.access_token not in repr(found)


USERINFO = {
    "guide-2023": {"sub": "s-1", "SoDinhDanh": "001099012345", "HoVaTen": "Nguyễn Thị Hoà", "NgayThangNamSinh": "19900517",
                   "LoaiTaiKhoan": "1", "loAS": '[{"level":3,"claim":"TechID","validDate":null,"expiredDate":null}]'},
    "gateway-2026": {"citizenPid": "001099012345", "fullName": "Trần Văn Ánh", "birthDate": "17/05/1990", "accountType": 1,
                     "accountLevel": 2},
    "oidc": {"sub": "s-1", "name": "An", "birthdate": "1990-05-17", "acr": "2"},
}


@target(60)
def userinfo(choices: Choices) -> None:
    """An identity has the form that hosts rely on, whatever the claims are."""
    profile = choices.pick(tuple(USERINFO))
    strict = profile != "oidc" or choices.one_in(4)
    try:
        claims = loads_object(choices.bent(choices.bent_json(USERINFO[profile]), 1))
        claims = merge_claims(loads_object(choices.bent_json({"sub": "s-1", "aud": "x", "acr": "1"})), claims)
    except JoseError:
        return
    try:
        mapped = map_claims(claims, PRESETS[profile], now=NOW, strict=strict)
    except VNeIDError as error:
        assert error.code == "claims_invalid"
        assert not any(isinstance(value, str) and len(value) > 6 and value in str(error) for value in claims.values())
        return
    assert mapped.level in (0, 1, 2)
    for identifier in (mapped.subject, mapped.personal_id):
        assert 0 < len(identifier) <= 255
        assert _printable(identifier)
    if strict and mapped.account_type == "person":
        assert len(mapped.personal_id) == 12
        assert set(mapped.personal_id) <= set("0123456789")
    if strict or mapped.account_type == "organisation":
        told = next(claims[name] for name in PRESETS[profile]["account_type"] if claims.get(name) not in (None, ""))
        assert str(told) == {"person": "1", "organisation": "2"}[mapped.account_type]
    assert normalise_name(mapped.full_name) == mapped.full_name
    assert len(mapped.full_name) <= 200
    assert mapped.birth_date is None or 1_800 <= mapped.birth_date.year <= 2_200


KEY = rsa.generate_private_key(65_537, 2_048)
AES_KEY = bytes(range(32))


def _envelope(plain: bytes) -> dict[str, Any]:
    pad = 16 - len(plain) % 16
    encryptor = Cipher(AES(AES_KEY), ECB()).encryptor()
    data = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
    return {"data": base64.b64encode(data).decode(), "key": WRAPPED}


WRAPPED = base64.b64encode(KEY.public_key().encrypt(AES_KEY, PKCS1v15())).decode()
ENVELOPE = _envelope(json.dumps(USERINFO["guide-2023"]).encode())


def _unwrap(setting: str, wrapped: bytes, algorithm: str) -> list[bytes]:
    try:
        return [KEY.decrypt(wrapped, PKCS1v15())]
    except ValueError:
        return [b"\0" * 32]


SERVICES = SimpleNamespace(keys=SimpleNamespace(unwrap=_unwrap))


@target(15)
def encrypted_answer(choices: Choices) -> None:
    """An encrypted answer is a JSON object or one and the same error."""
    envelope = ENVELOPE if choices.one_in(2) else _envelope(choices.bent(json.dumps({"a": 1})).encode("utf-8", "replace"))
    try:
        answer = loads_object(choices.bent_json(envelope))
    except JoseError:
        return
    try:
        claims = RsaAes().decode(answer, SERVICES)
    except VNeIDError as error:
        assert error.code == "response_malformed"
        return
    assert isinstance(claims, dict)
    assert set(answer) == {"data", "key"}
