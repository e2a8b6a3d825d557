"""At the counter: what was scanned, what is encrypted, and the citizen's fields."""

from __future__ import annotations

import unicodedata
from datetime import date

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe as joserfc_jwe
from joserfc.jwk import ECKey, RSAKey

from fuzz.choices import Choices
from fuzz.targets import target
from fuzz.tokens import b64
from vneid_middleware.core import scan as scans
from vneid_middleware.core.citizen import FIELDS, read_citizen
from vneid_middleware.core.jose import JoseError, decode_base64url, loads_object
from vneid_middleware.core.jwe import decrypt
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.text import normalise_name

SCANS = ("QR-0123456789abcdef", "001099012345|012345678|Nguyễn Thị Hoà|17051990|Nữ|Số 1, Hà Nội|01012021",
         "001099012345||Trần Văn Ánh|1051990|Nam|Huế|01012021|x", "DN4010112345678|4e67|17/05/1990|1|48c3a0|01 - 001|x",
         "0101234567|An|17/05/1990|2|Huế|01", "001099012345|x", "  QR  ", "a|b|c|d|e|f|g")


def _is_clean(name: str) -> bool:
    return normalise_name(name) == name and not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in name)


def _is_day(digits: str) -> bool:
    return len(digits) == 8 and digits.isascii() and bool(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])))


@target(40)
def scanned(choices: Choices) -> None:
    """What fills a form is clean, and a VNeID code has no blank."""
    value = choices.bent(choices.pick((*SCANS, choices.text())))
    kind, prefill = scans.read_scan(value)
    assert kind in (scans.VNEID, scans.CARD, scans.HEALTH_INSURANCE, scans.UNREADABLE)
    assert set(prefill) <= set(FIELDS)
    assert prefill == {} or kind in (scans.CARD, scans.HEALTH_INSURANCE)
    if kind == scans.VNEID:
        assert all("\x21" <= letter <= "\x7e" for letter in value.strip())
        assert 0 < len(value.strip()) <= scans.MAX_SCAN
    for name in ("hoVaTen", "noiThuongTru"):
        assert len(prefill.get(name, "")) <= 100
        assert _is_clean(prefill.get(name, "")), f"{name} is not clean"
    assert prefill.get("gioiTinh", "1") in ("1", "2")
    assert "ngayThangNamSinh" not in prefill or _is_day(prefill["ngayThangNamSinh"])
    assert "soDinhDanh" not in prefill or (kind == scans.CARD and prefill["soDinhDanh"] in value)


CITIZEN = {"soDinhDanh": "001099012345", "hoVaTen": "Nguyễn Thị Hoà", "gioiTinh": "2", "ngayThangNamSinh": "19900517",
           "noiThuongTru": "Số 1, Hà Nội", "anh": "x", "exp": 1}


@target(30)
def citizen(choices: Choices) -> None:
    """The fields that leave the middleware have the guide's form, and no others leave it."""
    fields = choices.pick((FIELDS, ("soDinhDanh",), (*FIELDS, "anh"), ("hoVaTen", "ngayThangNamSinh")))
    try:
        payload = loads_object(choices.bent(choices.bent_json(CITIZEN), 1))
    except JoseError:
        return
    try:
        data, warnings = read_citizen(payload, fields)
    except VNeIDError as error:
        assert error.code == "citizen_invalid"
        assert not any(isinstance(value, str) and len(value) > 8 and value in str(error) for value in payload.values())
        return
    assert set(data) <= set(fields)
    assert set(warnings) <= {"gender_disagrees", "birth_year_disagrees"}
    assert "soDinhDanh" not in fields or (len(data["soDinhDanh"]) == 12 and set(data["soDinhDanh"]) <= set("0123456789"))
    assert "hoVaTen" not in fields or 0 < len(data["hoVaTen"]) <= 100
    assert data.get("gioiTinh", "0") in ("0", "1", "2")
    born = data.get("ngayThangNamSinh", "1990")
    assert len(born) in (4, 6, 8)
    assert date(int(born[:4]), int(born[4:6] or 1), int(born[6:] or 1))
    assert all(_is_clean(value) for value in data.values())


RSA_KEY, EC_KEY = rsa.generate_private_key(65_537, 2_048), ec.generate_private_key(ec.SECP256R1())
KEYS = {"RSA-OAEP-256": RSA_KEY, "ECDH-ES+A256KW": EC_KEY}
PLAIN = b"eyJhbGciOiJFUzI1NiJ9.e30.c2ln"


def _encrypted(algorithm: str) -> str:
    public = (RSAKey if algorithm == "RSA-OAEP-256" else ECKey).import_key(KEYS[algorithm].public_key())
    return joserfc_jwe.encrypt_compact({"alg": algorithm, "enc": "A256GCM"}, PLAIN, public, algorithms=[algorithm, "A256GCM"])


JWES = {_encrypted(algorithm): algorithm for algorithm in KEYS}
HEADERS = {token: loads_object(decode_base64url(token.partition(".")[0])) for token in JWES}
CODES = ("too_large", "malformed", "json_invalid", "header_refused", "alg_not_allowed", "decryption_failed")


@target(15)
def encrypted(choices: Choices) -> None:
    """An encrypted token opens as it was made, and with one character changed not at all."""
    genuine = choices.pick(tuple(JWES))
    token = genuine
    if choices.one_in(2):
        header = choices.bent_json({**HEADERS[genuine], "apu": "QQ", "apv": "Qg"}, 3)
        token = b64(header.encode("utf-8", "surrogatepass")) + genuine[genuine.index("."):]
    token = choices.bent(token, 2)
    key = KEYS[choices.pick(tuple(KEYS))]
    try:
        opened = decrypt(token, key)
    except JoseError as error:
        assert error.code in CODES
        assert error.code != "decryption_failed" or not error.detail
        assert token != genuine or key is not KEYS[JWES[genuine]]
        return
    assert (token, opened) == (genuine, PLAIN)
