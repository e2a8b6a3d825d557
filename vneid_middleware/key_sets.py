"""The keys that others sign with, from a file or from where they publish them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vneid_middleware.converters import existing_file, url
from vneid_middleware.core.jose import KeySet, loads_object
from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.kept import Deadline, Kept
from vneid_middleware.settings import Source

KEYS_TTL = 3_600
MAX_KEY_SET = 262_144


def key_set_place(value: str, source: Source) -> str:
    """``file:PATH``, or an https URL."""
    if value.startswith("file:"):
        return existing_file(value, source)
    return url(value, source)


key_set_place.keeps_file = True  # type: ignore[attr-defined]


def kept_key_set(setting: str, place: str, services: Any) -> Kept[KeySet]:
    """Return a signer's keys, fetched when they are first needed.

    Args:
        setting: what the ini calls them, for errors.
        place: what :func:`key_set_place` returned.
    """

    def fetch(deadline: Deadline) -> KeySet:
        keys = KeySet.from_jwks(loads_object(_content(setting, place, services, deadline)))
        if not keys.keys:
            raise UpstreamError("malformed", f"{setting} has no usable key")
        return keys

    return Kept(fetch, KEYS_TTL, services.clock)


def _content(setting: str, place: str, services: Any, deadline: Deadline) -> bytes:
    if not place.startswith(("https://", "http://")):
        try:
            return Path(place).read_bytes()
        except OSError as error:
            raise UpstreamError("malformed", f"the file of {setting} can't be read: {error.strerror}") from error
    answer = services.outbound.call("GET", place, headers={"Accept": "application/json"}, timeout=deadline.left(),
                                    max_body=MAX_KEY_SET)
    if answer.status != 200:
        raise UpstreamError("status", f"{setting} answered {answer.status}", status=answer.status)
    content: bytes = answer.body
    return content
