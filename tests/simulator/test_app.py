"""The VNeID app that the simulator plays: it opens a deep link of an app's own client, and of nobody else."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from webob import Request

from vneid_middleware.simulator import make_simulator
from vneid_middleware.simulator.endpoints import TOKEN, USERINFO
from vneid_middleware.simulator.state import (
    DEMO_APP_CALLBACK,
    DEMO_APP_CLIENT,
    DEMO_APP_SECRET,
    DEMO_CLIENT,
    DEMO_SECRET,
)

LINK = f"vneid://app/login/{DEMO_APP_CLIENT}/{DEMO_APP_SECRET}"


@pytest.fixture
def vneid():
    return make_simulator("http://127.0.0.1:8765")


def post(app, path, headers=None, **form):
    return Request.blank(path, method="POST", POST=urlencode(form), headers=headers or {}).get_response(app)


def opened(vneid, link=LINK, persona="nguyet", headers=None):
    return post(vneid, "/app", headers, link=link, persona=persona)


def test_a_link_leads_back_to_the_app_with_a_code_for_its_client(vneid):
    location = opened(vneid).headers["Location"]
    assert location.startswith(DEMO_APP_CALLBACK + "?code=")
    (code,) = parse_qs(urlsplit(location).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": DEMO_APP_CALLBACK}
    granted = post(vneid, TOKEN, **form, client_id=DEMO_APP_CLIENT, client_secret=DEMO_APP_SECRET)
    answer = Request.blank(USERINFO, headers={"Authorization": f"Bearer {granted.json['access_token']}"}).get_response(vneid)
    assert answer.json["HoVaTen"] == "Nguyễn Thị Ánh Nguyệt"
    code = parse_qs(urlsplit(opened(vneid).headers["Location"]).query)["code"][0]
    assert post(vneid, TOKEN, **{**form, "code": code}, client_id=DEMO_CLIENT, client_secret=DEMO_SECRET).status_int == 400


def test_a_refusal_goes_back_too(vneid):
    assert opened(vneid, persona="refuse").headers["Location"] == (
        DEMO_APP_CALLBACK + "?error=access_denied&error_description=User+denied")


@pytest.mark.parametrize("link", [
    "", "vneid://app/login/", f"vneid://app/login/{DEMO_APP_CLIENT}", f"vneid://app/login/{DEMO_APP_CLIENT}/",
    f"vneid://app/login/{DEMO_APP_CLIENT}/wrong", f"vneid://app/login/nobody/{DEMO_APP_SECRET}", LINK + "/", LINK + "x",
    LINK.replace("vneid:", "https:"), LINK.upper(), f"vneid://app/login/{DEMO_CLIENT}/{DEMO_SECRET}"])
def test_a_link_that_is_wrong_opens_nothing(vneid, link):
    answer = opened(vneid, link)
    assert (answer.status_int, answer.headers.get("Location")) == (400, None)
    assert DEMO_APP_SECRET not in answer.text


def test_a_link_without_the_secret_works_where_that_is_allowed(vneid):
    vneid.state.set("deep_link_secret", "optional")
    bare = f"vneid://app/login/{quote(DEMO_APP_CLIENT)}"
    assert opened(vneid, bare).status_int == 303
    assert opened(vneid, bare + "/wrong").status_int == 400


def test_another_site_opens_nothing_and_nobody_is_nobody(vneid):
    assert opened(vneid, headers={"Origin": "https://evil.example"}).status_int == 403
    assert opened(vneid, persona="khong-co").status_int == 400


def test_the_page_is_a_simulators_and_the_log_holds_no_link(vneid):
    page = Request.blank("/app?lang=en").get_response(vneid)
    assert "This is a simulator" in page.text
    assert 'action="' not in page.text
    opened(vneid)
    assert DEMO_APP_SECRET not in str(vneid.state.log)
