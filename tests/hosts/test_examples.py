"""Each example, untouched, behind its own ini: a citizen signs in and out over real HTTP."""

from __future__ import annotations

import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from support import Browser

from .conftest import EXAMPLES

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
