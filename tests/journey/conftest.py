"""A portal and the VNeID simulator, both over real HTTP on loopback, and a browser that keeps cookies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from support import Answer, Browser, serving
from vneid_middleware.paste import make_filter
from vneid_middleware.simulator import make_simulator
from vneid_middleware.simulator.state import DEMO_CLIENT, DEMO_SECRET
from vneid_middleware.simulator.tokens import Keys


def host(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The untouched portal: greets whom it is told of, and keeps one page for people who are signed in."""
    user = environ.get("REMOTE_USER")
    if environ["PATH_INFO"] == "/ho-so" and not user:
        start_response("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Form")])
        return [b"sign in first"]
    identity = environ.get("vneid.identity")
    start_response("200 OK", [("Content-Type", "application/json; charset=utf-8")])
    return [json.dumps({"user": user, "name": identity and identity.full_name, "level": identity and identity.level,
                        "birth_date": identity and identity.birth_date, "cookie": environ.get("HTTP_COOKIE", ""),
                        "path": environ["PATH_INFO"], "query": environ["QUERY_STRING"]}).encode()]


class Journey:
    """Portal, simulator and a browser."""

    def __init__(self, portal: str, app: Any, provider: str, simulator: Any) -> None:
        self.portal, self.app, self.provider, self.simulator = portal, app, provider, simulator
        self.browser = Browser()

    def switch(self, **values: str) -> None:
        for name, value in values.items():
            self.simulator.state.set(name.replace("fault_", "fault."), value)

    def sign_in(self, persona: str = "nguyet", path: str = "/", level: str = "", browser: Browser | None = None) -> Answer:
        """Go through a login as ``persona`` and return where it ends."""
        self.simulator.state.persona = persona
        query = urlencode({**({"level": level} if level else {}), "return_to": path})
        return (browser or self.browser).get(f"{self.portal}/vneid/login?{query}", follow=True)

    def session(self, browser: Browser | None = None) -> Any:
        return (browser or self.browser).get(self.portal + "/vneid/session").json()

    def audit(self) -> list[dict[str, Any]]:
        from vneid_middleware.storage import audit

        with self.app.services.storage.read() as connection:
            return [json.loads(record) for _, record in audit.records(connection)]

    def token_requests(self) -> int:
        return sum(entry["path"].endswith("/token") for entry in self.simulator.state.log)


@pytest.fixture(scope="session")
def keys() -> Keys:
    """The provider's keys: a new pair costs more than a login."""
    made = Keys()
    assert made.signing != made.foreign
    return made


@pytest.fixture
def journey(tmp_path: Path, new_database: Callable[[Path], None], keys: Keys) -> Iterator[Callable[..., Journey]]:
    """Return a function that starts a portal with further settings before a simulator."""
    with ExitStack() as stack:
        new_database(tmp_path / "vneid.db")

        def start(profile: str = "guide-2023", clock: Callable[[], float] = time.time, **settings: str) -> Journey:
            portal: dict[str, str] = {}
            provider, simulator = stack.enter_context(serving(lambda base: make_simulator(base)))
            vars(simulator.keys).update(signing=keys.signing, foreign=keys.foreign)

            def make(base: str) -> Any:
                portal["base"] = base
                app = make_filter({**settings_for(base, provider, profile, tmp_path), **settings}, clock=clock)(host)
                stack.callback(app.services.storage.close)
                return app

            base, app = stack.enter_context(serving(make))
            register(simulator, base)
            if profile == "oidc":
                simulator.state.set("id_token", "on")
                simulator.state.set("claims", "oidc")
                simulator.state.set("logout_parameter", "post_logout_redirect_uri")
            # the other way round: first nothing hangs any more, then the server ends, then its storage
            stack.callback(app.services.outbound.close)
            stack.callback(simulator.state.stopped.set)
            return Journey(base, app, provider, simulator)

        yield start


def register(simulator: Any, portal: str, **more: str) -> None:
    from vneid_middleware.simulator.state import Client

    simulator.state.clients[DEMO_CLIENT] = Client(DEMO_CLIENT, DEMO_SECRET, (portal + "/vneid/callback",),
                                                  (portal + "/vneid/logged-out",), **more)


def settings_for(portal: str, provider: str, profile: str, folder: Any) -> dict[str, str]:
    common = {"public_url": portal, "secret": "journey-0123456789-abcdefghijklmnopqrstuvwxyz",
              "storage": f"sqlite:///{folder}/vneid.db", "sso.client_id": DEMO_CLIENT, "sso.client_secret": DEMO_SECRET,
              "sso.profile": profile, "server_threads": "8"}
    if profile == "oidc":
        return {**common, "sso.issuer": provider}
    return {**common, "sso.authorization_endpoint": provider + "/auth",
            "sso.token_endpoint": provider + "/api/idp/auth/realms/citizen/protocol/openid-connect/token",
            "sso.userinfo_endpoint": provider + "/api/idp/third-party/userinfo",
            "sso.logout_endpoint": provider + "/api/idp/sso/logout"}
