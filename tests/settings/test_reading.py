"""Reading settings: where text comes from, what is told together, what is never shown."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vneid_middleware.application import assemble
from vneid_middleware.paste import make_filter
from vneid_middleware.settings import MASK, Problem, Secret, Setting, Settings, SettingsTable, Source, read_settings

Read = Callable[..., Any]
TABLES = list(assemble(Source({})).registrations.tables.values())
ROWS: dict[str, Setting] = {row.name: row for table in TABLES for row in table.rows}
NEW_SECRET = "marker-of-another-sealing-secret-9876543210"


def told(assembly: Any, key: str = "") -> list[str]:
    return [str(problem) for problem in assembly.problems if key in ("", problem.key)]


# -- env: and file: ---------------------------------------------------------------------------------------------------------


def test_values_of_the_environment_and_of_files(read: Read, tmp_path: Path) -> None:
    (tmp_path / "max_age").write_text("\ufeff3600\r\n\n", encoding="utf-8")
    found = read({"language": "env:TONGUE", "session.max_age": "file:max_age", "sso.client_id": f"file: {tmp_path}/max_age "},
                 environ={"TONGUE": " en "}).settings
    assert (found["language"], found["session.max_age"], found["sso.client_id"]) == ("en", 3600, "3600")


@pytest.mark.parametrize(("value", "expected"), [
    ("env:NO_SUCH_NAME", "the environment variable NO_SUCH_NAME is not set"),
    ("env:", "env: names no variable"),
    ("file:no/such", "can't be read: No such file or directory"),
    ("file:", "must name a file"),
    ("file:.", "can't be read: Is a directory"),
    ("file:binary", "can't be read: it is not UTF-8 text"),
    ("file:~nobody-of-this-name/x", "the home folder in it is nobody's"),
    ("file:a\0b", "must name a file"),
    ("file:" + "x" * 5000, "can't be read: File name too long"),
])
@pytest.mark.parametrize("key", ["sso.client_secret", "language", "storage", "session.max_age", "access"])
def test_values_that_cannot_be_had(read: Read, tmp_path: Path, key: str, value: str, expected: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "binary").chmod(0o600)
    assembly = read({key: value})
    (line,) = told(assembly)
    assert line.startswith(f"{key}: ")
    assert expected in line
    assert "portal.ini, line " in line
    assert assembly.services is None


def test_a_file_is_followed_once(read: Read, tmp_path: Path) -> None:
    (tmp_path / "first").write_text("file:second", encoding="utf-8")
    (tmp_path / "second").write_text("id", encoding="utf-8")
    assert read({"sso.client_id": "file:first"}).settings["sso.client_id"] == "file:second"
    assert read({"sso.client_id": "env:X"}, environ={"X": "env:Y", "Y": "id"}).settings["sso.client_id"] == "env:Y"


def test_without_an_ini_names_are_absolute(right: Mapping[str, str], tmp_path: Path) -> None:
    path = tmp_path / "id"
    path.write_text("id", encoding="utf-8")
    found = assemble(Source({**right, "storage": f"sqlite:///{tmp_path}/x.db", "sso.client_id": f"file:{path}"}))
    assert found.problems == []
    (line,) = told(assemble(Source({**right, "storage": f"sqlite:///{tmp_path}/x.db", "sso.client_id": "file:id"})))
    assert "must be an absolute path, since there is no ini file it could be relative to" in line
    (line,) = told(assemble(Source(right)))
    assert line.startswith("storage: is required, since there is no ini file")


@pytest.mark.threat("A-192")
@pytest.mark.parametrize(("mode", "exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o622, True)])
def test_a_secret_file_that_others_may_touch(read: Read, tmp_path: Path, mode: int, exposed: bool) -> None:
    path = tmp_path / "secret"
    path.write_text(NEW_SECRET, encoding="utf-8")
    path.chmod(mode)
    assembly = read({"secret": "file:secret"})
    assert assembly.services is not None
    assert [problem.severity for problem in assembly.problems] == (["warning"] if exposed else [])
    if exposed:
        assert f"Run: chmod 600 {path}." in str(assembly.problems[0])


def test_a_public_file_may_be_read_by_all(read: Read, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("id", encoding="utf-8")
    (tmp_path / "id").chmod(0o644)
    assert read({"sso.client_id": "file:id"}).problems == []


# -- unknown keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.threat("A-196")
@pytest.mark.parametrize(("key", "expected"), [
    ("sso.isuer", "unknown setting; did you mean sso.issuer?"), ("sercet", "did you mean secret?"),
    ("session.idletimeout", "did you mean session.idle_timeout?"), ("Language", "did you mean language?"),
    ("zzz", "unknown setting. See docs/settings.md"), ("", "unknown setting"), ("sso.", "unknown setting"),
    ("a.b.c.d", "unknown setting"), ("*", "unknown setting"), ("sso.*", "unknown setting"),
])
def test_unknown_keys(read: Read, key: str, expected: str) -> None:
    assembly = read({key: "marker-of-a-misspelt-secret"})
    (line,) = told(assembly)
    assert line.startswith(f"{key}: ")
    assert expected in line
    assert "line 7" in line
    assert "marker-of-a-misspelt-secret" not in line


def test_a_key_of_a_plugin_that_is_not_active(read: Read) -> None:
    (line,) = told(read({"plugins": "", "sso.client_id": None}))
    assert "this setting belongs to the plugin sso, which is not active. Add sso to plugins, or remove the line." in line


def test_many_keys_of_a_plugin_that_is_not_active_are_one_mistake(read: Read) -> None:
    lines = told(read({"plugins": "", "documents.allow": "10.0.0.1", "documents.rate_limit": "1", "documents.key_id": "a",
                       "qr.path": "/qr"}))
    assert len(lines) == 3
    for line, words in zip(sorted(lines), (
            "documents.allow: this setting and 2 more belong to the plugin documents, which is not active. Add documents to "
            "plugins, or remove the lines.", "qr.path: this setting belongs to the plugin qr, which is not active.",
            "sso.client_id: this setting and 1 more belong to the plugin sso"), strict=True):
        assert line.startswith(words)
        assert "portal.ini, line " in line


# -- rules between keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "key", "expected", "severity"), [
    ({"session.idle_timeout": "301", "session.max_age": "300"}, "session.idle_timeout", "must not be longer", "error"),
    ({"session.idle_timeout": "901"}, "session.idle_timeout", "is longer than the 15 minutes", "warning"),
    ({"session.preserve_posts": "10000001"}, "session.preserve_posts", "lets each citizen leave 10 MB in memory", "warning"),
    ({"session.preserve_posts": "1", "challenge": "false"}, "session.preserve_posts", "keeps nothing", "warning"),
    ({"session.preserve_posts": "1", "plugins": "", "sso.client_id": None, "sso.client_secret": None},
     "session.preserve_posts", "needs a plugin that signs people in", "error"),
    ({"takeover.login": "/x /y", "takeover.logout": "/y"}, "takeover.logout", "names /y, which takeover.login names", "error"),
    ({"takeover.login": "/vneid/login"}, "takeover.login", "lies under the middleware's own prefix /vneid", "error"),
    ({"takeover.logout": "/x", "prefix": "/x"}, "takeover.logout", "lies under the middleware's own prefix /x", "error"),
    ({"sso.profile": "oidc"}, "sso.issuer", "is required by the profile oidc", "error"),
    ({"sso.client_secret": None}, "sso.client_secret", "is required and missing", "error"),
    ({"sso.client_auth": "private_key_jwt"}, "sso.signing_key", "is required by sso.client_auth = private_key_jwt", "error"),
    ({"sso.id_token": "required"}, "sso.id_token", "can't be required while nothing is known to check it by", "error"),
    ({"sso.max_age": "60"}, "sso.max_age", "needs the auth_time of an id_token", "error"),
    ({"sso.issuer": "https://a.example"}, "sso.jwks_uri", "is missing, so that an id_token will not be read", "warning"),
    ({"sso.jwks_uri": "https://a.example"}, "sso.issuer", "is missing, so that an id_token will not be read", "warning"),
    ({"sso.response": "rsa-aes"}, "sso.decryption_key", "is required by sso.response = rsa-aes", "error"),
    ({"sso.pkce": "off"}, "sso.pkce", "a code that leaks", "warning"),
    ({"sso.userinfo_endpoint": ""}, "sso.userinfo_endpoint", "is required by the profile guide-2023", "error"),
])
def test_rules_between_keys(read: Read, given: dict[str, str | None], key: str, expected: str, severity: str) -> None:
    (problem,) = read(given).problems
    assert (problem.key, problem.severity) == (key, severity)
    assert expected in str(problem)
    assert str(problem).endswith(")"), "it tells its place"


def test_the_gateway_needs_what_c06_tells(read: Read) -> None:
    keys = {problem.key for problem in read({"sso.profile": "gateway-2026"}).problems}
    assert keys == {"sso.token_endpoint", "sso.userinfo_endpoint", "sso.decryption_key"}


def test_a_rule_is_silent_about_what_is_wrong_anyway(read: Read) -> None:
    assert len(told(read({"session.max_age": "x", "session.idle_timeout": "86400"}))) == 1
    assert len(told(read({"sso.profile": "x", "sso.issuer": "x"}))) == 2
    (line,) = told(read({"sso.client_secret": "env:NO_SUCH_NAME"}))
    assert "is not set" in line


def test_rules_that_fail_are_the_plugins_fault(source: Callable[..., Source]) -> None:
    def broken(read: Settings) -> list[Problem]:
        return [read["x"].no_such_attribute]

    table = SettingsTable("vendor", (Setting("x", lambda value, source: value, "", "help"),), (broken,))
    _, (problem,) = read_settings([table], Source({"x": "marker"}))
    assert "the plugin vendor failed" in str(problem)
    assert "marker" not in str(problem)


def test_problems_stand_in_the_order_of_their_lines(read: Read) -> None:
    wrong = {"sso.pkce": "off", "zzz": "1", "session.max_age": "x", "language": "fr", "access": "x",
             "allow_insecure_http": "true", "sso.client_secret": ""}
    problems = read(wrong).problems
    assert [problem.severity for problem in problems] == ["error"] * 5 + ["warning"] * 2
    lines = [int(problem.place.rpartition(" ")[2]) for problem in problems]
    assert lines[:5] == sorted(lines[:5])
    assert lines[5:] == sorted(lines[5:])
    assert [problem.key for problem in problems[:5]] == ["sso.client_secret", "zzz", "session.max_age", "language", "access"]


def test_starting_tells_all_of_it(right: Mapping[str, str]) -> None:
    from vneid_middleware.exceptions import ConfigurationError

    with pytest.raises(ConfigurationError, match="4 problems in the configuration") as caught:
        make_filter({**right, "language": "fr", "zzz": "1", "session.max_age": "x"})
    assert "portal.ini" not in str(caught.value), "there is no ini"
    assert right["secret"] not in str(caught.value)


# -- secrets ----------------------------------------------------------------------------------------------------------------


def everything(found: Settings) -> str:
    return "\n".join([repr(found), str(found), repr(dict(found)), json.dumps(found.shown()), repr(found.source),
                      str(found.source), f"{found['secret']} {found['secret']!r} {found['secret']:>60}"])


@pytest.mark.threat("A-192")
def test_secrets_are_shown_nowhere(read: Read, right: Mapping[str, str]) -> None:
    storage = "postgresql+psycopg://vneid:marker-of-the-password@db.example/vneid"
    found = read({"storage": storage}).settings
    shown = everything(found)
    for marker in (right["secret"], right["sso.client_secret"], "marker-of-the-password"):
        assert marker not in shown
    assert {found.shown()[key] for key in ("secret", "sso.client_secret", "storage")} == {MASK}
    assert found.shown()["sso.client_id"] == "id"
    assert set(found.shown()) == set(found)
    assert found["secret"].reveal() == right["secret"]


@pytest.mark.threat("A-192")
def test_secrets_are_written_nowhere(read: Read) -> None:
    found = read().settings
    for what in (found["secret"], found.source, found):
        for write in (pickle.dumps, copy.deepcopy, json.dumps):
            with pytest.raises(TypeError):
                write(what)


def test_secrets_compare_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_credentials_in_addresses_are_masked(read: Read) -> None:
    for key in ("sso.issuer", "http.proxy", "public_url"):
        (line,) = told(read({key: "https://user:marker@a.example/"}), key)
        assert "marker" not in line
        assert "user" not in line.partition("without a user name")[2] or MASK in line


@pytest.mark.threat("A-192")
def test_a_vendors_converter_may_repeat_a_secret(source: Callable[..., Source]) -> None:
    def refuse(value: str, source: Source) -> str:
        raise ValueError(f"must be better than {value}, and {value.split()[0]} is not")

    def fail(value: str, source: Source) -> str:
        raise KeyError(value)

    for convert in (refuse, fail):
        table = SettingsTable("vendor", (Setting("vendor.key", convert, "", "help", secret=True),))
        _, (problem,) = read_settings([table], Source({"vendor.key": "marker-one marker-two"}))
        assert "marker" not in str(problem)
        assert "marker" not in repr(problem)
        assert MASK in str(problem)


@pytest.mark.parametrize("value", ["a\n  b", "a\x1b[2J", "a\u202eb", "a\u2028b"])
def test_a_problem_is_one_line_that_moves_nothing(read: Read, value: str) -> None:
    for key in ("sso.signing_key", "http.ca_file", "language", "access", "plugins", "sso.client_secret" + value):
        for problem in read({key: value}).problems:
            assert str(problem).isprintable()


def test_a_problem_shortens_and_quotes_its_value(read: Read) -> None:
    (line,) = told(read({"language": "x\n" * 200}))
    assert "\n" not in line
    assert len(line) < 250


# -- the fingerprint --------------------------------------------------------------------------------------------------------


def test_the_fingerprint_is_the_same_for_the_same(read: Read, right: Mapping[str, str]) -> None:
    one = read({"access": "/x = login", "trusted_proxies": "10.0.0.0/8"}).settings.fingerprint()
    other = read({"trusted_proxies": "10.0.0.0/8", "access": "/x = login"}).settings.fingerprint()
    assert one == other
    assert len(one) == 64
    assert int(one, 16)


@pytest.mark.parametrize("given", [
    {"secret": NEW_SECRET}, {"sso.client_secret": "other"}, {"storage": "sqlite:///other.db"}, {"language": "en"},
    {"access": "/x = login"}, {"challenge": "false"}, {"sso.claims": "full_name = a"}, {"trusted_proxies": "10.0.0.1"},
    {"metrics.key": "sha256:" + "a" * 64}, {"sso.profile": "oidc", "sso.issuer": "https://a.example"}])
def test_the_fingerprint_changes_with_every_value(read: Read, right: Mapping[str, str], given: dict[str, str]) -> None:
    before, after = read().settings.fingerprint(), read(given).settings.fingerprint()
    assert before != after
    assert right["secret"] not in after


def test_the_fingerprint_follows_files(read: Read, tmp_path: Path) -> None:
    def with_content(text: str) -> str:
        (tmp_path / "secret").write_text(text, encoding="utf-8")
        (tmp_path / "secret").chmod(0o600)
        return str(read({"secret": "file:secret"}).settings.fingerprint())

    assert with_content(NEW_SECRET) != with_content(NEW_SECRET + "1")


# -- anything at all --------------------------------------------------------------------------------------------------------

ANYTHING = st.one_of(st.text(max_size=60), st.sampled_from(
    ["file:", "env:", "file:\0", "file:~", "env:\0", "=", "a = b\n= c", "\ud800", "http://[", "https://a:b:c", "1" * 5000,
     "../" * 9, "sqlite://",
     "postgresql://", "::1/200", "sha256:", "{}", "%(x)s", "/\u202e = login", "/[ = login", "*" * 60 + " = x"]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(st.sampled_from(sorted(set(ROWS) - {"plugins"})), ANYTHING, min_size=1, max_size=5))
def test_any_text_is_a_value_or_a_problem(source: Callable[..., Source], values: dict[str, str]) -> None:
    found, problems = read_settings(TABLES, source(values))
    assert all(isinstance(problem, Problem) and str(problem) for problem in problems)
    assert found.shown() is not None
    if not any(problem.severity == "error" for problem in problems):
        assert found.fingerprint()
    assert all(str(problem).isprintable() for problem in problems)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ANYTHING)
@pytest.mark.parametrize("key", sorted(set(ROWS) - {"plugins"}))
def test_any_text_for_each_key(source: Callable[..., Source], key: str, value: str) -> None:
    _, problems = read_settings(TABLES, source({key: value}))
    for problem in problems:
        assert str(problem).startswith(problem.key)
        assert str(problem).isprintable()
        assert "can't be read: " not in str(problem) or ROWS[problem.key].name == key
        assert not str(problem).endswith("Error.")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.dictionaries(st.text(max_size=30), st.text(max_size=20), max_size=4))
def test_any_key_is_known_or_a_problem(source: Callable[..., Source], keys: dict[str, str]) -> None:
    _, problems = read_settings(TABLES, source(keys))
    assert set(keys) - set(ROWS) <= {problem.key for problem in problems}
    assert all(str(problem).isprintable() for problem in problems)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(max_size=30))
def test_any_list_of_plugins_is_told(read: Read, value: str) -> None:
    assembly = read({"plugins": value})
    assert assembly.services is not None or assembly.problems
