"""What is written down, and that nobody is let in when it can't be."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from support import Browser
from vneid_middleware.events import RedirectRefused
from vneid_middleware.paste import make_filter
from vneid_middleware.storage import audit, sessions

JSON = {"Accept": "application/json"}
MEMBERS = {"time", "event", "outcome", "who", "from", "what", "request_id"}


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_who_did_what_from_where_with_which_outcome(journey, wait_until):
    j = journey(trusted_proxies="127.0.0.0/8")
    j.browser.get(j.portal + "/", {"X-Forwarded-For": "203.0.113.9"})
    wait_until(lambda: j.audit(), what="the record of the start")
    j.sign_in("hai")
    j.simulator.state.persona = "nguyet"
    begun = j.browser.get(j.portal + "/vneid/login?return_to=//evil.example")
    agent = "Trình duyệt".encode() + b"x" * 500
    j.browser.get(j.browser.get(begun.location).location, {"X-Forwarded-For": "203.0.113.9", "User-Agent": agent})
    j.browser.post(j.portal + "/vneid/logout", headers={"Origin": "https://evil.example"})
    j.browser.post(j.portal + "/vneid/logout", headers={"X-Forwarded-For": "198.51.100.7"})
    records = j.audit()
    assert [(record["event"], record["outcome"]) for record in records] == [
        ("configuration.loaded", "success"), ("login.refused", "failure"), ("redirect.refused", "failure"),
        ("login.succeeded", "success"), ("logout.refused", "failure"), ("logout.succeeded", "success")]
    assert all(set(record) == MEMBERS for record in records)
    assert all(datetime.fromisoformat(record["time"].replace("Z", "+00:00")).utcoffset().seconds == 0 for record in records)
    assert all(re.fullmatch(r"[2-9a-z]{4}(-[2-9a-z]{4}){2}", record["request_id"]) for record in records)
    configuration, refused, _, login, _, logout = records
    assert configuration["what"]["fingerprint"] == j.app.services.settings.fingerprint()
    assert refused["what"]["code"] == "level_too_low"
    assert login["from"]["address"] == "203.0.113.9"
    assert len(login["from"]["user_agent"]) == 200
    assert logout["from"]["address"] == "198.51.100.7"
    assert login["who"] == logout["who"]
    assert login["who"]["personal_id"] != "100190000001"
    assert login["what"]["session_id"] == logout["what"]["session_id"]
    assert login["what"]["level"] == 2


def test_the_same_person_is_the_same_hash_and_nobody_elses(journey):
    j = journey()
    for persona in ("nguyet", "duc", "nguyet"):
        j.sign_in(persona, browser=Browser())
    hashes = [record["who"]["subject_hash"] for record in j.audit() if record["event"] == "login.succeeded"]
    assert hashes[0] == hashes[2] != hashes[1]
    assert hashlib.sha256(b"100190000001").hexdigest() not in hashes


@pytest.mark.parametrize("sink", ["file:/dev/full", "database file:/dev/full", "file:/proc/1/audit", "file:/dev/null/x"])
def test_nobody_is_let_in_when_the_audit_can_not_be_written(journey, sink):
    j = journey(**{"audit.sinks": sink})
    end = j.sign_in("nguyet")
    assert end.status == 503
    assert not [line for line in end.headers.get_all("Set-Cookie") if line.startswith("vneid=")]
    assert not j.session()["authenticated"]
    assert j.browser.get(j.portal + "/").status == 200
    ready = j.browser.get(j.portal + "/vneid/health/ready", JSON)
    if "/dev/full" not in sink:  # a full disk is found at the next write
        assert (ready.status, ready.json()["failed"]) == (503, ["audit"])
    again = j.sign_in("nguyet")
    assert again.status == 503
    with j.app.services.storage.read() as connection:
        assert sessions.live(connection, now=0) == []


def test_a_logout_happens_whether_or_not_it_can_be_written_down(journey, tmp_path, caplog):
    file = tmp_path / "log" / "audit.jsonl"
    j = journey(**{"audit.sinks": f"file:{file}"})
    j.sign_in("nguyet")
    file.unlink()
    file.mkdir()
    assert j.browser.post(j.portal + "/vneid/logout").status == 303
    assert not j.session()["authenticated"]
    assert "logout.succeeded could not be written" in caplog.text


def test_the_file_is_private_lines_never_mix_and_it_may_be_rotated(journey, tmp_path):
    file = tmp_path / "log" / "audit.jsonl"
    j = journey(**{"audit.sinks": f"file:{file} database"})
    browsers = [Browser() for _ in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda browser: j.sign_in("nguyet", browser=browser), browsers[:6]))
        file.rename(tmp_path / "log" / "audit.1")
        list(pool.map(lambda browser: j.sign_in("nguyet", browser=browser), browsers[6:]))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    records = [*lines_of(tmp_path / "log" / "audit.1"), *lines_of(file)]
    logins = [record for record in records if record["event"] == "login.succeeded"]
    assert len({record["request_id"] for record in logins}) == 12
    assert sorted(records, key=str) == sorted(j.audit(), key=str)


@pytest.mark.threat("A-191")
@pytest.mark.parametrize("agent", ["a\tb", "a" * 5000, "‮txt.exe", "é\x80\xff", '","outcome":"success'])
def test_what_a_client_sends_stays_inside_its_record(journey, tmp_path, agent):
    file = tmp_path / "audit.jsonl"
    j = journey(**{"audit.sinks": f"file:{file}"})
    j.browser.get(j.portal + "/vneid/callback?state=a&code=b", {"User-Agent": agent.encode("utf-8")})
    refused = [record for record in lines_of(file) if record["event"] == "login.refused"]
    assert [record["outcome"] for record in refused] == ["failure"]
    assert all(0x20 <= ord(letter) < 0x7f or letter == "\n" for letter in file.read_text(encoding="latin-1"))


def test_syslog_gets_a_message_of_rfc_5424(journey):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        j = journey(**{"audit.sinks": f"database syslog:127.0.0.1:{server.getsockname()[1]}"})
        j.sign_in("nguyet")
        messages = [server.recv(65_536).decode("ascii") for _ in range(2)]
    login = next(message for message in messages if " login.succeeded " in message)
    head = re.match(r"<85>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ vneid-middleware \d+ login\.succeeded - (\{.*\})$", login)
    assert head is not None
    assert json.loads(head[1])["what"]["level"] == 2


def test_records_are_kept_for_their_retention_and_no_longer(tmp_path):
    now = [1_800_000_000.0]
    app = make_filter({"public_url": "http://127.0.0.1:6543", "secret": "audit-0123456789-abcdefghijklmnopqrstuvwxyz",
                       "storage": f"sqlite:///{tmp_path}/v.db", "plugins": "", "audit.retention_days": "90"},
                      clock=lambda: now[0])(lambda environ, start_response: [])
    ids = []
    for day in (0, 1, 89, 90.5):
        now[0] = 1_800_000_000.0 + day * 86_400
        app.services.tell(RedirectRefused(request_id=f"day-{day}"))
        with app.services.storage.read() as connection:
            ids.append([json.loads(record)["request_id"] for _, record in audit.records(connection)])
    app.services.storage.close()
    assert ids[2:] == [["day-0", "day-1", "day-89"], ["day-1", "day-89", "day-90.5"]]
