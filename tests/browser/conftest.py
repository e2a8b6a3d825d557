"""A citizen with a real browser before the Django portal and the VNeID simulator, both as processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, Route

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = Path(os.environ.get("VNEID_ARTIFACTS") or ROOT / "artifacts")
BIN = Path(sys.executable).parent
MEASURES = (Path(__file__).parent / "measures.js").read_text(encoding="utf-8")
LOCALES = {"vi": "vi-VN", "en": "en-US"}
MOBILE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
ORGANISATIONS_ONLY = "/chi-to-chuc/*"
"""A rule that the example does not have: without it nobody who signs in there is ever forbidden a page."""


class Site(NamedTuple):
    """Where the portal and the simulator listen, and the portal's folder."""

    portal: str
    simulator: str
    folder: Path

    def switch(self, **values: str) -> None:
        """Set the simulator's switches; ``fault_token`` is ``fault.token``."""
        body = json.dumps({name.replace("fault_", "fault."): value for name, value in values.items()}).encode()
        urlopen(Request(self.simulator + "/control/switches", body, {"Content-Type": "application/json"}), timeout=10).close()

    @contextmanager
    def broken(self, **faults: str) -> Iterator[None]:
        """Let the provider misbehave for a while."""
        self.switch(**faults)
        try:
            yield
        finally:
            self.switch(**dict.fromkeys(faults, "none"))

    def requests(self) -> list[dict[str, Any]]:
        """Return what the provider was asked so far."""
        with urlopen(self.simulator + "/control/log", timeout=10) as answer:
            return list(json.load(answer)["requests"])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int], wait_until: Callable[..., Any],
         ) -> Iterator[Site]:
    """The example as its administrator starts it, on ports of its own."""
    folder = tmp_path_factory.mktemp("browser") / "django"
    for name in ("django", "documents"):
        shutil.copytree(ROOT / "examples" / name, folder.parent / name, ignore=shutil.ignore_patterns("var", "__pycache__"))
    ini = folder / "portal.ini"
    text = ini.read_text(encoding="utf-8")
    assert "\naccess =\n" in text
    ini.write_text(text.replace("\naccess =\n", f"\naccess =\n    {ORGANISATIONS_ONLY} = account=organisation\n"), "utf-8")
    environ = dict(os.environ)
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, env=environ, check=True, timeout=60)
    ports = free_port(), free_port()
    found = Site(*(f"http://127.0.0.1:{port}" for port in ports), folder)
    commands = (
        [str(BIN / "python"), "-m", "vneid_middleware.simulator", "--port", str(ports[1]), "--portal", found.portal],
        [str(BIN / "vneid"), "serve", str(ini), f"port={ports[0]}", f"simulator_port={ports[1]}"])
    with ExitStack() as stack:
        for number, command in enumerate(commands):
            stack.enter_context(_running(command, folder / f"{number}.log", environ))
        for url in (found.simulator + "/health", found.portal + "/vneid/health/live"):
            wait_until(lambda url=url: _answers(url), 30, url)
        yield found


@contextmanager
def _running(command: list[str], log: Path, environ: dict[str, str]) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=log.parent, env=environ, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=2).close()
    except (URLError, OSError):
        return False
    return True


class Citizen:
    """Somebody with a browser of their own, who notes what goes wrong in it.

    Args:
        context: the browser's profile.
        site: where to go.
        lang: ``vi`` or ``en``.
    """

    def __init__(self, context: BrowserContext, site: Site, lang: str) -> None:
        self.context, self.site, self.lang = context, site, lang
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.answer: Response | None = None
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("response", self._response)
        self.page = context.new_page()

    def _console(self, message: ConsoleMessage) -> None:
        # a page whose own status is an error is no fault of the page
        status = message.text.startswith("Failed to load resource: the server responded with a status of")
        if message.type in ("error", "warning") and not (status and message.location["url"] == self.page.url):
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def _response(self, response: Response) -> None:
        if response.request.is_navigation_request() and not 300 <= response.status < 400:
            self.answer = response

    @property
    def status(self) -> int:
        assert self.answer is not None
        return self.answer.status

    @property
    def path(self) -> str:
        """Where the browser is at the portal, with its query; an address elsewhere stays whole."""
        return self.page.url.removeprefix(self.site.portal)

    @property
    def hosts(self) -> set[str]:
        """Everybody whom the browser asked for something."""
        return {urlsplit(url).netloc for url in self.asked if not url.startswith("data:")}

    def start_afresh(self) -> None:
        """Forget everything: cookies, where one was, and what went wrong there."""
        self.context.clear_cookies()
        self.page.goto("about:blank")
        self.complaints.clear()
        self.asked.clear()
        self.answer = None

    def go(self, path: str) -> None:
        self.page.goto(self.site.portal + path)

    def post(self, path: str) -> None:
        """Send a form to ``path``, from no page at all."""
        def as_post(route: Route) -> None:
            route.continue_(method="POST", headers={**route.request.headers,
                                                    "content-type": "application/x-www-form-urlencoded"}, post_data="a=b")

        self.page.route(self.site.portal + path, as_post, times=1)
        self.go(path)

    def choose(self, persona: str, page: Page | None = None) -> None:
        """Press a persona's button on the provider's sign-in page."""
        (page or self.page).locator(f'button[value="{persona}"]').click()

    def sign_in(self, persona: str = "nguyet", path: str = "/", level: str = "") -> None:
        self.go(f"/vneid/login?{f'level={level}&' if level else ''}return_to={path}")
        self.choose(persona)

    def measure(self, call: str) -> Any:
        """Ask one of the questions in measures.js of the page as it is shown."""
        return self.page.evaluate(f"({MEASURES}).{call}")

    def is_signed_in(self) -> bool:
        return bool(self.context.request.get(self.site.portal + "/vneid/session").json()["authenticated"])

    def shoot(self, name: str, page: Page | None = None) -> None:
        """Keep pictures of the page, as a telephone and as a desk shows it."""
        seen = page or self.page
        for form, size in (("mobile", MOBILE), ("desktop", DESKTOP)):
            seen.set_viewport_size(size)
            seen.screenshot(path=ARTIFACTS / f"{name}-{self.lang}-{form}.png", full_page=True)


@pytest.fixture(scope="module")
def open_citizen(chrome: Browser, site: Site) -> Callable[..., Any]:
    """``with open_citizen("en", java_script_enabled=False) as citizen`` opens a new profile."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def opened(lang: str = "vi", **options: Any) -> Iterator[Citizen]:
        context = chrome.new_context(locale=LOCALES[lang], viewport=DESKTOP, **options)
        context.set_default_timeout(10_000)
        try:
            yield Citizen(context, site, lang)
        finally:
            context.close()

    return opened


@pytest.fixture
def citizen(open_citizen: Callable[..., Any]) -> Iterator[Citizen]:
    """A Vietnamese reader."""
    with open_citizen() as found:
        yield found
