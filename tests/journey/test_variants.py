"""Other ways in and out that OpenID Connect knows: answers by form, logins that the provider starts, returns from a logout."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from support import Browser

BY_FORM = {"sso.response_mode": "form_post"}


def fields_of(page):
    found = re.findall(r'name="([^"]+)" value="([^"]*)"', page.text)
    return {html.unescape(name): html.unescape(value) for name, value in found}


def answer_of(j, browser=None, path="/dich"):
    """Begin a login and return the form that the provider has the browser send."""
    browser = browser or j.browser
    j.simulator.state.persona = j.simulator.state.persona or "nguyet"
    begun = browser.get(f"{j.portal}/vneid/login?return_to={path}")
    assert parse_qs(urlsplit(begun.location).query)["response_mode"] == ["form_post"]
    page = browser.get(begun.location)
    assert page.status == 200
    return html.unescape(re.search(r'action="([^"]+)"', page.text)[1]), fields_of(page)


# -- by form -----------------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-020")
@pytest.mark.parametrize("profile", ["oidc", "guide-2023"])
def test_a_login_whose_answer_is_a_form(journey, profile):
    j = journey(profile, **BY_FORM)
    action, fields = answer_of(j)
    # a form of the provider's page, as a browser sends it
    end = j.browser.post(action, fields, {"Origin": j.provider, "Sec-Fetch-Site": "cross-site", "Referer": j.provider + "/"})
    assert (end.status, end.location) == (303, j.portal + "/dich")
    assert j.session()["authenticated"]


def test_on_https_the_login_cookie_comes_along_with_a_form(journey):
    j = journey(public_url="https://dichvucong.example.gov.vn", **BY_FORM)
    cookie = j.browser.get(j.portal + "/vneid/login").headers["Set-Cookie"]
    assert "SameSite=None" in cookie
    assert "Secure" in cookie


@pytest.mark.threat("A-025")
def test_the_old_session_ends_though_a_form_carries_no_session_cookie(journey):
    j = journey(**BY_FORM)
    action, fields = answer_of(j)
    j.browser.post(action, fields)
    old = Browser()
    old.cookies = {host: dict(jar) for host, jar in j.browser.cookies.items()}
    j.simulator.state.persona = "duc"
    begun = j.browser.get(f"{j.portal}/vneid/login?level=2&prompt=login&return_to=/")
    page = j.browser.get(begun.location)
    fields = fields_of(page)
    del j.browser.cookies[urlsplit(j.portal).netloc]["vneid"]
    assert j.browser.post(action, fields).status == 303
    assert j.session()["identity"]["full_name"] == "Trần Văn Đức"
    assert not j.session(old)["authenticated"]


@pytest.mark.threat("A-020")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_only_the_form_counts_then(journey, method):
    j = journey(**BY_FORM)
    action, fields = answer_of(j)
    answer = j.browser.send(method, f"{action}?{urlencode(fields)}")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert j.token_requests() == 0


@pytest.mark.threat("A-003")
@pytest.mark.threat("A-008")
@pytest.mark.conformance("oidcc-client-test-form-post-error")
def test_forms_that_sign_nobody_in(journey):
    j = journey(**BY_FORM)
    action, fields = answer_of(j)
    assert Browser().post(action, fields).status == 400
    for wrong in ({**fields, "state": "x"}, {"state": fields["state"]}, {**fields, "error": "access_denied"}, {},
                  {**fields, "id_token": "x"}, {**fields, "code": "c" * 9000}):
        assert j.browser.post(action, wrong).status == 400
    for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
        assert j.browser.send("POST", action, {"Content-Type": kind}, urlencode(fields).encode()).status == 400
    assert j.token_requests() == 0
    denied = {"state": fields["state"], "error": "access_denied"}
    assert j.browser.post(action, denied).status == 403
    assert not j.session()["authenticated"]


def test_by_query_a_form_is_refused(journey):
    j = journey()
    assert j.browser.post(j.portal + "/vneid/callback", {"state": "a", "code": "b"}).status == 405


# -- a login that somebody else starts ---------------------------------------------------------------------------------

@pytest.mark.conformance("oidcc-client-test-3rd-party-init-login")
def test_a_login_that_the_provider_starts(journey):
    j = journey("oidc")
    j.simulator.state.persona = ""
    query = urlencode({"iss": j.provider, "login_hint": "duc", "target_link_uri": j.portal + "/ho-so?a=1"})
    end = j.browser.get(f"{j.portal}/vneid/login?{query}", follow=True)
    assert (end.url, end.json()["user"]) == (j.portal + "/ho-so?a=1", "sim-duc")


@pytest.mark.conformance("oidcc-client-test-3rd-party-init-login")
@pytest.mark.parametrize(("query", "status"), [
    ({"iss": "https://evil.example"}, 400), ({"iss": ""}, 400), ({"login_hint": "x" * 300}, 400), ({"login_hint": "a\nb"}, 400),
    ({"prompt": "none"}, 400), ({"level": "3"}, 400), ({"level": "two"}, 400)])
def test_what_does_not_fit_starts_no_login(journey, query, status):
    j = journey("oidc")
    answer = j.browser.get(f"{j.portal}/vneid/login?{urlencode(query)}")
    assert (answer.status, answer.location) == (status, "")


@pytest.mark.threat("A-170")
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil"])
def test_a_login_of_the_providers_ends_on_the_portal_too(journey, target):
    j = journey("oidc")
    j.simulator.state.persona = "duc"
    end = j.browser.get(f"{j.portal}/vneid/login?{urlencode({'iss': j.provider, 'target_link_uri': target})}", follow=True)
    assert end.url == j.portal + "/"


def test_another_account_is_asked_for_after_one_that_does_not_suffice(journey):
    j = journey()
    end = j.sign_in("to-chuc", "/ho-so")
    retry = html.unescape(re.search(r'href="([^"]*vneid/login[^"]*)"', end.text)[1])
    assert retry == j.portal + "/vneid/login?prompt=login&return_to=/ho-so"
    j.simulator.state.persona = ""
    begun = j.browser.get(retry)
    assert parse_qs(urlsplit(begun.location).query)["prompt"] == ["login"]
    page = j.browser.get(begun.location)
    assert page.status == 200
    assert "Nguyễn Thị Ánh Nguyệt" in page.text


# -- back from a logout ------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-112")
@pytest.mark.parametrize("query", ["return_to=//evil.example", "state=a&state=b", "error=x", "%ff=%00"])
def test_whatever_comes_back_from_a_logout_it_is_the_same_page(journey, query):
    j = journey("oidc")
    j.sign_in("nguyet")
    out = j.browser.post(j.portal + "/vneid/logout")
    assert out.location.startswith(j.provider)
    page = j.browser.get(f"{j.portal}/vneid/logged-out?{query}")
    assert page.status == 200
    assert "Bạn đã đăng xuất" in page.text
    assert "evil" not in page.text


@pytest.mark.threat("A-111")
def test_a_logout_works_when_the_provider_is_down(journey):
    j = journey("oidc", **{"http.timeout": "1"})
    j.sign_in("nguyet")
    j.switch(fault_discovery="500", fault_jwks="500")
    out = j.browser.post(j.portal + "/vneid/logout")
    assert out.status == 303
    assert out.headers["Clear-Site-Data"] == '"cache"'
    assert not j.session()["authenticated"]
