"""The provider of the kit, portals in front of it, and time that goes on by days, so that each test finds a portal that has
to ask for metadata and keys anew. Portals with the same settings are made once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support import Clock
from vneid_middleware.kept import MAX_STALE
from vneid_middleware.paste import make_filter
from vneid_middleware.plugins.sso.provider import METADATA_TTL
from vneid_middleware.testing import Answer, Browser, MisbehavingProvider, serving, sign_in


def host(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Tell who is there, with every claim."""
    identity = environ.get("vneid.identity")
    start_response("200 OK", [("Content-Type", "application/json; charset=utf-8")])
    return [json.dumps({"user": environ.get("REMOTE_USER"), "name": identity and identity.full_name,
                        "claims": identity and dict(identity.claims)}).encode()]


class Portal:
    """A portal, its audit, and the provider that it signs in with."""

    def __init__(self, url: str, provider: MisbehavingProvider, clock: Clock, audit: Path) -> None:
        self.url, self.provider, self.clock, self._audit = url, provider, clock, audit

    def sign_in(self, persona: str = "nguyet", path: str = "/ho-so", browser: Browser | None = None) -> Answer:
        return sign_in(browser or Browser(), self.url, persona, path)

    def user(self, browser: Browser) -> Any:
        """Whom the host is told of."""
        return browser.get(self.url + "/").json()["user"]

    def last_event(self) -> dict[str, Any]:
        return json.loads(self._audit.read_text(encoding="ascii").splitlines()[-1])

    def asked(self) -> tuple[int, int]:
        """How many token and userinfo requests the provider got."""
        return len(self.provider.requests("token")), len(self.provider.requests("userinfo"))


class Stage:
    """The provider, and portals with certain settings, which are made once."""

    def __init__(self, provider: MisbehavingProvider, clock: Clock, folder: Path, stack: ExitStack) -> None:
        self.provider, self.clock, self._folder, self._stack = provider, clock, folder, stack
        self._made: dict[Any, Portal] = {}

    def portal(self, **settings: str) -> Portal:
        key = tuple(sorted(settings.items()))
        if key not in self._made:
            self._made[key] = self.start(self._stack, **settings)
        return self._made[key]

    def start(self, stack: ExitStack, registered: Callable[[], object] = lambda: None, **settings: str) -> Portal:
        """Start a portal until ``stack`` is closed; ``registered`` is called when the provider knows it."""
        audit = self._folder / f"audit-{uuid.uuid4().hex}.jsonl"

        def make(base: str) -> Any:
            found = self.provider.settings(base, **{"audit.sinks": f"file:{audit}", "server_threads": "8"}, **settings)
            registered()
            return make_filter(found, clock=self.clock)(host)

        url, app = stack.enter_context(serving(make))
        stack.callback(app.services.storage.close)
        stack.callback(app.services.outbound.close)
        return Portal(url, self.provider, self.clock, audit)

    def renew(self) -> None:
        """Let so much time pass that every portal asks for metadata and keys anew; the provider is honest."""
        self.clock.ahead += METADATA_TTL + MAX_STALE + 1
        self.provider.honest()
        self.provider.forget_requests()


@pytest.fixture(scope="session")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    clock = Clock()
    with ExitStack() as stack:
        provider = stack.enter_context(MisbehavingProvider(clock=clock))
        yield Stage(provider, clock, tmp_path_factory.mktemp("conformance"), stack)


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    _stage.renew()
    return _stage


@pytest.fixture
def portal(stage: Stage) -> Callable[..., Portal]:
    """``portal(**settings)`` returns a portal that knows nothing of the provider yet."""
    return stage.portal


@pytest.fixture
def start(stage: Stage) -> Iterator[Callable[..., Portal]]:
    """``start(registered, **settings)`` returns a portal of this test alone; see :meth:`Stage.start`."""
    with ExitStack() as stack:
        yield lambda *given, **settings: stage.start(stack, *given, **settings)


@pytest.fixture
def provider(stage: Stage) -> MisbehavingProvider:
    return stage.provider
