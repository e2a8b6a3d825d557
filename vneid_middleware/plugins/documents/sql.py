"""The document provider ``sql``: the agency's own table, by one SELECT of the ini and without code."""

from __future__ import annotations

import logging
import math
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from datetime import time as clock_time
from decimal import Decimal
from typing import Any
from uuid import UUID

from zope.interface import implementer

from vneid_middleware.core.documents import INVALID_REQUEST, MISMATCH, MULTIPLE, NOT_FOUND, OK
from vneid_middleware.core.matching import STATES, Row, as_text, narrow, state_of, telling_apart
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import IDocumentProvider, IDocumentProviderFactory, ITrial
from vneid_middleware.models import DocumentRequest, FoundDocument
from vneid_middleware.plugins.documents.settings import DOCUMENT_ID, PERSONAL_ID
from vneid_middleware.storage.citizens import CitizenDatabase
from vneid_middleware.storage.foreign import check_select

log = logging.getLogger("vneid_middleware")

MOST_ROWS = 200
"""Rows of one citizen: more are a query that is wrong."""
CONNECTIONS = 6
"""As many as questions are asked at once, and two for changes."""
_CHECKED_FOR = 30
"""Seconds for which ``check`` trusts its last answer."""
_MILDEST = (OK, *reversed(STATES))
_SAMPLE = {PERSONAL_ID: "000000000000"}


@implementer(IDocumentProviderFactory)
class SqlProviders:
    """Makes the provider of a kind whose documents lie in a database."""

    required = ("url", "lookup", "fields")
    optional = ("match", "id", "many", "state")

    def __call__(self, kind: str, services: Any) -> SqlDocuments:
        return SqlDocuments(kind, services)


@implementer(IDocumentProvider, ITrial)
class SqlDocuments:
    """The documents of one kind.

    Args:
        kind: KIND in ``documents.KIND``.
        services: settings and clock.
    """

    def __init__(self, kind: str, services: Any) -> None:
        def said(part: str, default: Any = None) -> Any:
            return services.settings.get(f"documents.{kind}.{part}", default)

        self._kind = kind
        self._clock = services.clock
        self._query: str = said("lookup")
        self._binds = check_select(self._query)
        # names of columns in lower case, as the rows come
        self._match = {name: rule._replace(column=rule.column.lower()) for name, rule in said("match", {}).items()}
        self._fields: Mapping[str, str] = {field: column.lower() for field, column in said("fields").items()}
        self._id: str = said("id", DOCUMENT_ID).lower()
        self._many: bool = said("many", False)
        self._states = tuple(rule._replace(column=rule.column.lower()) for rule in said("state", ()))
        self._database = CitizenDatabase(said("url").reveal(), CONNECTIONS)
        self._last: tuple[float, VNeIDError | None] = (float("-inf"), None)

    # -- a pull --------------------------------------------------------------------------------------------------------

    def find(self, request: DocumentRequest) -> FoundDocument:
        """Find the document, or say why it is not the one."""
        absent = tuple(sorted(self._binds - {PERSONAL_ID} - set(request.inputs)))
        if absent:
            return FoundDocument(INVALID_REQUEST, fields=absent, reason="input_missing")
        rows = self._rows({**request.inputs, PERSONAL_ID: request.personal_id})
        if not rows:
            return FoundDocument(NOT_FOUND)
        narrowed = narrow(rows, request.inputs, self._match)
        if narrowed.mismatched:
            return FoundDocument(MISMATCH, fields=narrowed.mismatched)
        if self._many:
            return self._all_of(narrowed.rows)
        if len(narrowed.rows) > 1:
            return FoundDocument(MULTIPLE, fields=telling_apart(narrowed.rows, request.inputs, self._match))
        row = narrowed.rows[0]
        return FoundDocument(self._state(row), self._data(row), self._document_id(row))

    def _all_of(self, rows: Sequence[Row]) -> FoundDocument:
        # as long as one is in force the citizen has the paper
        status = min((self._state(row) for row in rows), key=_MILDEST.index)
        ids = [self._document_id(row) for row in rows]
        return FoundDocument(status, [self._data(row) for row in rows], None if None in ids else ids)

    def _rows(self, values: Mapping[str, str]) -> list[Row]:
        rows = self._database.rows(self._query, {name: values[name] for name in self._binds}, MOST_ROWS)
        lacking = self._lacking(rows[0]) if rows else []
        if lacking:
            raise VNeIDError("column_missing", "{}: {}".format(*lacking[0]))
        own = self._fields.get(PERSONAL_ID)
        # a SELECT with an OR too many must not give away other citizens' papers where the rows tell whose they are
        theirs: list[Row] = [row for row in rows if own is None or as_text(row[own]) == values[PERSONAL_ID]]
        if rows and not theirs:
            log.error("documents.%s.fields: %s = %s holds the number that was asked for in no row: it must be the column with "
                      "the citizen's number, or documents.%s.lookup finds other citizens' rows", self._kind, PERSONAL_ID, own,
                      self._kind)
        return theirs

    def _lacking(self, columns: Iterable[str]) -> list[tuple[str, str]]:
        """Return the settings that name columns which the rows lack, each with what is wrong."""
        there = sorted(columns)
        named = {"fields": self._fields.values(), "match": [rule.column for rule in self._match.values()],
                 "state": [rule.column for rule in self._states]}
        return [(f"documents.{self._kind}.{part}", _lack(absent, self._kind, there))
                for part, names in named.items() if (absent := sorted(set(names) - set(there)))]

    def _state(self, row: Row) -> str:
        return state_of(row, self._states, self._clock())

    def _data(self, row: Row) -> dict[str, Any]:
        return {field: _as_json(column, row[column]) for field, column in self._fields.items()}

    def _document_id(self, row: Row) -> str | None:
        return as_text(row[self._id]) if row.get(self._id) is not None else None

    # -- a change that is delivered ------------------------------------------------------------------------------------

    def current(self, personal_id: str, document_id: str) -> Mapping[str, Any] | None:
        """Return the document's data as they are now."""
        named = {field: document_id for field, column in self._fields.items() if column == self._id}
        known = {DOCUMENT_ID: document_id, **named, PERSONAL_ID: personal_id}
        absent = sorted(self._binds - set(known))
        if absent:
            raise VNeIDError("lookup_needs_input", f"documents.{self._kind}.lookup binds {absent[0]}, which no change tells")
        rows = self._rows(known)
        if rows and self._id not in rows[0]:
            raise VNeIDError("column_missing", f"documents.{self._kind}.id: {_lack([self._id], self._kind, sorted(rows[0]))}")
        found = [row for row in rows if self._document_id(row) == document_id]
        if len(found) > 1:
            raise VNeIDError("documents_ambiguous", f"documents.{self._kind}.lookup finds one maGiayTo several times")
        return self._data(found[0]) if found else None

    # -- checks --------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise ``VNeIDError`` when the database does not answer; asked at most twice a minute."""
        checked_at, error = self._last
        if time.monotonic() - checked_at > _CHECKED_FOR:
            try:
                error = None
                self._database.check()
            except VNeIDError as failure:
                error = failure
            self._last = (time.monotonic(), error)
        if error is not None:
            raise error

    def try_online(self) -> Iterator[tuple[str, str]]:
        """Ask the SELECT with made-up values, and how the database finds its rows."""
        name = f"documents.{self._kind}.lookup"
        try:
            trial = self._database.try_query(self._query, {bind: _SAMPLE.get(bind, "0") for bind in self._binds})
        except VNeIDError as error:
            yield name, str(error)
            return
        finally:
            # a check is over after this; a portal would open new ones
            self._database.close()
        named = {*self._fields.values(), self._id, *(rule.column for rule in (*self._match.values(), *self._states))}
        lacking = self._lacking(trial.columns)
        if self._id not in trial.columns:
            lacking.append((f"documents.{self._kind}.id", _lack([self._id], self._kind, sorted(trial.columns))))
        doubled = sorted(column for column in named if trial.columns.count(column) > 1)
        if doubled:
            yield name, f"its rows have several columns {', '.join(doubled)}: give each a name of its own, by AS"
        elif lacking:
            yield from lacking
        elif trial.scanned:
            yield name, (f"the database reads all of {', '.join(trial.scanned)} for each question: an index is missing on what "
                         "the SELECT asks by")
        else:
            yield name, ""


def _lack(absent: Sequence[str], kind: str, there: Sequence[str]) -> str:
    return (f"names {', '.join(absent)}, which the rows of documents.{kind}.lookup do not have; they have {', '.join(there)}. "
            "Mend the name, or add the column to the SELECT")


def _as_json(column: str, value: Any) -> Any:
    """Return what a column holds as JSON has it: dates in ISO form, exact decimals as text."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if value is None or isinstance(value, (bool, int, dict, list)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if int(value.as_tuple().exponent) >= 0 else str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, (date, clock_time)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise VNeIDError("column_invalid", f"the column {column} holds {type(value).__name__}, which is no JSON; CAST it",
                     column=column)
