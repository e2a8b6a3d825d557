"""How a decided lookup reaches the portal by itself: the envelope with ``transactionId``, POSTed to the registered address."""

from __future__ import annotations

import json
import threading
from typing import Any

from vneid_middleware.simulator.calls import Unreachable, call
from vneid_middleware.simulator.counter_answers import CounterAnswers
from vneid_middleware.simulator.lookups import Lookup
from vneid_middleware.simulator.state import State

_PAUSES = (0.5, 2, 5)
"""Seconds before each further try: the portal may be busy, or still busy with our answer that names the transaction."""


class Webhook:
    """Tells the portal, as the switch ``qr_webhook`` says.

    Args:
        state: the simulator's memory.
        answers: makes what is told.
    """

    def __init__(self, state: State, answers: CounterAnswers) -> None:
        self._state, self._answers = state, answers

    def tell(self, lookup: Lookup) -> None:
        """Send the outcome of a lookup that was begun in ``webhook`` mode."""
        timing, url = self._state.switches["qr_webhook"], self._state.agency.webhook
        if lookup.mode != "webhook" or timing == "never" or not url:
            return
        for _ in range(2 if timing == "twice" else 1):
            lookup.told.append(send(url, self._answers.envelope(lookup)))
        if timing == "retried" and not _is_taken(lookup):
            threading.Thread(target=self._try_again, args=(lookup, url), daemon=True).start()

    def _try_again(self, lookup: Lookup, url: str) -> None:
        for pause in _PAUSES:
            if self._state.stopped.wait(pause):
                return
            lookup.told.append(send(url, self._answers.envelope(lookup)))
            if _is_taken(lookup):
                return


def _is_taken(lookup: Lookup) -> bool:
    return 200 <= lookup.told[-1] < 300


def send(url: str, body: Any) -> int:
    """POST JSON; return the status, or 0 when nobody answered."""
    try:
        return call("POST", url, json.dumps(body).encode(), {"Content-Type": "application/json"}).status
    except Unreachable:
        return 0
