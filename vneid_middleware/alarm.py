"""Telling people at once: a JSON POST to ``alarm.url`` for what must not wait until somebody reads the audit."""

from __future__ import annotations

import json
import logging
import threading
from datetime import datetime, timezone
from typing import Any

from vneid_middleware.exceptions import VNeIDError

log = logging.getLogger("vneid_middleware")

MAX_WAITING = 8
"""Alarms under way at once; what comes beyond that is in the log and in the audit all the same."""


class Alarm:
    """Sends alarms, beside the request that raises them.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services
        url = services.settings["alarm.url"]
        self._url = url.reveal() if url else ""
        self._turns = threading.BoundedSemaphore(MAX_WAITING)

    def send(self, name: str, request_id: str, **facts: Any) -> None:
        """Send an alarm and return at once; without ``alarm.url`` it is logged only.

        Args:
            name: its stable word, ``account_conflict`` say.
            request_id: correlation id.
            facts: what else is told. No names, no whole numbers, no secrets: the receiver may be a chat.
        """
        # sentences have a line of the log of their own
        told = "".join(f" {fact}={value}" for fact, value in facts.items() if " " not in str(value))
        log.error("%s: alarm: %s%s", request_id, name, told)
        if not self._url:
            return
        if not self._turns.acquire(blocking=False):
            log.error("%s: the alarm could not be sent: too many are under way", request_id)
            return
        time = datetime.fromtimestamp(self._vneid.clock(), timezone.utc).isoformat(timespec="milliseconds")
        body = json.dumps({"alarm": name, "time": time.replace("+00:00", "Z"), "portal": self._vneid.links.public_url,
                           "request_id": request_id, **facts}).encode()
        threading.Thread(target=self._post, args=(request_id, body), name="vneid-alarm", daemon=True).start()

    def _post(self, request_id: str, body: bytes) -> None:
        try:
            answer = self._vneid.outbound.call("POST", self._url, headers={"Content-Type": "application/json"}, body=body)
            if answer.status >= 300:
                log.error("%s: the alarm could not be sent: alarm.url answered %s", request_id, answer.status)
        except VNeIDError as error:
            log.error("%s: the alarm could not be sent: %s", request_id, error)
        except Exception as error:
            log.error("%s: the alarm could not be sent: %s", request_id, type(error).__name__)
        finally:
            self._turns.release()
