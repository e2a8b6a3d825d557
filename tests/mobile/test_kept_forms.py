"""Where forms are kept too: a browser's form waits for its sender, an app's request never does."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import pytest

from support import Browser
from vneid_middleware.bearer import BearerPreservingMiddleware
from vneid_middleware.core.bearer import PREFIX
from vneid_middleware.storage.tables import kept_forms

from .conftest import Clock, mobile_portal

ACCESS = "\n  /ho-so/* = login\n  /muc-hai/* = level>=2"
FORM = {"noi-dung": "Xin cấp lại giấy khai sinh"}
NUMBER = "100190000001"


class Host:
    """Takes forms, and notes from whom; a path that it was not told of it keeps for people who are signed in."""

    def __init__(self):
        self.got = []

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        user = environ.get("REMOTE_USER")
        if not user and environ["PATH_INFO"] == "/gui":
            start_response("401 Unauthorized", [("Content-Type", "text/plain")])
            return [b"no"]
        if environ["REQUEST_METHOD"] == "POST":
            self.got.append((environ["PATH_INFO"], user, parse_qs(body.decode())))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"taken"]


@pytest.fixture(scope="module")
def keeping(tmp_path_factory):
    """A portal for apps and browsers that keeps forms."""
    clock = Clock()
    with mobile_portal(tmp_path_factory.mktemp("keeping"), clock=clock, access=ACCESS,
                       **{"session.preserve_posts": "10000"}) as found:
        found.clock = clock
        yield found


@pytest.fixture
def p(keeping):
    with keeping.app.services.storage.begin() as connection:
        connection.execute(kept_forms.delete())
    keeping.app.app, keeping.before = Host(), len(keeping.audit())
    keeping.simulator.state.reset()
    return keeping


def rows(p):
    with p.app.services.storage.read() as connection:
        return list(connection.execute(kept_forms.select()))


def form_events(p):
    return [record["event"] for record in p.audit()[p.before:] if record["event"].startswith("form.")]


def late(p):
    """A browser of Nguyệt's whose session has ended, and the answer to the form that it sent after that."""
    browser = Browser()
    p.simulator.state.persona = "nguyet"
    assert browser.get(p.portal + "/vneid/login?return_to=/", follow=True).status == 200
    p.clock.ahead += 901
    return browser, browser.post(p.portal + "/ho-so/1", FORM)


def linked(pattern, answer):
    found = re.search(pattern, answer.text)
    assert found, answer.text
    return found[1].replace("&amp;", "&")


def button(browser, kept):
    """Sign in by the page of a refused form; return where its button posts to."""
    page = browser.get(linked('class="button" href="([^"]*)"', kept), follow=True)
    return linked('action="([^"]*)"><button[^>]*>Gửi lại biểu mẫu', page)


def test_a_browsers_form_is_kept_and_an_app_signs_in_at_the_same_portal(p):
    assert type(p.app) is BearerPreservingMiddleware
    phone = p.phone()
    phone.sign_in()
    browser, kept = late(p)
    assert (kept.status, len(rows(p)), p.app.app.got) == (401, 1, [])
    assert phone.programs.post(p.portal + "/ho-so/2", FORM, {"Authorization": f"Bearer {phone.access_token}"}).text == "taken"
    address = button(browser, kept)
    assert browser.post(address, {}, {"Sec-Fetch-Site": "same-origin"}).text == "taken"
    sent = {name: [value] for name, value in FORM.items()}
    assert p.app.app.got == [("/ho-so/2", NUMBER, sent), ("/ho-so/1", NUMBER, sent)]
    assert form_events(p) == ["form.kept", "form.sent"]


@pytest.mark.parametrize("header", ["Bearer {}x", "Basic {}", "Bearer {} {}", "Bearer " + PREFIX])
def test_a_form_with_a_dead_token_is_never_kept(p, header):
    phone = p.phone()
    phone.sign_in()
    browser, _ = late(p)
    assert len(rows(p)) == 1
    header = header.format(phone.access_token, phone.access_token)
    for client in (Browser(), browser):
        refused = client.post(p.portal + "/ho-so/2", FORM, {"Authorization": header, "Sec-Fetch-Site": "same-origin"})
        assert (refused.status, refused.json()["error"], refused.headers["WWW-Authenticate"], refused.headers["Set-Cookie"]) == (
            401, "login_required", 'Bearer error="invalid_token"', None)
        # nor where it is the host that says 401
        own = client.post(p.portal + "/gui", FORM, {"Authorization": header})
        assert (own.status, own.text, own.headers["Set-Cookie"]) == (401, "no", None)
    assert (len(rows(p)), form_events(p), p.app.app.got) == (1, ["form.kept"], [])


def test_an_apps_form_that_needs_a_higher_level_is_not_kept(p):
    phone = p.phone()
    phone.sign_in("quynh")
    refused = phone.programs.post(p.portal + "/muc-hai/1", FORM, {"Authorization": f"Bearer {phone.access_token}"})
    assert (refused.status, refused.json()["error"], refused.headers["Set-Cookie"]) == (401, "step_up_required", None)
    assert (rows(p), form_events(p), p.app.app.got) == ([], [], [])


@pytest.mark.parametrize("alive", [True, False])
def test_a_press_with_a_token_sends_nothing_again_and_the_form_stays(p, alive):
    phone = p.phone()
    phone.sign_in()
    browser, kept = late(p)
    address = button(browser, kept)
    token = phone.access_token if alive else PREFIX + "x"
    browser.post(address, {}, {"Authorization": f"Bearer {token}", "Sec-Fetch-Site": "same-origin"})
    assert [form for _, _, form in p.app.app.got] == ([{}] if alive else [])
    assert browser.post(address, {}, {"Sec-Fetch-Site": "same-origin"}).text == "taken"
    assert p.app.app.got[-1][2] == {name: [value] for name, value in FORM.items()}


def test_while_nobody_can_say_who_has_ended_an_app_is_not_told_of_forms(p, monkeypatch):
    monkeypatch.setattr(p.app, "_current", lambda now: False)
    answer = Browser().post(p.portal + "/ho-so/1", FORM, {"Authorization": f"Bearer {PREFIX}x"})
    assert (answer.status, answer.json()["error"]) == (503, "session_unverifiable")


@pytest.mark.parametrize("alive", [True, False])
def test_pages_for_browsers_that_go_on_are_nothing_for_an_app(p, alive):
    phone = p.phone()
    phone.sign_in()
    browser, kept = late(p)
    form = linked(r"(/vneid/form/[\w-]{22})", kept)
    token = phone.access_token if alive else PREFIX + "x"
    for path in ("/vneid/continue", form):
        answer = browser.get(p.portal + path, {"Authorization": f"Bearer {token}"})
        assert (answer.status, answer.headers["Set-Cookie"], answer.headers["Location"]) == (404, None, None)
    assert rows(p)[0].content is not None
    told = browser.get(p.portal + "/vneid/session?quiet=1", {"Authorization": f"Bearer {token}"})
    assert told.status == (200 if alive else 401)
    assert not {"continue_url", "extendable"} & told.json().keys()
