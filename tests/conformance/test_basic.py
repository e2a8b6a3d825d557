"""The Basic and Form Post Basic profiles: whole logins, answered by query and by form.

Each test has the name of a module; where several modules are one table, the mark has it.
"""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import pytest

from vneid_middleware.cli import main
from vneid_middleware.kept import COOL_DOWN
from vneid_middleware.testing import MISBEHAVIOURS, Browser

NAME = "Nguyễn Thị Ánh Nguyệt"
SCOPES = "openid profile email phone address"
conformance = pytest.mark.conformance
# how the provider misbehaves, the reason that the audit must name, and how often userinfo is asked
REFUSED = [
    pytest.param("invalid-iss", "issuer_mismatch", 0, marks=conformance("oidcc-client-test-invalid-iss")),
    pytest.param("missing-sub", "claim_missing", 0, marks=conformance("oidcc-client-test-missing-sub")),
    pytest.param("invalid-aud", "audience_mismatch", 0, marks=conformance("oidcc-client-test-invalid-aud")),
    pytest.param("missing-aud", "claim_invalid: aud", 0, marks=conformance("oidcc-client-test-missing-aud")),
    pytest.param("missing-iat", "claim_missing", 0, marks=conformance("oidcc-client-test-missing-iat")),
    pytest.param("kid-absent-multiple-jwks", "key_ambiguous", 0,
                 marks=conformance("oidcc-client-test-kid-absent-multiple-jwks")),
    pytest.param("idtoken-sig-none", "malformed", 0, marks=conformance("oidcc-client-test-idtoken-sig-none")),
    pytest.param("invalid-sig-rs256", "signature_invalid", 0, marks=conformance("oidcc-client-test-invalid-sig-rs256")),
    pytest.param("invalid-sig-hs256", "alg_not_allowed", 0, marks=conformance("oidcc-client-test-invalid-sig-hs256")),
    pytest.param("invalid-sig-es256", "signature_invalid", 0, marks=conformance("oidcc-client-test-invalid-sig-es256")),
    pytest.param("nonce-invalid", "nonce_mismatch", 0, marks=conformance("oidcc-client-test-nonce-invalid")),
    pytest.param("userinfo-invalid-sub", "subject_mismatch", 1,
                 marks=[conformance("oidcc-client-test-userinfo-invalid-sub"), pytest.mark.threat("A-050")]),
    # what no module asks for, and a provider may do all the same
    ("nonce-missing", "nonce_missing", 0), ("expired", "expired", 0), ("at-hash-invalid", "at_hash_mismatch", 0),
    ("kid-unknown", "key_unknown", 0), ("userinfo-signed", "did not answer with JSON", 1),
    pytest.param("no-access-token", "token_response_invalid", 0, marks=pytest.mark.threat("A-046")),
    pytest.param("token-type-invalid", "token_response_invalid", 0, marks=pytest.mark.threat("A-046")),
]


@pytest.fixture(params=["query", "form_post"])
def mode(request):
    return {"sso.response_mode": request.param}


@pytest.mark.conformance("oidcc-client-test")
@pytest.mark.conformance("oidcc-client-test-idtoken-sig-rs256")
@pytest.mark.conformance("oidcc-client-test-userinfo-bearer-header")
def test_oidcc_client_test(portal, provider, mode):
    p = portal(**mode)
    browser = Browser()
    end = p.sign_in(browser=browser)
    assert (end.url, end.json()["user"], end.json()["name"]) == (p.url + "/ho-so", "sim-nguyet", NAME)
    (request,) = provider.requests("authorization")
    asked = request["parameters"]
    assert (asked["scope"], asked["response_type"]) == ("openid", "code")
    assert (asked["redirect_uri"], asked.get("response_mode", "query")) == (p.url + "/vneid/callback", mode["sso.response_mode"])
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    (token,), (userinfo,) = provider.requests("token"), provider.requests("userinfo")
    assert token["parameters"]["redirect_uri"] == asked["redirect_uri"]
    assert (userinfo["method"], userinfo["authorization"], userinfo["parameters"]) == ("GET", "Bearer", {})
    assert p.last_event()["event"] == "login.succeeded"


@pytest.mark.conformance("oidcc-client-test-client-secret-basic")
def test_oidcc_client_test_client_secret_basic(portal, provider, mode):
    assert portal(**mode).sign_in().json()["name"] == NAME
    (token,) = provider.requests("token")
    assert token["authorization"] == "Basic"
    assert not {"client_id", "client_secret"} & set(token["parameters"])


@pytest.mark.conformance("oidcc-client-test-scope-userinfo-claims")
def test_oidcc_client_test_scope_userinfo_claims(portal, provider, mode):
    claims = portal(**mode, **{"sso.scope": SCOPES}).sign_in().json()["claims"]
    assert provider.requests("authorization")[0]["parameters"]["scope"] == SCOPES
    assert (claims["name"], claims["email"], claims["phone_number"]) == (NAME, "nguyet@example.vn", "+84 900 000001")
    assert claims["address"]["locality"] == "Phường Bến Nghé"
    # what is not asked for does not come: the claims are the scope's doing
    assert "email" not in portal(**mode).sign_in().json()["claims"]


@pytest.mark.conformance("oidcc-client-test-kid-absent-single-jwks")
def test_oidcc_client_test_kid_absent_single_jwks(portal, provider, mode):
    provider.misbehave("kid-absent-single-jwks")
    p = portal(**mode)
    assert p.sign_in().json()["name"] == NAME
    keys = Browser().get(provider.url + "/jwks").json()["keys"]
    assert [(key["kty"], key["use"], "kid" in key) for key in keys] == [
        ("EC", "sig", False), ("EC", "sig", False), ("OKP", "sig", False), ("RSA", "enc", True), ("RSA", "sig", False)]


@pytest.mark.parametrize(("name", "reason", "userinfo"), REFUSED)
def test_a_login_that_must_end_without_a_session(portal, provider, mode, name, reason, userinfo):
    p = portal(**mode)
    provider.misbehave(name)
    browser = Browser()
    end = p.sign_in(browser=browser)
    assert end.status == 502
    assert NAME not in end.text
    assert "vneid" not in browser.cookies[urlsplit(p.url).netloc]
    assert p.user(browser) is None
    assert p.asked() == (1, userinfo)
    refused = p.last_event()
    assert refused["event"] == "login.refused"
    assert reason in refused["what"]["detail"]
    # the same citizen comes in when the provider is honest again, at the latest when it may be asked for new keys
    provider.honest()
    p.clock.ahead += COOL_DOWN + 1
    assert p.sign_in(browser=browser).json()["name"] == NAME


def test_every_refusal_of_the_kit_is_tried():
    """A new way to misbehave needs a test that it is refused."""
    tried = {str(getattr(case, "values", case)[0]) for case in REFUSED} | {"auth-time-missing", "auth-time-old"}
    assert {name for name, found in MISBEHAVIOURS.items() if found.refused and found.of_id_token} - tried == set()


@pytest.mark.conformance("oidcc-client-test-form-post-error")
def test_oidcc_client_test_form_post_error(portal, mode):
    """A citizen who says no: the provider answers with an error, by form too."""
    p = portal(**mode)
    browser = Browser()
    end = p.sign_in("refuse", browser=browser)
    assert (end.status, p.asked()) == (403, (0, 0))
    assert "Bạn đã từ chối đăng nhập" in end.text
    assert p.user(browser) is None
    assert p.last_event()["what"]["code"] == "login_cancelled"


# -- variants of the plan ----------------------------------------------------------------------------------------------

@pytest.mark.conformance("oidcc-client-test")
@pytest.mark.parametrize("name", ["idtoken-sig-ps256", "idtoken-sig-es256"])
def test_other_signatures_that_are_accepted(portal, provider, mode, name):
    provider.misbehave(name)
    assert portal(**mode).sign_in().json()["name"] == NAME


@pytest.mark.threat("A-072")
@pytest.mark.parametrize("name", ["idtoken-sig-ps256", "idtoken-sig-es256"])
def test_a_signature_that_the_ini_does_not_name(portal, provider, name):
    p = portal(**{"sso.id_token_algs": "RS256"})
    provider.misbehave(name)
    browser = Browser()
    assert p.sign_in(browser=browser).status == 502
    assert p.user(browser) is None
    assert "alg_not_allowed" in p.last_event()["what"]["detail"]


@pytest.mark.conformance("oidcc-client-test")
def test_client_secret_post(portal, provider, mode):
    assert portal(**mode, **{"sso.client_auth": "client_secret_post"}).sign_in().json()["name"] == NAME
    (token,) = provider.requests("token")
    assert token["authorization"] == ""
    assert "client_secret" in token["parameters"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two keys of the portal's own."""
    folder = tmp_path_factory.mktemp("keys")
    names = [str(folder / name) for name in ("a.pem", "b.pem")]
    for name in names:
        assert main(["keys", "new", "signing", "--out", name]) == 0
    return names


@pytest.mark.conformance("oidcc-client-test")
def test_private_key_jwt(portal, provider, mode, keys):
    p = portal(**mode, **{"sso.client_auth": "private_key_jwt", "sso.signing_key": keys[0]})
    assert p.sign_in().json()["name"] == NAME
    (token,) = provider.requests("token")
    assert token["authorization"] == ""
    assert "client_assertion" in token["parameters"]
    assert "client_secret" not in token["parameters"]


def test_private_key_jwt_of_another_key(start, provider, keys, tmp_path):
    """What the provider has registered decides: the login above comes in by the key, and not by its form."""
    own = tmp_path / "own.pem"
    shutil.copy(keys[0], own)
    p = start(lambda: shutil.copy(keys[1], own), **{"sso.client_auth": "private_key_jwt", "sso.signing_key": str(own)})
    browser = Browser()
    assert p.sign_in(browser=browser).status == 502
    assert p.user(browser) is None
    assert p.asked() == (1, 0)


# -- sso.max_age -------------------------------------------------------------------------------------------------------

def test_max_age_is_asked_for_and_what_is_young_enough_comes_in(portal, provider, mode):
    assert portal(**mode, **{"sso.max_age": "300"}).sign_in().json()["name"] == NAME
    assert provider.requests("authorization")[0]["parameters"]["max_age"] == "300"


@pytest.mark.threat("A-029")
@pytest.mark.parametrize(("name", "reason"), [("auth-time-old", "auth_too_old"), ("auth-time-missing", "claim_missing")])
def test_max_age_that_the_provider_does_not_keep(portal, provider, mode, name, reason):
    p = portal(**mode, **{"sso.max_age": "300"})
    provider.misbehave(name)
    browser = Browser()
    assert p.sign_in(browser=browser).status == 502
    assert p.user(browser) is None
    assert p.asked() == (1, 0)
    assert reason in p.last_event()["what"]["detail"]
    # without the setting nobody looks
    assert portal(**mode).sign_in().json()["name"] == NAME


# -- claims from elsewhere ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["aggregated-claims", "distributed-claims"])
def test_claims_that_somebody_else_vouches_for_are_not_taken_and_not_fetched(portal, provider, name):
    provider.misbehave(name)
    claims = portal().sign_in().json()["claims"]
    assert "_claim_sources" in claims
    assert "phone_number" not in claims
    assert provider.requests("claims") == []
