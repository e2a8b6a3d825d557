"""VNeID pulls documents: what it is answered."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from licences import AN, DATA, HOA, KEY, NOBODY, TUYET
from support import Browser
from vneid_middleware.exceptions import AuditError, VNeIDError


@pytest.mark.threat("A-237")
def test_a_signed_question_gets_a_signed_answer(portal) -> None:
    claims = portal.claims()
    answer = portal.send_signed(portal.sign(claims))
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    said = portal.opened(answer)
    assert (said["status"], said["responseCode"], said["data"], said["maGiayTo"]) == ("ok", "00", DATA, "010123456789")
    assert (said["requestId"], said["aud"], said["iss"]) == (claims["requestId"], "VNeID", portal.base)
    assert abs(said["iat"] - portal.clock()) < 5


@pytest.mark.threat("A-237")
def test_an_answer_that_was_changed_on_the_way_does_not_verify(portal) -> None:
    answer = portal.send_signed(portal.sign(portal.claims()))
    head, payload, signature = answer.text.split(".")
    other = portal.send_signed(portal.sign(portal.claims(soDinhDanh=AN))).text.split(".")[1]
    assert payload != other
    with pytest.raises(VNeIDError, match="signature_invalid"):
        portal.opened(answer._replace(text=f"{head}.{other}.{signature}"))


def test_the_key_has_the_name_that_the_ini_gives_it(make_portal) -> None:
    portal = make_portal(documents__key_id="so-gtvt-2026")
    answer = portal.send_signed(portal.sign(portal.claims()))
    assert portal.opened(answer)["status"] == "ok"
    assert [key["kid"] for key in Browser().get(portal.base + "/vneid/.well-known/jwks.json").json()["keys"]] == ["so-gtvt-2026"]


def test_a_caller_with_a_key_gets_plain_json(portal) -> None:
    answer = portal.ask(request_id="REQ-1")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json() == {"requestId": "REQ-1", "status": "ok", "responseCode": "00", "responseMessage": "Thành công",
                             "data": DATA, "maGiayTo": "010123456789"}


@pytest.mark.parametrize(("personal_id", "inputs", "status", "code", "fields"), [
    (NOBODY, {}, "not_found", "02", None),
    (TUYET, {"HoVaTen": "Nguyễn Thị Ánh Tuyết", "NgaySinh": "17/05/2004"}, "ok", "00", None),
    (TUYET, {"HoVaTen": "Nguyễn Thị Ánh", "NgaySinh": "2004-05-17"}, "mismatch", "03", ["HoVaTen"]),
    (TUYET, {"HoVaTen": "Nguyễn Thị Ánh", "NgaySinh": "2004-05-18"}, "mismatch", "03", ["HoVaTen", "NgaySinh"]),
    (TUYET, {"NgaySinh": "no date"}, "mismatch", "03", ["NgaySinh"]),
    (HOA, {}, "multiple", "04", ["SoGPLX"]),
    (HOA, {"HoVaTen": "TRẦN VĂN HÒA", "NgaySinh": "1985"}, "multiple", "04", ["SoGPLX"]),
    (HOA, {"SoGPLX": "790111111111"}, "ok", "00", None),
    (HOA, {"SoGPLX": "790222222222"}, "expired", "06", None),
    (AN, {}, "revoked", "05", None),
])
def test_each_finding_has_its_status_and_code(portal, personal_id, inputs, status, code, fields) -> None:
    answer = portal.ask(personal_id, **inputs)
    body = answer.json()
    assert (answer.status, body["status"], body["responseCode"], body.get("fields")) == (200, status, code, fields)
    assert ("data" in body) == (status in ("ok", "expired", "revoked"))


def test_a_mismatch_never_tells_the_right_value(portal) -> None:
    answer = portal.ask(TUYET, HoVaTen="Lê An", NgaySinh="1990", SoGPLX="1")
    assert answer.json()["fields"] == ["SoGPLX", "HoVaTen", "NgaySinh"]
    for value in ("TUYẾT", "Tuyết", "2004", "010123456789"):
        assert value not in answer.text


@pytest.mark.threat("A-233")
@pytest.mark.threat("A-194")
def test_somebody_elses_document_is_answered_as_none(portal) -> None:
    asked = [portal.ask(NOBODY, request_id="SAME", SoGPLX=number) for number in ("010123456789", "999999999999")]
    assert asked[0].text == asked[1].text
    assert asked[0].json()["status"] == "not_found"
    bound = portal.ask(NOBODY, request_id="SAME")
    assert bound.text == asked[0].text


@pytest.mark.threat("A-233")
def test_a_select_that_finds_other_citizens_gives_none_of_them_away(make_portal) -> None:
    portal = make_portal(documents__GPLX__lookup="SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh OR so_gplx = :SoGPLX",
                         documents__GPLX__fields="soDinhDanh = so_dinh_danh\nSoGPLX = so_gplx", documents__GPLX__match=None)
    assert portal.ask(NOBODY, SoGPLX="010123456789").json()["status"] == "not_found"
    assert portal.ask(TUYET, SoGPLX="380333333333").json()["data"] == {"soDinhDanh": TUYET, "SoGPLX": "010123456789"}


def test_all_papers_of_a_kind_go_out_where_the_ini_says_so(make_portal) -> None:
    portal = make_portal(documents__GPLX__many="true")
    body = portal.ask(HOA).json()
    assert (body["status"], [paper["HangGPLX"] for paper in body["data"]]) == ("ok", ["A1", "C"])
    assert body["maGiayTo"] == ["790111111111", "790222222222"]
    assert portal.ask(AN).json()["status"] == "revoked"
    assert portal.ask(HOA, SoGPLX="790222222222").json()["status"] == "expired"
    assert portal.ask(HOA, SoGPLX="1").json() | {"requestId": ""} == {
        "requestId": "", "status": "mismatch", "responseCode": "03", "responseMessage": "Thông tin cung cấp không khớp",
        "fields": ["SoGPLX"]}


def test_an_input_that_the_select_binds_is_required_and_can_only_be_not_found(make_portal) -> None:
    portal = make_portal(documents__GPLX__lookup="SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh AND so_gplx = :SoGPLX",
                         documents__GPLX__match="HoVaTen = ho_ten : name")
    absent = portal.ask(TUYET)
    assert (absent.status, absent.json()["status"], absent.json()["fields"]) == (400, "invalid_request", ["SoGPLX"])
    assert portal.ask(TUYET, SoGPLX="1").json()["status"] == "not_found"
    assert portal.ask(TUYET, SoGPLX="010123456789").json()["status"] == "ok"
    assert portal.ask(TUYET, SoGPLX="' OR '1'='1").json()["status"] == "not_found"


def test_codes_are_called_as_the_ini_calls_them(make_portal) -> None:
    portal = make_portal(documents__response_codes="ok = 000\nnot_found = 050")
    assert [portal.ask(who).json()["responseCode"] for who in (TUYET, NOBODY, AN)] == ["000", "050", "05"]


@pytest.mark.parametrize(("change", "field"), [
    ({"soDinhDanh": "123"}, "soDinhDanh"), ({"soDinhDanh": None}, "soDinhDanh"), ({"soDinhDanh": 1204000123}, "soDinhDanh"),
    ({"soDinhDanh": "' OR 1=1 --"}, "soDinhDanh"), ({"loaiGiayTo": "../GPLX"}, "loaiGiayTo"),
    ({"loaiGiayTo": "BHYT"}, "loaiGiayTo"),
    ({"loaiGiayTo": ["GPLX"]}, "loaiGiayTo"), ({"requestId": None}, "requestId"), ({"requestId": "a b"}, "requestId"),
    ({"requestId": "x" * 129}, "requestId"), ({"thamSo": []}, "thamSo"), ({"thamSo": {"a b": "1"}}, "thamSo"),
    ({"thamSo": {"SoGPLX": 1}}, "SoGPLX"), ({"thamSo": {"SoGPLX": "1" * 501}}, "SoGPLX"),
    ({"thamSo": {"SoGPLX": "1\0"}}, "SoGPLX"),
    ({"thamSo": {f"a{number}": "1" for number in range(33)}}, "thamSo"),
])
def test_a_malformed_question_is_told_which_member_is_wrong(portal, change, field) -> None:
    signed = portal.send_signed(portal.sign({**portal.claims(), **change}))
    said = portal.opened(signed)
    assert (signed.status, said["status"], said["responseCode"], said["fields"]) == (400, "invalid_request", "07", [field])
    plain = portal.post(json.dumps({**portal.question(), **change}).encode(),
                        {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"})
    assert (plain.status, plain.json()["fields"]) == (400, [field])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"requestId": 1, "requestId": 2}', b"\xff", b"null", b"[" * 5000])
def test_what_is_no_json_object_is_an_invalid_request(portal, body) -> None:
    answer = portal.post(body, {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"})
    assert (answer.status, answer.json()["status"]) == (400, "invalid_request")


def test_every_answer_is_in_the_audit_without_the_number_or_a_name(portal) -> None:
    portal.ask(TUYET, request_id="AUDITED-1", HoVaTen="Nguyễn Thị Ánh Tuyết")
    portal.ask(NOBODY, request_id="AUDITED-2", HoVaTen="Nguyễn Thị Ánh Tuyết")
    records = [record for record in portal.audit() if record["what"]["asked_as"].startswith("AUDITED-")]
    assert [(record["what"]["caller"], record["what"]["kind"], record["what"]["status"]) for record in records] == [
        ("registry", "GPLX", "ok"), ("registry", "GPLX", "not_found")]
    assert len({record["who"]["subject_hash"] for record in records}) == 2
    assert TUYET not in json.dumps(records)
    assert "Tuyết" not in json.dumps(records, ensure_ascii=False)


def test_an_answer_that_can_not_be_written_down_is_not_given(make_portal, monkeypatch) -> None:
    portal = make_portal()

    def refuse(record: Any) -> None:
        raise AuditError("audit_unavailable", "the disk is full")

    monkeypatch.setattr(portal.middleware.services.sinks[0], "write", refuse)
    answer = portal.ask(TUYET)
    assert (answer.status, answer.json()["error"]) == (503, "pull_stopped")
    assert "TUYẾT" not in answer.text


@pytest.mark.threat("A-190")
def test_no_log_line_has_a_number_a_name_or_a_document(make_portal, caplog) -> None:
    with caplog.at_level(logging.DEBUG):
        portal = make_portal()
        for inputs in ({}, {"HoVaTen": "Nguyễn Thị Ánh Tuyết"}, {"HoVaTen": "Lê An"}, {"SoGPLX": "1\0"}):
            portal.ask(TUYET, **inputs)
        portal.send_signed(portal.sign(portal.claims()))
        portal.send_signed(portal.sign(portal.claims(aud="https://another.example")))
        portal.ask(TUYET, key="x")
    assert "pull refused" in caplog.text
    for value in (TUYET, "TUYẾT", "Tuyết", "Lê An", "010123456789", KEY):
        assert value not in caplog.text
