"""Lookups at the counter, each status of the contract's table, through the front door."""

from __future__ import annotations

import pytest

from vneid_service import CITIZEN


def test_a_scanned_code_becomes_a_citizen(make_portal) -> None:
    portal = make_portal()
    answer = portal.result(portal.ask("QR-1", officerId="001080000001", unitCode="H01.02", dossier="HS-2026-1"))
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    body = answer.json()
    assert (body["status"], body["responseCode"], body["responseMessage"]) == ("ok", "00", "Thành công")
    assert body["data"] == CITIZEN
    assert portal.vneid.asked == [{"qrID": "QR-1"}]


def test_consent_is_waited_for(make_portal) -> None:
    portal = make_portal()
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives("01"), portal.vneid.gives())
    first = portal.ask()
    assert (first.status, first.json()["status"], first.headers["Retry-After"]) == (202, "pending", "1")
    assert "data" not in first.json()
    last = portal.result(first)
    assert (last.status, last.json()["data"]) == (200, CITIZEN)
    assert portal.look(first.location).status == 404


@pytest.mark.parametrize(("code", "status", "http", "fallback"), [
    ("02", "invalid_qr", 200, True), ("03", "expired_qr", 200, False), ("04", "consent_denied", 200, True),
    ("99", "upstream_unavailable", 503, False), ("77", "invalid_response", 502, False)])
def test_what_vneid_says_is_passed_on_in_plain_words(make_portal, code, status, http, fallback) -> None:
    portal = make_portal()
    portal.vneid.answer = portal.vneid.gives(code)
    answer = portal.result(portal.ask())
    body = answer.json()
    assert (answer.status, body["status"], body["responseCode"], "fallback" in body) == (http, status, code, fallback)
    assert "data" not in body
