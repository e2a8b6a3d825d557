"""The npm package ``oidc-provider`` in a process of its own, and portals that sign in with it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import Answer, Browser, serving
from vneid_middleware.paste import make_filter

HERE = Path(__file__).parent
ACCOUNT = {"name": "Nguyễn Thị Ánh Nguyệt", "birthdate": "1990-05-17"}
SECRET = "a-secret-with-: %/+&= and more of it"


class NpmProvider:
    """``oidc-provider``, which takes new clients and keys while it runs."""

    def __init__(self, command: str) -> None:
        self.process = subprocess.Popen([command, str(HERE / "provider.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, cwd=HERE)
        assert self.process.stdout is not None
        self.issuer = self.process.stdout.readline().strip()
        assert self.issuer.startswith("http://127.0.0.1:"), "oidc-provider did not start"

    def control(self, **changes: Any) -> Any:
        """Change what it knows: ``clients``, ``account``, ``sub``, ``deny``, ``rotate``."""
        connection = HTTPConnection(self.issuer.removeprefix("http://"), timeout=30)
        try:
            connection.request("POST", "/control", json.dumps(changes))
            answer = connection.getresponse()
            assert answer.status == 200
            return json.loads(answer.read())
        finally:
            connection.close()

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture(scope="session")
def node(require: Callable[..., str]) -> str:
    """Node with the provider installed."""
    found = require("node", "nodejs")
    if not (HERE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("oidc-provider is missing: npm ci --prefix tests/providers")
    return found


@pytest.fixture(scope="module")
def provider(node: str) -> Iterator[NpmProvider]:
    found = NpmProvider(node)
    yield found
    found.stop()


class Portal(NamedTuple):
    """A portal in front of the provider, and a browser."""

    url: str
    app: Any
    browser: Browser
    client: dict[str, Any]

    def sign_in(self, path: str = "/", browser: Browser | None = None) -> Answer:
        return (browser or self.browser).get(f"{self.url}/vneid/login?return_to={path}", follow=True)

    def session(self, browser: Browser | None = None) -> Any:
        return (browser or self.browser).get(self.url + "/vneid/session").json()


def host(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Tell whom it is told of."""
    identity = environ.get("vneid.identity")
    start_response("200 OK", [("Content-Type", "application/json; charset=utf-8")])
    return [json.dumps({"user": environ.get("REMOTE_USER"), "name": identity and identity.full_name,
                        "birth_date": identity and identity.birth_date}).encode()]


@pytest.fixture
def portal(provider: NpmProvider, tmp_path: Path) -> Iterator[Callable[..., Portal]]:
    """Return ``portal(client, **settings)``, which starts one and registers it; ``client`` adds to its registration."""
    with ExitStack() as stack:
        def start(client: dict[str, Any] | None = None, **settings: str) -> Portal:
            def make(base: str) -> Any:
                app = make_filter({
                    "public_url": base, "secret": "provider-0123456789-abcdefghijklmnopqrstuvwxyz",
                    "storage": f"sqlite:///{tmp_path}/vneid.db", "server_threads": "8", "sso.profile": "oidc",
                    "sso.issuer": provider.issuer, "sso.client_id": "portal", "sso.client_secret": SECRET,
                    "sso.scope": "openid profile", **settings})(host)
                stack.callback(app.services.storage.close)
                return app

            url, app = stack.enter_context(serving(make))
            stack.callback(app.services.outbound.close)
            registered = {"client_id": "portal", "client_secret": SECRET, "redirect_uris": [url + "/vneid/callback"],
                          "post_logout_redirect_uris": [url + "/vneid/logged-out"], **(client or {})}
            provider.control(clients=[registered], account=ACCOUNT, sub="cong-dan-1", deny=False)
            return Portal(url, app, Browser(), registered)

        yield start
