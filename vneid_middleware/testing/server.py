"""A server for a test's own application."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def serving(make: Callable[[str], Any], **options: Any) -> Iterator[tuple[str, Any]]:
    """Serve ``make(base_url)`` by waitress on a free port of loopback, and give base URL and application.

    Args:
        make: gets the base URL, without a slash at the end, and returns a WSGI application.
        options: of waitress. ``threads``, how many requests are taken at once, is 8 and ``clear_untrusted_proxy_headers`` off
            unless they are given.
    """
    from waitress import create_server

    holder: dict[str, Any] = {}
    server = create_server(lambda environ, start: holder["app"](environ, start), host="127.0.0.1", port=0,
                           **{"threads": 8, "clear_untrusted_proxy_headers": False, **options})
    base = f"http://127.0.0.1:{server.effective_port}"
    thread = threading.Thread(target=server.run, name="test-server", daemon=True)
    try:
        holder["app"] = make(base)
        thread.start()
        yield base, holder["app"]
    finally:
        _stop(server, thread)


def _stop(server: Any, thread: threading.Thread) -> None:
    if thread.ident is None:
        server.asyncore.close_all(server._map)
    else:
        # the thread that waits on the sockets closes them: closed by another one they would break its select, or leave it
        # waiting for its time-out
        with suppress(OSError):
            # a thread that answers at this moment may have woken it before us, and then it closed already
            server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        thread.join(10)
    # idle threads end at once; one that hangs is not waited for
    server.task_dispatcher.shutdown(timeout=1)
