"""How the simulator calls a portal: one request, no redirects, bounded in time and size."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit


class Unreachable(Exception):
    """Nobody answered, or not in HTTP, or too much.

    Args:
        reason: in a word.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Reply(NamedTuple):
    """What a portal answered; ``kind`` is the content type without parameters."""

    status: int
    kind: str
    body: bytes


def call(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, *, seconds: float = 10,
         limit: int = 1_000_000) -> Reply:
    """Send one request.

    Args:
        method: of HTTP.
        url: http or https.
        body: what is sent.
        headers: beside those that HTTP itself needs.
        seconds: how long each step may take.
        limit: bytes that an answer may have.

    Raises:
        Unreachable: there is no answer within these bounds.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.netloc, timeout=seconds)
    except http.client.InvalidURL as error:
        raise Unreachable("InvalidURL") from error
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, dict(headers or {}))
        answer = connection.getresponse()
        content = answer.read(limit + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(type(error).__name__) from error
    finally:
        connection.close()
    if len(content) > limit:
        raise Unreachable("too much")
    return Reply(answer.status, answer.headers.get_content_type(), content)
