"""A portal whose apps sign in, the simulator as VNeID and as the VNeID app, and phones that hold an app."""

from __future__ import annotations

import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from journey.conftest import settings_for
from support import Answer, Browser, serving
from vneid_middleware.paste import make_filter
from vneid_middleware.simulator import make_simulator
from vneid_middleware.simulator.state import DEMO_CLIENT, DEMO_SECRET, Client

LINK = "https://dichvucong.example.gov.vn/ung-dung/dang-nhap"
SCHEME = "vn.gov.example.dichvucong:/dang-nhap"
APPS = f"\n  dichvucong = {LINK} {SCHEME}\n  canbo = vn.gov.example.canbo:/dang-nhap?kieu=1"
APP_CLIENT, APP_SECRET = "portal-app", "a-secret/that stands+in every%20phone"
DEEP = {"mobile.deep_link": "true", "mobile.client_id": APP_CLIENT, "mobile.client_secret": APP_SECRET}


def host(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The untouched portal: tells what it sees of a request."""
    if environ["PATH_INFO"] == "/tu-choi":
        start_response("401 Unauthorized", [("Content-Type", "text/plain")])
        return [b"no"]
    identity = environ.get("vneid.identity")
    start_response("200 OK", [("Content-Type", "application/json; charset=utf-8")])
    return [json.dumps({
        "user": environ.get("REMOTE_USER"), "auth": environ.get("AUTH_TYPE"), "name": identity and identity.full_name,
        "level": identity and identity.level, "authorization": environ.get("HTTP_AUTHORIZATION"),
        "cookie": environ.get("HTTP_COOKIE"), "header": environ.get("HTTP_X_VNEID_PERSONAL_ID")}).encode()]


class Phone:
    """A phone with an app of the portal's: it keeps a verifier and a transaction, and opens a browser for the rest."""

    def __init__(self, portal: str, provider: str, app_id: str = "dichvucong", callback: str = LINK) -> None:
        self.portal, self.provider, self.app_id, self.callback = portal, provider, app_id, callback
        self.programs, self.browser = Browser(), Browser()
        self.verifier = secrets.token_urlsafe(32)
        self.transaction = self.url = self.access_token = ""

    @property
    def challenge(self) -> str:
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Accept": "*/*", "Sec-Fetch-Mode": "", **(headers or {})}
        return self.programs.send("POST", self.portal + path, {name: value for name, value in sent.items() if value}, data)

    def start_body(self, **other: Any) -> dict[str, Any]:
        body = {"app_id": self.app_id, "callback": self.callback, "mode": "web", "code_challenge": self.challenge, **other}
        return {name: value for name, value in body.items() if value is not None}

    def start(self, **other: Any) -> Answer:
        answer = self.post("/vneid/mobile/start", self.start_body(**other))
        if answer.status == 200:
            self.transaction, self.url = answer.json()["transaction"], answer.json()["url"]
        return answer

    def at_vneid(self, persona: str = "nguyet", url: str = "") -> str:
        """Sign in on VNeID's page; return the address that the browser is sent back to: the middleware's callback."""
        page = self.browser.get((url or self.url) + "&persona=" + persona)
        assert page.location.startswith(self.portal + "/vneid/mobile/callback?"), page.text
        return page.location

    def back(self, persona: str = "nguyet") -> Answer:
        """Sign in on VNeID's page; return the middleware's answer, which leads to the app."""
        return self.browser.get(self.at_vneid(persona))

    def code(self, persona: str = "nguyet", **other: Any) -> str:
        """Begin a sign-on on the web and go through it; return the one-time code that the app is called back with."""
        assert self.start(**other).status == 200
        answer = self.back(persona)
        assert answer.status == 303
        assert answer.location.startswith(self.callback)
        return query(answer.location)["code"]

    def code_of_the_vneid_app(self, persona: str = "nguyet") -> str:
        """Begin a sign-on by deep link, as the VNeID app goes through it."""
        assert self.start(mode="app").status == 200
        answer = self.browser.post(self.provider + "/app", {"link": self.url, "persona": persona})
        assert answer.location.startswith(self.callback), answer.text
        return query(answer.location)["code"]

    def redeem(self, code: str, **other: Any) -> Answer:
        body = {"transaction": self.transaction, "code": code, "code_verifier": self.verifier, **other}
        answer = self.post("/vneid/mobile/token", {name: value for name, value in body.items() if value is not None})
        if answer.status == 200:
            self.access_token = answer.json()["access_token"]
        return answer

    def sign_in(self, persona: str = "nguyet") -> str:
        """Sign in on the web; return the access token."""
        answer = self.redeem(self.code(persona))
        assert answer.status == 200, answer.text
        return self.access_token

    def get(self, path: str = "/", headers: dict[str, str] | None = None, token: str = "") -> Answer:
        sent = {"Authorization": f"Bearer {token or self.access_token}", "Accept": "*/*", **(headers or {})}
        return self.programs.get(self.portal + path, sent)

    def revoke(self, token: str = "", headers: dict[str, str] | None = None) -> Answer:
        return self.post("/vneid/mobile/revoke", b"", {"Authorization": f"Bearer {token or self.access_token}",
                                                       "Content-Type": "", **(headers or {})})


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def refused(answer: Answer, error: str = "invalid_grant", status: int = 400) -> bool:
    """Check that a request of an app was refused in the form that apps read."""
    assert (answer.status, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    return True


class Mobile:
    """Portal, simulator, and as many phones as are wanted."""

    def __init__(self, portal: str, app: Any, provider: str, simulator: Any) -> None:
        self.portal, self.app, self.provider, self.simulator = portal, app, provider, simulator

    def phone(self, **other: str) -> Phone:
        return Phone(self.portal, self.provider, **other)

    def switch(self, **values: str) -> None:
        for name, value in values.items():
            self.simulator.state.set(name.replace("fault_", "fault."), value)

    def hanging(self) -> tuple[threading.Event, threading.Event]:
        """Return what tells that an endpoint with the fault ``hang`` was asked, and what lets it answer."""
        asked, let_go = threading.Event(), threading.Event()
        self.simulator.state.stopped.wait = lambda seconds: (asked.set(), let_go.wait(20))
        return asked, let_go

    def audit(self) -> list[dict[str, Any]]:
        from vneid_middleware.storage import audit

        with self.app.services.storage.read() as connection:
            return [json.loads(record) for _, record in audit.records(connection)]

    def paths(self) -> list[str]:
        """What VNeID was asked for."""
        return [entry["path"] for entry in self.simulator.state.log]


def register(simulator: Any, portal: str) -> None:
    state = simulator.state
    state.clients[DEMO_CLIENT] = Client(
        DEMO_CLIENT, DEMO_SECRET, (portal + "/vneid/callback", portal + "/vneid/mobile/callback"),
        (portal + "/vneid/logged-out",), backchannel_uri=portal + "/vneid/backchannel-logout")
    state.clients[APP_CLIENT] = Client(APP_CLIENT, APP_SECRET, (LINK,), deep_link=True)


@contextmanager
def mobile_portal(folder: Any, profile: str = "guide-2023", clock: Callable[[], float] = time.time,
                  **settings: str) -> Iterator[Mobile]:
    """A portal with the plugin ``mobile`` before a simulator, over HTTP."""
    with ExitStack() as stack:
        provider, simulator = stack.enter_context(serving(lambda base: make_simulator(base)))
        stack.callback(simulator.state.stopped.set)
        base, app = stack.enter_context(serving(lambda base: make_filter(
            {**settings_for(base, provider, profile, folder), "plugins": "sso mobile", "mobile.apps": APPS,
             "mobile.rate_limit": "1000", **settings}, clock=clock)(host)))
        register(simulator, base)
        stack.callback(app.services.outbound.close)
        stack.callback(app.services.storage.close)
        yield Mobile(base, app, provider, simulator)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mobile]:
    """One portal for all tests of a module, both modes on, with rules that apps meet."""
    access = "\n  /ho-so/* = login\n  /muc-hai/* = level>=2\n  /to-chuc/* = account=organisation"
    with mobile_portal(tmp_path_factory.mktemp("mobile"), access=access, identity_headers="percent", **DEEP) as found:
        yield found


@pytest.fixture
def mobile(shared: Mobile) -> Mobile:
    """The module's portal, with the simulator as it is at first."""
    shared.simulator.state.reset()
    return shared


@pytest.fixture
def portal(tmp_path: Any, new_database: Callable[[Any], None]) -> Iterator[Callable[..., Mobile]]:
    """Return a function that starts a portal with further settings, for one test."""
    new_database(tmp_path / "vneid.db")
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(mobile_portal(tmp_path, **options))


class Clock:
    """Time as a test wants it: it stands still, however slow the machine is."""

    def __init__(self) -> None:
        self._start = time.time()
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._start + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()
