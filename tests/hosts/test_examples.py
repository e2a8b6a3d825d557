"""Each example, untouched, behind its own ini: a citizen signs in and out over real HTTP."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from support import Browser
from vneid_middleware.simulator.agency import Agency

from .conftest import BIN, EXAMPLES

NAME = "Nguyễn Thị Ánh Nguyệt"
NUMBER = "100190000001"
SPOOFED = {"Remote-User": NUMBER, "X-VNeID-Full-Name": "Nguy%E1%BB%85n%20Th%E1%BB%8B%20%C3%81nh%20Nguy%E1%BB%87t",
           "X-VNeID-Personal-ID": NUMBER, "X-VNeID-Level": "2", "X_VNeID_Full_Name": "Nguyen", "Remote_User": NUMBER}

GREETED = {"pyramid": NUMBER}
"""What a signed-in citizen reads on a protected page, where it is not the name."""
PROTECTED = {"wsgi": "/rieng-tu", "flask": "/don", "django": "/tai-khoan/", "pyramid": "/giay-to"}
LOGOUT = {"wsgi": "/dang-xuat", "flask": "/dang-xuat", "django": "/dang-xuat", "pyramid": "/logout"}


@pytest.mark.threat("A-150")
@pytest.mark.parametrize("server", ["waitress", "gunicorn"])
@pytest.mark.parametrize("name", PROTECTED)
def test_a_citizen_signs_in_and_out(example, start, simulator, wait_until, name, server):
    folder, port = example(name)
    _, vneid, _ = simulator
    with start(server, folder, port) as host:
        browser, protected = Browser(), host.url + PROTECTED[name]
        home = browser.get(host.url + "/")
        assert home.status == 200
        assert NAME not in home.text
        forged = browser.get(protected, SPOOFED)
        assert forged.status in (302, 303)
        assert NAME not in browser.get(host.url + "/", SPOOFED).text

        vneid.state.persona = "nguyet"
        asked = browser.get(protected)
        while asked.status == 302:
            asked = browser.get(host.url + asked.location if asked.location.startswith("/") else asked.location)
        inside = browser.get(asked.location, follow=True)
        assert (inside.status, urlsplit(inside.url).path) == (200, PROTECTED[name])
        assert GREETED.get(name, NAME) in inside.text
        assert GREETED.get(name, NAME) in browser.get(host.url + "/", SPOOFED).text

        thief = Browser()
        thief.cookies = {place: dict(jar) for place, jar in browser.cookies.items()}
        out = browser.post(host.url + LOGOUT[name], headers={"Origin": host.url})
        assert out.status == 303
        assert browser.get(out.location, follow=True).url == host.url + "/vneid/logged-out"
        assert NAME not in browser.get(host.url + "/").text
        wait_until(lambda: all(not thief.get(host.url + "/vneid/session", {"Accept": "application/json"}).json()["authenticated"]
                               for _ in range(12)), 5, "the copied cookie's end in every worker")
    assert "Traceback" not in host.log.read_text(encoding="utf-8", errors="replace")
    assert host.process.returncode == 0


def test_the_session_outlives_a_restart(example, start, simulator):
    folder, port = example("wsgi")
    simulator[1].state.persona = "nguyet"
    browser = Browser()
    with start("waitress", folder, port) as host:
        assert NAME in browser.get(host.url + "/vneid/login?return_to=/", follow=True).text
    with start("gunicorn", folder, port) as host:
        assert NAME in browser.get(host.url + "/").text


def test_djangos_officers_are_its_own_and_it_tells_programs_who_is_there(example, start, simulator):
    folder, port = example("django")
    with start("waitress", folder, port) as host:
        asked = host.url + "/can-bo/toi"
        program = {"Sec-Fetch-Mode": "cors", "Accept": "application/json"}
        simulator[1].state.persona = "nguyet"
        citizen, officer, stranger = Browser(), Browser(), Browser()
        assert (stranger.get(asked, program).status, stranger.get(asked, program).json()) == (401, {"error": "login_required"})
        assert NAME in citizen.get(host.url + "/vneid/login?return_to=/", follow=True).text
        assert (citizen.get(asked, program).status, citizen.get(asked, program).json()) == (403, {"error": "not_an_officer"})
        for page in ("/can-bo/", "/can-bo/tiep-nhan/"):
            assert citizen.get(host.url + page).status == 403
            assert stranger.get(host.url + page).location == f"/can-bo/dang-nhap?next={page}"
        password = (folder / "var" / "canbo-password").read_text().strip()
        for given, status in ((password[:-1], 200), (password, 302)):
            page = officer.get(host.url + "/can-bo/", follow=True)
            token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
            form = {"username": "canbo", "password": given, "csrfmiddlewaretoken": token}
            assert officer.post(page.url, form).status == status
        assert officer.get(asked, program).json() == {"officerId": "canbo"}
        page = officer.get(host.url + "/can-bo/")
        assert "Cán bộ một cửa" in page.text
        sign_out, token = re.search('action="(/[^"]+)"><input type="hidden" name="csrfmiddlewaretoken" value="([^"]+)"',
                                    page.text).groups()
        assert officer.post(host.url + sign_out, {"csrfmiddlewaretoken": token}).status == 302
        assert officer.get(asked, program).status == 401


def test_django_takes_what_the_middleware_says_and_nothing_else(example, start, simulator):
    folder, port = example("django")
    _, vneid, _ = simulator
    with start("waitress", folder, port) as host:
        vneid.state.persona = "quynh"
        citizen = Browser()
        end = citizen.get(host.url + "/vneid/login?return_to=/admin/", follow=True)
        assert end.status == 403
        assert "mức 2" in end.text
        vneid.state.persona = "duc"
        officer = Browser()
        asked = officer.get(host.url + "/admin/", follow=True)
        assert asked.status == 200
        assert "Trần Văn Đức" in asked.text
        programme = officer.get(host.url + "/admin/", {"Sec-Fetch-Mode": "cors", "Accept": "application/json"})
        assert programme.status == 200
        stranger = Browser().get(host.url + "/admin/", {"Sec-Fetch-Mode": "cors", "Accept": "application/json"})
        assert (stranger.status, stranger.json()["error"]) == (401, "login_required")


@pytest.mark.parametrize("mode", ["web", "app"])
def test_an_app_signs_in_at_the_django_portal(example, start, simulator, environment, mode):
    folder, port = example("django")
    url, vneid, _ = simulator
    with start("waitress", folder, port) as host:
        command = [sys.executable, str(EXAMPLES / "mobile" / "app.py"), mode, "--portal", host.url, "--simulator", url]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert NAME in done.stdout
        assert "/tai-khoan/: 200" in done.stdout
        assert "204, /vneid/session: 401" in done.stdout
        log = host.log.read_text(encoding="utf-8", errors="replace")
        assert "carries mobile.client_secret to every phone" in log
        assert "only-for-the-simulator" not in log
        assert ("/app" in {entry["path"] for entry in vneid.state.log}) == (mode == "app")


def sign_in_officer(host, folder):
    officer = Browser()
    page = officer.get(host.url + "/can-bo/", follow=True)
    password = (folder / "var" / "canbo-password").read_text().strip()
    form = {"username": "canbo", "password": password, "csrfmiddlewaretoken": token_of(page)}
    assert officer.post(page.url, form).status == 302
    return officer


def token_of(page):
    return re.findall('name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[-1]


def test_djangos_register_is_for_officers_and_its_changes_reach_vneid(example, start, simulator, environment):
    folder, port = example("django")
    url, vneid, _ = simulator
    place, number = "/can-bo/giay-phep-lai-xe/", "010000000001"
    with start("waitress", folder, port) as host:
        vneid.state.agency = Agency.of_portal(host.url)

        def asked(**typed):
            body = json.dumps({"persona": "nguyet", "loaiGiayTo": "GPLX", "wait": True, "thamSo": typed}).encode()
            return Browser().send("POST", url + "/wallet/ask", {"Content-Type": "application/json"}, body).json()

        def delivered():
            done = subprocess.run([BIN / "vneid", "worker", str(folder / "portal.ini"), "--once"], env=environment,
                                  capture_output=True, text=True, timeout=60)
            again = subprocess.run([BIN / "vneid", "worker", str(folder / "portal.ini"), "--burst"], env=environment,
                                   capture_output=True, text=True, timeout=60)
            assert (done.returncode, again.returncode, again.stderr) == (0, 0, "")
            return {paper.change.key.paper_id: (paper.change.version, paper.change.action)
                    for paper in vneid.state.wallets.papers(personal_id=NUMBER)}

        vneid.state.persona = "nguyet"
        citizen, stranger = Browser(), Browser()
        assert NAME in citizen.get(host.url + "/vneid/login?return_to=/", follow=True).text
        for page in (place, f"{place}{number}/"):
            assert citizen.get(host.url + page).status == 403
            assert stranger.get(host.url + page).location == f"/can-bo/dang-nhap?next={page}"
        assert asked()["status"] == "ok"
        assert delivered() == {number: (1, "upsert"), "DN4000000000001": (1, "upsert")}

        officer = sign_in_officer(host, folder)
        for words, found in (("", 14), ("pham%20minh", 0), ("ph%E1%BA%A1m%20minh", 2), (NUMBER, 1), (number, 1),
                             ("%27%20OR%201=1", 0)):
            assert officer.get(f"{host.url}{place}?q={words}").text.count('<th scope="row">') == found
        assert officer.get(f"{host.url}{place}999999999999/").status == 404
        page = officer.get(f"{host.url}{place}{number}/")
        assert officer.post(page.url, {"action": "revoke"}).status == 403
        for action in ("give-back", "renew", "delete", ""):
            assert officer.post(page.url, {"action": action, "csrfmiddlewaretoken": token_of(page)}).status == 302
        assert "Còn hiệu lực" in officer.get(page.url).text
        assert delivered()[number] == (1, "upsert")

        for _ in range(2):
            assert officer.post(page.url, {"action": "revoke", "csrfmiddlewaretoken": token_of(page)}).status == 302
        assert "Đã thu hồi" in officer.get(page.url).text
        assert asked(HoVaTen="nguyễn thị ánh nguyệt")["status"] == "revoked"
        assert asked(HoVaTen="nguyen thi anh nguyet")["status"] == "mismatch"
        assert delivered()[number] == (2, "revoke")
