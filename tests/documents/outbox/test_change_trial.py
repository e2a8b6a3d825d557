"""What ``vneid check`` says of sources of changes, on each database that can be had: as the administrator reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from licences import HOA, LOOKUP, TUYET, Keys, make_rows, settings_for
from outbox_service import SECRET, write_ini
from vneid_middleware.cli import main as vneid

KEY = "documents.GPLX.changes"
TABLE = """
CREATE TABLE thay_doi (so INTEGER PRIMARY KEY, nguoi VARCHAR(12), giay VARCHAR(20), luc {time}, dau VARCHAR(30), viec VARCHAR(10))
"""
TIMES = {"sqlite": ("TEXT", "''"), "postgresql": ("TIMESTAMP WITH TIME ZONE", "CAST('-infinity' AS TIMESTAMP WITH TIME ZONE)"),
         "mysql": ("DATETIME(6)", "'1970-01-01'")}
ROWS = 60


class Agency:
    """The agency's table of changes in one database, and the portal's ini beside it."""

    def __init__(self, url: str, folder: Path, settings: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
        self.url, self._folder, self._settings, self._capsys = url, folder, settings, capsys
        self.kind = url.partition(":")[0].partition("+")[0]
        self._engine = create_engine(url)
        kind, self.first = TIMES[self.kind]
        with self._engine.begin() as connection:
            connection.exec_driver_sql(TABLE.format(time=kind))
        for column in ("luc", "dau"):
            self.sql(f"CREATE INDEX thay_doi_{column} ON thay_doi ({column})")
        self.put(*range(ROWS))

    def put(self, *numbers: int, person: str = HOA) -> None:
        rows = [{"so": number, "nguoi": person, "luc": f"2026-11-01 08:{number // 60:02}:{number % 60:02}.000000",
                 "dau": f"dau-{number:05}"} for number in numbers]
        with self._engine.begin() as connection:
            connection.execute(text("INSERT INTO thay_doi VALUES (:so, :nguoi, 'GP-1', :luc, :dau, 'upsert')"), rows)

    def sql(self, statement: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement))

    def close(self) -> None:
        self._engine.dispose()

    def select(self, since: str = "luc", *, where: str = "", order: str | None = None, columns: str = "") -> str:
        first = {"luc": self.first, "so": "-1", "dau": "''"}.get(since, "0")
        return (f"SELECT {columns or 'nguoi AS soDinhDanh, giay AS maGiayTo, viec AS action'}, {since} AS since FROM thay_doi "
                f"WHERE {where or f'{since} > COALESCE(:since, {first})'} {order if order is not None else f'ORDER BY {since}'}")

    def check(self, query: str, *words: str) -> tuple[int, str, str]:
        """Run ``vneid check``; return the exit code and what it says of the changes on stdout and on stderr."""
        settings = {**self._settings, KEY: query, "documents.GPLX.url": self.url}
        ini = write_ini(settings, self._folder, "[pipeline:main]\npipeline = vneid portal\n[app:portal]\n"
                        "use = egg:vneid-middleware#standalone\n[server:main]\nuse = egg:waitress#main\n")
        code = vneid(["check", str(ini), *words])
        told = self._capsys.readouterr()
        return code, *("\n".join(line for line in stream.splitlines() if KEY in line) for stream in (told.out, told.err))


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def agency(request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[Path], None],
           capsys: pytest.CaptureFixture[str]) -> Iterator[Agency]:
    keys = Keys(tmp_path)
    new_database(tmp_path / "vneid.db")
    settings = {**settings_for(tmp_path, keys), "secret": SECRET, "public_url": "https://gplx.example.gov.vn",
                "transport.vneid.kind": "direct", "transport.vneid.url": "https://vneid.invalid",
                "documents.transport": "vneid", "documents.push_path": "/push", "documents.GPLX.lookup": LOOKUP}
    url = make_rows(tmp_path / "gplx.db") if request.param == "sqlite" else request.getfixturevalue(f"{request.param}_url")
    found = Agency(url, tmp_path, settings, capsys)
    yield found
    found.close()


def test_a_source_by_a_time_or_a_number_is_fine(agency: Agency) -> None:
    for column in ("luc", "so"):
        _, out, err = agency.check(agency.select(column), "--online")
        assert (out, err) == (f"online: {KEY}: ok", "")


def test_a_cursor_that_is_neither_is_a_warning(agency: Agency) -> None:
    _, out, err = agency.check(agency.select("dau"), "--online")
    assert out == ""
    assert err.startswith(f"online: {KEY}: warning: since is neither a time nor a number: there is no overlap")
    assert err.count("\n") == 0


def test_a_missing_index_is_a_warning(agency: Agency) -> None:
    agency.sql("DROP INDEX thay_doi_luc" + (" ON thay_doi" if agency.kind == "mysql" else ""))
    _, out, err = agency.check(agency.select(), "--online")
    assert out == ""
    assert f"{KEY}: warning: the database reads all of thay_doi at each reading" in err


def test_a_comparison_that_keeps_the_index_from_being_used_is_a_warning(agency: Agency) -> None:
    hidden = {"sqlite": "substr(luc, 1)", "postgresql": "luc + interval '0'", "mysql": "date_add(luc, interval 0 second)"}
    where = f"{hidden[agency.kind]} > COALESCE(:since, {agency.first})"
    assert "warning: the database reads all of thay_doi" in agency.check(agency.select(where=where), "--online")[2]


def test_the_first_rows_again_are_a_warning(agency: Agency) -> None:
    where = f"luc > COALESCE({agency.first}, :since)"
    assert "warning: it gives the first rows again whatever :since is" in agency.check(agency.select(where=where), "--online")[2]


@pytest.mark.parametrize(("part", "words"), [
    ({"columns": "nguoi AS so_dinh_danh, giay AS maGiayTo"}, "its rows have no column soDinhDanh: name it, by AS"),
    ({"columns": "nguoi"}, "its rows have no column soDinhDanh, maGiayTo"),
    ({"columns": "nguoi AS soDinhDanh, giay AS maGiayTo, giay AS magiayto"}, "several columns maGiayTo"),
    ({"order": "ORDER BY luc DESC"}, "since does not ascend"),
    ({"columns": "giay AS soDinhDanh, giay AS maGiayTo"}, "row 1: soDinhDanh must be 12 digits"),
    ({"columns": "nguoi AS soDinhDanh, giay AS maGiayTo, nguoi AS action"}, "row 1: action must be upsert or revoke"),
    ({"columns": "nguoi AS soDinhDanh, NULL AS maGiayTo"}, "row 1: maGiayTo must be 1 to"),
    ({"columns": "nguoi AS soDinhDanh, khong_co AS maGiayTo"}, "changes_unavailable"),
])
def test_what_does_not_work_is_told_and_no_value_with_it(agency: Agency, part: dict[str, str], words: str) -> None:
    code, out, err = agency.check(agency.select(**part), "--online")
    assert (code, out) == (1, "")
    assert words in err
    assert "warning" not in err
    assert HOA not in err


def test_a_date_is_a_warning_unless_another_column_tells_changes_apart(agency: Agency) -> None:
    columns = "nguoi AS soDinhDanh, giay AS maGiayTo, CAST(luc AS date)"
    if agency.kind == "sqlite":
        columns = columns.replace("CAST(luc AS date)", "substr(luc, 1, 10)")
    query = agency.select(columns=columns).replace(", luc AS since", " AS since")
    warning = "warning: since is a date: of two changes of a paper on one day the second is missed"
    assert warning in agency.check(query, "--online")[2]
    assert warning not in agency.check(query.replace(" AS since", " AS since, so AS phien_ban"), "--online")[2]


def test_a_since_that_is_null_is_told(agency: Agency) -> None:
    query = agency.select(columns="nguoi AS soDinhDanh, giay AS maGiayTo").replace("luc AS since", "NULL AS since")
    assert "row 1: since must be a time, a number or text, and never NULL" in agency.check(query, "--online")[2]


def test_a_comparison_that_works_with_null_alone_is_told(agency: Agency) -> None:
    if agency.kind != "postgresql":
        # the others compare anything with anything
        return
    query = agency.select(where="(CAST(:since AS integer) IS NULL OR so > CAST(:since AS integer))")
    _, out, err = agency.check(query, "--online")
    assert (out, "changes_unavailable" in err, "warning" in err) == ("", True, False)


def test_an_empty_table_is_a_warning(agency: Agency) -> None:
    agency.sql("DELETE FROM thay_doi")
    _, out, err = agency.check(agency.select(), "--online")
    assert out == ""
    assert "warning: it finds no row yet" in err
    lacking = agency.select(columns="nguoi AS so_dinh_danh, giay AS maGiayTo")
    assert "its rows have no column soDinhDanh" in agency.check(lacking, "--online")[2]


def test_a_warning_alone_lets_the_check_pass(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    from vneid_middleware.cli import online

    # the platform of these settings is nowhere
    monkeypatch.setattr(online._Trials, "tried", lambda *words: True)
    monkeypatch.setattr(online._Trials, "reached", lambda *words: True)
    if agency.kind != "sqlite":
        agency.sql("CREATE TABLE gplx (so_gplx VARCHAR(20), so_dinh_danh VARCHAR(12), hang VARCHAR(9), ho_ten VARCHAR(99), "
                   "ngay_sinh VARCHAR(10), ngay_het_han DATE, trang_thai VARCHAR(2))")
        agency.sql("CREATE INDEX gplx_citizen ON gplx (so_dinh_danh)")
    assert agency.check(agency.select("dau"), "--online")[0] == 0
    assert agency.check(agency.select(order="ORDER BY luc DESC"), "--online")[0] == 1


def test_a_select_without_order_is_refused_without_asking(agency: Agency) -> None:
    code, _, err = agency.check(agency.select(order=""))
    assert (code, "has no ORDER BY" in err) == (1, True)
    assert agency.check(agency.select()) == (0, "", "")


@pytest.mark.parametrize("agency", ["postgresql"], indirect=True)
def test_of_many_rows_a_few_are_sent(agency: Agency) -> None:
    """A first load may have millions of them. The row that can't be made lies far behind those that are asked for."""
    agency.sql("INSERT INTO thay_doi SELECT a.so + 60 * b.so + 100, a.nguoi, a.giay, a.luc, a.dau, a.viec "
               "FROM thay_doi a, thay_doi b")
    agency.sql("ANALYZE thay_doi")
    query = agency.select("so", columns="nguoi AS soDinhDanh, giay AS maGiayTo, 1 / (3000 - so) AS thua")
    assert agency.check(query, "--online")[1:] == (f"online: {KEY}: ok", "")


def test_nothing_is_taken_by_a_check(agency: Agency) -> None:
    from vneid_middleware.storage import Storage

    agency.put(ROWS, person=TUYET)
    agency.check(agency.select(), "--online")
    storage = Storage(f"sqlite:///{agency._folder / 'vneid.db'}")
    with storage.read() as connection:
        for table in ("outbox", "taken_rows", "channels"):
            assert connection.execute(text(f"SELECT count(*) FROM vneid_{table}")).scalar() == 0
    storage.close()
