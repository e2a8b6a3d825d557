"""``secret`` is rotated: what the outbox holds under an older line is written anew, so that the line may go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from zope.interface import implementer

from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import ITrial
from vneid_middleware.storage import outbox_rotation, secrets_in_use
from vneid_middleware.storage.outbox_rotation import Older

log = logging.getLogger("vneid_middleware")

_BATCH = 200
"""Rows that are written in one transaction, so that nobody waits long for it."""


@implementer(ITrial)
class Rotation:
    """Writes anew what is under an older secret.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services

    def run(self, after_each: Callable[[], None]) -> int:
        """Write everything anew by the newest secret; return how many rows that were.

        Does nothing but one query where one secret is in use, as nearly always.

        Args:
            after_each: called after each transaction.

        Raises:
            StorageError: storage does not answer. The next call goes on there.
        """
        ids: list[str] = self._vneid.key_ring.ids("document")
        with self._vneid.storage.read() as connection:
            in_use = secrets_in_use.found(connection)
        if set(in_use) <= {ids[0]}:
            return 0
        if not set(in_use) <= set(ids):
            log.error("the outbox: %s", _MISSING)
            return 0
        # from now on whoever has the older secrets only is told so
        with self._vneid.storage.begin() as connection:
            secrets_in_use.note(connection, ids[0], now=self._vneid.clock())
        written = (self._through(outbox_rotation.documents_but, self._write_document, after_each)
                   + self._through(outbox_rotation.changes_but, self._write_change, after_each))
        with self._vneid.storage.begin() as connection:
            secrets_in_use.drop(connection, ids[1:], now=self._vneid.clock())
        log.info("the outbox needs the older lines of secret no more: %s rows were written anew", written)
        return written

    def _through(self, rows_but: Callable[..., Sequence[Older]], write: Callable[[Any, Older], None],
                 after_each: Callable[[], None]) -> int:
        mark, after, count = self._vneid["outbox"].mark, 0, 0
        while True:
            with self._vneid.storage.read() as connection:
                rows = rows_but(connection, mark, after=after, limit=_BATCH)
            if not rows:
                return count
            with self._vneid.storage.begin() as connection:
                for row in rows:
                    try:
                        write(connection, row)
                    except VNeIDError as error:
                        if error.code != "key_missing":
                            raise
                        log.error("the outbox: a row is sealed with a secret that is gone, and stays as it is")
            after, count = rows[-1].number, count + len(rows)
            after_each()

    def _write_document(self, connection: Any, older: Older) -> None:
        keys, person_key, sealed = self._vneid["outbox"].document_anew(older.sealed)
        outbox_rotation.write_document(connection, older, keys, person_key, sealed)

    def _write_change(self, connection: Any, older: Older) -> None:
        outbox_rotation.write_change(connection, older, self._vneid["outbox"].change_anew(older.sealed, older.change_id))

    def try_online(self) -> Iterator[tuple[str, ...]]:
        """Tell whether all lines that are needed are here, and whether older ones may go."""
        ids: list[str] = self._vneid.key_ring.ids("document")
        with self._vneid.storage.read() as connection:
            in_use = secrets_in_use.found(connection)
        if not set(in_use) <= set(ids):
            yield "secret", _MISSING
        elif set(in_use) & set(ids[1:]):
            yield "secret", "the outbox still needs an older line: keep it until a worker has written everything anew", "warning"
        else:
            yield "secret", ""


_MISSING = ("documents are hashed under a line of secret that is not here: put it back behind the others, let vneid worker run, "
            "and look again")
