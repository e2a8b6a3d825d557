"""The session record: what a signed-in browser carries, and how long it holds.

A record is a flat JSON list, since a list is read fastest and takes the least room in a cookie. Its layout is private to
this module; session stores pass it on without looking in.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from vneid_middleware.models import Identity, PartialDate

Record = list[Any]

VERSION = 1
BEARER_VERSION = 2
"""Of a session that travels in the Authorization header: the same layout, no idle time, never written into a cookie."""
REFRESH_AFTER = 60
"""Seconds between two writes of the cookie: what idle time is accurate to."""
MAX_RECORD_BYTES = 2_900
"""So that name, value and attributes of the sealed cookie stay under 4,096 bytes, the least a browser must keep."""

_VERSION, _ID, _LEVEL, _CLAIMS, _AUTHENTICATED, _END, _SEEN, _ACCOUNT = 0, 1, 8, 9, 10, 11, 12, 13


def new_record(identity: Identity, *, now: int, max_age: int, keep: Collection[str] = (),
               account: str | None = None, bearer: bool = False) -> Record:
    """Return the record of a session that begins now.

    Claims that would not fit into a cookie are left out, largest first, those named in ``keep`` last.

    Args:
        identity: who signed in.
        now: unix seconds.
        max_age: seconds after which the session ends, whatever happens.
        keep: claims that access rules ask for.
        account: the name of the host's own account, see :func:`account_of`.
        bearer: it travels in the Authorization header.
    """
    claims = dict(identity.claims)
    record: Record = [BEARER_VERSION if bearer else VERSION, identity.session_id, identity.subject, identity.issuer,
                      identity.personal_id, identity.full_name, identity.birth_date, identity.account_type, identity.level,
                      claims, identity.authenticated_at, now + max_age, now]
    if account is not None:
        record.append(account)
    for name in sorted(claims, key=lambda claim: (claim in keep, -_size(claims[claim]))):
        if _size(record) <= MAX_RECORD_BYTES:
            break
        del claims[name]
    return record


def is_record(value: Any) -> bool:
    """Tell whether ``value`` has this version's layout."""
    return type(value) is list and 12 < len(value) < 15 and value[_VERSION] == VERSION


def is_bearer(value: Any) -> bool:
    """Tell whether ``value`` is the record of a session that travels in the Authorization header."""
    return type(value) is list and 12 < len(value) < 15 and value[_VERSION] == BEARER_VERSION


def is_live(record: Record, *, now: float, idle_timeout: int, max_age: int) -> bool:
    """Tell whether a record has neither idled out nor reached its end, by the present limits and by those it began with.

    A record from the future (a clock that went back) is live for a minute only, so that it does not outlive its limits.
    """
    seen = record[_SEEN]
    return (seen - REFRESH_AFTER <= now < seen + idle_timeout
            and now < record[_END] and now < record[_AUTHENTICATED] + max_age)


def is_refresh_due(record: Record, now: float) -> bool:
    """Tell whether the cookie is to be written again; a session without a cookie never gets one."""
    return bool(now - record[_SEEN] >= REFRESH_AFTER) and record[_VERSION] == VERSION


def refreshed(record: Record, now: float) -> Record:
    """Return the record as seen now."""
    return [*record[:_SEEN], int(now), *record[_SEEN + 1:]]


def account_of(record: Record) -> str | None:
    """Return the name of the host's own account that the login found.

    Returns:
        None when none was asked for; empty when the citizen has none yet.
    """
    return record[_ACCOUNT] if len(record) > _ACCOUNT else None


def session_id(record: Record) -> str:
    """Return the session's id: no secret, since nobody can make a cookie of it."""
    return str(record[_ID])


def ends_at(record: Record) -> int:
    """Return the unix second at which the session ends, whatever happens."""
    return int(record[_END])


def expires_at(record: Record, *, idle_timeout: int, max_age: int) -> int:
    """Return the unix second at which the session ends if nothing more is asked with it."""
    return int(min(record[_SEEN] + idle_timeout, record[_END], record[_AUTHENTICATED] + max_age))


def identity_of(record: Record) -> Identity:
    """Return the identity inside a record."""
    (_, session, subject, issuer, personal_id, full_name, birth_date, account_type, level, claims, authenticated, _,
     _) = record[:_ACCOUNT]
    return Identity(subject, issuer, personal_id, full_name, PartialDate(birth_date) if birth_date else None,
                    account_type, level, claims, authenticated, session)


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
