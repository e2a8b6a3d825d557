"""A portal with every plugin, before the simulator, a counter's VNeID and a receiver of documents; on both databases."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import outbox_service
import vneid_service
from journey.conftest import settings_for
from mobile.conftest import APPS, Phone, register
from support import Answer, Browser, Clock, serving
from vneid_middleware.cli import main
from vneid_middleware.paste import make_filter
from vneid_middleware.plugins.documents.outbox.worker import Worker
from vneid_middleware.simulator import make_simulator
from vneid_middleware.simulator.personas import PERSONAS

DATABASES = ("sqlite", "postgresql")


def host(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The untouched portal: names whom it is told of."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [(environ.get("REMOTE_USER") or "nobody").encode()]


class Everything:
    """The portal and all who talk to it."""

    def __init__(self, base: str, app: Any, settings: dict[str, str], clock: Clock, **others: Any) -> None:
        self.base, self.app, self.settings, self.clock = base, app, settings, clock
        self.simulator, self.counter, self.receiver, self.provider = (
            others[name] for name in ("simulator", "counter", "receiver", "provider"))
        self.services = app.services

    def sql(self, statement: str) -> list[Any]:
        with self.services.storage.engine().begin() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result.all()] if result.returns_rows else []

    def browser_names(self, browser: Browser) -> str:
        """Return whom the host is told of, when the ended sessions of other processes have come round."""
        self.clock.ahead += 2
        return browser.get(self.base + "/").text

    # -- what people do ------------------------------------------------------------------------------------------------

    def sign_in(self, who: str, browser: Browser | None = None) -> Browser:
        browser = browser or Browser()
        self.simulator.state.persona = who
        assert browser.get(self.base + "/vneid/login?return_to=/", follow=True).text == PERSONAS[who].personal_id
        return browser

    def phone(self, who: str) -> Phone:
        phone = Phone(self.base, self.provider)
        phone.sign_in(who)
        return phone

    def phone_that_waits(self, who: str) -> tuple[Phone, str]:
        phone = Phone(self.base, self.provider)
        return phone, phone.code(who)

    def late_form(self, browser: Browser, words: str) -> Answer:
        """Send a form whose session has idled out."""
        self.clock.ahead += 901
        return browser.post(self.base + "/nop/khai-sinh", {"noi-dung": words})

    def lookup(self, who: str, wait_until: Callable[..., Any]) -> str:
        """Let an officer ask and go away; return where the result waits."""
        self.counter.answer = self.counter.holds(self.counter.gives(**PERSONAS[who].counter_fields()))
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Sec-Fetch-Mode": "cors",
                   "Authorization": f"Bearer {vneid_service.KEYS['quay-1']}"}
        first = Browser().send("POST", self.base + "/vneid/qr/lookup", headers,
                               json.dumps({"qrID": "qr-" + os.urandom(8).hex()}).encode())
        assert first.status == 202, first.text
        self.counter.released.set()
        wait_until(lambda: self.sql("SELECT state FROM vneid_lookups ORDER BY created_at DESC")[0] == ("settled",))
        self.counter.released.clear()
        return first.location

    def result(self, location: str) -> Answer:
        headers = {"Accept": "application/json", "Sec-Fetch-Mode": "cors",
                   "Authorization": f"Bearer {vneid_service.KEYS['quay-1']}"}
        return Browser().send("GET", location, headers)

    def announce(self, who: str, document: str) -> None:
        body = {"loaiGiayTo": "GPLX", "soDinhDanh": PERSONAS[who].personal_id, "maGiayTo": document, "action": "upsert",
                "idempotencyKey": os.urandom(8).hex(), "data": {"HoVaTen": PERSONAS[who].full_name}}
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Sec-Fetch-Mode": "cors",
                   "Authorization": f"Bearer {outbox_service.KEYS['mot-cua']}"}
        answer = Browser().send("POST", self.base + "/vneid/documents/changes", headers, json.dumps(body).encode())
        assert answer.status == 202, answer.text

    def work(self) -> None:
        Worker(self.services).run(burst=True)

    def leave_traces(self, who: str, wait_until: Callable[..., Any]) -> dict[str, Any]:
        """Do everything that a person's data are kept of."""
        browser = self.sign_in(who)
        form = self.late_form(browser, f"Xin cấp lại giấy khai sinh cho {PERSONAS[who].full_name}")
        assert "giữ lại an toàn" in form.text
        browsers = [self.sign_in(who), self.sign_in(who)]
        phone, (waiting, code) = self.phone(who), self.phone_that_waits(who)
        for document in ("GP-1", "GP-2"):
            self.announce(who, f"{who}-{document}")
        self.work()
        self.announce(who, f"{who}-GP-2")
        location = self.lookup(who, wait_until)
        return {"browsers": browsers, "phone": phone, "waiting": waiting, "code": code, "lookup": location, "form": browser}


@contextmanager
def everything(storage: str, folder: Path, signing_key: str, **settings: str) -> Iterator[Everything]:
    clock = Clock()
    with ExitStack() as stack:
        provider, simulator = stack.enter_context(serving(lambda base: make_simulator(base)))
        stack.callback(simulator.state.stopped.set)
        counter = vneid_service.VNeID(clock)
        counter_address, _ = stack.enter_context(serving(lambda base: counter, threads=8))
        stack.callback(counter.released.set)
        receiver = outbox_service.Receiver()
        stack.callback(receiver.close)
        counters = vneid_service.settings_for(folder, counter_address, counter_address, 8)
        papers = outbox_service.settings_for(receiver.url, storage, signing_key)
        papers = {key.replace("transport.vneid", "transport.push"): value for key, value in papers.items()}
        given: dict[str, str] = {}

        def make(base: str) -> Any:
            given.update({
                **counters, **papers, **settings_for(base, provider, "guide-2023", folder), "storage": storage,
                "documents.transport": "push", "plugins": "sso mobile qr documents", "mobile.apps": APPS,
                "mobile.rate_limit": "1000", "qr.consent": "blocking",
                "session.preserve_posts": "20000", "access": "/nop/* = login", **settings})
            return make_filter(given, clock=clock)(host)

        base, app = stack.enter_context(serving(make))
        register(simulator, base)
        stack.callback(app.services.outbound.close)
        stack.callback(app.services.storage.close)
        yield Everything(base, app, given, clock, simulator=simulator, counter=counter, receiver=receiver, provider=provider)


@pytest.fixture
def make_portal(tmp_path: Path, signing_key: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., Everything]]:
    """``make_portal("sqlite")`` starts a portal of the test's own."""
    with ExitStack() as stack:
        def make(database: str = "sqlite", **settings: str) -> Everything:
            is_file = database == "sqlite"
            storage = f"sqlite:///{tmp_path}/vneid.db" if is_file else request.getfixturevalue("postgresql_url")
            return stack.enter_context(everything(storage, tmp_path, signing_key, **settings))

        yield make


@pytest.fixture
def vneid(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``vneid(portal, "erase", number)`` runs a command on a portal and returns exit code, output and the rest."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(portal: Everything, command: str, *words: str, given: str = "", **settings: str) -> tuple[int, str, str]:
        import io

        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        capfd.readouterr()
        try:
            code = main([command, str(outbox_service.write_ini({**portal.settings, **settings}, tmp_path)), *words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return (code, *capfd.readouterr())

    return run
