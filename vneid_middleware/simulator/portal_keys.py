"""The keys that a portal publishes: what is encrypted for it, and what it signed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from vneid_middleware.core.jose import JoseError, KeySet, parse_compact, verify_signature
from vneid_middleware.simulator.calls import Unreachable, call
from vneid_middleware.simulator.counter_keys import ALGORITHMS

_FETCHED = 60
_SECONDS = 5


class PortalKeys:
    """The portal's published keys, fetched when they are needed and kept for a minute.

    Args:
        clock: unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, dict[str, Any], KeySet]] = {}

    def encryption_key(self, url: str) -> dict[str, Any]:
        """Return the portal's JWK for encryption.

        Raises:
            ValueError: the portal can't be asked, or publishes no such key.
        """
        for fresh in (False, True):
            for key in self._published(url, fresh)[0].get("keys", ()):
                if key.get("use") == "enc":
                    return dict(key)
        raise ValueError(f"{url}: holds no key with use = enc")

    def verified(self, token: str, url: str, max_size: int) -> dict[str, Any]:
        """Return the claims of a compact JWS that the portal signed; its keys are fetched again when none fits.

        Args:
            token: as it came.
            url: where the portal publishes its keys.
            max_size: characters of the token.

        Raises:
            JoseError: the token is refused.
            ValueError: the portal can't be asked for its keys.
        """
        parsed = parse_compact(token, max_size=max_size)
        try:
            verify_signature(parsed, self._published(url, False)[1], ALGORITHMS)
        except JoseError as error:
            if not error.key_set_may_be_stale:
                raise
            verify_signature(parsed, self._published(url, True)[1], ALGORITHMS)
        return parsed.claims()

    def _published(self, url: str, fresh: bool) -> tuple[dict[str, Any], KeySet]:
        with self._lock:
            fetched, document, key_set = self._known.get(url, (0.0, {}, KeySet(())))
            if fresh or url not in self._known or self._clock() >= fetched + _FETCHED:
                document = _fetch(url)
                key_set = KeySet.from_jwks(document)
                self._known[url] = (self._clock(), document, key_set)
            return document, key_set


def _fetch(url: str) -> dict[str, Any]:
    try:
        answer = call("GET", url, seconds=_SECONDS)
    except Unreachable as error:
        raise ValueError(f"{url}: {error.reason}") from error
    document = json.loads(answer.body) if answer.status == 200 else {}
    return document if isinstance(document, dict) and isinstance(document.get("keys"), list) else {"keys": []}
