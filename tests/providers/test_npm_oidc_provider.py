"""Sign-on with a provider that nobody here wrote, certified by the OpenID Foundation."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from support import Browser
from vneid_middleware.cli import main
from vneid_middleware.core.keys import public_jwk

from .conftest import ACCOUNT, SECRET, NpmProvider

PERSON = {"user": "cong-dan-1", "name": ACCOUNT["name"], "birth_date": "1990-05-17"}


class Answered(NamedTuple):
    """Where somebody goes by themselves."""

    location: str


def leave(browser, asked):
    """Answer the provider's question whether to sign out with yes, as a person would."""
    page = browser.get(asked.location)
    assert page.status == 200
    return browser.submit(page, logout="yes")


@pytest.mark.conformance("oidcc-client-test")
@pytest.mark.conformance("oidcc-client-test-discovery-openid-config")
@pytest.mark.conformance("oidcc-client-test-rp-init-logout")
def test_a_whole_login_and_logout(portal, provider):
    p = portal()
    end = p.sign_in("/ho-so?a=1")
    assert end.url == p.url + "/ho-so?a=1", end.text
    assert end.json() == PERSON
    assert p.session()["identity"]["issuer"] == provider.issuer
    asked = p.browser.post(p.url + "/vneid/logout")
    query = parse_qs(urlsplit(asked.location).query)
    assert query["id_token_hint"][0].count(".") == 2
    assert query["post_logout_redirect_uri"] == [p.url + "/vneid/logged-out"]
    assert not p.session()["authenticated"]
    back = leave(p.browser, asked)
    assert back.url == p.url + "/vneid/logged-out"
    assert "Bạn đã đăng xuất" in back.text
    # the provider has forgotten the browser, too: it asks who is there
    begun = p.browser.get(p.url + "/vneid/login")
    assert "/interaction/" in p.browser.get(begun.location).location


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
@pytest.mark.conformance("oidcc-client-test-idtoken-sig-rs256")
def test_every_signature_that_is_accepted(portal, algorithm):
    assert portal({"id_token_signed_response_alg": algorithm}).sign_in().json()["name"] == ACCOUNT["name"]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.conformance("oidcc-client-test-client-secret-basic")
def test_the_secret_in_both_places_with_every_character(portal, method):
    p = portal({"token_endpoint_auth_method": method}, **{"sso.client_auth": method})
    assert p.sign_in().json()["name"] == ACCOUNT["name"]


@pytest.mark.conformance("oidcc-client-test")
def test_a_key_of_our_own_instead_of_a_secret(portal, provider, tmp_path, capsys):
    pems = [tmp_path / "signing.pem", tmp_path / "another.pem"]
    for pem in pems:
        assert main(["keys", "new", "signing", "--out", str(pem)]) == 0
    registered, another = ({"keys": [public_jwk(load_pem_private_key(pem.read_bytes(), None))]} for pem in pems)
    p = portal({"token_endpoint_auth_method": "private_key_jwt", "jwks": registered},
               **{"sso.client_auth": "private_key_jwt", "sso.signing_key": str(pems[0])})
    assert p.sign_in().json()["name"] == ACCOUNT["name"]
    provider.control(clients=[{**p.client, "jwks": another}])
    other = Browser()
    assert p.sign_in(browser=other).status == 502
    assert not p.session(other)["authenticated"]


@pytest.mark.conformance("oidcc-client-test")
@pytest.mark.conformance("oidcc-client-test-form-post-error")
def test_an_answer_by_form(portal, provider):
    p = portal(**{"sso.response_mode": "form_post"})
    page = p.sign_in("/ho-so")
    assert (page.status, page.url.startswith(provider.issuer)) == (200, True)
    end = p.browser.submit(page)
    assert (end.url, end.json()) == (p.url + "/ho-so", PERSON)
    provider.control(deny=True)
    other = Browser()
    end = other.submit(p.sign_in(browser=other))
    assert end.status == 403
    assert "Bạn đã từ chối đăng nhập" in end.text
    assert not p.session(other)["authenticated"]


@pytest.mark.conformance("oidcc-client-test-signing-key-rotation")
@pytest.mark.conformance("oidcc-client-test-signing-key-rotation-just-before-signing")
def test_keys_that_change_between_two_logins_and_during_one(portal, provider):
    p = portal()
    assert p.sign_in().json()["name"] == ACCOUNT["name"]
    before = set(provider.control()["kids"])
    assert not before & set(provider.control(rotate=True)["kids"])
    other = Browser()
    assert p.sign_in(browser=other).json()["name"] == ACCOUNT["name"]


@pytest.mark.conformance("oidcc-client-test-scope-userinfo-claims")
def test_without_the_scope_there_is_no_name_and_still_a_person(portal):
    seen = portal(**{"sso.scope": "openid"}).sign_in().json()
    assert (seen["user"], seen["name"]) == ("cong-dan-1", "")


@pytest.mark.threat("A-132")
@pytest.mark.conformance("oidcc-client-test-rp-backchannel-rpinitlogout")
def test_who_signs_out_at_the_provider_is_signed_out_of_every_portal(portal, provider):
    p = portal()
    provider.control(clients=[{**p.client, "backchannel_logout_uri": p.url + "/vneid/backchannel-logout",
                               "backchannel_logout_session_required": True}])
    other = Browser()
    assert p.sign_in().json()["name"] == p.sign_in(browser=other).json()["name"] == ACCOUNT["name"]
    thief = Browser()
    thief.cookies = {place: dict(jar) for place, jar in p.browser.cookies.items()}
    leave(p.browser, Answered(provider.issuer + "/session/end"))
    assert not p.session(thief)["authenticated"]
    assert p.session(other)["authenticated"]


# -- refusals ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("settings", "status", "words"), [
    ({"sso.client_secret": "another"}, 502, "VNeID"),
    ({"sso.id_token_algs": "ES256"}, 502, "VNeID"),
    ({"sso.minimum_level": "1"}, 403, "mức 1")])
def test_what_does_not_fit_opens_nothing(portal, settings, status, words):
    p = portal(**settings)
    end = p.sign_in()
    assert end.status == status
    assert words in end.text
    assert not p.session()["authenticated"]


@pytest.mark.conformance("oidcc-client-test-discovery-issuer-mismatch")
@pytest.mark.parametrize("change", [lambda url: url + "/", lambda url: url.replace("127.0.0.1", "localhost")])
def test_another_issuer_than_configured(portal, provider, change):
    p = portal(**{"sso.issuer": change(provider.issuer)})
    assert p.browser.get(p.url + "/vneid/login").status == 502
    assert p.browser.get(p.url + "/").status == 200


def test_a_person_who_says_no(portal, provider):
    p = portal()
    provider.control(deny=True)
    end = p.sign_in()
    assert end.status == 403
    assert "Bạn đã từ chối đăng nhập" in end.text
    assert not p.session()["authenticated"]


@pytest.mark.threat("A-011")
def test_the_provider_wants_pkce_and_a_portal_without_it_is_told(portal):
    p = portal(**{"sso.pkce": "off"})
    end = p.sign_in()
    assert end.status == 502
    assert not p.session()["authenticated"]


def code_for(p):
    """Go through a login up to the callback, and return its address without following it."""
    answer = p.browser.get(p.url + "/vneid/login")
    for _ in range(8):
        if answer.location.startswith(p.url):
            return answer.location
        answer = p.browser.get(urljoin(answer.url, answer.location))
    raise AssertionError(f"{answer.status} at {answer.url}: {answer.text[:500]}")


@pytest.mark.threat("A-013")
def test_a_code_that_was_used_elsewhere_is_refused(portal, provider):
    p = portal()
    callback = code_for(p)
    code = parse_qs(urlsplit(callback).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": p.url + "/vneid/callback", "client_id": "portal",
            "client_secret": SECRET, "code_verifier": "x" * 43}
    assert Browser().post(provider.issuer + "/token", form).status in (400, 401)
    assert p.browser.get(callback.replace(code, code[:-1] + ("A" if code[-1] != "A" else "B"))).status == 502
    assert not p.session()["authenticated"]


@pytest.mark.threat("A-017")
@pytest.mark.parametrize("change", [{"iss": None}, {"iss": "https://evil.example"}, {"iss": ""}])
def test_the_issuer_in_the_answer_is_wanted_since_the_provider_announces_it(portal, change):
    p = portal()
    callback = code_for(p)
    query = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
    assert "iss" in query
    changed = {name: value for name, value in {**query, **change}.items() if value is not None}
    assert p.browser.get(f"{p.url}/vneid/callback?{urlencode(changed)}").status == 400
    assert not p.session()["authenticated"]


@pytest.mark.threat("A-003")
def test_another_persons_callback_signs_nobody_in(portal):
    p = portal()
    callback = code_for(p)
    victim = Browser()
    assert victim.get(callback).status == 400
    assert not p.session(victim)["authenticated"]


def test_a_provider_that_dies_takes_logins_along_and_nothing_else(node, portal, provider):
    dying = NpmProvider(node)
    p = portal(**{"sso.issuer": dying.issuer})
    dying.control(clients=[p.client], account=ACCOUNT, sub="a", deny=False)
    assert p.sign_in().json()["name"] == ACCOUNT["name"]
    other = Browser()
    begun = other.get(p.url + "/vneid/login")
    dying.stop()
    assert begun.status == 303
    state = parse_qs(urlsplit(begun.location).query)["state"][0]
    end = other.get(f"{p.url}/vneid/callback?{urlencode({'state': state, 'code': 'x', 'iss': dying.issuer})}")
    assert end.status == 504
    assert p.session()["authenticated"]
    assert p.browser.get(p.url + "/").json()["name"] == ACCOUNT["name"]
    assert p.browser.post(p.url + "/vneid/logout").status == 303
    assert not p.session()["authenticated"]
