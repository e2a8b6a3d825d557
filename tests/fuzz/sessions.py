"""The session cookie: what is not ours does not open, and what opens is what was sealed."""

from __future__ import annotations

import json
from typing import Any

from fuzz.choices import Choices
from fuzz.targets import target
from vneid_middleware.core import session as records
from vneid_middleware.core.cookies import MAX_SESSION_VALUES, CookieNames
from vneid_middleware.crypto import KeyRing
from vneid_middleware.exceptions import SealError
from vneid_middleware.models import ACCOUNT_TYPES, Identity, PartialDate
from vneid_middleware.sessions import Sessions

NOW, IDLE, LONGEST = 1_790_000_000, 900, 28_800
RING = KeyRing(["fuzz-0123456789-abcdefghijklmnopqrstuvwxyz", "fuzz-9876543210-zyxwvutsrqponmlkjihgfedcba"])
OLD = KeyRing(["fuzz-9876543210-zyxwvutsrqponmlkjihgfedcba"])
STRANGER = KeyRing(["another-0123456789-abcdefghijklmnopqrstuvw"])
NAMES = CookieNames.of("vneid", secure=True)
PERSON = Identity("248289761001", "https://sso.example.gov.vn", "001099012345", "Nguyễn Thị Hoà", PartialDate("1990-05-17"),
                  "person", 2, {"loAS": "x", "SoDinhDanh": "001099012345"}, NOW - 100, "session-1")


class Store:
    """The sealed-cookie store, without the rest of the middleware."""

    def save(self, record: Any) -> str:
        return RING.box("session").seal(record)

    def loader(self) -> Any:
        return RING.box("session").opener()


class Revocations:
    """One session has ended."""

    def is_ended(self, record: Any) -> bool:
        return records.session_id(record) == "session-ended"

    def is_current(self, now: float) -> bool:
        return True


SESSIONS = Sessions(Store(), NAMES, Revocations(), idle_timeout=IDLE, max_age=LONGEST,  # type: ignore[arg-type]
                    clock=lambda: NOW)


def _record(**changes: Any) -> Any:
    return records.new_record(PERSON._replace(**changes), now=NOW - 100, max_age=LONGEST)


GOOD = [RING.box("session").seal(_record()), OLD.box("session").seal(_record(session_id="session-2"))]
BAD = [RING.box("session").seal(_record(session_id="session-ended")), RING.box("session").seal([1, 2, 3]),
       RING.box("session").seal(records.refreshed(_record(), NOW - IDLE)), RING.box("login").seal(_record()),
       STRANGER.box("session").seal(_record()), RING.box("session").seal({"0": 1}), RING.box("session").seal([2, *_record()[1:]])]


@target(60)
def session_cookie(choices: Choices) -> None:
    """A value opens a session only where it is, character for character, one that was sealed for a living session."""
    value = choices.bent(choices.pick((*GOOD, *BAD, choices.text())), 3)
    record = SESSIONS.open([value], NOW)
    assert (record is not None) == (value in GOOD)
    if record is not None:
        assert records.identity_of(record).personal_id == PERSON.personal_id
    try:
        opened = RING.box("session").open(value)
    except SealError as error:
        assert error.code == "sealed_value_invalid"
        return
    assert value in (*GOOD, *BAD)
    assert opened == RING.box("session").opener()(value)


@target(25)
def session_record(choices: Choices) -> None:
    """Whatever a store gives back, only a record within its limits is a session."""
    record = json.loads(choices.bent_json(_record()))
    now = NOW + choices.number(2**17) - 2**16
    opened = SESSIONS.open([RING.box("session").seal(record)], now) if _sealable(record) else None
    if opened is None:
        return
    assert opened == record
    assert record[0] == records.VERSION
    assert len(record) in (13, 14)
    assert now < min(record[11], record[10] + LONGEST, record[12] + IDLE)
    assert record[12] <= now + 60
    assert SESSIONS.expires_at(opened) > now - 1


def _sealable(record: Any) -> bool:
    try:
        RING.box("session").seal(record)
    except (ValueError, UnicodeError):
        return False
    return True


@target(20)
def session_made(choices: Choices) -> None:
    """Whoever signs in, the cookie stays below what a browser keeps, and gives back who it was."""
    letters = ("a", "ễ", "\\", '"', "\U0001f600", "~")
    identity = PERSON._replace(
        subject=choices.pick(letters[:1] + letters[5:]) * choices.number(255), personal_id="1" * choices.number(255),
        full_name=choices.pick(letters) * choices.number(200), account_type=choices.pick(ACCOUNT_TYPES),
        birth_date=choices.pick((None, PartialDate("1990"), PartialDate("1990-05-17"))), level=choices.number(2),
        claims=json.loads(choices.bent_json({"loAS": "x" * choices.number(4_000), "role": ["a"], "SoDinhDanh": "1"})))
    if not _sealable(identity.claims):
        return
    record = records.new_record(identity, now=NOW, max_age=LONGEST, keep=("role",), account=choices.pick((None, "", "hoa")))
    cookie = SESSIONS.cookie(record)
    assert len(cookie) < 4_096
    value = cookie.partition("=")[2].partition(";")[0]
    opened = SESSIONS.open([value], NOW + choices.number(IDLE - 1))
    assert opened is not None
    again = records.identity_of(opened)
    assert again._replace(claims={}) == identity._replace(claims={}, )
    assert all(identity.claims[name] == kept for name, kept in again.claims.items())
    assert records.account_of(opened) == records.account_of(record)
    later = records.identity_of(records.refreshed(record, NOW + 61))
    assert later == again


@target(60)
def cookie_header(choices: Choices) -> None:
    """Our cookies never reach the host, and its own reach it as they came."""
    pairs = "; ".join(f"{choices.pick((NAMES.session, NAMES.login('s'), 'vneid', 'a', 'phiên'.encode().decode('latin-1')))}="
                      f"{choices.latin(12)}" for _ in range(choices.number(6)))
    header = choices.bent(pairs, 3)
    sessions, logins, rest = NAMES.split(header)
    assert len(sessions) <= MAX_SESSION_VALUES
    fields = [field.strip(" \t") for field in header.split(";")]
    ours = [field for field in fields if field.partition("=")[0] == NAMES.session]
    assert sessions == [field.partition("=")[2] for field in ours][:MAX_SESSION_VALUES]
    assert all(name.startswith(NAMES.login_prefix) for name in logins)
    theirs = [field for field in fields if field not in ("", "=") and not field.partition("=")[0].startswith(NAMES.login_prefix)
              and field.partition("=")[0] != NAMES.session]
    assert rest.split("; ") == (theirs or [""]), "the host's own cookies changed"
    assert NAMES.split(rest) == ([], {}, rest)
