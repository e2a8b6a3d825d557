"""A server for a test's own application."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def serving(make: Callable[[str], Any], threads: int = 8) -> Iterator[tuple[str, Any]]:
    """Serve ``make(base_url)`` on a free port of loopback, and give base URL and application.

    Args:
        make: gets the base URL, without a slash at the end, and returns a WSGI application.
        threads: how many requests are taken at once.
    """
    from waitress import create_server

    holder: dict[str, Any] = {}
    server = create_server(lambda environ, start: holder["app"](environ, start), host="127.0.0.1", port=0, threads=threads,
                           clear_untrusted_proxy_headers=False)
    base = f"http://127.0.0.1:{server.effective_port}"
    thread = threading.Thread(target=server.run, name="test-server", daemon=True)
    try:
        holder["app"] = make(base)
        thread.start()
        yield base, holder["app"]
    finally:
        server.task_dispatcher.shutdown()
        # sockets are closed by the thread that waits on them: closed by another one they would break its select
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        if thread.ident is None:
            server.asyncore.close_all(server._map)
        else:
            thread.join(10)
