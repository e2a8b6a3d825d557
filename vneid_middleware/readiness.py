"""Asking the parts of the middleware, a vendor's among them, whether they can do their work: one that fails hides no other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.loader import told
from vneid_middleware.per_process import PerProcess

log = logging.getLogger("vneid_middleware")

LONGEST = 5.0
"""Seconds that a check is waited for; the contract allows it two."""


class _Asked(NamedTuple):
    began: float
    fault: Future[str]


class _Running:
    """What one process has asked."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}
        self._lock = threading.Lock()

    def ask(self, name: str, part: Any) -> _Asked:
        """Ask a part, unless it is being asked: of a check that hangs there is one thread at most."""
        with self._lock:
            known = self._asked.get(name)
            if known is not None and not known.fault.done():
                return known
            asked = self._asked[name] = _Asked(time.monotonic(), Future())
        # not of a pool, whose threads the end of the process waits for
        threading.Thread(target=_check, args=(name, part, asked.fault), name=f"vneid-ready-{name}", daemon=True).start()
        return asked


class Readiness:
    """Asks all parts at the same time, and waits for none longer than ``LONGEST``."""

    def __init__(self) -> None:
        self._running = PerProcess(_Running)

    def faults(self, parts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Give the parts that are not ready, as name and ``IReadinessCheck``.

        Args:
            parts: name to ``IReadinessCheck``.
        """
        running = self._running()
        asked = {name: running.ask(name, part) for name, part in parts.items()}
        for name, (began, fault) in asked.items():
            # what hangs already is not waited for once more
            if not wait([fault], max(0.0, began + LONGEST - time.monotonic())).done:
                log.warning("%s is not ready: its check takes longer than %g s", name, LONGEST)
                yield name, parts[name]
            elif fault.result():
                log.warning("%s is not ready: %s", name, fault.result())
                yield name, parts[name]


def _check(name: str, part: Any, fault: Future[str]) -> None:
    try:
        part.check()
        fault.set_result("")
    except VNeIDError as error:
        fault.set_result(str(error))
    except BaseException as error:
        # a vendor's own words are for the log, and not a reason to answer with an error of ours
        log.error("the check of %s failed", name, exc_info=error)
        fault.set_result(f"its check failed with {type(error).__name__}")


def trials(name: str, component: Any) -> Iterator[tuple[str, ...]]:
    """Give what a component tries online; an error of its own ends its trials and is told like a fault.

    Args:
        name: what the trials are of.
        component: an ``ITrial``.
    """
    try:
        yield from component.try_online()
    except VNeIDError as error:
        yield name, str(error)
    except Exception as error:
        yield name, told(error)
