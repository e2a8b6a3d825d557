"""An access token that many messages share: fetched once, kept until shortly before its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from vneid_middleware.core.client_credentials import AccessToken
from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.kept import Deadline


class AccessTokens:
    """Keeps the token of one transport. Its coroutines run on the outbound client's loop.

    Args:
        fetch: gets a new token.
        clock: unix seconds.
    """

    def __init__(self, fetch: Callable[[], Coroutine[Any, Any, AccessToken]], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: tuple[str, float, float] | None = None
        self._running: asyncio.Task[str] | None = None

    async def get(self, deadline: Deadline) -> str:
        """Return the token, a new one where there is none or its time is over.

        Raises:
            UpstreamError: there is no token to be had, or not in time.
        """
        kept, now = self._kept, self._clock()
        if kept is not None and kept[1] <= now < kept[2]:
            return kept[0]
        return await self._shared(deadline)

    async def newer_than(self, seen: str, deadline: Deadline) -> str:
        """Return a token that is not ``seen``, which was refused before its time."""
        if self._kept is not None and self._kept[0] is seen:
            self._kept = None
        return await self.get(deadline)

    async def _shared(self, deadline: Deadline) -> str:
        """Wait for the one request that is under way; it goes on for the others when this message is given up."""
        task = self._running
        # after a fork, and after the client was closed, the old loop runs no more
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = self._running = asyncio.get_running_loop().create_task(self._renew())
            task.add_done_callback(_look_at)
        try:
            return await asyncio.wait_for(asyncio.shield(task), deadline.left())
        except asyncio.TimeoutError as error:
            raise UpstreamError("timeout", "the token endpoint did not answer in time") from error

    async def _renew(self) -> str:
        began = self._clock()
        token = await self._fetch()
        self._kept = (token.value, began, began + token.lifetime)
        return token.value


def _look_at(task: asyncio.Task[str]) -> None:
    # an error that nobody waits for any more is no fault of the program
    if not task.cancelled():
        task.exception()
