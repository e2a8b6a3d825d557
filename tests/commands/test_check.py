"""``vneid check``: every problem at once, in words, with its place and its remedy, and never a secret."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Check = Callable[..., Any]


def line_of(ini: Path, beginning: str) -> int:
    lines = ini.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(beginning))


def test_a_right_ini_starts(vneid: Check, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini())
    assert done.code == 0
    assert "starts" in done.err
    assert "error" not in done.err
    assert "session locks after 15 minutes" in done.out


def test_the_table_has_no_rows_of_parts_that_are_not_active(vneid: Check, ini: Callable[..., Path]) -> None:
    assert "sso.pkce" in vneid("check", ini()).out
    alone = vneid("check", ini({"plugins": "", "sso.client_id": None, "sso.client_secret": None}))
    assert alone.code == 0
    assert "sso." not in alone.out
    assert "session locks after 15 minutes" in alone.out


def test_check_opens_and_writes_nothing(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini()
    before = sorted(path.parent.rglob("*"))
    assert vneid("check", path).code == 0
    assert sorted(path.parent.rglob("*")) == before


def test_all_problems_are_told_at_once_with_key_line_expectation_and_remedy(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini({"public_url": "http://dichvucong.example.gov.vn", "secret": "too short", "session.max_age": "5m",
                "sso.clientid": "id", "language": "fr", "admin.access": "login", "sso.client_id": None},
               host="use = egg:vneid-middleware#wsgi\ntarget = there.is.no:such_host\n",
               pipeline="pipeline = vneid vneid portal\n")
    done = vneid("check", path)
    assert done.code == 1
    assert done.out == ""
    for key, expectation in {"public_url": "https://", "secret": "at least 32 characters", "session.max_age": "seconds",
                             "sso.clientid": "did you mean sso.client_id?", "language": "vi or en"}.items():
        told = next(line for line in done.err.splitlines() if line.startswith(f"error: {key}:"))
        assert expectation in told
        assert f"portal.ini, line {line_of(path, key + ' ')}" in told
    assert "Make one with: vneid keys new secret." in done.err
    assert "error: sso.client_id: is required and missing" in done.err
    assert "portal.ini, [filter:vneid]" in done.err
    assert "there.is.no can't be imported" in done.err
    assert "2 times" in done.err
    assert "does not start" in done.err


def test_errors_come_before_warnings(vneid: Check, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini({"allow_insecure_http": "true", "language": "fr"}))
    kinds = [line.partition(":")[0] for line in done.err.splitlines()[:2]]
    assert kinds == ["error", "warning"]


def test_a_warning_does_not_keep_it_from_starting(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini()
    (path.parent / "secrets" / "vneid").chmod(0o644)
    done = vneid("check", path)
    assert done.code == 0
    assert "warning: sso.client_secret: " in done.err
    assert "chmod 600" in done.err


# -- what PasteDeploy does to an ini ----------------------------------------------------------------------------------------


def test_a_percent_sign_is_explained(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini({"sso.client_id": "100%sure", "sso.scope": "openid %(nothing)s"})
    done = vneid("check", path)
    assert done.code == 1
    for key in ("sso.client_id", "sso.scope"):
        assert f"error: {key}: holds a % that PasteDeploy reads" in done.err
        assert f"line {line_of(path, key)})" in done.err
    assert "write file:PATH" in done.err
    assert "100" not in done.err
    assert "is required" not in done.err, "what can't be read is not missing"


@pytest.mark.parametrize(("name", "value"), [("host", "target = a%b\n"), ("server", "listen = %\n"), ("top", "x = 5%\n")])
def test_a_percent_sign_elsewhere_is_explained_too(vneid: Check, ini: Callable[..., Path], name: str, value: str) -> None:
    use = {"host": "use = egg:vneid-middleware#wsgi\n", "server": "use = egg:waitress#main\n", "top": "[DEFAULT]\n"}
    done = vneid("check", ini(**{name: use[name] + value}))
    assert done.code == 1
    assert "holds a % that PasteDeploy reads" in done.err


def test_a_key_that_stands_twice_is_told_with_its_line(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini(lines="language = vi\nlanguage = en\n")
    done = vneid("check", path)
    assert done.code == 1
    assert f"language: stands twice. Remove one. (portal.ini, line {line_of(path, 'language = en')})" in done.err


def test_a_section_that_stands_twice(vneid: Check, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini(rest="[filter:vneid]\nlanguage = vi\n"))
    assert done.code == 1
    assert "[filter:vneid]: stands twice" in done.err


@pytest.mark.parametrize(("given", "words", "remedy"), [
    ("[DEFAULT]\nsession.max_age = 60\n\n", (), "Rename or remove session.max_age in [DEFAULT]"),
    ("", ("session.max_age=60",), "Give the variable another name"),
])
def test_a_key_that_pastedeploy_would_drop(vneid: Check, ini: Callable[..., Path], given: str, words: tuple[str, ...],
                                           remedy: str) -> None:
    path = ini({"session.max_age": "3600", "language": "fr"}, top=given)
    done = vneid("check", path, *words)
    assert done.code == 1
    told = next(line for line in done.err.splitlines() if "session.max_age" in line)
    assert "is dropped by PasteDeploy" in told
    assert remedy in told
    assert f"line {line_of(path, 'session.max_age = 3600')}" in told
    assert "language: must be vi or en" in done.err, "the other problems are told beside it"


def test_a_key_of_default_alone_is_none_of_ours(vneid: Check, ini: Callable[..., Path]) -> None:
    assert vneid("check", ini(top="[DEFAULT]\nlanguage = fr\n\n")).code == 0


def test_pastedeploys_own_words_are_understood(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini(top="[DEFAULT]\nseconds = 5\n\n", lines="get session.max_age = seconds\nset debug = true\n")
    done = vneid("check", path)
    assert "error: session.max_age: must be a whole number" in done.err
    assert f"line {line_of(path, 'get session')}" in done.err
    assert "debug" not in done.err
    done = vneid("check", ini(lines="get language = tongue\n"))
    assert done.code == 1
    assert "language: gets its value from a name that [DEFAULT] does not have" in done.err


def test_variables_of_the_command_line(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini({"public_url": "https://%(domain)s"})
    assert vneid("check", path).code == 1
    assert vneid("check", path, "domain=a.example.gov.vn").code == 0
    done = vneid("check", path, "domain")
    assert done.code == 1
    assert "expected NAME=VALUE" in done.err


def test_each_section_has_its_own_lines(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini({"language": "fr"}, rest="[filter:second]\nuse = egg:vneid-middleware\nlanguage = de\n")
    done = vneid("check", path)
    assert f"'fr'. (portal.ini, line {line_of(path, 'language = fr')})" in done.err
    assert f"'de'. (portal.ini, line {line_of(path, 'language = de')})" in done.err


@pytest.mark.parametrize(("content", "expected"), [
    ("", "no section [filter:NAME] has use = egg:vneid-middleware"),
    ("[filter:vneid]\nuse = egg:other\n", "no section [filter:NAME]"),
    ("public_url = https://a.example\n", "is no ini file"),
    ("[filter:vneid]\nuse = egg:vneid-middleware\nlanguage\n", "is no ini file"),
    ("\ufeff[filter:vneid]\nuse = egg:vneid-middleware\n", "is no ini file"),
    ("\x00\x01", "is no ini file"),
])
def test_what_is_no_ini_of_ours(vneid: Check, tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "portal.ini"
    path.write_text(content, encoding="utf-8")
    for command in ("check", "serve", "plugins"):
        done = vneid(command, path)
        assert done.code == 1
        assert expected in done.err
        assert "Traceback" not in done.all


def test_an_ini_in_another_encoding(vneid: Check, tmp_path: Path) -> None:
    path = tmp_path / "portal.ini"
    path.write_bytes("[filter:vneid]\n# Cổng dịch vụ công\n".encode("utf-16"))
    done = vneid("check", path)
    assert done.code == 1
    assert "is not UTF-8 text" in done.err


@pytest.mark.parametrize("command", ["check", "serve", "plugins"])
def test_a_missing_file(vneid: Check, tmp_path: Path, command: str) -> None:
    done = vneid(command, tmp_path / "nowhere.ini")
    assert done.code == 1
    assert "there is no such file. Make one with: vneid init" in done.err
    assert vneid(command, tmp_path).code == 1


# -- the pipeline, the host and the server ----------------------------------------------------------------------------------


def test_no_pipeline(vneid: Check, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini(pipeline=""))
    assert done.code == 1
    assert "[pipeline:main]: is missing. Add: pipeline = vneid portal" in done.err


def test_a_pipeline_without_the_middleware_is_a_warning(vneid: Check, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini(pipeline="pipeline = portal\n"))
    assert done.code == 0
    assert "warning: [pipeline:main] pipeline: does not name the middleware" in done.err


def test_a_pipeline_that_names_what_is_not_there(vneid: Check, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini(pipeline="pipeline = vneid portl\n"))
    assert done.code == 1
    assert "No section 'portl'" in done.err


def test_filter_with_is_as_good_as_a_pipeline(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini(host="", pipeline="", rest="[app:main]\nuse = egg:vneid-middleware#wsgi\n"
               "target = wsgiref.simple_server:demo_app\nfilter-with = vneid\n")
    done = vneid("check", path)
    assert done.code == 0
    assert "warning" not in done.err


@pytest.mark.parametrize(("host", "expected"), [
    ("use = egg:vneid-middleware#wsgi\n", "must name a WSGI callable as package.module:attribute"),
    ("use = egg:vneid-middleware#wsgi\ntarget = wsgiref\n", "must name a WSGI callable as package.module:attribute"),
    ("use = egg:vneid-middleware#wsgi\ntarget = wsgiref:demo\n", "wsgiref has no demo"),
    ("use = egg:vneid-middleware#wsgi\ntarget = wsgiref.util:__name__\n", "is not callable"),
    ("use = egg:vneid-middleware#wsgi\ntarget = no_such_module:app\n", "no_such_module can't be imported"),
    ("use = egg:vneid-middleware#wsgi\ntarget = wsgiref:x\ntraget = y\n", "unknown setting traget"),
    ("use = egg:vneid-middleware#wsgi\ntarget = wsgiref:x\nenviron = NAME\n", "must be lines NAME = value"),
    ("use = egg:NoSuchFramework#main\n", "uses egg:NoSuchFramework, and no such distribution is installed"),
    ("use = egg:waitress#portal\n", "Entry point 'portal' not found"),
])
def test_a_host_that_is_not_there(vneid: Check, ini: Callable[..., Path], host: str, expected: str) -> None:
    done = vneid("check", ini(host=host))
    assert done.code == 1
    assert expected in done.err
    assert "Traceback" not in done.all


@pytest.mark.parametrize(("code", "expected"), [
    ("1 / 0", "ZeroDivisionError: division by zero"),
    ("def broken(:", "SyntaxError"),
    ("import sys; sys.exit(3)", "SystemExit: 3"),
    ("from nowhere_at_all import x", "No module named 'nowhere_at_all'"),
])
def test_a_host_that_fails_at_import(vneid: Check, ini: Callable[..., Path], request: pytest.FixtureRequest, code: str,
                                     expected: str) -> None:
    name = f"host_that_fails_{abs(hash(code))}"
    path = ini(host=f"use = egg:vneid-middleware#wsgi\ntarget = {name}:app\n")
    (path.parent / f"{name}.py").write_text(code, encoding="utf-8")
    done = vneid("check", path)
    assert done.code == 1
    assert expected in done.err
    assert "does not start" in done.err


def test_the_host_finds_its_environment(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini(host="use = egg:vneid-middleware#wsgi\ntarget = portal_that_reads:app\npythonpath = %(here)s/code\n"
               "environ =\n    PORTAL_MODE = test\n    PORTAL_URL = https://a.example/?a=b\n")
    code = path.parent / "code"
    code.mkdir()
    (code / "portal_that_reads.py").write_text(
        "import os\nassert os.environ['PORTAL_MODE'] == 'test'\nassert os.environ['PORTAL_URL'].endswith('?a=b')\n"
        "def app(environ, start_response): pass\n", encoding="utf-8")
    assert vneid("check", path).code == 0


def test_a_missing_server_section_is_a_warning(vneid: Check, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini(server=""))
    assert done.code == 0
    assert "warning: [server:main]: is missing" in done.err


def test_a_server_that_is_not_installed(vneid: Check, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini(server="use = egg:NoSuchServer#main\n"))
    assert done.code == 1
    assert "uses egg:NoSuchServer" in done.err


def test_a_middleware_that_is_switched_off(vneid: Check, ini: Callable[..., Path]) -> None:
    done = vneid("check", ini({"enabled": "false", "secret": None, "no.such.key": "1"}))
    assert done.code == 0
    assert "enabled is false" in done.err
    assert done.out == ""
    assert vneid("check", ini({"enabled": "false"}, host="use = egg:NoSuchFramework#main\n")).code == 1


# -- secrets ----------------------------------------------------------------------------------------------------------------

SECRETS = [
    {},
    {"language": "fr"},
    {"sso.client_secrte": "{1}", "scret": "{0}", "strage": "postgresql://vneid:{2}@db.example/vneid"},
    {"secret": "{0}\nshort", "storage": "nosuch://vneid:{2}@db.example/vneid"},
    {"storage": "postgresql+nosuch://vneid:{2}@db.example/vneid"},
    {"storage": "postgresql://vneid:{2}@db.example:port/vneid"},
    {"secret": "%{0}", "storage": "sqlite:///%{2}", "sso.client_secret": "%(x){1}"},
    {"http.proxy": "https://user:{2}@proxy.example", "sso.issuer": "https://user:{2}@a.example",
     "sso.token_endpoint": "http://user:{2}@a.example"},
    {"secret": "{0}", "storage": "postgresql+psycopg://vneid:{2}@127.0.0.1:1/vneid", "sso.client_secret": "{1}"},
]


@pytest.mark.parametrize("settings", SECRETS)
@pytest.mark.parametrize("words", [("check",), ("plugins",), ("check", "--online"), ("sessions", "list")])
def test_no_secret_is_ever_printed(vneid: Check, ini: Callable[..., Path], markers: tuple[str, ...], settings: dict[str, str],
                                   words: tuple[str, ...]) -> None:
    endpoints = {f"sso.{name}_endpoint": "http://127.0.0.1:1/" for name in ("authorization", "token", "userinfo", "logout")}
    given = {key: value.format(*markers).replace("\n", "\n    ") for key, value in settings.items()}
    path = ini({**endpoints, **given})
    done = vneid(words[0], path, *words[1:])
    assert done.all
    assert "Traceback" not in done.all
    for marker in markers:
        assert marker not in done.all


# -- online -----------------------------------------------------------------------------------------------------------------


def test_online_names_what_does_not_answer(vneid: Check, ini: Callable[..., Path], free_port: Callable[[], int]) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    endpoints = {f"sso.{name}_endpoint": nobody + "/" + name for name in ("authorization", "token", "userinfo", "logout")}
    done = vneid("check", ini(endpoints), "--online")
    assert done.code == 1
    assert f"online: {nobody}: connection" in done.err
    assert done.err.count("connection") == 1, "each server is told once"
    (told,) = [line for line in done.err.splitlines() if line.startswith("online: http")]
    assert ". Check the address, and whether DNS, the firewall and http.proxy let this machine reach it. (sso." in told
    assert re.search(r"_endpoint, portal\.ini, line \d+\)$", told)
    assert "online: storage: ok" in done.out
    assert "starts, but not everything that it needs answers" in done.err
    assert vneid("check", ini(endpoints)).code == 0


def test_online_asks_the_issuer(vneid: Check, ini: Callable[..., Path], free_port: Callable[[], int]) -> None:
    done = vneid("check", ini({"sso.profile": "oidc", "sso.issuer": f"http://127.0.0.1:{free_port()}"}), "--online")
    assert done.code == 1
    assert "online: provider: connection" in done.err
    assert "Check the address, and whether DNS, the firewall and http.proxy let this machine reach it. (sso." in done.err


BROKEN = """
from zope.interface import implementer
from vneid_middleware.interfaces import IReadinessCheck, ITrial


@implementer(IReadinessCheck)
class Ready:
    critical = False

    def check(self):
        raise RuntimeError("no module")


@implementer(ITrial)
class Tried:
    def try_online(self):
        yield "acme.first", ""
        raise ZeroDivisionError("no second")


@implementer(ITrial)
class Well:
    def try_online(self):
        return [("acme.well", "")]


def includeme(config):
    config.add_vneid_readiness("hsm", Ready())
    config.add_vneid_component("acme", lambda services: Tried())
    config.add_vneid_component("well", lambda services: Well())
"""


@pytest.mark.threat("A-236")
def test_online_a_plugin_that_breaks_hides_none_of_the_others(
        vneid: Check, ini: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_broken.py").write_text(BROKEN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    done = vneid("check", ini({"plugins": "sso acme_broken"}), "--online")
    assert done.code == 1
    assert "online: hsm: RuntimeError: no module" in done.err
    assert "online: acme: ZeroDivisionError: no second" in done.err
    for name in ("storage", "acme.first", "acme.well"):
        assert f"online: {name}: ok" in done.out
    sys.modules.pop("acme_broken", None)


def test_online_tells_a_dead_database(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini({"storage": "sqlite:///no/such/folder/vneid.db"})
    (path.parent / "no").write_text("a file, no folder", encoding="utf-8")
    done = vneid("check", path, "--online")
    assert done.code == 1
    (told,) = [line for line in done.err.splitlines() if line.startswith("online: storage: ")]
    assert "Check the address of the database, whether it runs, and the rights there." in told
    assert told.endswith(f" (portal.ini, line {line_of(path, 'storage ')})")
    assert "Traceback" not in done.all


def test_online_tells_an_audit_that_cannot_be_written(vneid: Check, ini: Callable[..., Path]) -> None:
    path = ini({"audit.sinks": "file:no/audit.jsonl"})
    (path.parent / "no").write_text("a file, no folder", encoding="utf-8")
    done = vneid("check", path, "--online")
    assert done.code == 1
    (told,) = [line for line in done.err.splitlines() if line.startswith("online: audit: audit_unavailable")]
    assert told.endswith(f"Check that each sink can be written. (audit.sinks, portal.ini, line {line_of(path, 'audit.sinks')})")


def test_online_tells_a_clock_that_is_off(vneid: Check, ini: Callable[..., Path], serve: Callable[..., Any]) -> None:
    def yesterday(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Date", "Mon, 05 Jan 2026 00:00:00 GMT"), ("Content-Length", "0")])
        return []

    with serve(yesterday) as provider:
        endpoints = {f"sso.{name}_endpoint": provider for name in ("authorization", "token", "userinfo", "logout")}
        done = vneid("check", ini(endpoints), "--online")
    assert done.code == 1
    assert "this machine's clock is" in done.err


COUNTER = {"plugins": "sso qr", "transport.vneid.kind": "direct", "qr.transport": "vneid", "qr.path": "/qr/lookup",
           "qr.response": "plain", "qr.operators": "subrequest:/can-bo/toi"}


@pytest.mark.threat("A-210")
@pytest.mark.parametrize(("status", "body", "fault"), [
    ("401 Unauthorized", b"{}", ""), ("302 Found", b"", ""), ("403 Forbidden", b"", ""),
    ("200 OK", b'{"officerId": "001080000001"}', "names an officer to somebody who is not signed in"),
    ("404 Not Found", b"", "answers 404"), ("200 OK", b"{}", "answers 200")])
def test_online_asks_the_host_as_nobody_whether_an_officer_is_there(vneid: Check, ini: Callable[..., Path], status: str,
                                                                    body: bytes, fault: str) -> None:
    name = f"host_with_officers_{abs(hash((status, body)))}"
    path = ini({**COUNTER, "transport.vneid.url": "http://127.0.0.1:9"},
               host=f"use = egg:vneid-middleware#wsgi\ntarget = {name}:app\n")
    (path.parent / f"{name}.py").write_text(
        f"def app(environ, start_response):\n    assert environ['PATH_INFO'] == '/can-bo/toi' and 'HTTP_COOKIE' not in environ\n"
        f"    start_response({status!r}, [('Content-Type', 'application/json')])\n    return [{body!r}]\n", encoding="utf-8")
    done = vneid("check", path, "--online")
    told = f"online: qr.operators: {'the portal ' + fault if fault else 'ok'}"
    assert told in (done.err if fault else done.out)
    if fault:
        place = f"(portal.ini, line {line_of(path, 'qr.operators')})"
        assert f"Name a path that only officers get an answer from. {place}" in done.err


def test_online_before_a_simulator(portal: Any, command: Callable[..., Any]) -> None:
    done = command("check", portal.ini, "--online")
    assert done.code == 0, done.err
    assert f"online: {portal.provider}: ok" in done.out
    assert {"online: storage: ok", "online: audit: ok"} <= set(done.out.splitlines())


def test_a_reader_that_goes_away_is_no_fault(ini: Callable[..., Path]) -> None:
    line = f"{sys.executable} -u -W ignore -m vneid_middleware.cli check {ini()} | true"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr
