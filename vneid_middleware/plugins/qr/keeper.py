"""What looks after lookups while there are any, whether or not somebody asks after them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.per_process import PerProcess
from vneid_middleware.plugins.qr.process import Process
from vneid_middleware.plugins.qr.settling import LEASE, Settling
from vneid_middleware.storage import lookups

log = logging.getLogger("vneid_middleware")

_KEEP_EVERY = 2.0


class Keeper:
    """Says that this process lives, ends what is over, wipes what nobody fetches.

    Args:
        services: everything of the middleware.
        settling: ends lookups.
        process: gives this process's own part.
    """

    def __init__(self, services: Any, settling: Settling, process: PerProcess[Process]) -> None:
        self._vneid = services
        self._settling = settling
        self._process = process

    def keep(self) -> None:
        """Look after what is there, also what another process, now gone, has left; until there is nothing more."""
        process = self._process()
        if process.keeper is None or process.keeper.done():
            process.keeper = self._vneid.outbound.submit(self._keep_on(process))

    async def _keep_on(self, process: Process) -> None:
        goes_on = True
        while goes_on:
            await asyncio.sleep(_KEEP_EVERY)
            try:
                goes_on = await asyncio.wrap_future(process.keeping.submit(self._keep_once, process))
            except VNeIDError as error:
                log.warning("lookups could not be looked after: %s", error)
            except Exception:
                log.exception("lookups could not be looked after")

    def _keep_once(self, process: Process) -> bool:
        now = self._vneid.now()
        if under_way := list(process.calls):
            with self._vneid.storage.begin() as connection:
                lookups.renew(connection, under_way, now + LEASE)
        goes_on = self._settling.tidy(now, process.forget)
        return goes_on or bool(process.calls)
