"""How an endpoint misbehaves when it is told to: by its time, its status, its form or its bytes."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache

from webob import Response

from vneid_middleware.simulator.answers import redirect
from vneid_middleware.simulator.state import State

_DRIP = b'{"a":"' + b"x" * 120


def misbehaviour(state: State, endpoint: str) -> Response | None:
    """Return the answer that stands in place of an endpoint's own; None: it goes on, perhaps after a while."""
    return misbehaviour_of(state, state.faults[endpoint])


def misbehaviour_of(state: State, fault: str) -> Response | None:
    """Return the answer that is a fault of :data:`~vneid_middleware.simulator.switches.FAULTS`; None as above."""
    if fault in ("slow", "hang"):
        state.stopped.wait(3 if fault == "slow" else 120)
        return None
    bodies = {"html": (200, "text/html", b"<h1>It works!</h1>"), "wrong-type": (200, "text/plain", b'{"a": 1}'),
              "invalid-json": (200, "application/json", b'{"a":'), "empty": (200, "application/json", b""),
              "500": (500, "text/html", b"Internal Server Error"), "503": (503, "text/html", b"Service Unavailable")}
    if fault in bodies:
        status, kind, body = bodies[fault]
        return Response(body, status=status, content_type=kind)
    if fault in ("huge", "gzip-bomb"):
        return _large(fault)
    if fault == "broken-off":
        # the server closes the connection when the body is shorter than was promised
        return Response(app_iter=[b'{"a":'], content_type="application/json", content_length=1000)
    if fault == "drip":
        return Response(app_iter=_drops(state), content_type="application/json", content_length=len(_DRIP))
    return redirect("http://169.254.169.254/") if fault == "redirect" else None


def _large(fault: str) -> Response:
    if fault == "huge":
        return Response(b'{"a":"' + b"x" * 20_000_000 + b'"}', content_type="application/json")
    return Response(_gzip_bomb(), content_type="application/json", headers={"Content-Encoding": "gzip"})


def _drops(state: State) -> Iterator[bytes]:
    for number in range(len(_DRIP)):
        if state.stopped.wait(1):
            return
        yield _DRIP[number:number + 1]


@cache
def _gzip_bomb() -> bytes:
    return gzip.compress(b'{"a":"' + b"x" * 100_000_000 + b'"}', 9)
