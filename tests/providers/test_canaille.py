"""Sign-on with Canaille, an OpenID provider of another family: Python, Authlib, pages with forms that a person fills in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest

from support import Browser, serving
from vneid_middleware.paste import make_filter

from .conftest import host

HERE = Path(__file__).parent
NAME = "Nguyễn Thị Ánh Nguyệt"


@pytest.fixture(scope="module")
def canaille(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A portal and the provider that it signs in with: the portal's address and the provider's."""
    python = Path(sys.prefix) / "canaille" / "bin" / "python"
    if not python.exists():
        pytest.skip("canaille is missing: make test installs it")
    holder: dict[str, object] = {}
    with serving(lambda base: lambda environ, start: holder["app"](environ, start)) as (portal, _):
        process = subprocess.Popen([str(python), str(HERE / "canaille_server.py"), portal], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdin is not None
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://127.0.0.1:"), "Canaille did not start"
        app = make_filter({"public_url": portal, "secret": "canaille-0123456789-abcdefghijklmnopqrstuvwxyz",
                           "storage": f"sqlite:///{tmp_path_factory.mktemp('canaille')}/vneid.db", "sso.profile": "oidc",
                           "sso.issuer": issuer, "sso.client_id": "portal", "sso.client_secret": "a-secret-for-tests",
                           # it signs with the strongest algorithm that it knows
                           "sso.scope": "openid profile", "sso.id_token_algs": "RS512"})(host)
        holder["app"] = app
        yield portal, issuer
        process.stdin.close()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        app.services.outbound.close()
        app.services.storage.close()


def fill_in(browser: Browser, page, **fields: str):
    """Send the page's form, filled in, and return where that leads."""
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    answer = browser.post(page.url, {**hidden, **fields}, {"Referer": page.url})
    return browser.get(urljoin(page.url, answer.location), follow=True) if answer.status in (302, 303) else answer


def sign_in(browser: Browser, portal: str, path: str, password: str = "an-honest-password"):
    page = browser.get(f"{portal}/vneid/login?return_to={path}", follow=True)
    assert 'name="login"' in page.text
    page = fill_in(browser, page, login="nguyet")
    assert 'name="password"' in page.text
    return fill_in(browser, page, password=password)


def session(browser: Browser, portal: str):
    return browser.get(portal + "/vneid/session").json()


@pytest.mark.conformance("oidcc-client-test")
def test_a_whole_login_and_logout(canaille):
    portal, issuer = canaille
    browser = Browser()
    end = sign_in(browser, portal, "/ho-so?a=1")
    assert end.url == portal + "/ho-so?a=1"
    assert end.json()["name"] == NAME
    assert session(browser, portal)["identity"]["issuer"] == issuer
    asked = browser.post(portal + "/vneid/logout")
    query = parse_qs(urlsplit(asked.location).query)
    assert (asked.status, query["post_logout_redirect_uri"]) == (303, [portal + "/vneid/logged-out"])
    assert browser.get(asked.location, follow=True).url == portal + "/vneid/logged-out"
    assert not session(browser, portal)["authenticated"]
    assert 'name="login"' in browser.get(portal + "/vneid/login", follow=True).text


def test_a_wrong_password_opens_nothing(canaille):
    portal, _ = canaille
    browser = Browser()
    end = sign_in(browser, portal, "/", password="another")
    assert urlsplit(end.url).netloc != urlsplit(portal).netloc
    assert not session(browser, portal)["authenticated"]
