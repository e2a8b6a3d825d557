"""A browser that keeps cookies and tells what it got, and a whole login in one call."""

from __future__ import annotations

import http.client
import json
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
"""What a browser sends when somebody follows a link."""


class Answer(NamedTuple):
    """One answer, redirects not followed."""

    status: int
    headers: http.client.HTTPMessage
    text: str
    url: str

    @property
    def location(self) -> str:
        """Where it redirects to, or an empty text."""
        return self.headers["Location"] or ""

    def json(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.text)


class Browser:
    """Keeps cookies by host and port, follows redirects and sends forms, as far as a login needs it.

    It runs no script and knows no SameSite: for those, test with a real browser. One for each citizen.
    """

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = {}

    def get(self, url: str, headers: dict[str, str] | None = None, follow: bool = False) -> Answer:
        """Ask for a page as somebody who follows a link; with ``follow``, and for what it redirects to."""
        answer = self.send("GET", url, headers)
        for _ in range(15):
            if not (follow and answer.status in (302, 303)):
                return answer
            answer = self.send("GET", urljoin(answer.url, answer.location), headers)
        raise AssertionError(f"redirects without end at {answer.url}")

    def post(self, url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Send a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.send("POST", url, kind, urlencode(form or {}).encode())

    def submit(self, page: Answer, **fields: str) -> Answer:
        """Send the first form of a page, filled in with ``fields`` beside its hidden ones, and follow where that leads.

        Raises:
            AssertionError: there is no form on the page.
        """
        form = Form(page.text)
        if form.action is None:
            raise AssertionError(f"no form on the page at {page.url} ({page.status})")
        origin, target = "{0.scheme}://{0.netloc}".format(urlsplit(page.url)), urljoin(page.url, form.action)
        own = target.startswith(origin + "/")
        headers = {"Origin": origin, "Referer": page.url if own else origin + "/",
                   "Sec-Fetch-Site": "same-origin" if own else "cross-site"}
        answer = self.post(target, {**form.fields, **fields}, headers)
        return self.get(urljoin(target, answer.location), follow=True) if answer.status in (302, 303) else answer

    def send(self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Send one request and keep the cookies that its answer sets."""
        parts = urlsplit(url)
        jar = self.cookies.setdefault(parts.netloc, {})
        sent = {**NAVIGATION, **(headers or {})}
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        connection = http.client.HTTPConnection(parts.netloc, timeout=40)
        try:
            connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, sent)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie") or ():
            _keep(jar, line)
        return Answer(response.status, response.headers, text, url)


def _keep(jar: dict[str, str], line: str) -> None:
    pair, *attributes = line.split(";")
    name, _, value = pair.partition("=")
    if any(part.strip().lower() == "max-age=0" for part in attributes):
        jar.pop(name, None)
    else:
        jar[name] = value


class Form(HTMLParser):
    """The first form of a page: ``action``, None where there is no form, and its hidden ``fields``."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and self.action is None:
            self.action, self._open = given.get("action") or "", True
        elif tag == "input" and self._open and given.get("type") == "hidden":
            self.fields[given.get("name") or ""] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False


def sign_in(browser: Browser, portal: str, persona: str = "nguyet", return_to: str = "/", *, prefix: str = "/vneid") -> Answer:
    """Go through a whole login at the portal, by query or by form, and return the page where it ends.

    Args:
        browser: of a citizen who is not signed in.
        portal: the portal's base URL.
        persona: who signs in: a key of ``vneid_middleware.simulator.personas.PERSONAS``, or ``refuse`` for somebody who says no.
        return_to: the page that the login is for, a path.
        prefix: the portal's setting of that name.
    """
    query = urlencode({"login_hint": persona, "return_to": return_to})
    answer = browser.get(f"{portal}{prefix}/login?{query}", follow=True)
    callback = f"{portal}{prefix}/callback"
    return browser.submit(answer) if Form(answer.text).action == callback else answer
