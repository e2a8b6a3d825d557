"""RP-initiated and back-channel logout: the citizen signs out at the portal, goes by the provider, and comes back; the provider
tells the portal by a token, which must be right."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from vneid_middleware.simulator.switches import LOGOUT_FAULTS
from vneid_middleware.testing import Browser

conformance = pytest.mark.conformance
# what is wrong with the token, and the reason that the audit must name
REFUSED = [
    pytest.param("alg-none", "malformed", marks=conformance("oidcc-client-test-rp-backchannel-rpinitlogout-alg-none")),
    pytest.param("no-event", "event_missing", marks=conformance("oidcc-client-test-rp-backchannel-rpinitlogout-no-event")),
    pytest.param("with-nonce", "nonce_present", marks=conformance("oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce")),
    pytest.param("wrong-alg", "alg_not_allowed", marks=conformance("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg")),
    pytest.param("wrong-aud", "audience_mismatch", marks=conformance("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud")),
    pytest.param("wrong-event", "event_missing", marks=conformance("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event")),
    pytest.param("wrong-iss", "issuer_mismatch", marks=conformance("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss")),
    # what no module asks for
    ("wrong-signature", "signature_invalid"), ("unknown-kid", "key_unknown"), ("wrong-type", "type_refused"),
    ("event-no-object", "event_missing"), ("no-jti", "claim_missing"), ("no-iat", "claim_missing"), ("no-exp", "claim_missing"),
    ("expired", "expired"), ("old", "too_old"), ("future", "issued_in_future"), ("lives-long", "claim_invalid"),
    ("no-sub-no-sid", "claim_missing"),
]


@pytest.fixture
def signed_in(portal):
    """A portal, a citizen's browser, and another one with the same cookies, which shows what the portal itself believes."""
    p = portal()
    browser, thief = Browser(), Browser()
    p.sign_in(browser=browser)
    thief.cookies = {place: dict(jar) for place, jar in browser.cookies.items()}
    assert p.user(browser) == p.user(thief) == "sim-nguyet"
    return p, browser, thief


def sign_out(p, browser):
    """Sign out at the portal and follow where that leads."""
    asked = browser.post(p.url + "/vneid/logout")
    assert asked.status == 303
    return browser.get(asked.location, follow=True)


@pytest.mark.conformance("oidcc-client-test-rp-init-logout")
def test_oidcc_client_test_rp_init_logout(signed_in, provider):
    p, browser, thief = signed_in
    asked = browser.post(p.url + "/vneid/logout")
    query = parse_qs(urlsplit(asked.location).query)
    assert asked.location.startswith(provider.url + "/api/idp/sso/logout?")
    assert query["post_logout_redirect_uri"] == [p.url + "/vneid/logged-out"]
    assert query["id_token_hint"][0].count(".") == 2
    # it has ended here before the provider knows
    assert p.user(browser) is p.user(thief) is None
    back = browser.get(asked.location, follow=True)
    assert (back.status, back.url) == (200, p.url + "/vneid/logged-out")
    assert "Bạn đã đăng xuất" in back.text
    # the provider has forgotten the browser too: it asks who is there
    assert "Nguyễn Thị Ánh Nguyệt" in browser.get(p.url + "/vneid/login", follow=True).text


@pytest.mark.threat("A-112")
@pytest.mark.parametrize(("name", "query"), [
    pytest.param("rp-init-logout-other-state", {"state": ["another"]},
                 marks=conformance("oidcc-client-test-rp-init-logout-other-state")),
    pytest.param("rp-init-logout-no-state", {}, marks=conformance("oidcc-client-test-rp-init-logout-no-state"))])
def test_whatever_state_comes_back_it_is_the_same_page(signed_in, provider, name, query):
    p, browser, thief = signed_in
    provider.misbehave(name)
    back = sign_out(p, browser)
    assert (back.status, parse_qs(urlsplit(back.url).query)) == (200, query)
    assert "Bạn đã đăng xuất" in back.text
    assert p.user(browser) is p.user(thief) is None


@pytest.mark.threat("A-132")
@pytest.mark.conformance("oidcc-client-test-rp-backchannel-rpinitlogout")
def test_oidcc_client_test_rp_backchannel_rpinitlogout(signed_in, provider):
    p, browser, thief = signed_in
    assert sign_out(p, browser).status == 200
    assert [tuple(told) for told in provider.told()] == [(p.url + "/vneid/backchannel-logout", 200, "no-store")]
    assert p.user(browser) is p.user(thief) is None


@pytest.mark.threat("A-130")
@pytest.mark.parametrize(("name", "reason"), REFUSED)
def test_a_logout_token_that_does_not_hold_ends_nothing(signed_in, provider, name, reason):
    p, _, thief = signed_in
    provider.misbehave(f"rp-backchannel-rpinitlogout-{name}")
    # the citizen signs out at the provider alone: the portal hears of it by the token or not at all
    assert thief.get(provider.url + "/api/idp/sso/logout").status == 200
    assert [tuple(told) for told in provider.told()] == [(p.url + "/vneid/backchannel-logout", 400, "no-store")]
    assert p.user(thief) == "sim-nguyet"
    refused = p.last_event()
    assert (refused["event"], refused["what"]["code"]) == ("logout.refused", reason)
    # signing out at the portal ends it all the same
    assert sign_out(p, thief).status == 200
    assert p.user(thief) is None


def test_every_fault_of_logout_tokens_is_tried():
    assert {str(getattr(case, "values", case)[0]) for case in REFUSED} == set(LOGOUT_FAULTS) - {"none"}
