"""Apps that sign in by the VNeID app: the guide's deep link, and what is left of it to hold."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest

from vneid_middleware.simulator.endpoints import TOKEN

from .conftest import APP_CLIENT, APP_SECRET, DEEP, LINK, query, refused


def token_requests(mobile):
    return [entry["parameters"] for entry in mobile.simulator.state.log if entry["path"] == TOKEN]


@pytest.mark.threat("A-NAT-4")
def test_an_app_signs_in_by_the_vneid_app(mobile):
    phone = mobile.phone()
    started = phone.start(mode="app")
    assert started.headers["Cache-Control"] == "no-store"
    assert set(started.json()) == {"transaction", "url", "expires_in"}
    head, _, rest = phone.url.partition("vneid://app/login/")
    client_id, secret = rest.split("/")
    assert (head, unquote(client_id), unquote(secret)) == ("", APP_CLIENT, APP_SECRET)
    assert rest.isascii()
    assert not set(rest) & set(" ?#%+") - {"%"}
    granted = phone.redeem(phone.code_of_the_vneid_app("duc"))
    assert granted.status == 200
    assert granted.json()["identity"]["personal_id"] == "100085000002"
    assert phone.get("/muc-hai/1").json()["user"] == "100085000002"
    (sent,) = token_requests(mobile)
    # the guide's link carries no challenge, so nothing is there that a verifier could prove
    assert "code_verifier" not in sent
    assert (sent["client_id"], sent["redirect_uri"]) == (APP_CLIENT, LINK)


def test_vneid_is_asked_about_a_code_only_for_who_began(mobile):
    phone, thief = mobile.phone(), mobile.phone()
    code = phone.code_of_the_vneid_app()
    thief.start(mode="app")
    for wrong in ({"code_verifier": thief.verifier}, {"transaction": thief.transaction}, {"code_verifier": None},
                  {"transaction": None}, {"transaction": "x" * 43}, {"code_verifier": phone.challenge}):
        answer = phone.redeem(code, **wrong)
        assert answer.status == 400
    assert token_requests(mobile) == []
    assert phone.redeem(code).status == 200


@pytest.mark.threat("A-NAT-5")
def test_a_transaction_is_redeemed_once(mobile):
    phone = mobile.phone()
    code = phone.code_of_the_vneid_app()
    token = phone.redeem(code).json()["access_token"]
    assert refused(phone.redeem(code))
    assert phone.get("/ho-so/1", token=token).status == 401
    assert len(token_requests(mobile)) == 1


@pytest.mark.threat("A-NAT-5")
def test_a_code_that_another_transaction_has_used_is_refused_and_ends_what_it_led_to(mobile):
    phone, thief = mobile.phone(), mobile.phone()
    code = phone.code_of_the_vneid_app()
    token = phone.redeem(code).json()["access_token"]
    thief.start(mode="app")
    assert refused(thief.redeem(code))
    assert phone.get("/ho-so/1", token=token).status == 401
    assert len(token_requests(mobile)) == 1


def test_a_code_that_vneid_refuses(mobile):
    phone = mobile.phone()
    phone.start(mode="app")
    assert refused(phone.redeem("a-code-of-nobodys"))
    # VNeID may have spent it: the transaction is over
    assert refused(phone.redeem("another-one"))
    assert len(token_requests(mobile)) == 1


@pytest.mark.parametrize(("persona", "description"), [("hai", "level_too_low"), ("to-chuc", "organisation_refused")])
def test_who_may_not_sign_in_is_told_to_the_app(mobile, persona, description):
    phone = mobile.phone()
    answer = phone.redeem(phone.code_of_the_vneid_app(persona))
    assert refused(answer, "access_denied")
    assert answer.json()["error_description"] == description


def test_a_vneid_that_is_down_is_no_fault_of_the_apps(mobile):
    phone = mobile.phone()
    code = phone.code_of_the_vneid_app()
    mobile.switch(fault_userinfo="503")
    answer = phone.redeem(code)
    assert (answer.status, answer.json()["error"]) == (502, "temporarily_unavailable")


def test_apps_that_wait_for_vneid_leave_the_portal_its_threads_and_may_come_back(portal):
    mobile = portal(server_threads="2", **DEEP)
    hanging, let_go = mobile.hanging()
    first, second = mobile.phone(), mobile.phone()
    codes = [first.code_of_the_vneid_app(), second.code_of_the_vneid_app()]
    mobile.switch(fault_userinfo="hang")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(first.redeem, codes[0])
        assert hanging.wait(10)
        busy = second.redeem(codes[1])
        assert refused(busy, "temporarily_unavailable", 503)
        assert busy.json()["error_description"] == "too_many_logins"
        let_go.set()
        assert waiting.result().status == 200
    assert second.redeem(codes[1]).status == 200


def test_the_two_modes_do_not_mix(mobile):
    """A code of ours is none for VNeID, and VNeID's is none for the web; nor does a browser's answer end a deep link."""
    phone = mobile.phone()
    code = phone.code_of_the_vneid_app()
    web = mobile.phone()
    code_of_ours = web.code()
    web_transaction = web.transaction
    assert refused(web.redeem(code))
    assert refused(phone.redeem(code_of_ours))
    assert web.redeem(code_of_ours, transaction=web_transaction).status == 200


def test_an_id_token_is_of_the_apps_own_client(portal):
    mobile = portal(profile="oidc", **DEEP)
    mobile.switch(id_token="on", claims="oidc")
    phone = mobile.phone()
    assert phone.redeem(phone.code_of_the_vneid_app()).json()["identity"]["subject"] == "sim-nguyet"
    mobile.switch(fault_id_token="wrong-aud")
    other = mobile.phone()
    assert other.redeem(other.code_of_the_vneid_app()).status == 502


def test_an_encrypted_code_goes_on_as_it_came(portal, tmp_path):
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    from vneid_middleware.simulator.state import Client

    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    mobile = portal(profile="gateway-2026", **DEEP, **{"sso.decryption_key": str(tmp_path / "key.pem")})
    mobile.simulator.state.clients[APP_CLIENT] = Client(APP_CLIENT, APP_SECRET, (LINK,), public_key=public, deep_link=True)
    mobile.switch(response="rsa-aes", claims="gateway-2026", encrypted_code="on")
    phone = mobile.phone()
    phone.start(mode="app")
    back = query(phone.browser.post(mobile.provider + "/app", {"link": phone.url, "persona": "nguyet"}).location.replace(
        "+", "%2B"))
    assert phone.redeem(back["code"], encrypt_key=back["encrypt_key"]).json()["identity"]["level"] == 2


# -- the secret --------------------------------------------------------------------------------------------------------

def test_the_deep_link_is_off_unless_it_is_on(portal):
    mobile = portal()
    answer = mobile.phone().start(mode="app")
    assert refused(answer, "unauthorized_client")
    assert "url" not in answer.json()


def test_a_link_without_the_secret(portal):
    mobile = portal(**DEEP, **{"mobile.deep_link_secret": "false"})
    mobile.switch(deep_link_secret="optional")
    phone = mobile.phone()
    phone.start(mode="app")
    assert phone.url == f"vneid://app/login/{APP_CLIENT}"
    # the exchange still proves itself by the secret, which stays here
    assert phone.redeem(phone.code_of_the_vneid_app()).status == 200


@pytest.mark.threat("A-NAT-4")
def test_no_log_and_no_audit_holds_what_is_secret(portal, caplog):
    caplog.set_level(logging.DEBUG)
    mobile = portal(**DEEP)
    web, app = mobile.phone(), mobile.phone()
    code = web.code()
    callback_seen = web.url
    token = web.redeem(code).json()["access_token"]
    link_code = app.code_of_the_vneid_app()
    app.redeem(link_code)
    app.redeem(link_code)
    web.redeem(code)
    web.revoke(token)
    web.redeem(code, transaction="x" * 43, code_verifier="y" * 43)
    app.start(mode="app", callback="javascript:alert(1)")
    told = caplog.text + str(mobile.audit())
    assert "an app's request refused" in told
    canaries = [APP_SECRET, app.url, code, link_code, token, app.access_token, web.verifier, app.verifier, web.transaction,
                app.transaction, web.challenge, query(callback_seen)["state"], "Nguyễn Thị Ánh Nguyệt", "100190000001",
                "javascript:"]
    assert [canary for canary in canaries if canary in told] == []


@pytest.mark.threat("A-NAT-4")
def test_what_is_kept_is_sealed(mobile):
    """Who reads the database finds no transaction, no code and nobody's name."""
    from sqlalchemy import text

    phone, other = mobile.phone(), mobile.phone()
    code = phone.code("nguyet")
    other.start(mode="app")
    with mobile.app.services.storage.read() as connection:
        kept = str(connection.execute(text("SELECT * FROM vneid_mobile_sign_ons")).fetchall())
    for canary in (phone.transaction, code, phone.challenge, query(phone.url)["state"], query(phone.url)["nonce"], APP_SECRET,
                   "100190000001", "Nguyệt", LINK, "127.0.0.1"):
        assert canary not in kept
    phone.redeem(code)
    with mobile.app.services.storage.read() as connection:
        outcomes = connection.execute(text("SELECT outcome FROM vneid_mobile_sign_ons WHERE redeemed = 1")).scalars().all()
    assert set(outcomes) == {None}
