"""A portal that is mounted under a path, beside other applications of the same server."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from support import Browser, serving
from vneid_middleware.paste import make_filter
from vneid_middleware.simulator import make_simulator

from .conftest import host, register, settings_for


@pytest.fixture
def mounted(tmp_path):
    """A server whose dispatcher gives ``/cong`` to the portal and the rest to somebody else."""
    with serving(make_simulator) as (provider, simulator):
        simulator.state.persona = "nguyet"

        def make(base):
            portal = make_filter({**settings_for(base + "/cong", provider, "guide-2023", tmp_path),
                                  "access": "/rieng/* = login", "takeover.logout": "/thoat"})(host)

            def dispatcher(environ, start_response):
                path = environ["PATH_INFO"]
                if path == "/cong" or path.startswith("/cong/"):
                    return portal({**environ, "SCRIPT_NAME": "/cong", "PATH_INFO": path[5:]}, start_response)
                start_response("200 OK", [("Content-Type", "text/plain")])
                return [f"another application, {environ.get('HTTP_COOKIE', '')}".encode()]

            dispatcher.portal = portal
            return dispatcher

        with serving(make) as (base, dispatcher):
            register(simulator, base + "/cong")
            yield base, Browser()
            dispatcher.portal.services.outbound.close()
            dispatcher.portal.services.storage.close()
        simulator.state.stopped.set()


@pytest.mark.parametrize("path", ["/cong/ho-so?a=1", "/cong/rieng/x?b=%2F"])
def test_a_login_comes_back_to_the_page_under_the_mount(mounted, path):
    base, browser = mounted
    begun = browser.get(base + path)
    assert begun.location.startswith(base + "/cong/vneid/login?")
    asked = browser.get(begun.location)
    assert parse_qs(urlsplit(asked.location).query)["redirect_uri"] == [base + "/cong/vneid/callback"]
    end = browser.get(asked.location, follow=True)
    assert end.url == base + path
    assert end.json()["user"] == "100190000001"


def test_logout_ends_under_the_mount(mounted):
    base, browser = mounted
    browser.get(base + "/cong/vneid/login?return_to=/cong/", follow=True)
    out = browser.post(base + "/cong/thoat", headers={"Origin": base})
    end = browser.get(out.location, follow=True)
    assert end.url == base + "/cong/vneid/logged-out"
    assert f'href="{base}/cong/"' in end.text


@pytest.mark.threat("A-170")
@pytest.mark.parametrize("target", ["/", "/khac", "/congx", "/cong/../khac", "/cong/%2e%2e/khac", "/cong/..%2fkhac"])
def test_a_login_never_leads_to_the_neighbours(mounted, target):
    base, browser = mounted
    end = browser.get(f"{base}/cong/vneid/login?return_to={target}", follow=True)
    assert end.url.startswith(base + "/cong/")


def test_the_neighbour_has_no_login_of_ours(mounted):
    base, browser = mounted
    assert browser.get(base + "/vneid/login").text.startswith("another application")
