"""A browser that keeps cookies and tells what it got, and a server for the tests' own applications."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from waitress import create_server

NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


class Answer(NamedTuple):
    """One answer, redirects not followed."""

    status: int
    headers: http.client.HTTPMessage
    text: str
    url: str

    @property
    def location(self) -> str:
        return self.headers["Location"] or ""

    def json(self) -> Any:
        return json.loads(self.text)


class Browser:
    """Keeps cookies by host and port and follows redirects, as far as a login needs it."""

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = {}

    def get(self, url: str, headers: dict[str, str] | None = None, follow: bool = False) -> Answer:
        answer = self.send("GET", url, headers)
        for _ in range(15):
            if not (follow and answer.status in (302, 303)):
                return answer
            answer = self.send("GET", urljoin(answer.url, answer.location), headers)
        raise AssertionError(f"redirects without end at {answer.url}")

    def post(self, url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Answer:
        kind = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.send("POST", url, kind, urlencode(form or {}).encode())

    def send(self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Answer:
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
            self._keep(jar, line)
        return Answer(response.status, response.headers, text, url)

    @staticmethod
    def _keep(jar: dict[str, str], line: str) -> None:
        pair, *attributes = line.split(";")
        name, _, value = pair.partition("=")
        if any(part.strip().lower() == "max-age=0" for part in attributes):
            jar.pop(name, None)
        else:
            jar[name] = value


@contextmanager
def serving(make: Callable[[str], Any], threads: int = 8) -> Iterator[tuple[str, Any]]:
    """Serve ``make(base_url)`` on a free port and give base URL and application."""
    holder: dict[str, Any] = {}
    server = create_server(lambda environ, start: holder["app"](environ, start), host="127.0.0.1", port=0, threads=threads,
                           clear_untrusted_proxy_headers=False)
    base = f"http://127.0.0.1:{server.effective_port}"
    holder["app"] = make(base)
    def run() -> None:
        # closing the server takes its sockets away from under the loop
        with suppress(OSError):
            server.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield base, holder["app"]
    finally:
        server.task_dispatcher.shutdown(cancel_pending=True, timeout=0.1)
        # by the thread that waits on the sockets, at once: it would look up from them only after a second
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        thread.join(10)
