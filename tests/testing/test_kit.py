"""The kit as portals and plugins use it: an ini as it is, every profile, and mistakes that are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vneid_middleware.cli import main
from vneid_middleware.exceptions import ConfigurationError
from vneid_middleware.paste import make_filter
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.testing import MISBEHAVIOURS, Answer, Browser, MisbehavingProvider, serving, sign_in, wrapped

NAME = PERSONAS["nguyet"].full_name
INI = """\
[filter:vneid]
use = egg:vneid-middleware
public_url = https://dichvucong.example.gov.vn
secret = env:A_SECRET_THAT_IS_NOT_SET
storage = postgresql://nowhere.invalid/vneid
http.proxy = http://proxy.invalid:3128
access = /rieng-tu = login
sso.client_id = given-by-C06
sso.client_secret = file:secrets/that-are-not-here
{more}

[app:portal]
use = egg:vneid-middleware#standalone

[pipeline:main]
pipeline = vneid portal
"""


@pytest.fixture
def ini(tmp_path):
    """``ini(*lines)`` writes an ini with further settings; its secrets and its database are out of reach."""
    def write(*lines):
        path = tmp_path / "portal.ini"
        path.write_text(INI.format(more="\n".join(lines)), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def oidc():
    with MisbehavingProvider() as provider:
        yield provider


def session(browser, portal, prefix="/vneid"):
    return browser.get(f"{portal}{prefix}/session").json()


# -- an ini, as it is --------------------------------------------------------------------------------------------------

def test_an_ini_whose_secrets_are_elsewhere(ini):
    path = ini()
    before = path.read_text(encoding="utf-8")
    with MisbehavingProvider("guide-2023") as provider, wrapped(path, provider) as portal:
        browser = Browser()
        assert browser.get(portal + "/rieng-tu").status == 303
        # the portal behind it has no pages
        assert sign_in(browser, portal, "nguyet", "/rieng-tu").status == 404
        assert session(browser, portal)["identity"]["full_name"] == NAME
        with provider.misbehaving("userinfo-html"):
            other = Browser()
            assert sign_in(other, portal).status == 502
        assert not session(other, portal)["authenticated"]
        assert sign_in(other, portal, "duc").status == 404
    assert path.read_text(encoding="utf-8") == before
    assert [file.name for file in path.parent.iterdir()] == ["portal.ini"]


def test_a_gateway_with_keys_of_the_portals_own(ini):
    path = ini("sso.profile = gateway-2026", "sso.decryption_key = encryption.pem", "prefix = /cong",
               *(f"sso.{name}_endpoint = https://sso.example.gov.vn/{name}" for name in ("token", "userinfo", "logout")))
    assert main(["keys", "new", "encryption", "--out", str(path.with_name("encryption.pem"))]) == 0
    with MisbehavingProvider("gateway-2026") as provider, wrapped(path, provider) as portal:
        browser = Browser()
        sign_in(browser, portal, prefix="/cong")
        assert session(browser, portal, "/cong")["identity"]["full_name"] == NAME


def test_any_provider_with_a_key_in_place_of_a_secret_and_by_form(ini, oidc):
    path = ini("sso.profile = oidc", "sso.issuer = https://id.example.gov.vn", "sso.client_auth = private_key_jwt",
               "sso.signing_key = signing.pem", "sso.response_mode = form_post")
    assert main(["keys", "new", "signing", "--out", str(path.with_name("signing.pem"))]) == 0
    with wrapped(path, oidc, access="* = login") as portal:
        browser = Browser()
        assert browser.get(portal + "/").status == 303
        sign_in(browser, portal)
        assert session(browser, portal)["identity"]["subject"] == "sim-nguyet"


def test_an_id_token_where_the_profile_has_none_by_itself(ini):
    path = ini("sso.issuer = https://vneid.gov.vn", "sso.jwks_uri = https://vneid.gov.vn/jwks", "sso.id_token = required")
    with MisbehavingProvider("guide-2023") as provider:
        with pytest.raises(ValueError, match="shows in an id_token"):
            provider.misbehave("nonce-invalid")
        provider.vary(id_token="on", sub="on")
        with wrapped(path, provider) as portal:
            browser = Browser()
            with provider.misbehaving("nonce-invalid"):
                assert sign_in(browser, portal).status == 502
            assert sign_in(browser, portal).status == 404


@pytest.mark.parametrize(("lines", "error", "words"), [
    (["sso.profile = oidc", "sso.issuer = https://id.example.gov.vn"], ValueError, "oidc"),
    (["sso.scop = openid"], ConfigurationError, "did you mean sso.scope"),
])
def test_a_portal_that_can_not_be_tested_says_why(ini, lines, error, words):
    with MisbehavingProvider("guide-2023") as provider, pytest.raises(error, match=words), wrapped(ini(*lines), provider):
        pytest.fail("it started")


def test_an_ini_without_the_middleware(tmp_path, oidc):
    path = tmp_path / "other.ini"
    path.write_text("[app:main]\nuse = egg:vneid-middleware#standalone\n", encoding="utf-8")
    with pytest.raises(ValueError, match="egg:vneid-middleware"), wrapped(path, oidc):
        pytest.fail("it started")


# -- a plugin, or settings without an ini ------------------------------------------------------------------------------

def heard(config):
    """A plugin that hears of logins."""
    config.add_subscriber(lambda event: HEARD.append(event.name), "vneid_middleware.events.LoginSucceeded")


HEARD: list[str] = []


def test_a_plugin_in_front_of_any_application(oidc, monkeypatch):
    monkeypatch.setitem(sys.modules, "kit_plugin", sys.modules[__name__])

    def host(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [environ.get("REMOTE_USER", "nobody").encode()]

    def make(base):
        return make_filter(oidc.settings(base, plugins="sso kit_plugin.heard"))(host)

    with serving(make) as (portal, app):
        browser = Browser()
        assert browser.get(portal + "/").text == "nobody"
        assert sign_in(browser, portal, "duc", "/x").text == "sim-duc"
        assert HEARD == ["login.succeeded"]
        assert oidc.sign_out("duc") == [200]
        assert browser.get(portal + "/").text == "nobody"
        assert sign_in(browser, portal, "refuse").status == 403
        app.services.outbound.close()
        app.services.storage.close()


# -- the provider's own manners ----------------------------------------------------------------------------------------

def test_mistakes_in_names_are_told(oidc):
    with pytest.raises(ValueError, match="did you mean nonce-invalid"):
        oidc.misbehave("invalid-iss", "nonce-invalidd")
    with pytest.raises(ValueError, match="pkce"):
        oidc.vary(pkce="never")
    with pytest.raises(ValueError, match="guide-2023"):
        MisbehavingProvider("guide")
    # nothing was done by halves
    assert oidc.switches()["fault.id_token"] == "none"


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_every_misbehaviour_is_something_else_than_honesty_and_ends(oidc, name):
    honest = oidc.switches()
    with oidc.misbehaving(name):
        assert oidc.switches() != honest
    assert oidc.switches() == honest
    assert MISBEHAVIOURS[name].about


def test_one_misbehaviour_ends_the_one_before(oidc):
    oidc.misbehave("nonce-invalid")
    oidc.misbehave("token-500")
    assert (oidc.switches()["fault.id_token"], oidc.switches()["fault.token"]) == ("none", "500")
    oidc.honest()


def test_two_portals_are_two_clients(oidc):
    first, second = oidc.settings("http://127.0.0.1:1"), oidc.settings("http://127.0.0.1:2")
    for key in ("sso.client_id", "sso.client_secret", "secret", "storage"):
        assert first[key] != second[key]


def test_its_files_are_gone_afterwards():
    with MisbehavingProvider() as provider:
        folder = Path(provider.settings("http://127.0.0.1:1")["storage"].removeprefix("sqlite:///")).parent
        assert folder.is_dir()
    assert not folder.exists()


# -- the browser -------------------------------------------------------------------------------------------------------

def page(text, url="http://127.0.0.1:1/a/b"):
    return Answer(200, {}, text, url)


def test_a_form_is_sent_as_a_browser_sends_it():
    seen = []

    def app(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        seen.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], body, environ.get("HTTP_ORIGIN"),
                     environ.get("HTTP_SEC_FETCH_SITE")))
        status = "303 See Other" if environ["REQUEST_METHOD"] == "POST" else "200 OK"
        start_response(status, [("Location", "../dich"), ("Content-Type", "text/plain")])
        return [b"there"]

    with serving(lambda base: app) as (url, _):
        form = ('<input type="hidden" name="no" value="x"><form action="c&amp;d" method="post"><input type="hidden" name="a" '
                'value="&lt;1&gt; +"><input name="typed"><button name="b" value="1"></form><form action="/other"></form>')
        assert Browser().submit(page(form, url + "/a/b"), typed="ơ").text == "there"
        Browser().submit(page(f'<form action="{url}/c">', "http://127.0.0.1:1/"))
    assert seen[0] == ("POST", "/a/c&d", b"a=%3C1%3E+%2B&typed=%C6%A1", url, "same-origin")
    assert seen[1][:2] == ("GET", "/dich")
    assert seen[2][3:] == ("http://127.0.0.1:1", "cross-site")


def test_a_page_without_a_form():
    with pytest.raises(AssertionError, match="no form"):
        Browser().submit(page("<p>Xin chào</p>"))


def test_redirects_without_end():
    def app(environ, start_response):
        start_response("302 Found", [("Location", "/")])
        return []

    with serving(lambda base: app) as (url, _), pytest.raises(AssertionError, match="without end"):
        Browser().get(url + "/", follow=True)


# -- the kit in the package --------------------------------------------------------------------------------------------

def test_it_needs_no_more_than_the_plain_installation():
    code = "import sys, vneid_middleware.testing; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pytest", "_pytest", "hypothesis", "webtest"} & set(done.stdout.split())
