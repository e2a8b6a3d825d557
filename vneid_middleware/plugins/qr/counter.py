"""Lookups at the counter, from the scan to the answer that is fetched and wiped (the guide's B1 to B11).

What was asked is in ``questions``, what VNeID answers in ``calls``, how a lookup ends in ``settling``; ``keeper`` looks after
those that nobody asks after.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from vneid_middleware.core import lookup
from vneid_middleware.core.lookup import Question, Result
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.models import Operator, Who
from vneid_middleware.per_process import PerProcess
from vneid_middleware.plugins.qr.calls import Calls
from vneid_middleware.plugins.qr.operators import BearerOperators, HostOperators
from vneid_middleware.plugins.qr.process import Process
from vneid_middleware.plugins.qr.questions import Begun, Questions
from vneid_middleware.plugins.qr.settling import Settling
from vneid_middleware.plugins.qr.upstream import Asked, Upstream
from vneid_middleware.storage import lookups
from vneid_middleware.storage.lookups import Lookup


class Counter:
    """The lookups of a portal.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services
        self.upstream = Upstream(services)
        threads = services.settings["server_threads"]
        self._process = PerProcess(lambda: Process(threads))
        self._settling = Settling(services)
        self._questions = Questions(services)
        self._calls = Calls(services, self.upstream, self._questions, self._settling, self._process)
        self.hook = self._calls.hook
        self.keep = self._calls.keeper.keep
        self.policy = _policy(services)
        codes: Mapping[str, str] = services.settings["qr.response_codes"]
        self.pending_code = next((code for code, status in codes.items() if status == lookup.PENDING), None)

    def ask(self, question: Question, operator: Operator, who: Who) -> Begun:
        """Begin a lookup.

        Returns:
            its id and, where it came within a moment, its result.

        Raises:
            VNeIDError: ``too_many_lookups``, with evidence ``retry_after`` in seconds.
            StorageError, AuditError: nothing can be kept, so nobody is asked.
        """
        asked = Asked(secrets.token_urlsafe(24), question.qr_id, str(uuid.uuid4()), operator.officer_id or question.officer_id,
                      question.unit_code, question.dossier)
        row, begun = self._questions.begin(asked, operator, who, self._process().owner)
        if begun.identifier != asked.identifier:
            return begun
        self._questions.tell(asked, operator, row, who)
        if begun.result is not None:
            self._settling.tell(who, begun.result)
            return begun
        return begun._replace(result=self._calls.call(row, asked, first=True))

    def look(self, identifier: str, operator: Operator) -> Result | None:
        """Return the result of a lookup, once; None while it waits.

        Raises:
            VNeIDError: ``lookup_unknown``: there is none, it was fetched, or it is somebody else's.
        """
        process, row, now = self._process(), self._own(identifier, operator), self._vneid.now()
        if row.lookup_key in process.calls:
            # this process is there, also where it could not say so in storage for a while
            row = row._replace(lease_until=None)
        if row.state != lookups.SETTLED and self._settling.is_overdue(row, now):
            self._settling.close(row, now)
            row = row._replace(state=lookups.SETTLED)
        if row.state == lookups.SETTLED:
            process.forget(row.lookup_key)
            return self._settling.take(row.lookup_key)
        may_poll = process.note(row.lookup_key)
        asked = self._questions.opened(row) if row.mode == "poll" and row.transaction_key and may_poll else None
        if asked is None:
            return None
        return self._calls.call(row, asked)

    def cancel(self, identifier: str, operator: Operator, who: Who) -> None:
        """End a lookup that its operator no longer wants; what VNeID still answers is dropped.

        Raises:
            VNeIDError: ``lookup_unknown``.
        """
        row = self._own(identifier, operator)
        call = self._process().calls.get(row.lookup_key)
        if call is not None:
            call.cancel()
        self._settling.drop(row, who)
        self._process().forget(row.lookup_key)

    def retry_after(self) -> int:
        """Return the seconds after which a waiting operator should ask again."""
        return self._process().retry_after()

    def _own(self, identifier: str, operator: Operator) -> Lookup:
        with self._vneid.storage.read() as connection:
            row = lookups.get(connection, lookups.key_of(identifier))
        if row is None or row.state == lookups.TAKEN or row.operator_key not in self._questions.operator_keys(operator):
            raise VNeIDError("lookup_unknown", "there is no such lookup for this operator")
        return row


def _policy(services: Any) -> Any:
    kind, what = services.settings["qr.operators"]
    if kind == "plugin":
        return services.roles["operator_policy", what]
    return BearerOperators(what) if kind == "keys" else HostOperators(what, services.links.origin)
