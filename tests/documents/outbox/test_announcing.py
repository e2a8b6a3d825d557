"""How a change comes in: what is refused, in which transaction it lies, and that it is not taken in without a record of it."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from outbox_service import SECRET, Receiver, settings_for
from support import Browser
from vneid_middleware.application import assemble
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.outbox import Outbox
from vneid_middleware.settings import Source

from .conftest import PERSON, Portal

BLOCK = {
    "sqlite": "CREATE TRIGGER vneid_no_audit BEFORE INSERT ON vneid_audit BEGIN SELECT raise(abort, 'no'); END",
    "postgresql": "CREATE RULE vneid_no_audit AS ON INSERT TO vneid_audit DO INSTEAD SELECT 1/0"}
UNBLOCK = {"sqlite": "DROP TRIGGER vneid_no_audit", "postgresql": "DROP RULE vneid_no_audit ON vneid_audit"}


def dialect(portal: Portal) -> str:
    return portal.settings["storage"].partition(":")[0].partition("+")[0]


# -- by HTTP -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
@pytest.mark.parametrize("field", ["Data", "dữ liệu", "duLieu", "version", "changeId", "loai\ngiayto", ""])
def test_a_member_that_there_is_not_is_refused_since_it_may_be_misspelt_content(portal: Portal, field: str) -> None:
    answer = portal.announce(**{field: {"HoVaTen": "An"}, "data": None})
    assert (answer.status, answer.json()["error"], answer.json()["field"]) == (400, "change_malformed", field)
    assert portal.rows() == []


@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
@pytest.mark.parametrize("field", ["maGiayTo", "idempotencyKey", "loaiGiayTo", "action"])
def test_what_is_too_long_is_named_and_not_taken_for_data(portal: Portal, field: str) -> None:
    answer = portal.announce(**{field: "x" * 100_000, "data": None}, headers={"Accept-Language": "vi"})
    assert (answer.status, answer.json()["field"]) == (400, field)
    assert "data" not in answer.json()["message"]


@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["changes", "lookup"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_refused_in_json_whatever_is_accepted(portal: Portal, path: str, method: str) -> None:
    for accept in ("*/*", "text/html"):
        answer = Browser().send(method, f"{portal.base}/vneid/documents/{path}", {"Accept": accept}, None)
        assert (answer.status, answer.json()["error"], answer.headers["Allow"]) == (405, "method_not_allowed", "POST")


@pytest.mark.threat("C-F49")
def test_a_change_that_no_record_can_be_made_of_is_not_taken_in(portal: Portal) -> None:
    portal.sql(BLOCK[dialect(portal)])
    try:
        answer = portal.announce(idempotencyKey="k")
        assert (answer.status, answer.json()["error"], answer.headers["Retry-After"]) == (503, "change_not_taken", "5")
        assert portal.rows() == []
        assert portal.sql("SELECT version FROM vneid_documents") == []
    finally:
        portal.sql(UNBLOCK[dialect(portal)])
    answer = portal.announce(idempotencyKey="k")
    assert (answer.status, answer.json()["version"]) == (202, 1)
    record, = portal.events("change.announced")
    assert record["what"]["change_id"] == answer.json()["changeId"]


@pytest.mark.threat("C-F49")
def test_a_sink_outside_of_the_database_counts_as_well(alone: Any, tmp_path: Any) -> None:
    portal = alone(audit__sinks=f"file:{tmp_path}/gone/audit.log", documents__callers=f"vneid = key:sha256:{'0' * 64}")
    (tmp_path / "gone").write_text("no folder")
    answer = portal.announce()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert portal.rows() == []


# -- from Python -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("secret", "expected"), [
    ("short", "at least 32 characters"), ("", "at least 32 characters"), (f"{SECRET}\nshort", "at least 32 characters"),
    ("x" * 40, "must be random"), ("file:secrets/secret", "file:PATH"), ("env:VNEID_SECRET", "env:NAME"),
    (" file:/etc/portal/secrets/the-secret-of-the-portal", "file:PATH")])
def test_what_is_no_secret_is_refused_at_once(secret: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as caught:
        Outbox(secret)
    assert not secret or secret.strip() not in str(caught.value)


def test_a_secret_is_read_as_the_setting_is(portal: Portal) -> None:
    with portal.services.storage.begin() as connection:
        Outbox(f"\n   {SECRET}  \n\n").enqueue(connection, "GPLX", PERSON, "A", data={})
    portal.work()
    assert portal.rows() == [(1, "delivered", "acknowledged", 1)]


@pytest.mark.threat("C-F38")
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_kind_that_the_ini_does_not_name(portal: Portal) -> None:
    storage = portal.services.storage
    for outbox in (portal.outbox(), Outbox(SECRET, kinds=["GPLX"])):
        with pytest.raises(VNeIDError, match="change_malformed") as caught, storage.begin() as connection:
            outbox.enqueue(connection, "GPLXX", PERSON, "A")
        assert caught.value.evidence["field"] == "loaiGiayTo"
    assert portal.rows() == []
    # where nobody knows the kinds, the worker does
    with storage.begin() as connection:
        Outbox(SECRET).enqueue(connection, "GPLXX", PERSON, "A")
    portal.work()
    assert portal.rows() == [(1, "dead", "kind_unknown", 1)]


def autocommit(url: str, how: str) -> Any:
    if how == "engine":
        return create_engine(url, isolation_level="AUTOCOMMIT").connect()
    connection = create_engine(url).connect()
    if how == "option":
        return connection.execution_options(isolation_level="AUTOCOMMIT")
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection):
        driver.isolation_level = None
    else:
        driver.autocommit = True  # type: ignore[union-attr]
    return connection


@pytest.mark.threat("C-F03")
@pytest.mark.parametrize("how", ["engine", "option", "driver"])
def test_a_connection_without_a_transaction_is_refused(portal: Portal, how: str) -> None:
    with contextlib.closing(autocommit(portal.settings["storage"], how)) as connection:
        with pytest.raises(VNeIDError, match=r"transaction_missing.*AUTOCOMMIT"):
            Outbox(SECRET).enqueue(connection, "GPLX", PERSON, "A", data={})
        connection.detach()
        connection.close()
    assert portal.rows() == []
    assert portal.sql("SELECT version FROM vneid_documents") == []


@pytest.mark.threat("C-F03")
def test_a_plain_connection_is_taken_before_and_after_its_first_statement(portal: Portal) -> None:
    engine = create_engine(portal.settings["storage"])
    with engine.connect() as connection:
        assert Outbox(SECRET).enqueue(connection, "GPLX", PERSON, "A", data={}).version == 1
        connection.rollback()
        connection.execute(text("UPDATE vneid_documents SET kind = kind"))
        assert Outbox(SECRET).enqueue(connection, "GPLX", PERSON, "A", data={}).version == 1
        connection.commit()
    engine.dispose()
    assert len(portal.rows()) == 1


@pytest.mark.threat("C-F03")
@pytest.mark.parametrize("_portal", ["postgresql"], indirect=True)
def test_a_transaction_may_be_prepared_when_it_does_not_notify(portal: Portal, receiver: Receiver) -> None:
    engine = create_engine(portal.settings["storage"])
    for number, end in enumerate(("commit", "rollback")):
        with engine.connect() as connection:
            transaction = connection.begin_twophase()
            Outbox(SECRET, notify=False).enqueue(connection, "GPLX", PERSON, f"A{number}", data={})
            transaction.prepare()
            portal.work()
            assert len(receiver.got) == number, "not before the second phase"
            getattr(transaction, end)()
        portal.work()
    engine.dispose()
    assert [got.payload["maGiayTo"] for got in receiver.got] == ["A0"]


# -- settings ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["python", "a:b", "cli:erase", "x" * 65])
def test_names_that_are_taken_are_no_submitters(name: str, signing_key: str, tmp_path: Any) -> None:
    settings = {**settings_for("http://127.0.0.1:1", f"sqlite:///{tmp_path}/x.db", signing_key), "public_url": "http://127.0.0.1",
                "documents.submitters": f"{name} = sha256:{'1' * 64}"}
    problems = [str(problem) for problem in assemble(Source(settings)).problems if problem.severity == "error"]
    assert len(problems) == 1
    assert problems[0].startswith("documents.submitters: ")


