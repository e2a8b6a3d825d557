"""No citizen loses a form: what is sent after the session ended is kept, and sent again once its sender says so."""

from __future__ import annotations

import http.client
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from support import Answer, Browser, serving
from vneid_middleware.exceptions import StorageError
from vneid_middleware.paste import make_filter
from vneid_middleware.simulator import make_simulator

from .conftest import Journey, register, settings_for

LIMIT = 2_000_000
NAME = "Nguyễn Thị Ánh Nguyệt"
FORM = {"ho-ten": NAME, "noi-dung": "Xin cấp lại giấy khai sinh"}
FROM_OTHER_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
FROM_PORTAL = {"Sec-Fetch-Site": "same-origin"}
NEW_SECRET = "rotated-0123456789-abcdefghijklmnopqrstuvwxyz"
POST = {"REQUEST_METHOD": "POST", "PATH_INFO": "/nop/x", "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "x",
        "SERVER_PORT": "80", "wsgi.url_scheme": "http", "HTTP_ACCEPT": "text/html", "CONTENT_TYPE": "text/plain"}
"""What no browser would send, for a server that passes it on as it is."""
ACCESS = "/nop/* = login\n/tu-phap/* = level>=2"


class Host:
    """Takes forms and notes each: at ``/nop/…`` because it is told to, elsewhere only from who is signed in."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.inputs: list[Any] = []
        self.answer = ("303 See Other", [("Location", "/da-nhan")])

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [environ["PATH_INFO"].encode("latin-1")]
        self.inputs.append(environ["wsgi.input"])
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        user = environ.get("REMOTE_USER")
        if not user and not environ["PATH_INFO"].startswith("/mo/"):
            start_response("401 Unauthorized", [("Content-Type", "text/plain")])
            return [b"sign in first"]
        self.got.append({"user": user, "path": environ["PATH_INFO"], "query": environ["QUERY_STRING"], "body": body,
                         "type": environ.get("CONTENT_TYPE"), "cookie": environ.get("HTTP_COOKIE", ""),
                         "length": environ["CONTENT_LENGTH"], "origin": environ.get("HTTP_ORIGIN"),
                         "site": environ.get("HTTP_SEC_FETCH_SITE"), "keys": set(environ)})
        start_response(*self.answer)
        return [b"taken"]


class Portal(Journey):
    """A journey whose clock can be set forward and whose host notes what it is sent."""

    host: Host
    ahead: list[float]
    start: Callable[..., Portal]

    def end_session(self) -> None:
        self.ahead[0] += 901

    def late(self, path: str = "/nop/khai-sinh", form: dict[str, str] | None = None, browser: Browser | None = None,
             persona: str = "nguyet", headers: dict[str, str] | None = None) -> Any:
        """Send a form whose session has ended, and return the answer."""
        browser = browser or self.browser
        self.sign_in(persona, browser=browser)
        self.end_session()
        return browser.post(self.portal + path, form or FORM, headers)

    def page(self, kept: Any, persona: str = "nguyet", browser: Browser | None = None) -> Any:
        """Sign in by the link on the page of a refused form, and return where that ends."""
        self.simulator.state.persona = persona
        return (browser or self.browser).get(login_link(kept), follow=True)

    def press(self, page: Any, label: str = "Gửi lại biểu mẫu", browser: Browser | None = None, **headers: str) -> Any:
        action = re.search(rf'action="([^"]*)"><button[^>]*>{label}', page.text)
        assert action, page.text
        return (browser or self.browser).post(action[1].replace("&amp;", "&"), {}, {**FROM_PORTAL, "Origin": self.portal,
                                                                                   **headers})

    def events(self, name: str = "form.") -> list[tuple[str, str]]:
        return [(record["event"], record["what"].get("reason") or record["what"].get("code") or "")
                for record in self.audit() if record["event"].startswith(name)]

    def rows(self) -> list[Any]:
        from vneid_middleware.storage.tables import kept_forms

        with self.app.services.storage.read() as connection:
            return list(connection.execute(kept_forms.select()))

    def edit(self, **values: Any) -> None:
        from vneid_middleware.storage.tables import kept_forms

        with self.app.services.storage.begin() as connection:
            connection.execute(kept_forms.update().values(**values))


def login_link(answer: Any) -> str:
    found = re.search(r'class="button" href="([^"]*)"', answer.text)
    assert found, answer.text
    return found[1].replace("&amp;", "&")


@pytest.fixture
def start(tmp_path: Any) -> Iterator[Callable[..., Portal]]:
    """Return a function that starts a portal which keeps forms; a second one with ``before`` is the first one, restarted."""
    with ExitStack() as stack:
        yield lambda before=None, **settings: _start(stack, tmp_path, before, settings)


def _start(stack: ExitStack, folder: Any, before: Portal | None, settings: dict[str, str]) -> Portal:
    provider, simulator = (before.provider, before.simulator) if before else stack.enter_context(
        serving(lambda base: make_simulator(base)))
    stack.callback(simulator.state.stopped.set)
    host, ahead = Host(), before.ahead if before else [0.0]

    def make(base: str) -> Any:
        return make_filter({**settings_for(base, provider, "guide-2023", folder), "session.preserve_posts": str(LIMIT),
                            "access": ACCESS, **settings}, clock=lambda: time.time() + ahead[0])(host)

    base, app = stack.enter_context(serving(make))
    register(simulator, base)
    stack.callback(app.services.outbound.close)
    stack.callback(app.services.storage.close)
    portal = Portal(base, app, provider, simulator)
    portal.host, portal.ahead = host, ahead
    if before:
        portal.browser.cookies[urlsplit(base).netloc] = before.browser.cookies[urlsplit(before.portal).netloc]
    return portal


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with ExitStack() as stack:
        yield _start(stack, tmp_path_factory.mktemp("forms"), None, {})


@pytest.fixture
def p(shared: Portal) -> Portal:
    """The shared portal with nothing kept, nothing noted and a new browser."""
    from vneid_middleware.storage.tables import audit_records, kept_forms

    with shared.app.services.storage.begin() as connection:
        connection.execute(kept_forms.delete())
        connection.execute(audit_records.delete())
    shared.browser, shared.host.got = Browser(), []
    shared.host.answer = ("303 See Other", [("Location", "/da-nhan")])
    shared.simulator.state.set("loas", "normal")
    return shared


# -- the way that works ------------------------------------------------------------------------------------------------

def test_a_form_sent_too_late_is_sent_again_after_the_login(p):
    kept = p.late("/nop/khai-sinh?ban=2&loai=a%2Fb")
    assert kept.status == 401
    assert "Biểu mẫu bạn vừa gửi đã được giữ lại" in kept.text
    assert p.host.got == []
    page = p.page(kept)
    assert page.status == 200
    assert "Bạn có muốn gửi lại biểu mẫu không?" in page.text
    assert ">/nop/khai-sinh<" in page.text
    assert NAME not in kept.text + page.text
    assert p.host.got == []
    done = p.press(page)
    assert (done.status, done.location) == (303, "/da-nhan")
    (got,) = p.host.got
    assert (got["user"], got["path"], got["query"]) == ("100190000001", "/nop/khai-sinh", "ban=2&loai=a%2Fb")
    assert got["type"] == "application/x-www-form-urlencoded"
    assert got["body"] == b"ho-ten=Nguy%E1%BB%85n+Th%E1%BB%8B+%C3%81nh+Nguy%E1%BB%87t&noi-dung=" + (
        b"Xin+c%E1%BA%A5p+l%E1%BA%A1i+gi%E1%BA%A5y+khai+sinh")
    assert got["length"] == str(len(got["body"]))
    assert (got["origin"], got["site"]) == (p.portal, "same-origin")
    assert "vneid" not in got["cookie"]
    assert [event for event, _ in p.events()] == ["form.kept", "form.sent"]


@pytest.mark.threat("A-115")
def test_what_is_kept_can_be_read_by_nobody(p, caplog):
    caplog.set_level("DEBUG")
    kept = p.late()
    (row,) = p.rows()
    assert "khai" not in repr(row)
    assert "nop" not in repr(row)
    cookie = next(value for line in kept.headers.get_all("Set-Cookie") for name, _, value in [line.partition("=")]
                  if name == "vneid-form")
    secret, *attributes = cookie.split("; ")
    assert len(secret) == 43
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=900"} <= set(attributes)
    assert secret not in repr(row)
    p.press(p.page(kept))
    told = caplog.text + json.dumps(p.audit(), ensure_ascii=False)
    for private in (NAME, "Nguy%E1", "khai", secret, "100190000001"):
        assert private not in told
    assert p.rows()[0].content is None


def test_a_file_arrives_byte_for_byte(p):
    data = bytes(range(256)) * 4096
    parts = [b'--ranh\r\nContent-Disposition: form-data; name="tep"; filename="Gi\xe1\xba\xa5y khai sinh \xe1\xba\xb7.pdf"\r\n'
             b"Content-Type: application/pdf\r\n\r\n", data, b"\r\n--ranh--\r\n"]
    p.sign_in()
    p.end_session()
    kept = p.browser.send("POST", p.portal + "/nop/tep", {"Content-Type": "multipart/form-data; boundary=ranh"}, b"".join(parts))
    p.press(p.page(kept))
    assert p.host.got[0]["body"] == b"".join(parts)
    assert p.host.got[0]["type"] == "multipart/form-data; boundary=ranh"
    assert len(data) == 1_048_576


@pytest.mark.threat("A-157")
@pytest.mark.parametrize(("size", "code"), [(LIMIT, "form_kept"), (LIMIT + 1, "")])
def test_the_limit_is_exact(p, size, code):
    p.sign_in()
    p.end_session()
    answer = p.browser.send("POST", p.portal + "/nop/x", {"Content-Type": "text/plain"}, b"\xff" * size)
    assert answer.status == 401
    assert len(p.rows()) == bool(code)
    if code:
        p.press(p.page(answer))
        assert p.host.got[0]["body"] == b"\xff" * size
    else:
        assert "quá lớn" in answer.text
        assert "Quay lại" in answer.text
        assert p.events() == [("form.refused", "size")]


def test_a_form_that_needs_a_higher_level(start):
    p = start(**{"sso.minimum_level": "0", "access": "/tu-phap/* = level>=1"})
    p.switch(loas="missing")
    p.sign_in()
    kept = p.browser.post(p.portal + "/tu-phap/nop", FORM)
    assert "mức 1" in kept.text
    assert "giữ lại" in kept.text
    assert "level=1" in login_link(kept)
    p.switch(loas="normal")
    page = p.page(kept)
    assert page.status == 200
    p.press(page)
    assert [got["path"] for got in p.host.got] == ["/tu-phap/nop"]


def test_a_level_that_is_still_too_low_keeps_the_form_again(p):
    kept = p.late("/tu-phap/nop", persona="quynh")
    page = p.browser.get(p.portal + "/vneid/login?return_to=/", follow=True)
    form = re.search(r"/vneid/form/[\w-]{22}", login_link(kept))[0]
    again = p.press(p.browser.get(p.portal + form))
    assert page.status == 200
    assert again.status == 401
    assert "mức 2" in again.text
    assert form not in login_link(again)
    assert p.host.got == []
    assert [event for event, _ in p.events()] == ["form.kept", "form.sent", "form.kept"]


def test_the_portals_own_401_keeps_the_form_too(p):
    answer = p.late("/rieng/nop?a=1")
    assert answer.status == 303
    assert answer.text == "sign in first"
    assert p.host.got == []
    page = p.browser.get(answer.location, follow=True)
    p.press(page)
    assert [(got["user"], got["path"], got["query"]) for got in p.host.got] == [("100190000001", "/rieng/nop", "a=1")]
    assert got_names(p) == {"ho-ten", "noi-dung"}


def got_names(p: Portal) -> set[str]:
    return set(parse_qs(p.host.got[-1]["body"].decode()))


def test_a_form_that_the_portal_takes_from_anybody_is_not_kept(p):
    assert p.late("/mo/gop-y").status == 303
    assert p.host.got[0]["user"] is None
    assert got_names(p) == {"ho-ten", "noi-dung"}
    assert p.rows() == []


def test_a_form_too_large_for_keeping_goes_to_the_portal_unread(p):
    p.sign_in()
    p.end_session()
    p.host.inputs.clear()
    answer = p.browser.send("POST", p.portal + "/rieng/x", {"Content-Type": "text/plain"}, b"x" * (LIMIT + 1))
    assert type(p.host.inputs[0]).__name__ != "BytesIO"
    assert "quá lớn" in p.browser.get(answer.location, follow=True).text


def test_a_page_that_answers_the_form_stands_at_the_forms_own_address(p):
    kept = p.late("/nop/sai?buoc=2")
    p.host.answer = ("200 OK", [("Content-Type", "text/html")])
    page = p.page(kept)
    address = re.search(r'action="([^"]*)"><button[^>]*>Gửi lại', page.text)[1].replace("&amp;", "&")
    assert p.press(page).text == "taken"
    assert urlsplit(address).path == "/nop/sai"
    # the citizen mends the form and sends it from there: a form without an action goes to the same address
    assert p.browser.post(address, {"ho-ten": "Đã sửa"}, FROM_PORTAL).text == "taken"
    assert [got["query"] for got in p.host.got] == ["buoc=2", "buoc=2"]
    assert p.host.got[1]["body"] == b"ho-ten=%C4%90%C3%A3+s%E1%BB%ADa"


def test_a_form_mended_there_that_comes_too_late_again_is_kept_under_the_portals_own_address(p):
    page = p.page(p.late("/nop/sai?buoc=2"))
    address = re.search(r'action="([^"]*)"><button[^>]*>Gửi lại', page.text)[1].replace("&amp;", "&")
    p.press(page)
    p.browser.cookies[urlsplit(p.portal).netloc].pop("vneid")
    p.press(p.page(p.browser.post(address, {"lan": "2"}, FROM_PORTAL)))
    assert [(got["query"], got["body"][:5]) for got in p.host.got] == [("buoc=2", b"ho-te"), ("buoc=2", b"lan=2")]


def test_a_press_of_a_browser_that_lost_its_cookies_is_no_form(p):
    page = p.page(p.late())
    answer = p.press(page, browser=Browser())
    assert answer.status == 401
    assert "giữ lại an toàn" not in answer.text
    assert p.events()[-1][0] == "form.kept"
    assert p.host.got == []
    assert p.press(page).status == 303


def test_two_forms_in_two_tabs_go_each_its_own_way(p):
    first = p.late("/nop/mot", {"a": "1"})
    second = p.browser.post(p.portal + "/nop/hai", {"a": "2"})
    p.press(p.page(second))
    p.press(p.page(first))
    assert [(got["path"], got["body"]) for got in p.host.got] == [("/nop/hai", b"a=2"), ("/nop/mot", b"a=1")]


def test_a_restart_and_a_new_secret_in_between(start):
    before = start()
    kept = before.late()
    secret = settings_for("", "", "guide-2023", "")["secret"]
    after = start(before, secret=f"{NEW_SECRET}\n{secret}")
    page = after.page(kept._replace(text=kept.text.replace(before.portal, after.portal)))
    after.press(page)
    assert len(after.host.got) == 1


def test_a_secret_that_is_gone_takes_the_form_with_it(start):
    before = start()
    kept = before.late()
    after = start(before, secret=NEW_SECRET)
    page = after.page(kept._replace(text=kept.text.replace(before.portal, after.portal)))
    assert page.status == 404
    assert after.rows() == []


def test_on_postgresql(start, postgresql_url):
    p = start(storage=postgresql_url)
    page = p.page(p.late())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: p.press(page).status, range(4)))
    assert sorted(answers) == [303, 409, 409, 409]
    assert len(p.host.got) == 1
    again = p.late()
    assert p.page(again, "duc").status == 404
    assert p.rows() == []
    p.late("/nop/0")
    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(lambda number: p.browser.post(f"{p.portal}/nop/{number}", FORM).text, range(1, 5)))
    assert ["giữ lại an toàn" in text for text in kept] == [True] * 4
    assert "đang giữ quá nhiều" in p.browser.post(p.portal + "/nop/5", FORM).text
    p.browser.post(p.portal + "/vneid/logout", {}, FROM_PORTAL)
    assert p.rows() == []


# -- once --------------------------------------------------------------------------------------------------------------

def test_a_double_click_sends_once(p):
    page = p.page(p.late())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: p.press(page), range(4)))
    assert sorted(answer.status for answer in answers) == [303, 409, 409, 409]
    assert len(p.host.got) == 1


def test_the_back_button_after_sending(p):
    kept = p.late()
    page = p.page(kept)
    p.press(page)
    again = p.browser.get(page.url)
    assert again.status == 409
    assert "đã được gửi" in again.text
    assert p.press(page).status == 409
    assert len(p.host.got) == 1


def test_a_double_click_on_the_hosts_own_button_keeps_one(p):
    p.late()
    assert p.browser.post(p.portal + "/nop/khai-sinh", FORM).status == 401
    assert len(p.rows()) == 1


def test_thrown_away(p):
    page = p.page(p.late())
    assert "Đã xóa biểu mẫu" in p.press(page, "Xóa biểu mẫu").text
    assert p.browser.get(page.url).status == 404
    assert p.press(page).status == 404
    assert p.host.got == p.rows() == []
    assert p.events()[-1] == ("form.dropped", "citizen")


@pytest.mark.parametrize(("later", "status"), [(899, 200), (900, 404)])
def test_a_form_waits_for_a_quarter_of_an_hour(p, later, status):
    kept = p.late()
    p.ahead[0] += 800
    page = p.page(kept)
    assert page.status == 200
    p.ahead[0] = p.rows()[0].kept_at + later + .5 - time.time()
    assert p.browser.get(page.url).status == status
    assert p.press(page).status == (303 if status == 200 else 404)


def test_old_forms_are_purged_along_with_new_ones_and_with_logins(p):
    p.late()
    p.ahead[0] += 901
    Browser().post(p.portal + "/nop/moi", FORM)
    assert len(p.rows()) == 1
    p.ahead[0] += 901
    p.sign_in("duc", browser=Browser())
    assert p.rows() == []


# -- whose -------------------------------------------------------------------------------------------------------------

def test_another_citizen_at_the_same_browser_gets_nothing_and_the_form_is_wiped(p):
    kept = p.late()
    page = p.page(kept, "duc")
    assert page.status == 404
    assert "/nop/khai-sinh" not in page.text
    assert p.rows() == []
    assert p.events()[-1] == ("form.dropped", "another_account")


def test_the_form_is_wiped_by_another_citizens_login_alone(p):
    p.late()
    p.sign_in("duc")
    assert p.rows() == []
    p.sign_in("nguyet")
    assert p.host.got == []


def test_another_citizen_can_not_press_the_button_of_the_page_that_was_left_open(p):
    page = p.page(p.late())
    p.simulator.state.persona = "duc"
    p.browser.get(p.portal + "/vneid/login?prompt=login&return_to=/", follow=True)
    assert p.session()["identity"]["personal_id"] == "100085000002"
    assert p.press(page).status == 404
    assert p.host.got == []


def test_a_form_without_a_session_belongs_to_who_signs_in_first(p):
    kept = p.browser.post(p.portal + "/nop/x", FORM)
    assert kept.status == 401
    assert p.rows()[0].account_key is None
    p.sign_in("nguyet")
    assert p.rows()[0].account_key
    p.browser.cookies[urlsplit(p.portal).netloc].pop("vneid")
    assert p.page(kept, "duc").status == 404
    assert p.rows() == []


def test_another_browser_gets_nothing_even_with_the_same_account(p):
    kept = p.late()
    page = p.page(kept)
    elsewhere = Browser()
    p.sign_in(browser=elsewhere)
    assert elsewhere.get(page.url).status == 404
    assert p.press(page, browser=elsewhere).status == 404
    elsewhere.cookies[urlsplit(p.portal).netloc]["vneid-form"] = "A" * 43
    assert p.press(page, browser=elsewhere).status == 404
    assert p.host.got == []
    assert p.press(page).status == 303


def test_a_stolen_form_cookie_is_nothing_without_the_account(p):
    kept = p.late()
    page = p.page(kept)
    thief = Browser()
    p.sign_in("duc", browser=thief)
    jar = thief.cookies[urlsplit(p.portal).netloc]
    jar["vneid-form"] = p.browser.cookies[urlsplit(p.portal).netloc]["vneid-form"]
    assert p.press(page, browser=thief).status == 404
    assert p.host.got == []


def test_nobody_signed_in_can_not_press(p):
    page = p.page(p.late())
    jar = p.browser.cookies[urlsplit(p.portal).netloc]
    jar.pop("vneid")
    answer = p.press(page)
    assert answer.status == 303
    assert "/vneid/login" in answer.location
    assert p.browser.get(answer.location, follow=True).url == page.url
    assert p.host.got == []


@pytest.mark.parametrize("change", [{"content": "A" * 400}, {"browser_key": "0" * 64}, {"account_key": "0" * 64},
                                    {"content": None}, {"expires_at": 0}])
def test_a_row_that_was_altered_gives_nothing(p, change):
    page = p.page(p.late())
    p.edit(**change)
    assert p.press(page).status in (404, 409)
    assert p.host.got == []


def test_a_row_that_was_moved_to_another_account_gives_nothing(p):
    kept = p.late()
    thief = Browser()
    p.sign_in("duc", browser=thief)
    jar = thief.cookies[urlsplit(p.portal).netloc]
    jar["vneid-form"] = p.browser.cookies[urlsplit(p.portal).netloc]["vneid-form"]
    p.edit(account_key=None)
    form = re.search(r"/vneid/form/[\w-]{22}", login_link(kept))[0]
    assert thief.get(p.portal + form).status == 404
    assert p.events()[-1] == ("form.dropped", "unreadable")
    assert p.rows() == []


@pytest.mark.threat("A-111")
def test_signing_out_wipes_what_was_kept(p):
    page = p.page(p.late())
    out = p.browser.post(p.portal + "/vneid/logout", {}, FROM_PORTAL)
    assert out.status == 303
    assert p.rows() == []
    assert "vneid-form" not in p.browser.cookies[urlsplit(p.portal).netloc]
    assert p.events()[-1] == ("form.dropped", "logout")
    p.sign_in()
    assert p.press(page).status == 404


def test_a_row_that_was_moved_to_another_browser_gives_nothing(p):
    from hashlib import sha256

    page = p.page(p.late())
    elsewhere = Browser()
    p.sign_in(browser=elsewhere)
    elsewhere.cookies[urlsplit(p.portal).netloc]["vneid-form"] = "A" * 43
    p.edit(browser_key=sha256(b"A" * 43).hexdigest())
    assert p.press(page, browser=elsewhere).status == 404
    assert p.host.got == []


def test_signing_out_after_the_session_ended_wipes_it_too(p):
    p.late()
    p.browser.post(p.portal + "/vneid/logout", {}, FROM_PORTAL)
    assert p.rows() == []


# -- other sites -------------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-159")
@pytest.mark.parametrize("headers", [FROM_OTHER_SITE, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"},
                                     {"Origin": "null"}])
def test_another_sites_post_is_neither_kept_nor_a_press(p, headers):
    assert p.late(headers=headers).status == 401
    assert p.rows() == []
    page = p.page(p.late())
    elsewhere = {"Sec-Fetch-Site": "", "Origin": "", **headers}
    action = re.search(r'action="([^"]*)"><button[^>]*>Gửi lại', page.text)[1]
    sent = {name: value for name, value in elsewhere.items() if value}
    answer = p.browser.send("POST", action, {**sent, "Content-Type": "application/x-www-form-urlencoded"}, b"")
    assert answer.status == 403
    drop = re.search(r'action="([^"]*)"><button[^>]*>Xóa', page.text)[1]
    assert p.browser.send("POST", drop, sent, b"").status == 403
    assert p.host.got == []
    assert p.press(page).status == 303


def test_a_form_is_sent_to_its_own_address_only(p):
    page = p.page(p.late())
    mark = re.search(r"vneid-form=[\w-]{22}", page.text)[0]
    for path in ("/nop/khac", "/nop/khai-sinh/", "/"):
        assert p.browser.post(f"{p.portal}{path}?{mark}", {}, FROM_PORTAL).status == 404
    assert p.host.got == []
    assert p.press(page).status == 303


def test_what_only_looks_like_a_press_goes_to_the_portal_as_it_is(p):
    p.sign_in()
    queries = ["vneid-form=", "vneid-form=short", "xvneid-form=" + "A" * 22, "vneid-form=" + "A" * 22 + "&x=1",
               "vneid-form=" + "A" * 23]
    for query in queries:
        assert p.browser.post(f"{p.portal}/nop/x?{query}", {}, FROM_PORTAL).status == 303
    assert [got["query"] for got in p.host.got] == queries


@pytest.mark.threat("A-160")
def test_the_page_frames_nowhere_runs_no_script_and_says_where_it_comes_from(p):
    page = p.page(p.late())
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "<script" not in page.text


def test_an_address_that_begins_with_two_slashes_stays_on_the_portal(start):
    p = start(access="* = login")
    seen: list[Any] = []
    # waitress takes one of the slashes away, other servers don't
    body = b"".join(p.app({**POST, "PATH_INFO": "//evil.example/nop", "CONTENT_LENGTH": "1", "wsgi.input": io.BytesIO(b"x")},
                          lambda status, headers, exc=None: seen.extend(headers)))
    cookie = next(value for name, value in seen if name == "Set-Cookie" and value.startswith("vneid-form="))
    p.browser.cookies[urlsplit(p.portal).netloc] = {"vneid-form": cookie.partition("=")[2].partition(";")[0]}
    page = p.page(Answer(401, None, body.decode(), ""))
    action = re.search(r'action="([^"]*)"><button[^>]*>Gửi lại', page.text)[1]
    assert action.startswith(p.portal + "//evil.example/nop?vneid-form=")


# -- what is not kept --------------------------------------------------------------------------------------------------

def test_programs_get_their_401_as_ever(p):
    for headers in ({"Accept": "application/json"}, {"Sec-Fetch-Mode": "cors"}, {"X-Requested-With": "XMLHttpRequest"}):
        answer = p.browser.post(p.portal + "/nop/x", FORM, headers)
        assert answer.status == 401
        assert answer.json()["error"] == "login_required"
    assert p.rows() == []


def test_only_what_a_form_can_send(p):
    for kind in ("application/json", "application/xml", "image/png", "", "text/plainer"):
        answer = p.browser.post(p.portal + "/nop/x", FORM, {"Content-Type": kind})
        assert answer.status == 401
        assert "không giữ lại được loại biểu mẫu này" in answer.text
    assert p.rows() == []


def test_only_posts(p):
    for method in ("PUT", "PATCH", "DELETE"):
        assert p.browser.send(method, p.portal + "/nop/x", {"Content-Type": "text/plain"}, b"x").status == 401
    assert p.rows() == []


def test_a_browser_has_room_for_five(p):
    p.late("/nop/0")
    answers = [p.browser.post(f"{p.portal}/nop/{number}", FORM) for number in range(1, 6)]
    assert ["đang giữ quá nhiều" in answer.text for answer in answers] == [False] * 4 + [True]
    assert len(p.rows()) == 5
    assert p.events()[-1] == ("form.refused", "full")


def test_who_never_signed_in_leaves_room_for_the_others(p, monkeypatch):
    from vneid_middleware.storage import kept_forms

    monkeypatch.setattr(kept_forms, "UNCLAIMED", 2)
    answers = [Browser().post(p.portal + "/nop/x", FORM) for _ in range(3)]
    assert ["đang giữ quá nhiều" in answer.text for answer in answers] == [False, False, True]
    assert "giữ lại an toàn" in p.late().text
    monkeypatch.setattr(kept_forms, "AT_ALL", 1)
    assert "đang giữ quá nhiều" in p.browser.post(p.portal + "/nop/y", FORM).text


@pytest.mark.threat("A-157")
@pytest.mark.parametrize("length", [None, "x", "-1", "99999999999999999999"])
def test_a_body_of_unknown_length_is_not_read(p, length):
    class Untouched:
        def read(self, *size: int) -> bytes:
            raise AssertionError("the body was read")

    given = {**POST, "wsgi.input": Untouched(), "HTTP_TRANSFER_ENCODING": "chunked"}
    if length is not None:
        given["CONTENT_LENGTH"] = length
    seen: list[str] = []
    body = b"".join(p.app(given, lambda status, headers, exc=None: seen.append(status)))
    assert seen == ["401 Unauthorized"]
    assert "quá lớn" in body.decode()


def test_a_form_that_broke_off_is_not_kept(p):
    class Broken:
        def read(self, *size: int) -> bytes:
            raise OSError("client disconnected")

    for source in (io.BytesIO(b"half"), Broken()):
        body = b"".join(p.app({**POST, "CONTENT_LENGTH": "10", "wsgi.input": source}, lambda *args: None))
        assert "chưa được truyền đến đầy đủ" in body.decode()
    assert p.rows() == []


class Down:
    """Takes the place of ``Storage.begin`` while the database is gone."""

    def __call__(self) -> Any:
        raise StorageError("storage_unavailable", "gone")


def test_storage_down_at_each_step(p, monkeypatch):
    storage = p.app.services.storage
    p.sign_in()
    p.end_session()
    with monkeypatch.context() as broken:
        broken.setattr(storage, "begin", Down())
        answer = p.browser.post(p.portal + "/nop/x", FORM)
        assert answer.status == 401
        assert "không giữ lại được" in answer.text
    page = p.page(p.late())
    with monkeypatch.context() as broken:
        broken.setattr(storage, "begin", Down())
        assert p.browser.get(page.url).status == 503
        assert p.press(page).status == 503
        assert p.host.got == []
    assert p.press(page).status == 303


def test_nobody_can_say_which_sessions_have_ended(p, monkeypatch):
    p.sign_in()
    monkeypatch.setattr(p.app, "_current", lambda now: False)
    answer = p.browser.post(p.portal + "/nop/x", FORM)
    assert answer.status == 503
    assert "Biểu mẫu chưa được gửi" in answer.text


def test_off_by_default(start):
    p = start(**{"session.preserve_posts": "0"})
    answer = p.late()
    assert answer.status == 401
    assert "giữ lại" not in answer.text
    assert type(p.app).__name__ == "Middleware"
    assert p.rows() == []
    p.sign_in()
    assert p.browser.get(p.portal + "/vneid/form/" + "A" * 22).status == 404
    assert p.browser.post(p.portal + "/vneid/form/" + "A" * 22 + "/drop", {}).status == 404


def test_a_body_that_is_cut_off_by_the_server_never_becomes_a_500(p):
    connection = http.client.HTTPConnection(urlsplit(p.portal).netloc, timeout=10)
    connection.request("POST", "/nop/x", iter([b"a=", b"1"]), {"Content-Type": "text/plain", "Accept": "text/html"},
                       encode_chunked=True)
    assert connection.getresponse().status == 401
    connection.close()
