"""``vneid serve``, ``vneid simulator`` and ``vneid sessions`` as an administrator meets them: over real ports."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support import Answer, Browser

Command = Callable[..., Any]


def sign_in(portal: Any, persona: str = "nguyet") -> Browser:
    """Go through a login by the simulator's page for choosing somebody."""
    browser = Browser()
    asked = browser.get(f"{portal.url}/vneid/login?return_to=/ho-so")
    assert asked.status == 303
    assert asked.location.startswith(portal.provider + "/auth?")
    answer = browser.get(f"{asked.location}&persona={persona}", follow=True)
    assert answer.status == 200
    assert urlsplit(answer.url).path == "/ho-so"
    return browser


def who(portal: Any, browser: Browser) -> Answer:
    return browser.get(portal.url + "/vneid/session")


def rows(portal: Any, vneid: Command, *words: str, given: str = "") -> list[dict[str, Any]]:
    done = vneid("sessions", portal.ini, "list", "--json", *words, given=given)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_the_whole_way_of_the_guide(portal: Any) -> None:
    anonymous = Browser()
    assert "khách" in anonymous.get(portal.url + "/").text
    assert who(portal, anonymous).status == 401
    browser = sign_in(portal)
    assert "100190000001" in browser.get(portal.url + "/").text
    identity = who(portal, browser).json()["identity"]
    assert identity["full_name"] == "Nguyễn Thị Ánh Nguyệt"
    assert "khách" in anonymous.get(portal.url + "/").text


def test_serve_tells_where_it_is(portal: Any) -> None:
    assert f"{portal.url} (listening on {urlsplit(portal.url).netloc})" in portal.serve.output
    assert f"VNeID simulator (not VNeID): {portal.provider}/" in portal.simulator.output


def test_the_database_is_its_owners_alone(portal: Any) -> None:
    sign_in(portal)
    database = portal.ini.parent / "var" / "vneid.db"
    assert database.stat().st_mode & 0o077 == 0


# -- sessions ---------------------------------------------------------------------------------------------------------------


def test_list_shows_no_names_and_masked_numbers(portal: Any, vneid: Command) -> None:
    sign_in(portal, "cu-ba")
    done = vneid("sessions", portal.ini, "list")
    assert done.code == 0
    assert "100156000006" not in done.all
    assert "Bưởi" not in done.all
    assert re.search(r"\*+0006\b", done.out)
    row = rows(portal, vneid, "--user", "100156000006")[0]
    # a word that can be given to a command as it is: none that begins with a hyphen
    assert re.fullmatch("[0-9a-f]{32}", row["session_id"])
    assert set(row) == {"session_id", "account", "type", "level", "started", "ends"}
    assert row["session_id"] in done.out
    assert (row["type"], row["level"]) == ("person", 2)
    assert "100156000006" not in json.dumps(row)


@pytest.mark.parametrize(("way", "persona", "number"), [("id", "duc", "100085000002"), ("user", "quynh", "100198000003"),
                                                        ("stdin", "dau", "100192000008")])
def test_whoever_is_revoked_is_out_within_a_second(portal: Any, vneid: Command, wait_until: Callable[..., Any], way: str,
                                                   persona: str, number: str) -> None:
    gone, other = sign_in(portal, persona), sign_in(portal, "nguyet")
    (session_id,) = (row["session_id"] for row in rows(portal, vneid, "--user", number))
    words, given = {"id": ([session_id], ""), "user": (["--user", number], ""), "stdin": (["--user", "-"], number + "\n")}[way]
    assert who(portal, gone).status == 200
    done = vneid("sessions", portal.ini, "revoke", *words, given=given)
    assert done.code == 0, done.err
    assert done.out == "1 session ended\n"
    assert number not in done.all
    wait_until(lambda: who(portal, gone).status == 401, timeout=5, what="the end of the session")
    assert "khách" in gone.get(portal.url + "/").text
    assert who(portal, other).status == 200
    assert rows(portal, vneid, "--user", number) == []
    assert who(portal, sign_in(portal, persona)).status == 200, "signing in again is not forbidden"


def test_everybody_is_out_within_a_second(portal: Any, vneid: Command, wait_until: Callable[..., Any]) -> None:
    browsers = [sign_in(portal, "nguyet"), sign_in(portal, "duc")]
    count = len(rows(portal, vneid))
    done = vneid("sessions", portal.ini, "revoke", "--all")
    assert done.code == 0
    assert done.out == f"{count} sessions ended\n"
    wait_until(lambda: all(who(portal, browser).status == 401 for browser in browsers), timeout=5, what="the end")
    assert rows(portal, vneid) == []
    # a login within the very second of the revocation ends with it
    wait_until(lambda: who(portal, sign_in(portal)).status == 200, what="a new session")


@pytest.mark.parametrize(("words", "given"), [(["--user", "-"], ""), (["--user", "-"], "\n"), (["--user", ""], ""),
                                              (["--user", "  "], "")])
def test_no_number_is_not_everybody(portal: Any, vneid: Command, words: list[str], given: str) -> None:
    browser = sign_in(portal)
    for action in ("list", "revoke"):
        done = vneid("sessions", portal.ini, action, *words, given=given)
        assert done.code == 2
        assert "there is no personal number" in done.err
        assert done.out == ""
    assert rows(portal, vneid)
    assert who(portal, browser).status == 200


@pytest.mark.parametrize("words", [["no-such-session"], [""], ["--user", "001099999999"]])
def test_a_session_that_there_is_not(portal: Any, vneid: Command, words: list[str]) -> None:
    browser = sign_in(portal)
    done = vneid("sessions", portal.ini, "revoke", *words)
    assert done.code == 1
    assert done.out == "0 sessions ended\n"
    assert "no session on record" in done.err
    assert "001099999999" not in done.all
    assert who(portal, browser).status == 200


def test_a_revocation_is_on_record(portal: Any, vneid: Command) -> None:
    sign_in(portal)
    (session_id, *_) = (row["session_id"] for row in rows(portal, vneid))
    assert vneid("sessions", portal.ini, "revoke", session_id).code == 0
    with closing(sqlite3.connect(portal.ini.parent / "var" / "vneid.db")) as database:
        records = [json.loads(record) for (record,) in database.execute(
            "SELECT record FROM vneid_audit WHERE event = 'session.revoked'")]
    assert any(session_id in json.dumps(record) and "cli:" in json.dumps(record) for record in records)


@pytest.mark.parametrize("words", [["list"], ["revoke", "--all"], ["revoke", "x"]])
def test_sessions_need_a_configuration_and_a_database(vneid: Command, ini: Callable[..., Path], words: list[str]) -> None:
    done = vneid("sessions", ini({"language": "fr"}), *words)
    assert done.code == 1
    assert "language: must be vi or en" in done.err
    path = ini({"storage": "sqlite:///file/vneid.db"})
    (path.parent / "file").write_text("", encoding="utf-8")
    done = vneid("sessions", path, *words)
    assert done.code == 1
    assert "storage does not answer" in done.err
    assert done.out == ""
    assert vneid("sessions", path.parent / "nowhere.ini", *words).code == 1


@pytest.mark.parametrize("words", [["revoke"], ["revoke", "x", "--all"], ["revoke", "--user", "1", "--all"], ["end", "x"], []])
def test_which_sessions_must_be_said(vneid: Command, ini: Callable[..., Path], words: list[str]) -> None:
    done = vneid("sessions", ini(), *words)
    assert done.code == 2
    assert "usage: vneid sessions" in done.err


# -- serve ------------------------------------------------------------------------------------------------------------------


def told(output: str) -> set[str]:
    return {line.removeprefix("error: ").strip() for line in output.splitlines() if line.startswith("error: ")}


@pytest.mark.parametrize(("settings", "others"), [
    ({"language": "fr", "session.max_age": "5m", "secret": "short"}, {}),
    ({"sso.clientid": "x", "mobile.apps": "x"}, {}),
    ({"sso.client_id": "100%sure"}, {}),
    ({"language": "vi"}, {"top": "[DEFAULT]\nlanguage = en\n\n"}),
    ({}, {"host": "use = egg:vneid-middleware#wsgi\ntarget = no_such_module:app\n"}),
    ({}, {"lines": "language = vi\nlanguage = en\n"}),
])
def test_serve_refuses_in_the_words_of_check(vneid: Command, ini: Callable[..., Path], settings: dict[str, str],
                                             others: dict[str, str]) -> None:
    path = ini(settings, **others)
    served, checked = vneid("serve", path), vneid("check", path)
    assert served.code == checked.code == 1
    assert told(served.err)
    assert told(served.err) == told(checked.err)
    assert f"See: vneid check {path}" in served.err
    assert served.out == ""


@pytest.mark.parametrize("others", [{"pipeline": ""}, {"server": ""}, {"pipeline": "pipeline = vneid vneid portal\n"},
                                    {"host": "use = egg:NoSuchFramework#main\n"}, {"server": "use = egg:NoSuchServer\n"}])
def test_serve_refuses_what_is_not_whole(vneid: Command, ini: Callable[..., Path], others: dict[str, str]) -> None:
    done = vneid("serve", ini(**others))
    assert done.code == 1
    assert "error: " in done.err
    assert "does not start" in done.err
    assert "Traceback" not in done.all


def test_a_port_that_is_taken(command: Command, ini: Callable[..., Path]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = command("serve", ini(server=f"use = egg:waitress#main\nlisten = {address}\n"))
    assert done.code == 1
    assert done.out == ""
    assert "the address can't be used: Address already in use. Choose another port in [server:main]." in done.err


def test_serve_ends_well_when_it_is_told_to(running: Callable[..., Any], ini: Callable[..., Path],
                                            free_port: Callable[[], int]) -> None:
    port = free_port()
    path = ini({"public_url": f"http://127.0.0.1:{port}"}, server=f"use = egg:waitress#main\nlisten = 127.0.0.1:{port}\n")
    with running(f"http://127.0.0.1:{port}/", path.parent, "serve", path) as process:
        assert process.stop() == 0
    assert "Traceback" not in process.output


@pytest.mark.parametrize("enabled", ["false", "true"])
def test_a_middleware_that_is_switched_off_is_not_there(running: Callable[..., Any], ini: Callable[..., Path],
                                                        free_port: Callable[[], int], enabled: str) -> None:
    port = free_port()
    path = ini({"public_url": f"http://127.0.0.1:{port}", "enabled": enabled},
               server=f"use = egg:waitress#main\nlisten = 127.0.0.1:{port}\n")
    with running(f"http://127.0.0.1:{port}/", path.parent, "serve", path):
        answer = Browser().get(f"http://127.0.0.1:{port}/vneid/session")
    assert answer.status == (200 if enabled == "false" else 401)
