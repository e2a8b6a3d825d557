"""Apps that sign in with web VNeID: the way that works, and what must not."""

from __future__ import annotations

import json

import pytest

from vneid_middleware.simulator.state import DEMO_CLIENT

from .conftest import LINK, SCHEME, query


def refused(answer, error="invalid_grant", status=400):
    assert (answer.status, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    return True


# -- the way that works ------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-NAT-1")
def test_an_app_signs_in_and_is_known_to_the_portal(mobile):
    phone = mobile.phone()
    started = phone.start()
    assert started.headers["Cache-Control"] == "no-store"
    assert set(started.json()) == {"transaction", "url", "expires_in"}
    assert started.json()["expires_in"] == 300
    asked = query(phone.url)
    assert phone.url.startswith(mobile.provider + "/auth?")
    assert asked["redirect_uri"] == mobile.portal + "/vneid/mobile/callback"
    assert (asked["client_id"], asked["response_type"], asked["scope"]) == (DEMO_CLIENT, "code", "openid")
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    # ours to VNeID, not the app's to us
    assert asked["code_challenge"] != phone.challenge
    assert len(asked["state"]) == len(asked["nonce"]) == 43
    assert phone.transaction not in phone.url
    answer = phone.back("nguyet")
    assert answer.status == 303
    assert list(query(answer.location)) == ["code"]
    assert answer.location == f"{LINK}?code={query(answer.location)['code']}"
    assert answer.headers.get_all("Set-Cookie") is None
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    granted = phone.redeem(query(answer.location)["code"])
    assert granted.status == 200
    assert granted.headers["Cache-Control"] == "no-store"
    assert set(granted.json()) == {"access_token", "token_type", "expires_in", "identity"}
    assert granted.json()["token_type"] == "Bearer"
    assert 28_790 < granted.json()["expires_in"] <= 28_800
    assert granted.json()["identity"]["full_name"] == "Nguyễn Thị Ánh Nguyệt"
    seen = phone.get("/ho-so/1").json()
    assert (seen["user"], seen["auth"], seen["level"], seen["header"]) == ("100190000001", "VNeID", 2, "100190000001")
    assert (seen["authorization"], seen["cookie"]) == (None, None)


def test_a_scheme_of_the_apps_own_and_a_callback_with_a_query(mobile):
    phone = mobile.phone(callback=SCHEME)
    assert phone.code().isascii()
    other = mobile.phone(app_id="canbo", callback="vn.gov.example.canbo:/dang-nhap?kieu=1")
    other.start()
    location = other.back().location
    assert location.startswith("vn.gov.example.canbo:/dang-nhap?kieu=1&code=")


def test_a_refusal_at_vneid_goes_to_the_app(mobile):
    phone = mobile.phone()
    phone.start()
    assert phone.back("refuse").location == LINK + "?error=access_denied"
    assert refused(phone.redeem("a-code"))


@pytest.mark.parametrize(("persona", "fault", "error"), [
    ("hai", {}, "access_denied"), ("to-chuc", {}, "access_denied"), ("nguyet", {"fault_token": "500"}, "temporarily_unavailable"),
    ("nguyet", {"fault_userinfo": "html"}, "server_error")])
def test_every_other_failure_goes_to_the_app_by_its_name(mobile, persona, fault, error):
    mobile.switch(**fault)
    phone = mobile.phone()
    phone.start()
    assert phone.back(persona).location == f"{LINK}?error={error}"


def test_the_audit_tells_with_which_app(mobile):
    phone = mobile.phone()
    phone.sign_in()
    last = [record for record in mobile.audit() if record["event"] == "login.succeeded"][-1]
    assert last["what"]["app"] == "dichvucong"
    assert json.dumps(last).count("100190000001") == 0
