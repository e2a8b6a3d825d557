"""What VNeID's answer must be before anything in it is believed."""

from __future__ import annotations

import base64
import json
import unicodedata
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from vneid_service import CITIZEN

AUDIENCE = {"qr__issuer": "https://vneid.gov.vn", "qr__audience": "https://portal.example"}


def ends(portal, answer, status="invalid_response"):
    """Ask once, VNeID answering so; return the answer, which must be of ``status``."""
    portal.vneid.answer = answer if callable(answer) else lambda question: answer
    found = portal.result(portal.ask())
    body = found.json()
    assert body["status"] == status, body
    if status != "ok":
        assert "data" not in body
        assert CITIZEN["hoVaTen"] not in found.text
        assert CITIZEN["soDinhDanh"] not in found.text
    return found


def signed(portal, data):
    return {"responseCode": "00", "responseMessage": "", "data": data}


# -- signature and time ------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-217")
@pytest.mark.parametrize("spoil", [
    lambda v: jwt.encode(v.claims(), None, "none"),
    lambda v: jwt.encode(v.claims(), "secret-of-thirty-two-characters-x", "HS256", headers={"kid": "one"}),
    lambda v: v.signed(key=v.other),
    lambda v: v.signed(kid="unknown"),
    lambda v: v.signed(key=v.rsa, alg="RS256", kid="one"),
    lambda v: v.signed()[:-4] + "AAAA",
    lambda v: v.signed() + "=",
    lambda v: v.signed() + "\n",
    lambda v: v.signed().rpartition(".")[0] + ".",
    lambda v: v.signed(v.claims(iat=int(v.clock()) - 200)),
    lambda v: v.signed(v.claims(iat=int(v.clock()) + 200, exp=int(v.clock()) + 400)),
    lambda v: v.signed(v.claims(exp=int(v.clock()) - 1)),
    lambda v: v.signed(v.claims(exp=None)),
    lambda v: v.signed(v.claims(iat=None)),
    lambda v: v.signed(v.claims(exp=str(int(v.clock()) + 60))),
    lambda v: v.signed(typ="logout+jwt"),
    lambda v: v.signed(typ="at+jwt"),
    lambda v: v.signed(cty="JWT"),
    lambda v: v.signed(crit=["exp"]),
    lambda v: v.signed(jwk={"kty": "oct"}, kid="evil", key=v.other),
    lambda v: {"soDinhDanh": "001204000123", "hoVaTen": "A"},
    lambda v: None,
    lambda v: "",
    lambda v: 7,
    lambda v: [v.signed()],
    lambda v: base64.b64encode(json.dumps(CITIZEN).encode()).decode(),
    lambda v: "a" * 70_000,
])
def test_an_answer_that_is_not_signed_as_agreed_is_refused(lasting, spoil) -> None:
    portal = lasting()
    answer = ends(portal, lambda question: signed(portal, spoil(portal.vneid)))
    assert answer.status == 502


@pytest.mark.threat("A-217")
def test_an_answer_is_used_once(lasting, caplog) -> None:
    portal = lasting()
    token = portal.vneid.signed()
    ends(portal, signed(portal, token), "ok")
    ends(portal, signed(portal, token))
    assert portal.audit("lookup.answered")[-1]["what"]["reason"] == "answer_seen"
    assert "alarm: lookup_answer_refused" in caplog.text
    # the other half of an ECDSA signature is as good, and is the same answer
    head, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    twin = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    ends(portal, signed(portal, f"{head}.{base64.urlsafe_b64encode(twin).decode().rstrip('=')}"))
    assert portal.audit("lookup.answered")[-1]["what"]["reason"] == "answer_seen"


@pytest.mark.threat("A-217")
@pytest.mark.parametrize(("bind", "name"), [("request_id", "requestId"), ("qr_id", "qrID")])
def test_two_answers_that_are_swapped_are_refused(lasting, bind, name) -> None:
    portal = lasting(qr__bind=bind)
    asked = []

    def swapped(question):
        asked.append(question)
        other = asked[0] if len(asked) > 1 else {**question, name: "another"}
        return signed(portal, portal.vneid.signed(portal.vneid.claims(**{name: other[name]})))

    for _ in range(2):
        ends(portal, swapped)
    ends(portal, lambda question: signed(portal, portal.vneid.signed(portal.vneid.claims(**{name: None}))))
    ends(portal, lambda question: signed(portal, portal.vneid.signed(portal.vneid.claims(**{name: [question[name]]}))))
    ends(portal, lambda question: signed(portal, portal.vneid.signed(portal.vneid.claims(**{name: question[name]}))), "ok")
    assert (bind == "request_id") == all("requestId" in question for question in portal.vneid.asked)


@pytest.mark.threat("A-217")
@pytest.mark.parametrize("changes", [
    {"iss": None}, {"aud": None}, {"iss": "https://vneid.gov.vn/"}, {"aud": "https://other.example"},
    {"iss": ["https://vneid.gov.vn"]},
    {"aud": ["https://portal.example", "https://other.example"]}, {"aud": []}, {"aud": "https://portal.example "}])
def test_an_answer_of_or_for_somebody_else_is_refused(lasting, changes) -> None:
    portal = lasting(**AUDIENCE)
    right = {"iss": "https://vneid.gov.vn", "aud": "https://portal.example"}
    ends(portal, portal.vneid.gives(**{**right, **changes}))
    ends(portal, portal.vneid.gives(**right), "ok")


def test_every_agreed_algorithm_is_taken_and_a_key_set_in_a_file_is_read(make_portal, tmp_path: Path) -> None:
    portal = make_portal()
    ends(portal, lambda q: signed(portal, portal.vneid.signed(key=portal.vneid.rsa, alg="RS256", kid="two")), "ok")
    ends(portal, lambda q: signed(portal, portal.vneid.signed(key=portal.vneid.rsa, alg="RS384", kid="two")))
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(portal.vneid.jwks()))
    other = make_portal(qr__jwks=f"file:{keys}")
    ends(other, lambda q: signed(other, portal.vneid.signed()), "ok")


def test_a_key_that_was_changed_a_moment_ago_is_found(make_portal) -> None:
    portal = make_portal()
    ends(portal, portal.vneid.gives(), "ok")
    portal.vneid.key = portal.vneid.other
    ends(portal, lambda q: signed(portal, portal.vneid.signed(kid="one")), "ok")


def test_keys_that_cannot_be_had_let_nothing_through(make_portal) -> None:
    portal = make_portal()
    portal.vneid.jwks = lambda: {"keys": []}
    ends(portal, portal.vneid.gives())


# -- what is inside ----------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-218")
@pytest.mark.parametrize("changes", [
    {"soDinhDanh": None}, {"soDinhDanh": ""}, {"soDinhDanh": "00120400012"}, {"soDinhDanh": "0012040001234"},
    {"soDinhDanh": 1204000123}, {"soDinhDanh": "00120400012a"}, {"soDinhDanh": "٠٠١٢٠٤٠٠٠١٢٣"}, {"hoVaTen": None},
    {"hoVaTen": ""}, {"hoVaTen": "A" * 101}, {"hoVaTen": "A\0B"}, {"hoVaTen": ["A"]},
    {"gioiTinh": "3"}, {"gioiTinh": "Nam"}, {"gioiTinh": True},
    {"ngayThangNamSinh": "20041301"}, {"ngayThangNamSinh": "20040230"}, {"ngayThangNamSinh": "17/05/2004"},
    {"ngayThangNamSinh": "200405171"}, {"ngayThangNamSinh": "2004-05-17"}, {"noiThuongTru": "x" * 101},
    {"noiThuongTru": {"a": 1}}])
def test_a_citizen_whose_fields_are_wrong_is_refused(lasting, changes) -> None:
    portal = lasting()
    ends(portal, portal.vneid.gives(**changes))
    assert portal.audit("lookup.answered")[-1]["what"]["reason"] == "citizen_invalid"


@pytest.mark.threat("A-218")
@pytest.mark.threat("A-219")
def test_only_what_is_agreed_leaves_the_middleware_and_text_is_whole(lasting) -> None:
    portal = lasting(qr__fields="soDinhDanh hoVaTen danToc")
    name = unicodedata.normalize("NFD", "Đặng Thị Hòa")
    answer = ends(portal, portal.vneid.gives(hoVaTen=name, danToc="Kinh", tonGiao="x", anh="abc"), "ok")
    assert answer.json()["data"] == {"soDinhDanh": "001204000123", "hoVaTen": "Đặng Thị Hòa", "danToc": "Kinh"}
    assert unicodedata.is_normalized("NFC", answer.json()["data"]["hoVaTen"])


@pytest.mark.parametrize(("given", "kept"), [("2004", "2004"), ("200405", "200405"), ("20040000", "2004"), ("20040500", "200405"),
                                             (20040517, "20040517")])
def test_a_date_keeps_its_precision(lasting, given, kept) -> None:
    portal = lasting()
    assert ends(portal, portal.vneid.gives(ngayThangNamSinh=given), "ok").json()["data"]["ngayThangNamSinh"] == kept


def test_what_disagrees_is_told_beside_the_data(lasting) -> None:
    portal = lasting()
    body = ends(portal, portal.vneid.gives(gioiTinh="2", ngayThangNamSinh="19990101"), "ok").json()
    assert body["warnings"] == ["gender_disagrees", "birth_year_disagrees"]
    assert body["data"]["ngayThangNamSinh"] == "19990101"


# -- the envelope ------------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-218")
@pytest.mark.threat("A-045")
@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b'"00"', b"{", b"{}", b'{"responseCode": 0}', b'{"responseCode": null}', b'{"responseCode": ["00"]}',
    b'{"responseCode": "00", "responseCode": "04"}', b'{"responseCode": ""}', b'{"responseCode": "0 0"}',
    b'{"responseCode": "000"}',
    b'{"responseCode": "00"}', b'\xef\xbb\xbf{"responseCode": "00"}', b'{"responseCode": "01"}',
    b'{"responseCode": "01", "transactionId": ""}', b'{"responseCode": "01", "transactionId": 7}',
    b'{"responseCode": "01", "transactionId": "a b"}', b'{"responseCode": "01", "transactionId": "\xc3\xa9"}',
    b'{"responseCode": "' + b"0" * 33 + b'"}', b"<html>", b'{"responseCode": NaN}', b"[" * 5000, b"x" * 300_000])
def test_an_envelope_of_another_form_is_refused(lasting, body) -> None:
    portal = lasting()
    answer = ends(portal, lambda question: ("200 OK", [("Content-Type", "application/json")], body))
    assert answer.status == 502


@pytest.mark.parametrize(("status", "body", "expected"), [
    ("500 Oops", b"", "upstream_unavailable"), ("503 Busy", b"<html>", "upstream_unavailable"),
    ("401 Unauthorized", b"{}", "upstream_unavailable"), ("302 Found", b"", "upstream_unavailable"),
    ("404 Not Found", b'{"responseCode": "02"}', "invalid_qr"), ("400 Bad", b'{"responseCode": "03"}', "expired_qr"),
    ("403 No", b'{"responseCode": "00"}', "upstream_unavailable"), ("500 Oops", b'{"responseCode": "01", "transactionId": "t"}',
                                                                   "upstream_unavailable")])
def test_an_error_is_no_answer_and_never_a_yes(lasting, status, body, expected) -> None:
    portal = lasting()
    headers = [("Content-Type", "application/json"), ("Location", "http://169.254.169.254/")]
    ends(portal, lambda question: (status, headers, body), expected)


def test_a_code_means_what_the_ini_says(lasting) -> None:
    portal = lasting(qr__response_codes="200 = ok\n404 = invalid_qr\nWAIT = pending")
    ends(portal, lambda question: {**portal.vneid.gives()(question), "responseCode": "200"}, "ok")
    ends(portal, lambda question: {"responseCode": "404"}, "invalid_qr")
    ends(portal, portal.vneid.gives("00"))


def test_vneids_message_is_passed_on_where_it_is_a_message(lasting) -> None:
    portal = lasting()
    for message, shown in (("Mã không đúng", True), ("a\nb", False), ("x" * 201, False), (7, False)):
        body = ends(portal, {"responseCode": "02", "responseMessage": message}, "invalid_qr").json()
        assert (body["responseMessage"] == message) == shown
        assert body["responseMessage"]


# -- plain and encrypted -----------------------------------------------------------------------------------------------

def test_a_plain_answer_is_an_object(lasting) -> None:
    portal = lasting(qr__response="plain")
    ends(portal, {"responseCode": "00", "data": CITIZEN}, "ok")
    for data in (json.dumps(CITIZEN), portal.vneid.signed(), None, [CITIZEN], {}):
        ends(portal, {"responseCode": "00", "data": data})


@pytest.fixture(scope="module")
def key_files(tmp_path_factory):
    """A private key of each kind: the file's name and the key for whoever encrypts."""
    folder, found = tmp_path_factory.mktemp("keys"), {}
    for name, key, kind in (("rsa", rsa.generate_private_key(65537, 2048), RSAKey),
                            ("ec", ec.generate_private_key(ec.SECP256R1()), ECKey)):
        path = folder / f"{name}.pem"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(0o600)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        found[name] = (str(path), kind.import_key(public))
    jwk = folder / "ec.json"
    jwk.write_text(json.dumps(ECKey.import_key((folder / "ec.pem").read_bytes()).as_dict(private=True)))
    jwk.chmod(0o600)
    found["jwk"] = (str(jwk), found["ec"][1])
    return found


def encrypted(key, content: str, alg: str, **header) -> str:
    return jwe.encrypt_compact({"alg": alg, "enc": "A256GCM", **header}, content.encode(), key,
                               algorithms=[alg, header.get("enc", "A256GCM"), "DEF"])


@pytest.mark.parametrize(("name", "alg"), [("rsa", "RSA-OAEP-256"), ("ec", "ECDH-ES+A256KW"), ("jwk", "ECDH-ES+A256KW")])
def test_an_encrypted_answer_is_signed_inside(lasting, key_files, name, alg) -> None:
    path, key = key_files[name]
    portal = lasting(qr__response="jwe", qr__decryption_key=path)
    ends(portal, lambda q: signed(portal, encrypted(key, portal.vneid.signed(), alg)), "ok")
    published = portal.send("GET", "/vneid/.well-known/jwks.json").json()["keys"]
    assert [(jwk["use"], jwk["alg"]) for jwk in published] == [("enc", alg)]


@pytest.mark.threat("A-088")
@pytest.mark.threat("A-087")
@pytest.mark.threat("A-217")
@pytest.mark.parametrize("spoil", [
    lambda p, key, other: encrypted(key, json.dumps(p.vneid.claims()), "RSA-OAEP-256"),
    lambda p, key, other: encrypted(key, jwt.encode(p.vneid.claims(), None, "none"), "RSA-OAEP-256"),
    lambda p, key, other: encrypted(key, p.vneid.signed(key=p.vneid.other), "RSA-OAEP-256"),
    lambda p, key, other: encrypted(key, encrypted(key, p.vneid.signed(), "RSA-OAEP-256"), "RSA-OAEP-256"),
    lambda p, key, other: encrypted(other, p.vneid.signed(), "ECDH-ES+A256KW"),
    lambda p, key, other: encrypted(key, p.vneid.signed(), "RSA-OAEP-256", zip="DEF"),
    lambda p, key, other: encrypted(key, p.vneid.signed(), "RSA-OAEP-256")[:-6] + "AAAAAA",
    lambda p, key, other: p.vneid.signed(),
    lambda p, key, other: {},
])
def test_an_encrypted_answer_that_is_not_as_agreed_is_refused(lasting, key_files, spoil) -> None:
    path, key = key_files["rsa"]
    portal = lasting(qr__response="jwe", qr__decryption_key=path)
    ends(portal, lambda question: signed(portal, spoil(portal, key, key_files["ec"][1])))


def test_all_keys_decrypt_while_one_takes_the_others_place(lasting, key_files) -> None:
    portal = lasting(qr__response="jwe", qr__decryption_key=f"{key_files['ec'][0]}\n{key_files['rsa'][0]}")
    for name, alg in (("rsa", "RSA-OAEP-256"), ("ec", "ECDH-ES+A256KW")):
        token = encrypted(key_files[name][1], portal.vneid.signed(), alg)
        ends(portal, signed(portal, token), "ok")
