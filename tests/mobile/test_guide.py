"""The requests and answers in docs/mobile.md are recorded here: ``VNEID_RECORD=1 pytest tests/mobile/test_guide.py`` writes
them anew, and without it each must be what it says."""

from __future__ import annotations

import json
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from vneid_middleware.core.bearer import PREFIX

from .conftest import APP_CLIENT, APP_SECRET, DEEP, Phone, mobile_portal, query

PAGE = Path(__file__).parents[2] / "docs" / "mobile.md"
BLOCK = re.compile(r"<!-- (\w+) -->\n```http\n(.*?)```\n", re.DOTALL)
NOW = 1_800_000_000
PUBLIC, VNEID = "https://dichvucong.example.gov.vn", "https://vneid.gov.vn"
SHOWN = ("Content-Type", "Location", "Cache-Control", "WWW-Authenticate", "Retry-After", "Allow")
REASONS = {200: "OK", 204: "No Content", 303: "See Other", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
           405: "Method Not Allowed", 429: "Too Many Requests"}


def sample(name: str) -> str:
    """Return what stands for a random value: of the same form, and the same each time."""
    return urlsafe_b64encode(sha256(name.encode()).digest()).rstrip(b"=").decode()


class Recorder:
    """Writes down what goes over the wire, with fixed values in the place of random ones."""

    def __init__(self, mobile: Any) -> None:
        self._replaced = {mobile.portal: PUBLIC, mobile.provider: VNEID, quote(mobile.portal, safe=""): quote(PUBLIC, safe=""),
                          APP_CLIENT: "CLIENT_ID", quote(APP_SECRET, safe=""): "CLIENT_SECRET"}
        self.examples: dict[str, str] = {}

    def stands_for(self, value: str, name: str) -> str:
        self._replaced[value] = sample(name)
        return value

    def keep(self, name: str, method: str, url: str, answer: Any, headers: dict[str, str], body: Any = None) -> None:
        parts = urlsplit(self._told(url))
        lines = [f"{method} {parts.path}{'?' + parts.query if parts.query else ''} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{key}: {self._told(value)}" for key, value in headers.items()]
        lines += ["", self._pretty(body)] if body is not None else []
        lines += ["", f"HTTP/1.1 {answer.status} {REASONS[answer.status]}"]
        lines += [f"{key}: {self._told(answer.headers[key])}" for key in SHOWN if answer.headers[key]]
        if answer.text.startswith("{"):
            lines += ["", self._pretty(json.loads(answer.text))]
        self.examples[name] = "\n".join(lines) + "\n"

    def _pretty(self, body: Any) -> str:
        return self._told(json.dumps(body, ensure_ascii=False, indent=2))

    def _told(self, text: str) -> str:
        for value, stand_in in self._replaced.items():
            text = text.replace(value, stand_in)
        text = re.sub(r'"correlation_id": "[^"]*"', '"correlation_id": "a3n2-waxn-mzbf"', text)
        return re.sub(PREFIX + r"[A-Za-z0-9+/]{40,}", f"{PREFIX}{sample('token')[:24]}…", text)


class RecordedPhone(Phone):
    """A phone whose requests are written down."""

    def __init__(self, mobile: Any, recorder: Recorder, number: str) -> None:
        super().__init__(mobile.portal, mobile.provider)
        self._recorder, self._number = recorder, number
        recorder.stands_for(self.verifier, "verifier" + number)
        recorder.stands_for(self.challenge, "challenge" + number)

    def record(self, name: str, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        sent = {"Content-Type": "application/json", **(headers or {})}
        answer = self.post(path, body, headers)
        if answer.status == 200 and "transaction" in answer.json():
            self.transaction = self._recorder.stands_for(answer.json()["transaction"], "transaction" + self._number)
            self.url = answer.json()["url"]
            for parameter in ("state", "nonce", "code_challenge"):
                if parameter in query(self.url):
                    self._recorder.stands_for(query(self.url)[parameter], parameter + self._number)
        self._recorder.keep(name, "POST", self.portal + path, answer, sent, body)
        return answer

    def look(self, name: str, url: str, headers: dict[str, str] | None = None) -> Any:
        answer = self.browser.get(url, headers)
        for parameter in ("code",):
            for address in (url, answer.location):
                if parameter in query(address):
                    self._recorder.stands_for(query(address)[parameter], parameter + self._number + urlsplit(address).path)
        self._recorder.keep(name, "GET", url, answer, headers or {})
        return answer


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """All examples of the page, by their names."""
    access = "\n  /ho-so/* = login\n  /muc-hai/* = level>=2"
    with mobile_portal(tmp_path_factory.mktemp("guide"), clock=lambda: NOW, access=access, **DEEP,
                       **{"mobile.rate_limit": "6"}) as mobile:
        recorder = Recorder(mobile)
        _by_web(RecordedPhone(mobile, recorder, "1"), recorder)
        _refusals(RecordedPhone(mobile, recorder, "2"), recorder)
        _by_vneid_app(RecordedPhone(mobile, recorder, "3"), recorder)
        _too_many(RecordedPhone(mobile, recorder, "4"))
        yield recorder.examples


def _redemption(phone: Phone, code: str) -> dict[str, str]:
    return {"transaction": phone.transaction, "code": code, "code_verifier": phone.verifier}


def _by_web(phone: RecordedPhone, recorder: Recorder) -> None:
    phone.record("start_web", "/vneid/mobile/start", phone.start_body())
    code = query(phone.look("callback", phone.at_vneid("quynh")).location)["code"]
    token = phone.record("token", "/vneid/mobile/token", _redemption(phone, code)).json()["access_token"]
    bearer = {"Authorization": "Bearer " + token}
    phone.look("session", phone.portal + "/vneid/session", bearer)
    phone.look("step_up", phone.portal + "/muc-hai/1", bearer)
    answer = phone.post("/vneid/mobile/revoke", b"", {"Content-Type": "", **bearer})
    recorder.keep("revoke", "POST", phone.portal + "/vneid/mobile/revoke", answer, bearer)
    phone.look("dead", phone.portal + "/ho-so/1", bearer)
    phone.record("twice", "/vneid/mobile/token", _redemption(phone, code))


def _refusals(phone: RecordedPhone, recorder: Recorder) -> None:
    phone.start()
    recorder.stands_for(query(phone.url)["state"], "state2")
    phone.look("denied", phone.at_vneid("refuse"))
    phone.record("wrong_callback", "/vneid/mobile/start", phone.start_body(callback="vn.gov.other.app:/x"))
    phone.record("from_a_page", "/vneid/mobile/start", phone.start_body(), {"Origin": PUBLIC})


def _by_vneid_app(phone: RecordedPhone, recorder: Recorder) -> None:
    phone.record("start_app", "/vneid/mobile/start", phone.start_body(mode="app"))
    back = phone.browser.post(phone.provider + "/app", {"link": phone.url, "persona": "nguyet"}).location
    code = recorder.stands_for(query(back)["code"], "code of VNeID")
    phone.record("token_app", "/vneid/mobile/token", _redemption(phone, code))


def _too_many(phone: RecordedPhone) -> None:
    for _ in range(6):
        answer = phone.record("too_many", "/vneid/mobile/start", phone.start_body())
    assert answer.status == 429


def test_the_examples_are_what_goes_over_the_wire(recorded: dict[str, str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    if os.environ.get("VNEID_RECORD"):
        text = BLOCK.sub(lambda found: f"<!-- {found[1]} -->\n```http\n{recorded[found[1]]}```\n", text)
        PAGE.write_text(text, encoding="utf-8")
    written = dict(BLOCK.findall(text))
    assert len(written) >= 14
    assert written == {name: recorded.get(name) for name in written}
    assert text.count("```http") == len(written)


def test_no_example_holds_what_was_really_sent(recorded: dict[str, str]) -> None:
    text = "\n".join(recorded.values())
    assert "127.0.0.1" not in text
    assert APP_SECRET not in text
    assert re.findall(PREFIX + r"[A-Za-z0-9+/]{40,}", text) == []
