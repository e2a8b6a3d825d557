"""A portal that is not Python: nginx asks the middleware, which stands around a host without pages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from support import Browser, serving

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "administrator.md"
NAME = "Nguyễn Thị Ánh Nguyệt"


@pytest.fixture
def alone(example):
    """The smallest example without its own pages."""
    folder, port = example("wsgi")
    ini = folder / "portal.ini"
    text = re.sub(r"\[app:portal\].*?(?=\[)", "[app:portal]\nuse = egg:vneid-middleware#standalone\n\n",
                  ini.read_text(encoding="utf-8"), flags=re.DOTALL)
    ini.write_text(text, encoding="utf-8")
    (folder / "portal.py").unlink()
    return folder, port


def test_the_answer_to_a_front_end(alone, start, simulator):
    folder, port = alone
    simulator[1].state.persona = "quynh"
    with start("waitress", folder, port) as host:
        browser = Browser()
        assert browser.get(host.url + "/").status == 404
        assert browser.get(host.url + "/vneid/auth").status == 401
        browser.get(host.url + "/vneid/login", follow=True)
        answer = browser.get(host.url + "/vneid/auth?require=level%3E%3D1", {"X-VNeID-Level": "2", "X-Original-URI": "/x"})
        assert (answer.status, answer.headers["X-VNeID-Level"]) == (200, "1")
        assert answer.headers["X-VNeID-Full-Name"] == quote("Lê Thị Quỳnh")
        assert browser.get(host.url + "/vneid/auth?require=level%3E%3D2").status == 403


@pytest.fixture
def nginx(require, tmp_path, free_port, wait_until):
    """Return a function that runs nginx with the guide's configuration, in front of ``middleware`` and ``portal``."""
    command = require("nginx", "/usr/sbin/nginx")
    running = []

    def run(middleware: int, portal: int) -> str:
        port = free_port()
        locations = re.search(r"nginx:\n\n(    location /vneid/.*?)\n\n(?! )", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[1]
        locations = locations.replace(":6543", f":{middleware}").replace(":8080", f":{portal}").replace("$host", "$http_host")
        temporary = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        file = tmp_path / "nginx.conf"
        file.write_text(f"daemon off; worker_processes 1; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log;\n"
                        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}"
                        f"server {{ listen 127.0.0.1:{port};\n{locations}\n}}\n}}\n")
        running.append(subprocess.Popen([command, "-e", str(tmp_path / "error.log"), "-c", str(file)], stderr=subprocess.PIPE))
        url = f"http://127.0.0.1:{port}"

        def up() -> bool:
            assert running[-1].poll() is None, running[-1].stderr.read()
            try:
                return bool(Browser().get(url + "/").status)
            except OSError:
                return False

        wait_until(up, what="nginx")
        return url

    yield run
    for process in running:
        process.terminate()
        process.wait(10)
        process.stderr.close()


@pytest.mark.threat("A-150")
def test_nginx_as_the_guide_has_it(alone, start, simulator, nginx):
    """The portal behind nginx gets what the middleware says, and nothing of what a client makes up."""
    def portal(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return ["|".join(f"{key}={value}" for key, value in sorted(environ.items()) if "VNEID" in key or "REMOTE_USER" in key
                         or key == "PATH_INFO").encode()]

    folder, port = alone
    forged = {"X-VNeID-Personal-ID": "100000000000", "X-VNeID-Level": "2", "Remote-User": "admin", "X_VNeID_Level": "2",
              "X-VNeID-Account-Type": "person"}
    with serving(lambda base: portal) as (behind, _):
        url = nginx(port, int(behind.rpartition(":")[2]))
        ini = folder / "portal.ini"
        ini.write_text(ini.read_text(encoding="utf-8").replace("public_url = http://127.0.0.1:%(port)s", f"public_url = {url}"),
                       encoding="utf-8")
        simulator[2](url)
        simulator[1].state.persona = "nguyet"
        with start("waitress", folder, port):
            browser = Browser()
            asked = browser.get(url + "/ho-so/1", forged)
            assert (asked.status, asked.location) == (303, url + "/vneid/login?return_to=/ho-so/1")
            end = browser.get(asked.location, follow=True)
            assert end.text == f"HTTP_X_VNEID_FULL_NAME={quote(NAME)}|HTTP_X_VNEID_PERSONAL_ID=100190000001|PATH_INFO=/ho-so/1"
            assert browser.get(url + "/ho-so/1", forged).text == end.text
            assert browser.get(url + "/vneid/metrics").status == 404
            browser.post(url + "/vneid/logout")
            assert browser.get(url + "/ho-so/1").status == 303
