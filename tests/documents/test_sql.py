"""The provider ``sql``: what it finds, on each database that can be had, and what it can't be made to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from licences import AN, FIELDS, HOA, LOOKUP, NOBODY, ROWS, TABLE, TUYET, make_rows
from vneid_middleware.core.documents import FINDINGS
from vneid_middleware.core.matching import MatchRule, StateRule
from vneid_middleware.exceptions import StorageError, VNeIDError
from vneid_middleware.models import DocumentRequest
from vneid_middleware.plugins.documents.sql import SqlDocuments
from vneid_middleware.settings import Secret
from vneid_middleware.storage import citizens

NOW = 1_800_000_000
INPUTS = {"SoGPLX": MatchRule("so_gplx", "exact"), "HoVaTen": MatchRule("ho_ten", "name"),
          "NgaySinh": MatchRule("ngay_sinh", "date")}
STATES = (StateRule("revoked", "trang_thai", "2"), StateRule("expired", "ngay_het_han", "before-today"))


def provider(url: str, lookup: str = LOOKUP, **more: Any) -> SqlDocuments:
    fields = dict(line.split(" = ") for line in FIELDS.splitlines())
    said = {"lookup": lookup, "fields": fields, "match": INPUTS, "id": "so_gplx", "state": STATES, **more, "url": Secret(url)}
    settings = {f"documents.GPLX.{part}": value for part, value in said.items()}
    return SqlDocuments("GPLX", SimpleNamespace(settings=settings, clock=lambda: NOW))


def fill(url: str) -> str:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(TABLE)
        names = "abcdefghi"
        connection.execute(text(f"INSERT INTO gplx VALUES ({', '.join(':' + name for name in names)})"),
                           [dict(zip(names, row, strict=True)) for row in ROWS])
        connection.exec_driver_sql("CREATE INDEX gplx_citizen ON gplx (so_dinh_danh)")
    engine.dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The driving licences, in one database after the other."""
    if request.param == "sqlite":
        yield make_rows(tmp_path / "licences.db")
    else:
        yield fill(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def made(database: str) -> Iterator[Callable[..., SqlDocuments]]:
    """``made(…)`` gives a provider on the licences, whose connections are closed afterwards."""
    each: list[SqlDocuments] = []

    def make(*words: Any, **more: Any) -> SqlDocuments:
        each.append(provider(database, *words, **more))
        return each[-1]

    yield make
    for one in each:
        one._database.close()


def test_the_same_comes_of_every_database(made) -> None:
    licences = made()

    def ask(personal_id: str, **inputs: str) -> Any:
        return licences.find(DocumentRequest(personal_id, inputs))

    found = ask(TUYET, HoVaTen="nguyễn thị ánh tuyết", NgaySinh="17/05/2004")
    assert (found.status, found.document_id) == ("ok", "010123456789")
    assert found.data == {"SoGPLX": "010123456789", "HangGPLX": "B2", "NgayHHGPLX": "2099-03-01",
                          "HoVaTen": "NGUYỄN THỊ ÁNH TUYẾT"}
    assert ask(NOBODY).status == "not_found"
    assert ask(HOA)[::3] == ("multiple", ("SoGPLX",))
    assert ask(HOA, SoGPLX="790222222222").status == "expired"
    assert ask(HOA, SoGPLX="790111111111").status == "ok", "no date is no end"
    assert ask(AN).status == "revoked", "revoked wins"
    assert ask(AN, NgaySinh="1990").fields == ("NgaySinh",), "a year alone is not the day"


def test_upper_and_lower_case_of_columns_are_one(made) -> None:
    licences = made("SELECT SO_GPLX AS SoGPLX, Ho_Ten FROM gplx WHERE so_dinh_danh = :soDinhDanh", id="SOGPLX", state=(),
                    fields={"So": "SoGPLX"}, match={"HoVaTen": MatchRule("HO_TEN", "name")})
    found = licences.find(DocumentRequest(TUYET, {"HoVaTen": "Nguyễn Thị Ánh Tuyết"}))
    assert (found.data, found.document_id) == ({"So": "010123456789"}, "010123456789")
    assert list(licences.try_online()) == [("documents.GPLX.lookup", "")]


def test_two_columns_of_one_name_are_told_online(made) -> None:
    doubled = made("SELECT g.*, o.hang FROM gplx g JOIN gplx o ON o.so_dinh_danh = g.so_dinh_danh "
                   "WHERE g.so_dinh_danh = :soDinhDanh")
    (_, fault), = doubled.try_online()
    assert fault == "its rows have several columns hang: give each a name of its own, by AS"


def test_a_change_is_read_as_the_document_is_now(made, database) -> None:
    licences = made()
    assert licences.current(TUYET, "010123456789")["HangGPLX"] == "B2"
    assert licences.current(HOA, "790222222222")["HangGPLX"] == "C"
    assert licences.current(TUYET, "790222222222") is None
    assert licences.current(NOBODY, "010123456789") is None
    bound = made("SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh AND so_gplx = :SoGPLX", match={})
    assert bound.current(HOA, "790111111111")["HangGPLX"] == "A1"
    with pytest.raises(VNeIDError, match="lookup_needs_input"):
        made("SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh AND hang = :Hang").current(HOA, "790111111111")
    doubled = made("SELECT g.* FROM gplx g JOIN gplx o ON o.so_dinh_danh = g.so_dinh_danh WHERE g.so_dinh_danh = :soDinhDanh")
    with pytest.raises(VNeIDError, match="documents_ambiguous"):
        doubled.current(HOA, "790111111111")


@pytest.mark.parametrize("value", ["x' OR '1'='1", "x'; DROP TABLE gplx; --", "%", "\\", "😀", "x" * 500, ":soDinhDanh", "NULL"])
def test_what_was_typed_is_a_value_and_never_sql(made, value) -> None:
    licences = made("SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh AND so_gplx = :SoGPLX", match={})
    assert licences.find(DocumentRequest(HOA, {"SoGPLX": value})).status == "not_found"
    assert licences.find(DocumentRequest(HOA, {"SoGPLX": "790111111111"})).status == "ok"


def test_nothing_can_be_written(made, database) -> None:
    if database.startswith("postgresql"):
        engine = create_engine(database)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE SEQUENCE wear")
        engine.dispose()
        writing = "SELECT g.*, nextval('wear') FROM gplx g WHERE so_dinh_danh = :soDinhDanh"
        with pytest.raises(StorageError, match="read-only"):
            made(writing).find(DocumentRequest(TUYET))
    for statement in ("DELETE FROM gplx", "CREATE TABLE other (a INT)"):
        with pytest.raises(StorageError), made()._database._database.reading() as connection:
            connection.exec_driver_sql(statement)
    assert made().find(DocumentRequest(TUYET)).status == "ok"


def test_a_query_that_takes_too_long_is_given_up(database, monkeypatch) -> None:
    monkeypatch.setattr(citizens, "TIMEOUT", 1)
    slow = {"sqlite": "SELECT g.*, (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n) "
                      "FROM gplx g WHERE so_dinh_danh = :soDinhDanh",
            "postgresql": "SELECT g.*, pg_sleep(20) FROM gplx g WHERE so_dinh_danh = :soDinhDanh",
            "mysql": "SELECT g.*, sleep(20) FROM gplx g WHERE so_dinh_danh = :soDinhDanh"}
    licences = provider(database, slow[database.partition(":")[0].partition("+")[0]])
    began = time.monotonic()
    with pytest.raises(StorageError, match="documents_unavailable"):
        licences.find(DocumentRequest(TUYET))
    assert time.monotonic() - began < 8
    licences._database.close()


def test_no_error_repeats_what_was_asked_with(made) -> None:
    for lookup in ("SELECT * FROM gplx WHERE so_dinh_danh = CAST(:soDinhDanh AS DATE) AND nowhere = 1",
                   "SELECT CAST(:soDinhDanh AS DATE) + nowhere, g.* FROM gplx g",
                   "SELECT * FROM gplx WHERE ngay_cap = CAST(CAST(:soDinhDanh AS VARCHAR) AS DATE) AND nope(1) = 2"):
        with pytest.raises(StorageError) as error:
            made(lookup).find(DocumentRequest(TUYET))
        assert TUYET not in str(error.value)


def test_a_query_that_lacks_a_column_says_which(made) -> None:
    with pytest.raises(VNeIDError, match=r"fields: names ngay_het_han, which the rows of documents.GPLX.lookup do not"):
        made("SELECT so_gplx, hang, ho_ten, ngay_sinh, trang_thai FROM gplx WHERE so_dinh_danh = :soDinhDanh").find(
            DocumentRequest(TUYET))


@pytest.mark.threat("A-235")
def test_a_field_of_the_number_that_is_another_column_is_told_in_the_log(made, caplog) -> None:
    found = made(fields={"soDinhDanh": "hang"}).find(DocumentRequest(TUYET))
    assert (found.status, found.data) == ("not_found", None)
    assert "documents.GPLX.fields: soDinhDanh = hang holds the number that was asked for in no row" in caplog.text
    assert TUYET not in caplog.text


@pytest.mark.threat("A-235")
def test_too_many_rows_are_a_wrong_query(made) -> None:
    crossed = "SELECT a.* FROM gplx a, gplx b, gplx c, gplx d WHERE :soDinhDanh <> ''"
    with pytest.raises(StorageError, match="documents_too_many"):
        made(crossed).find(DocumentRequest(TUYET))


@pytest.mark.threat("A-235")
def test_values_come_out_as_json_has_them(tmp_path) -> None:
    from vneid_middleware.plugins.documents.sql import _as_json

    pairs = [("ho\u0300a", "hòa"), (None, None), (5, 5), (True, True), (1.5, 1.5), (date(2020, 2, 29), "2020-02-29"),
             (Decimal("5.50"), "5.50"), (Decimal(7), 7), ({"a": [1]}, {"a": [1]})]
    assert [_as_json("c", given) for given, _ in pairs] == [wanted for _, wanted in pairs]
    for wrong in (b"\x89PNG", memoryview(b"x"), float("inf"), object(), Decimal("NaN")):
        with pytest.raises(VNeIDError, match="column_invalid"):
            _as_json("c", wrong)


# -- online ----------------------------------------------------------------------------------------------------------------

def test_a_missing_index_is_found(made, database) -> None:
    assert list(made().try_online()) == [("documents.GPLX.lookup", "")]
    (name, fault), = made("SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh OR noi_cap = :NoiCap").try_online()
    assert name == "documents.GPLX.lookup"
    assert "reads all of gplx" in fault
    assert "an index is missing" in fault
    (_, fault), = made("SELECT * FROM gplx WHERE lower(so_dinh_danh) = :soDinhDanh").try_online()
    assert "an index is missing" in fault


def test_a_lookup_that_does_not_work_is_told_online(made) -> None:
    (_, fault), = made("SELECT * FROM nowhere WHERE so_dinh_danh = :soDinhDanh").try_online()
    assert "nowhere" in fault
    there = ("which the rows of documents.GPLX.lookup do not have; they have so_gplx. Mend the name, or add the column to the "
             "SELECT")
    assert list(made("SELECT so_gplx FROM gplx WHERE so_dinh_danh = :soDinhDanh").try_online()) == [
        ("documents.GPLX.fields", f"names hang, ho_ten, ngay_het_han, {there}"),
        ("documents.GPLX.match", f"names ho_ten, ngay_sinh, {there}"),
        ("documents.GPLX.state", f"names ngay_het_han, trang_thai, {there}")]
    (key, fault), = made(id="so").try_online()
    assert (key, fault.partition(",")[0]) == ("documents.GPLX.id", "names so")


def test_an_absent_file_is_not_made(tmp_path) -> None:
    absent = provider(f"sqlite:///{tmp_path / 'absent.db'}")
    with pytest.raises(StorageError, match="documents_unavailable"):
        absent.find(DocumentRequest(TUYET))
    with pytest.raises(VNeIDError):
        absent.check()
    assert not (tmp_path / "absent.db").exists()


# -- a server that goes and comes ------------------------------------------------------------------------------------------

def test_connections_are_kept_and_survive_the_death_of_the_server_side(postgresql_url) -> None:
    licences = provider(fill(postgresql_url))
    assert licences.find(DocumentRequest(TUYET)).status == "ok"
    engine = create_engine(postgresql_url)
    killed = ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
              "WHERE application_name = 'vneid-middleware-documents'")
    with engine.begin() as connection:
        assert connection.scalar(text(killed)) == 1, "one connection is kept"
    assert licences.find(DocumentRequest(TUYET)).status == "ok"
    licences._database.close()
    engine.dispose()


def test_many_ask_at_once(postgresql_url) -> None:
    licences = provider(fill(postgresql_url))
    seen: list[str] = []

    def ask() -> None:
        seen.extend(licences.find(DocumentRequest(TUYET)).status for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (set(seen), len(seen)) == ({"ok"}, 240)
    assert set(seen) <= FINDINGS
    licences._database.close()
