"""The session record and the sealed box that carries it: limits to the second, and nothing opens that is not whole."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from vneid_middleware.core import session as records
from vneid_middleware.core.cookies import CookieNames
from vneid_middleware.crypto import HEAD_BYTES, KeyRing, SealedBox
from vneid_middleware.exceptions import SealError
from vneid_middleware.models import Identity, PartialDate
from vneid_middleware.sessions import Sessions

NOW, IDLE, LONGEST = 1_790_000_000, 900, 28_800
NEW, OLD = "new-0123456789-abcdefghijklmnopqrstuvwxyz", "old-0123456789-abcdefghijklmnopqrstuvwxyz"
RING = KeyRing([NEW, OLD])
NAMES = CookieNames.of("vneid", secure=True)
PERSON = Identity("s-1", "https://sso.example.gov.vn", "001099012345", "Nguyễn Thị Hoà", PartialDate("1990-05"), "person", 2,
                  {"role": "clerk", "loAS": "[]"}, NOW, "session-1")
# made once and kept: what derives keys and seals must go on as it is
DERIVED = ("8f4d7771", "dd7a42d00bbe267d")
HASHED = "90e4a037e4666ddc"
SEALED_BEFORE = "d7ClW35T5pmc/89JgUXCVX3l+OkuuELGyBTIqRnE0GPsgj/nzg027sys"


def record(**changes: Any) -> records.Record:
    return records.new_record(PERSON._replace(**changes), now=NOW, max_age=LONGEST)


def is_live(found: records.Record, now: float, **limits: int) -> bool:
    return records.is_live(found, now=now, **{"idle_timeout": IDLE, "max_age": LONGEST, **limits})


class TestRecord:
    @pytest.mark.parametrize("changes", [{}, {"birth_date": None}, {"full_name": ""}, {"level": 0}, {"claims": {}},
                                         {"account_type": "organisation", "birth_date": PartialDate("1990")}])
    def test_it_gives_back_who_it_was(self, changes: dict[str, Any]) -> None:
        identity = records.identity_of(record(**changes))
        assert identity == PERSON._replace(**changes)
        assert identity.birth_date is None or type(identity.birth_date) is PartialDate

    @pytest.mark.parametrize("account", [None, "", "hoa", "hoà"])
    def test_the_account_s_name_comes_along(self, account: str | None) -> None:
        found = records.new_record(PERSON, now=NOW, max_age=LONGEST, account=account)
        assert records.account_of(found) == account
        assert records.identity_of(found) == PERSON
        assert records.is_record(found)
        assert records.account_of(records.refreshed(found, NOW + 61)) == account

    @pytest.mark.threat("A-106")
    def test_it_ends_with_the_second_in_which_nobody_has_asked_for_long_enough(self) -> None:
        assert is_live(record(), NOW + IDLE - 1)
        assert not is_live(record(), NOW + IDLE)
        used = records.refreshed(record(), NOW + 500.9)
        assert used[12] == NOW + 500
        assert is_live(used, NOW + 500 + IDLE - 1)
        assert not is_live(used, NOW + 500 + IDLE)

    @pytest.mark.threat("A-106")
    def test_it_ends_with_the_second_of_its_longest_age_however_much_it_is_used(self) -> None:
        used = records.refreshed(record(), NOW + LONGEST - 1)
        assert is_live(used, NOW + LONGEST - 1)
        assert not is_live(records.refreshed(record(), NOW + LONGEST), NOW + LONGEST)

    @pytest.mark.threat("A-106")
    def test_a_limit_that_was_lowered_since_holds_for_it_and_one_that_was_raised_does_not(self) -> None:
        used = records.refreshed(record(), NOW + 3_000)
        assert is_live(used, NOW + 3_000, max_age=3_001)
        assert not is_live(used, NOW + 3_000, max_age=3_000)
        late = records.refreshed(record(), NOW + LONGEST)
        assert not is_live(late, NOW + LONGEST, max_age=2 * LONGEST)

    @pytest.mark.threat("A-106")
    def test_a_record_from_the_future_holds_for_a_minute(self) -> None:
        assert is_live(record(), NOW - 60)
        assert not is_live(record(), NOW - 61)

    def test_it_is_written_again_after_a_minute(self) -> None:
        assert not records.is_refresh_due(record(), NOW + 59)
        assert records.is_refresh_due(record(), NOW + 60) is True

    def test_when_it_ends_is_the_earliest_of_its_limits(self) -> None:
        limits = {"idle_timeout": IDLE, "max_age": LONGEST}
        assert records.expires_at(record(), **limits) == NOW + IDLE
        used = records.refreshed(record(), NOW + LONGEST - 10)
        assert records.expires_at(used, **limits) == NOW + LONGEST
        assert records.expires_at(used, idle_timeout=IDLE, max_age=3_000) == NOW + 3_000
        assert records.expires_at(used, idle_timeout=IDLE, max_age=2 * LONGEST) == NOW + LONGEST

    @pytest.mark.parametrize("value", [None, 1, "x", {}, [], [1], [1] * 12, [1] * 15, [2] * 13, [None] * 13, tuple([1] * 13),
                                       ["1", *[0] * 12]])
    def test_what_has_not_its_layout_is_none(self, value: Any) -> None:
        assert not records.is_record(value)

    def test_the_layout_is_that_of_the_version_before(self) -> None:
        # a browser keeps it over an update: whoever changes the layout raises VERSION
        assert records.new_record(PERSON, now=NOW, max_age=LONGEST, account="hoa") == [
            1, "session-1", "s-1", "https://sso.example.gov.vn", "001099012345", "Nguyễn Thị Hoà", "1990-05", "person", 2,
            {"role": "clerk", "loAS": "[]"}, NOW, NOW + LONGEST, NOW, "hoa"]
        assert records.session_id(record()) == "session-1"

    def test_claims_that_do_not_fit_are_left_out_largest_first_and_the_kept_ones_last(self) -> None:
        claims = {"a": "ễ" * 400, "portrait": "x" * 1_650, "kept": "x" * 1_700, "small": "s"}
        found = records.identity_of(records.new_record(PERSON._replace(claims=claims), now=NOW, max_age=LONGEST, keep=["kept"]))
        assert dict(found.claims) == {"kept": claims["kept"], "small": "s"}
        assert set(records.identity_of(records.new_record(PERSON._replace(claims=claims), now=NOW, max_age=LONGEST)).claims) == {
            "a", "small"}
        assert claims.keys() == {"a", "portrait", "kept", "small"}

    def test_a_record_of_just_the_largest_size_keeps_its_claims(self) -> None:
        def size(found: records.Record) -> int:
            return len(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode())

        room = records.MAX_RECORD_BYTES - size(record(claims={"a": "ễ"}))
        assert size(record(claims={"a": "ễ" + "x" * room})) == records.MAX_RECORD_BYTES
        assert records.identity_of(record(claims={"a": "ễ" + "x" * (room + 1)})).claims == {}


class TestSealedBox:
    def test_what_was_sealed_opens(self) -> None:
        box = RING.box("session")
        for value in ([1, "ễ"], {"a": None}, "x", 7):
            assert box.open(box.seal(value)) == value == box.opener()(box.seal(value))
        assert box.open(box.seal([1], b"row-1"), b"row-1") == [1]
        for context in (b"", b"row-2"):
            with pytest.raises(SealError):
                box.open(box.seal([1], b"row-1"), context)
        assert box.open_bytes(box.seal_bytes(b"abc", b"row-1"), b"row-1").rstrip(b" ") == b"abc"

    def test_two_seals_of_one_value_have_nothing_in_common(self) -> None:
        box = RING.box("session")
        first, second = (base64.b64decode(box.seal("x")) for _ in range(2))
        assert first[:4] == second[:4]
        assert first[4:HEAD_BYTES] != second[4:HEAD_BYTES]
        assert first[HEAD_BYTES:] != second[HEAD_BYTES:]

    def test_every_length_is_a_whole_number_of_characters_and_what_was_foretold(self) -> None:
        for length in range(12):
            sealed = RING.box("x").seal_bytes(b"a" * length)
            assert len(sealed) == SealedBox.sealed_length(length)
            assert not sealed.endswith("=")
            assert RING.box("x").open_bytes(sealed).rstrip(b" ") == b"a" * length

    @pytest.mark.threat("A-103")
    def test_no_character_can_be_changed_added_or_dropped(self) -> None:
        sealed = RING.box("session").seal([1])
        bent = [sealed[:at] + letter + sealed[at + 1:] for at in range(len(sealed)) for letter in ("A", "b", "-", "=")]
        bent += [sealed + end for end in ("A", "AAAA", "=", "====", " ", "\n", "é", "\x00")] + [" " + sealed, "", sealed[:-4],
                                                                                           sealed[4:], sealed * 2]
        bent += [sealed[:at] + junk + sealed[at:] for at in (1, 7, len(sealed) - 1)
                 for junk in ("-", "é", "\n", "----", "=", "\ud800")]
        for value in bent:
            if value == sealed:
                continue
            with pytest.raises(SealError) as caught:
                RING.box("session").open_bytes(value)
            assert caught.value.code == "sealed_value_invalid"
            with pytest.raises(Exception):  # noqa: B017  the hot path's opener raises whatever it likes
                RING.box("session").opener()(value)

    @pytest.mark.threat("A-103")
    @pytest.mark.parametrize(("purpose", "context"), [("login", b""), ("session ", b""), ("session", b"row"), ("Session", b"")])
    def test_it_opens_for_its_purpose_and_context_alone(self, purpose: str, context: bytes) -> None:
        sealed = RING.box("session").seal_bytes(b"x" * 7)
        with pytest.raises(SealError):
            RING.box(purpose).open_bytes(sealed, context)
        # the purpose is in what is authenticated, not in the key alone
        keys = RING.derive("session")
        with pytest.raises(SealError):
            SealedBox(keys, "login").open(sealed)
        assert SealedBox(keys, "session").open_bytes(sealed) == b"x" * 7

    @pytest.mark.threat("A-103")
    def test_an_older_secret_opens_and_only_the_newest_seals(self) -> None:
        old = KeyRing([OLD]).box("session")
        assert RING.box("session").open(old.seal([1])) == [1] == RING.box("session").opener()(old.seal([1]))
        assert KeyRing([NEW]).box("session").open(RING.box("session").seal([2])) == [2]
        with pytest.raises(SealError):
            old.open(RING.box("session").seal([2]))

    def test_of_two_secrets_with_one_key_id_the_newer_counts(self) -> None:
        newest, oldest = (b"same", b"n" * 32), (b"same", b"o" * 32)
        box = SealedBox([newest, oldest], "x")
        assert SealedBox([newest], "x").open(box.seal(1)) == 1
        assert box.open(SealedBox([newest], "x").seal(2)) == 2

    def test_keys_are_what_they_were_before(self) -> None:
        # every cookie that is out there depends on it
        assert [(name.hex(), key.hex()[:16]) for name, key in KeyRing([NEW]).derive("session")] == [DERIVED]
        assert KeyRing([NEW]).derive("login") != KeyRing([NEW]).derive("session")
        assert KeyRing([NEW]).keyed_hashes("subject", "001099012345")[0][:16] == HASHED
        assert KeyRing([NEW, OLD]).keyed_hashes("s", "x") == [
            *KeyRing([NEW]).keyed_hashes("s", "x"), *KeyRing([OLD]).keyed_hashes("s", "x")]
        assert KeyRing([OLD]).box("session").open(SEALED_BEFORE) == ["ễ", 1]

    def test_a_ring_without_a_secret_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match=r"^a key ring needs at least one secret$"):
            KeyRing([])

    def test_what_is_no_json_is_not_sealed(self) -> None:
        for value in (float("nan"), float("inf"), object()):
            with pytest.raises((ValueError, TypeError)):
                RING.box("x").seal(value)

    def test_letters_are_sealed_as_they_are_and_without_blanks(self) -> None:
        assert RING.box("x").open_bytes(RING.box("x").seal({"a": ["ễ", 1]})).rstrip() == '{"a":["ễ",1]}'.encode()


class TestSessions:
    @pytest.fixture
    def ended(self) -> set[str]:
        return set()

    @pytest.fixture
    def sessions(self, ended: set[str]) -> Sessions:
        box = RING.box("session")
        store = SimpleNamespace(save=box.seal, loader=box.opener)
        revocations: Any = SimpleNamespace(is_current=lambda now: now == NOW and "all" not in ended,
                                           is_ended=lambda found: records.session_id(found) in ended)
        return Sessions(store, NAMES, revocations, idle_timeout=IDLE, max_age=LONGEST, clock=lambda: NOW,
                        keep_claims=frozenset({"role"}))

    def test_the_first_valid_value_counts(self, sessions: Sessions) -> None:
        first, second = (RING.box("session").seal(record(session_id=name)) for name in ("one", "two"))
        for values, expected in (([first, second], "one"), (["x", second, first], "two"), ([first], "one")):
            found = sessions.open(values, NOW)
            assert found is not None
            assert records.session_id(found) == expected
        assert sessions.open([], NOW) is None
        assert sessions.open(["x", ""], NOW) is None

    @pytest.mark.threat("A-106")
    def test_what_has_ended_idled_out_or_is_no_record_does_not_open(self, sessions: Sessions, ended: set[str]) -> None:
        value = RING.box("session").seal(record())
        assert sessions.open([value], NOW + IDLE - 1)
        assert sessions.open([value], NOW + IDLE) is None
        ended.add("session-1")
        assert sessions.open([value], NOW) is None
        for other in ([1], {"a": 1}, [2, *record()[1:]], [1, *["x"] * 12], None):
            assert sessions.open([RING.box("session").seal(other)], NOW) is None

    @pytest.mark.threat("A-106")
    def test_its_own_longest_age_holds_too(self, sessions: Sessions) -> None:
        sessions.max_age = 100
        value = RING.box("session").seal(record())
        assert sessions.open([value], NOW + 99)
        assert sessions.open([value], NOW + 100) is None

    def test_a_request_is_read_by_its_cookie(self, sessions: Sessions, ended: set[str]) -> None:
        value = RING.box("session").seal(record())
        environ = {"HTTP_COOKIE": f"a=b; __Host-vneid={value}"}
        assert sessions.from_environ(environ) == record()
        assert sessions.from_environ({}) is None
        assert sessions.from_environ({"HTTP_COOKIE": f"vneid={value}"}) is None
        ended.add("all")
        assert sessions.from_environ(environ) is None

    def test_a_session_begins_with_its_cookie(self, sessions: Sessions) -> None:
        claims = {"role": "x" * 1_900, "portrait": "y" * 1_500}
        made, cookie = sessions.begin(PERSON._replace(claims=claims), NOW, "hoa")
        assert records.account_of(made) == "hoa"
        assert records.identity_of(made).claims == {"role": claims["role"]}
        assert made[11] == NOW + LONGEST
        name, _, rest = cookie.partition("=")
        value, *attributes = rest.split("; ")
        assert name == "__Host-vneid"
        assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
        assert sessions.open([value], NOW) == made
        assert len(cookie) < 4_096

    def test_a_session_that_was_used_is_written_as_seen_now(self, sessions: Sessions) -> None:
        value = sessions.refreshed_cookie(record(), NOW + 70).partition("=")[2].partition(";")[0]
        assert sessions.open([value], NOW + 70) == records.refreshed(record(), NOW + 70)
        assert sessions.expires_at(record()) == NOW + IDLE
        sessions.idle_timeout = 2 * LONGEST
        assert sessions.expires_at(record()) == NOW + LONGEST
        sessions.max_age = 7
        assert sessions.expires_at(record()) == NOW + 7
