"""The host's own accounts: found by one query at the login, by nothing else, and nobody is let in on a guess."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import create_engine, text

from support import Browser, serving
from vneid_middleware.exceptions import StorageError
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.storage.accounts import AccountDatabase

QUERY = "SELECT login FROM users WHERE number = :personal_id"
NGUYET, DUC = PERSONAS["nguyet"].personal_id, PERSONAS["duc"].personal_id


class Accounts:
    """The table of users that a host has."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(url)
        self.run("CREATE TABLE users (number VARCHAR(20), login VARCHAR(500), name VARCHAR(200))")

    def run(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def add(self, number: str, login: str | None, name: str = "") -> None:
        self.run("INSERT INTO users VALUES (:number, :login, :name)", number=number, login=login, name=name)

    def logins(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(text("SELECT login FROM users ORDER BY login")).scalars())


@pytest.fixture(params=["sqlite", "postgresql"])
def accounts(request, tmp_path):
    """The users' table of a host, on each database."""
    url = f"sqlite:///{tmp_path}/host%20.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    found = Accounts(url)
    yield found
    found.engine.dispose()


@pytest.fixture
def users(tmp_path):
    """The same on SQLite alone, for what does not depend on the database."""
    found = Accounts(f"sqlite:///{tmp_path}/host.db")
    yield found
    found.engine.dispose()


def started(journey, accounts, query=QUERY, **settings):
    return journey(**{"accounts.url": accounts.url, "accounts.query": query, **settings})


def refused(j, answer, status, code):
    """Nobody is in, the page says why, and the audit has it."""
    assert (answer.status, j.audit()[-1]["what"]["code"]) == (status, code)
    assert not j.session()["authenticated"]
    assert j.browser.get(j.portal + "/").json()["user"] is None
    return True


# -- the account becomes REMOTE_USER -----------------------------------------------------------------------------------

def test_the_host_greets_its_own_user(journey, accounts):
    accounts.add(NGUYET, "nguyệt.nguyễn")
    j = started(journey, accounts)
    seen = j.sign_in("nguyet", "/ho-so?trang=2")
    assert seen.url == j.portal + "/ho-so?trang=2"
    assert seen.json()["user"].encode("latin-1").decode() == "nguyệt.nguyễn"
    assert j.session()["identity"]["personal_id"] == NGUYET


@pytest.mark.parametrize(("query", "login"), [
    ("SELECT login, number FROM users WHERE name = :full_name AND :account_type = 'person'", "a"),
    ("select login\n  from users\n where number = :personal_id and :level >= 2", "a"),
    ("SELECT 'sub:' || :subject || '@' || :issuer", "sub:sim-nguyet@"),
    ("SELECT CAST(:birth_date AS VARCHAR(10))", "1990-05-17")])
def test_a_query_asks_by_any_field(journey, accounts, query, login):
    accounts.add(NGUYET, "a", PERSONAS["nguyet"].full_name)
    j = started(journey, accounts, query)
    j.switch(sub="on")
    assert j.sign_in("nguyet").json()["user"] == (login + j.provider if login.endswith("@") else login)


def test_no_request_asks_the_accounts(journey, users):
    users.add(NGUYET, "a")
    j = started(journey, users)
    assert j.sign_in("nguyet").json()["user"] == "a"
    users.run("DROP TABLE users")
    assert [j.browser.get(j.portal + "/ho-so").json()["user"] for _ in range(3)] == ["a"] * 3


def test_the_account_stays_when_the_cookie_is_written_again(journey, users):
    now = [1_800_000_000.0]
    users.add(NGUYET, "a")
    j = journey(clock=lambda: now[0], **{"accounts.url": users.url, "accounts.query": QUERY})
    j.sign_in("nguyet")
    for _ in range(2):
        now[0] += 100
        answer = j.browser.get(j.portal + "/")
        assert answer.headers["Set-Cookie"].startswith("vneid=")
        assert answer.json()["user"] == "a"


def test_a_session_from_before_the_accounts_goes_on(journey, users):
    j = started(journey, users)
    from vneid_middleware.models import Identity

    services = j.app.services
    identity = Identity("s", "i", NGUYET, "", None, "person", 1, {}, services.now(), "a-session")
    record, cookie = services.sessions.begin(identity, services.now())
    assert len(record) == 13
    assert j.browser.get(j.portal + "/", {"Cookie": cookie.split(";")[0]}).json()["user"] == NGUYET


# -- no account --------------------------------------------------------------------------------------------------------

def test_who_has_no_account_is_refused(journey, accounts):
    accounts.add(DUC, "duc")
    j = started(journey, accounts)
    answer = j.sign_in("nguyet")
    assert refused(j, answer, 403, "account_unknown")
    assert "Bạn chưa có tài khoản trên cổng dịch vụ này" in answer.text
    assert j.browser.get(j.portal + "/ho-so").status == 303


def test_or_is_known_by_number(journey, users):
    j = started(journey, users, **{"accounts.missing": "personal_id", "sso.remote_user": "full_name"})
    assert j.sign_in("nguyet").json()["user"] == NGUYET


def sign_up_host(users, seen):
    """A host whose sign-up page takes the citizen's data from the identity, by form."""

    def host(environ, start_response):
        seen.append({name: environ.get(name) for name in ("REMOTE_USER", "AUTH_TYPE", "vneid.identity")})
        identity = environ.get("vneid.identity")
        if environ["PATH_INFO"] == "/dang-ky" and environ["REQUEST_METHOD"] == "POST":
            users.add(identity.personal_id, "moi", identity.full_name)
            start_response("303 See Other", [("Location", "/xong")])
            return [b""]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps([environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("REMOTE_USER")]).encode()]

    return host


def test_or_signs_up_first(journey, users):
    seen = []
    j = started(journey, users, **{"accounts.missing": "redirect:/dang-ky"})
    j.app.app = sign_up_host(users, seen)
    end = j.sign_in("nguyet", "/ho-so?trang=2&x=%26")
    assert end.json() == ["/dang-ky", "return_to=/ho-so%3Ftrang%3D2%26x%3D%2526", None]
    assert (seen[-1]["REMOTE_USER"], seen[-1]["AUTH_TYPE"]) == (None, None)
    assert seen[-1]["vneid.identity"].full_name == "Nguyễn Thị Ánh Nguyệt"
    assert j.session()["authenticated"]
    assert j.browser.post(j.portal + "/dang-ky").status == 303
    assert seen[-1]["REMOTE_USER"] is None
    again = j.browser.get(j.portal + "/vneid/login?prompt=login&return_to=/ho-so", follow=True)
    assert again.json() == ["/ho-so", "", "moi"]


def test_who_has_no_account_is_not_whom_the_server_in_front_names(journey, users):
    seen = []
    j = started(journey, users, **{"accounts.missing": "redirect:/dang-ky"})
    j.sign_in("nguyet")
    cookie = "; ".join(f"{name}={value}" for name, value in j.browser.cookies[j.portal.removeprefix("http://")].items())
    j.app.app = sign_up_host(users, seen)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "", "HTTP_COOKIE": cookie, "REMOTE_USER": "admin",
               "AUTH_TYPE": "Basic", "wsgi.url_scheme": "http", "SERVER_NAME": "x", "SERVER_PORT": "80"}
    j.app(environ, lambda *answer: None)
    assert (seen[-1]["REMOTE_USER"], seen[-1]["AUTH_TYPE"]) == (None, None)
    assert seen[-1]["vneid.identity"].personal_id == NGUYET


# -- what is no account ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("found", "told"), [
    (["a", "b"], "several rows"), (["a", "a"], "several rows"), ([None], "gave NULL"), ([""], "an empty name"),
    (["  "], "an empty name"), ([" a"], "spaces around it"), (["a" * 151], "151 characters"), (["a\x00b"], "control characters"),
    (["a\nREMOTE_USER: admin"], "control characters"), (["a\u2028b"], "control characters"), ([b"a"], "gave bytes"),
    ([17], "gave int"), ([True], "gave int")])
@pytest.mark.parametrize("missing", ["refuse", "personal_id", "redirect:/dang-ky"])
def test_what_is_no_single_name_lets_nobody_in(journey, tmp_path, caplog, found, told, missing):
    with closing(sqlite3.connect(tmp_path / "raw.db")) as connection, connection:
        connection.execute("CREATE TABLE users (number, login)")
        connection.executemany("INSERT INTO users VALUES (?, ?)", [(NGUYET, login) for login in found])
    j = journey(**{"accounts.url": f"sqlite:///{tmp_path}/raw.db", "accounts.query": QUERY, "accounts.missing": missing})
    assert refused(j, j.sign_in("nguyet"), 503, "account_invalid")
    assert f"accounts.query {'found' if 'rows' in told else 'gave'}" in caplog.text
    assert told in caplog.text


@pytest.mark.parametrize("login", ["a" * 150, "ạ" * 150, "o'brien", "a b", '"; DROP TABLE users; --'])
def test_names_that_look_odd_are_names(journey, accounts, login):
    accounts.add(NGUYET, login)
    j = started(journey, accounts)
    assert j.sign_in("dai").status == 403
    assert j.sign_in("nguyet").json()["user"].encode("latin-1").decode() == login


@pytest.mark.parametrize("missing", ["refuse", "personal_id", "redirect:/dang-ky"])
def test_a_database_that_is_away_lets_nobody_in(journey, free_port, tmp_path, missing):
    for number, url in enumerate((f"postgresql://u:hunter2-secret@127.0.0.1:{free_port()}/d", f"sqlite:///{tmp_path}/none.db")):
        j = journey(**{"accounts.url": url, "accounts.query": QUERY, "accounts.missing": missing,
                       "storage": f"sqlite:///{tmp_path}/own-{number}.db"})
        answer = j.sign_in("nguyet")
        assert refused(j, answer, 503, "accounts_unavailable")
        assert "hunter2" not in answer.text + json.dumps(j.audit())
        assert not (tmp_path / "none.db").exists()
        ready = j.browser.get(j.portal + "/vneid/health/ready", {"Accept": "application/json"})
        assert (ready.status, ready.json()["degraded"]) == (200, ["accounts"])


def test_a_query_that_the_database_does_not_take_is_told_without_the_number(journey, accounts, caplog):
    accounts.add(NGUYET, "a")
    number = "CAST(number AS INTEGER) = CAST(:full_name AS INTEGER) + no_such_column"
    j = started(journey, accounts, f"SELECT login FROM users WHERE {number}")
    assert refused(j, j.sign_in("nguyet"), 503, "accounts_unavailable")
    assert "no_such_column" in caplog.text
    assert j.app.services.readiness["accounts"].critical is False
    with pytest.raises(StorageError, match="no_such_column"):
        j.app.services.readiness["accounts"].check()


def test_no_value_of_an_identity_gets_into_the_log(journey, postgresql_url, caplog):
    accounts = Accounts(postgresql_url)
    j = started(journey, accounts, "SELECT CAST(CAST(:full_name AS INTEGER) AS VARCHAR)")
    assert refused(j, j.sign_in("nguyet"), 503, "accounts_unavailable")
    assert "InvalidTextRepresentation" in caplog.text
    assert "Nguyệt" not in caplog.text + json.dumps(j.audit(), ensure_ascii=False)
    accounts.engine.dispose()


# -- the query is asked, and nothing else ------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["x' OR '1'='1", "x'; DELETE FROM users; --", 'x" OR ""="', "x\\' OR 1=1 --", "%", "_____"])
def test_a_name_is_a_value_and_never_sql(accounts, name):
    accounts.add(NGUYET, "a", "Nguyệt")
    database = AccountDatabase(accounts.url, "SELECT login FROM users WHERE name = :full_name")
    assert database.find({"full_name": name}) == []
    assert database.find({"full_name": "Nguyệt"}) == ["a"]
    accounts.add(DUC, "b", name)
    assert database.find({"full_name": name}) == ["b"]
    assert accounts.logins() == ["a", "b"]


def test_a_citizen_with_quotes_in_the_name(journey, accounts, monkeypatch):
    odd = "Nguyễn O'Hara'; DROP TABLE users; --"
    monkeypatch.setitem(PERSONAS, "nguyet", replace(PERSONAS["nguyet"], full_name=odd))
    accounts.add(DUC, "a", "somebody else")
    j = started(journey, accounts, "SELECT login FROM users WHERE name = :full_name")
    assert refused(j, j.sign_in("nguyet"), 403, "account_unknown")
    assert accounts.logins() == ["a"]


def test_the_query_can_change_nothing(postgresql_url, tmp_path):
    accounts = Accounts(postgresql_url)
    accounts.run("CREATE FUNCTION sneak(text) RETURNS text LANGUAGE sql AS "
                 "$$ INSERT INTO users VALUES ('1', $1, '') RETURNING login $$")
    with pytest.raises(StorageError, match="read-only"):
        AccountDatabase(postgresql_url, "SELECT sneak(:subject)").find({"subject": "x"})
    assert accounts.logins() == []
    accounts.engine.dispose()
    users = Accounts(f"sqlite:///{tmp_path}/host.db")
    database = AccountDatabase(users.url, "DELETE FROM users WHERE number <> :subject RETURNING login")
    with pytest.raises(StorageError, match="readonly"):
        database.find({"subject": "x"})


def test_a_query_that_never_ends_is_given_up(monkeypatch, accounts):
    from vneid_middleware.storage import accounts as stored

    endless = ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
               "SELECT CAST(max(i) AS VARCHAR(9)) FROM n WHERE :level > 0")
    if accounts.url.startswith("sqlite"):
        monkeypatch.setattr(stored, "TIMEOUT", 0.1)
    with pytest.raises(StorageError, match=r"interrupted|statement timeout"):
        AccountDatabase(accounts.url, endless).find({"level": 1})


# -- one number, one subject -------------------------------------------------------------------------------------------

def receiver(got, status="200 OK"):
    """What ``alarm.url`` names."""

    def app(environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        got.append((environ["REQUEST_METHOD"], environ["CONTENT_TYPE"], json.loads(body), body.decode()))
        start_response(status, [("Content-Length", "0")])
        return [b""]

    return app


CONFLICTS = [("other-subject", "number_under_another_subject"), ("other-number", "subject_with_another_number")]


@pytest.mark.threat("A-028")
@pytest.mark.parametrize(("fault", "reason"), CONFLICTS)
@pytest.mark.parametrize("storage", ["sqlite", "postgresql"])
def test_number_and_subject_stay_together(journey, request, wait_until, fault, reason, storage):
    own = {} if storage == "sqlite" else {"storage": request.getfixturevalue("postgresql_url")}
    got = []
    with serving(lambda base: receiver(got)) as (alarm, _):
        j = journey(**{"alarm.url": alarm + "/hook", **own})
        j.switch(sub="on")
        assert j.sign_in("nguyet", browser=Browser()).status == 200
        j.switch(fault_id_token=fault)
        answer = j.sign_in("nguyet")
        assert refused(j, answer, 403, "account_conflict")
        assert "Chưa thể đăng nhập cho bạn" in answer.text
        wait_until(lambda: got, what="the alarm")
    conflict = next(record for record in j.audit() if record["event"] == "account.conflict")
    assert (conflict["outcome"], conflict["what"]["reason"]) == ("failure", reason)
    method, kind, sent, raw = got[0]
    assert (method, kind, len(got)) == ("POST", "application/json", 1)
    assert (sent["alarm"], sent["portal"], sent["reason"]) == ("account_conflict", j.portal, reason)
    assert (sent["request_id"], sent["subject_hash"]) == (conflict["request_id"], conflict["who"]["subject_hash"])
    first = next(record for record in j.audit() if record["event"] == "login.succeeded")
    assert sent["known_subject_hash"] == conflict["what"]["known_subject_hash"] == first["who"]["subject_hash"]
    assert (sent["subject_hash"] == sent["known_subject_hash"]) is (fault == "other-number")
    assert datetime.fromisoformat(sent["time"].replace("Z", "+00:00")).utcoffset().seconds == 0
    assert not [word for word in (NGUYET, "100199999999", "Nguyệt", "sim-") if word in raw]
    j.switch(fault_id_token="none")
    assert j.sign_in("nguyet").status == 200


@pytest.mark.threat("A-028")
@pytest.mark.parametrize("old_secret", ["still-there", "gone"])
def test_they_stay_together_when_the_secret_is_rotated(journey, old_secret):
    old, new = "old-0123456789-abcdefghijklmnopqrstuvwxyz", "new-0123456789-abcdefghijklmnopqrstuvwxyz"
    issuer = {"sso.issuer": "https://vneid.example"}  # each simulator has a port of its own
    for secret in (old, f"{new}\n{old}"):
        j = journey(secret=secret, **issuer)
        j.switch(sub="on")
        if secret == old or old_secret == "gone":
            assert j.sign_in("nguyet").status == 200
    if old_secret == "gone":
        j = journey(secret=new, **issuer)
        j.switch(sub="on")
    j.switch(fault_id_token="other-subject")
    assert j.sign_in("nguyet", browser=Browser()).status == 403
    assert j.sign_in("duc", browser=Browser()).status == 200


@pytest.mark.threat("A-028")
def test_two_that_come_at_once_are_not_both_let_in(postgresql_url):
    from vneid_middleware.storage import Storage, known_accounts

    storages = [Storage(postgresql_url), Storage(postgresql_url)]
    storages[0].prepare()
    barrier, found = threading.Barrier(4), []

    def agree(number):
        with storages[number % 2].begin() as connection:
            barrier.wait(30)
            conflict = known_accounts.agree(connection, [f"subject-{number}"], ["number"], now=1)
        found.append(conflict)

    threads = [threading.Thread(target=agree, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [conflict is None for conflict in found].count(True) == 1
    assert len(found) == 4
    for storage in storages:
        storage.close()


def test_where_the_number_is_the_subject_nothing_is_kept(journey):
    from sqlalchemy import select

    from vneid_middleware.storage.tables import accounts as table

    j = journey()
    kept = []
    for sub in ("off", "on"):
        j.switch(sub=sub)
        assert j.sign_in("nguyet", browser=Browser()).status == 200
        with j.app.services.storage.read() as connection:
            kept.append(connection.execute(select(table)).all())
    assert [len(rows) for rows in kept] == [0, 1]
    assert not [value for value in kept[1][0] if NGUYET in str(value) or "sim-" in str(value)]


@pytest.mark.parametrize("status", ["500 Broken", "302 Elsewhere", None])
def test_an_alarm_that_can_not_be_sent_is_logged_and_the_page_comes(journey, wait_until, caplog, free_port, status):
    with serving(lambda base: receiver([], status or "200 OK")) as (alarm, _):
        j = journey(**{"alarm.url": alarm if status else f"http://127.0.0.1:{free_port()}/", "language": "en"})
        j.switch(sub="on")
        j.sign_in("nguyet", browser=Browser())
        j.switch(fault_id_token="other-subject")
        answer = j.sign_in("nguyet")
        assert refused(j, answer, 403, "account_conflict")
        assert "We cannot sign you in" in answer.text
        wait_until(lambda: "the alarm could not be sent" in caplog.text, what="the log line")


def test_the_page_does_not_wait_for_the_alarm(journey, wait_until):
    let_go, got = threading.Event(), []

    def hangs(environ, start_response):
        let_go.wait(15)
        return receiver(got)(environ, start_response)

    with serving(lambda base: hangs) as (alarm, _):
        j = journey(**{"alarm.url": alarm, "http.timeout": "30"})
        j.switch(sub="on")
        j.sign_in("nguyet", browser=Browser())
        j.switch(fault_id_token="other-subject")
        assert j.sign_in("nguyet").status == 403
        assert got == []
        let_go.set()
        wait_until(lambda: got, what="the alarm")
