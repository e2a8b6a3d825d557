"""The outbox's rules: as pure functions, and as a machine that a small model of it is compared with."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import create_engine, select
from sqlalchemy.pool import StaticPool

from outbox_service import SECRET
from vneid_middleware.core import outbox as rules
from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.outbox import Outbox
from vneid_middleware.storage import outbox, outbox_desk, tables

PERSON = "001204000123"
LEASE = 10.0


@pytest.mark.threat("C-F22")
@given(st.integers(1, 10**9), st.floats(1, 3600), st.floats(0, 1), st.one_of(st.none(), st.floats(0, 3600)))
def test_waits_grow_and_are_bounded(attempts: int, longest: float, chance: float, wait: float | None) -> None:
    found = rules.delay(attempts, first=1, longest=longest, chance=chance, wait=wait)
    if wait is not None:
        assert wait <= found <= wait + 1
    else:
        assert min(longest, 2.0 ** min(attempts - 1, 40)) / 2 <= found <= longest
        assert found <= rules.delay(attempts + 1, first=1, longest=longest, chance=chance) + 1e-9


@pytest.mark.parametrize(("value", "seconds"), [
    ("120", 120), (" 7 ", 7), ("0", 0), ("99999999999", 3600), ("Sun, 06 Nov 1994 08:49:37 GMT", 10), ("", None), ("-1", None),
    ("soon", None), ("Sun, 06 Nov 1994 08:00:00 GMT", 0), ("Sun, 06 Nov 2094 08:49:37 GMT", 3600), ("١٢", None),
])
def test_how_long_a_server_asks_us_to_wait(value: str, seconds: float | None) -> None:
    assert rules.waiting_time(value, 784111767) == seconds


@given(st.integers(100, 599), st.binary(max_size=200))
def test_nothing_but_an_acknowledgement_acknowledges(status: int, body: bytes) -> None:
    verdict = rules.judge(status, body, change_id="c", version=1)
    assert verdict.outcome != rules.DELIVERED or status == 409 or 200 <= status < 300
    if verdict.outcome == rules.DELIVERED:
        assert b"ok" in body or b"00" in body or b"version" in body


@pytest.mark.threat("C-F32")
@pytest.mark.parametrize(("error", "outcome"), [
    (UpstreamError("platform", status=401), "pause"), (UpstreamError("platform", status=403), "pause"),
    (UpstreamError("platform", status=400), "retry"), (UpstreamError("platform", status=500), "retry"),
    (UpstreamError("timeout"), "retry"), (UpstreamError("tls"), "retry"), (UpstreamError("redirect"), "retry"),
])
def test_a_platform_s_own_fault_is_never_a_document_s(error: UpstreamError, outcome: str) -> None:
    assert rules.judge_failure(error).outcome == outcome


@given(st.floats(0.5, 300))
def test_a_call_that_begins_at_once_fits_into_its_lease(timeout: float) -> None:
    assert rules.may_send(rules.lease_seconds(timeout) - 1, timeout)
    assert not rules.may_send(timeout, timeout)


class Machine(RuleBasedStateMachine):
    """Producers, workers that die, and an operator; a receiver that knows versions. The model is what was announced."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        tables.metadata.create_all(self.engine)
        self.outbox = Outbox(SECRET, lambda: self.now)
        self.now = 1_000_000.0
        self.announced: dict[int, int] = {}
        self.receiver: dict[int, list[int]] = {}
        self.claims: list[tuple[Any, float]] = []
        self.discarded: set[tuple[int, int]] = set()
        self.documents: dict[str, int] = {}

    def teardown(self) -> None:
        self.engine.dispose()

    @rule(names=st.lists(st.sampled_from("AB"), min_size=1, max_size=4))
    def several_come_in(self, names: list[str]) -> None:
        for name in names:
            self.announce(name, True)

    @rule(name=st.sampled_from("AB"), commits=st.booleans())
    def announce(self, name: str, commits: bool) -> None:
        with self.engine.connect() as connection, connection.begin() as transaction:
            receipt = self.outbox.enqueue(connection, "GPLX", PERSON, name, data={})
            query = select(tables.outbox.c.document_id).where(tables.outbox.c.change_id == receipt.change_id)
            document = connection.execute(query).scalar_one()
            if not commits:
                transaction.rollback()
                return
        assert receipt.version == self.announced.get(document, 0) + 1
        self.announced[document] = receipt.version

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        before = {row.seq: row for row in self.rows()}
        with self.engine.begin() as connection:
            found = outbox.claim(connection, limit, now=self.now, lease=LEASE)
        assert len(found.claimed) <= limit
        for claim in found.claimed:
            assert claim.seq in self.free_heads(before.values()), "somebody else's, not due, or not its document's oldest"
            assert claim.fence == before[claim.seq].fence + 1
        self.claims += [(claim, self.now + LEASE) for claim in found.claimed if not outbox.is_given_up(claim)]

    @rule()
    def claim_all(self) -> None:
        """Nothing that is due is passed over for ever."""
        for _ in range(100):
            count = len(self.claims)
            self.claim(3)
            if len(self.claims) == count and not self.free_heads(self.rows()):
                return
        raise AssertionError(f"due, and not claimed: {self.free_heads(self.rows())}")

    def free_heads(self, rows: Iterable[Any]) -> set[int]:
        """Return what may be claimed, as the model has it: of each document the oldest open change, if it is due."""
        heads: dict[int, Any] = {}
        for row in rows:
            if row.state in rules.OPEN and (row.document_id not in heads or row.version < heads[row.document_id].version):
                heads[row.document_id] = row
        return {row.seq for row in heads.values() if row.next_at <= self.now and row.state in (rules.READY, rules.LEASED)}

    @rule(ends=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["ack", "lost answer", "retry", "dead", "dies", "pause"])),
                        min_size=1, max_size=4))
    def some_end(self, ends: list[tuple[int, str]]) -> None:
        if not self.claims:
            self.claim(3)
        for which, end in ends[:len(self.claims)]:
            self.end(which, end)
            self.what_must_hold_holds()

    def end(self, which: int, end: str) -> None:
        claim, until = self.claims.pop(which % len(self.claims))
        if end == "dies":
            return
        if end in ("ack", "lost answer") and until > self.now:
            # what may be sent at all is sent within its lease
            self.receive(claim)
        state = {"ack": rules.DELIVERED, "dead": rules.DEAD}.get(end, rules.READY)
        before = self.rows()
        is_stale = not any(row.seq == claim.seq and row.fence == claim.fence and row.state == rules.LEASED for row in before)
        with self.engine.begin() as connection:
            if end == "pause" or (end == "ack" and until <= self.now):
                outbox.release(connection, claim, now=self.now)
            else:
                told = outbox.settle(connection, claim, state, end, now=self.now, wait=3)
                assert (told is None) == is_stale
        if is_stale:
            assert self.rows() == before, "what came of a lease that was taken over changed something"

    def receive(self, claim: Any) -> None:
        seen = self.receiver.setdefault(claim.document_id, [])
        assert not seen or claim.version >= seen[-1], "an older version came after a newer one"
        if not seen or claim.version > seen[-1]:
            seen.append(claim.version)

    @rule()
    def another_takes_over(self) -> None:
        self.now += LEASE + 1
        self.claim(3)

    @rule(seconds=st.sampled_from([1.0, 4.0, 11.0, 11.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.sampled_from([-3600.0, 3600.0]))
    def clock_is_set(self, seconds: float) -> None:
        # whoever was at a change is given up: by the clock that nobody sets it would not send any more
        self.now += seconds
        self.claims = [(claim, 0.0) for claim, _ in self.claims]
        with self.engine.begin() as connection:
            outbox.mend(connection, now=self.now)

    @rule(all_of_them=st.booleans())
    def retry(self, all_of_them: bool) -> None:
        with self.engine.begin() as connection:
            dead = outbox_desk.entries(connection, (rules.DEAD,), limit=9)
            if dead:
                outbox_desk.retry(connection, None if all_of_them else dead[0].change_id, now=self.now)

    @rule()
    def discard(self) -> None:
        with self.engine.begin() as connection:
            dead = outbox_desk.entries(connection, (rules.DEAD, rules.WAITING), limit=1)
            if dead:
                outbox_desk.discard(connection, dead[0].change_id, now=self.now)

    def rows(self) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(tables.outbox).order_by(tables.outbox.c.seq)))

    @invariant()
    def holds(self) -> None:
        self.what_must_hold_holds()

    def what_must_hold_holds(self) -> None:
        found: dict[int, list[Any]] = {}
        for row in self.rows():
            found.setdefault(row.document_id, []).append(row)
            assert (row.sealed is None) == (row.state in (rules.DELIVERED, rules.DISCARDED, rules.SUPERSEDED))
            assert row.state != rules.DELIVERED or self.receiver[row.document_id][-1] >= row.version
        for document, rows in found.items():
            assert [row.version for row in rows] == list(range(1, self.announced[document] + 1))
            assert sum(row.state == rules.LEASED for row in rows) <= 1
            still_open = [row.version for row in rows if row.state in rules.OPEN]
            assert max((row.version for row in rows if row.state == rules.DELIVERED), default=0) < min(still_open, default=99)


@pytest.mark.threat("C-F50")
def test_the_outbox_is_what_its_model_says() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Machine, settings=settings(max_examples=30, stateful_step_count=25, deadline=None,
                                                         suppress_health_check=list(HealthCheck)))


def walk(seed: int, steps: int) -> None:
    """Take steps by chance."""
    chance, machine = random.Random(seed), Machine()
    ends = ["ack", "ack", "lost answer", "retry", "dead", "dies", "pause"]
    choices: list[Callable[[], None]] = [
        lambda: machine.announce(chance.choice("AB"), chance.random() < 0.9), lambda: machine.claim(2),
        lambda: machine.some_end([(chance.randrange(6), chance.choice(ends))]), machine.another_takes_over,
        lambda: machine.time_passes(chance.choice([1.0, 4.0, 11.0])), lambda: machine.retry(chance.random() < 0.5),
        machine.discard, machine.claim_all, lambda: machine.clock_is_set(chance.choice([-3600.0, 3600.0]))]
    try:
        for _ in range(steps):
            chance.choices(choices, [4, 2, 8, 3, 2, 1, 1, 1, 0.3])[0]()
            machine.what_must_hold_holds()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    finally:
        machine.teardown()


@pytest.mark.threat("C-F50")
def test_long_walks_over_the_outbox() -> None:
    """Beside what hypothesis finds short ways to: each step by chance, the seed in the message."""
    for _ in range(20):
        walk(random.randrange(10**9), 60)
