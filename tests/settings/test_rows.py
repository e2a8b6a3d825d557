"""Every row of every table: a wrong value is one problem in words, with its line, and a right one is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vneid_middleware.application import assemble
from vneid_middleware.settings import Setting, Source

Read = Callable[..., Any]
ROWS: dict[str, Setting] = {row.name: row for table in assemble(Source({})).registrations.tables.values() for row in table.rows
                           if "*" not in row.name}
"""Those with a name that the administrator chooses need others beside them: tests/transports has them."""

TRUE_OR_FALSE = ("maybe", "must be true or false")
URL = ("ftp://a.example", "must be an https URL")
PLAIN = ("http://a.example/x", "must begin with https://")
EMPTY = ("", "must not be empty")
NO_FILE = ("no/such/file.pem", "must name a file; there is none at ")
NETWORK = ("10.0.0.0/8 portal", "'portal' is none")
WRONG: dict[str, list[tuple[str, str]]] = {
    "enabled": [TRUE_OR_FALSE],
    "public_url": [("portal", "must be the portal's address"), ("https://a.example/", "no slash at the end"),
                   ("https://a.example?x=1", "with no query"), PLAIN],
    "prefix": [("vneid", "must be a path"), ("/vneid/", "must be a path"), ("/vn eid", "must be a path"), ("/a/../b", "a path")],
    "secret": [("too short", "at least 32 characters"), ("a" * 40, "must be random"), ("", "at least 32 characters")],
    "plugins": [("ssso", "did you mean sso?")],
    "storage": [("vneid.db", "must be an SQLAlchemy URL"), ("sqlite://", "must name a file"),
                ("sqlite:///:memory:", "lost at a restart"),
                ("nosuch://h/d", "SQLAlchemy knows"), ("mssql+pymssql://h/d", "which is not installed")],
    "allow_insecure_http": [TRUE_OR_FALSE],
    "trusted_proxies": [NETWORK],
    "server_threads": [("0", "whole number from 1 to 4096"), ("many", "whole number")],
    "http.ca_file": [NO_FILE, (".", "must name a file")],
    "http.proxy": [URL, PLAIN],
    "http.timeout": [("0", "of seconds from 1 to 30"), ("31", "of seconds"), ("5s", "of seconds")],
    "language": [("fr", "must be vi or en"), ("VI", "must be vi or en")],
    "access": [("/ho-so login", "="), ("ho-so = login", "ho-so"), ("/x = level>=3", "level>=3"),
               ("/x = pass login", "pass stands alone")],
    "challenge": [TRUE_OR_FALSE],
    "takeover.login": [("login", "must be paths that begin with /"), ("/a?b", "without ? # and %")],
    "takeover.logout": [("//evil.example", "must be paths that begin with /")],
    "identity_headers": [("on", "must be off, percent or base64")],
    "log.format": [("xml", "must be text or json")],
    "alarm.url": [URL, PLAIN],
    "session.idle_timeout": [("59", "from 60 to 86400"), ("-1", "whole number"), ("900.0", "whole number")],
    "session.max_age": [("604801", "from 60 to 604800"), ("1e3", "whole number")],
    "session.store": [("redis", "redis")],
    "session.revocation_grace": [("3601", "from 0 to 3600")],
    "session.preserve_posts": [("true", "whole number"), ("1MB", "whole number"), ("104857601", "from 0 to 104857600")],
    "session.cookie_name": [("__Host-vneid", "__Host- is put before it"), ("a b", "must be letters"), ("", "must be letters")],
    "keys.provider": [("hsm", "hsm")],
    "audit.sinks": [("", "at least one sink"), ("databse", "databse"), ("syslog:host", "needs host and port"),
                    ("database:x", "takes no argument"), ("file:", "needs a path")],
    "audit.retention_days": [("89", "at least 90 days"), ("36501", "of days from 0 to 36500"), ("year", "whole number of days")],
    "metrics.allow": [NETWORK],
    "metrics.key": [("secret", "must be sha256:"), ("sha256:abc", "64 hexadecimal digits"),
                    ("sha1:" + "a" * 64, "must be sha256:")],
    "accounts.url": [("users.db", "must be an SQLAlchemy URL"), ("sqlite://", "must name the file"),
                     ("sqlite:///:memory:", "must name the file"), ("sqlite:///a.db?mode=rwc", "must name the file"),
                     ("nosuch://h/d", "SQLAlchemy knows"), ("mssql+pymssql://h/d", "which is not installed")],
    "accounts.query": [("", "must be one SELECT"), ("users", "must be one SELECT"), ("DELETE FROM users", "must be one SELECT"),
                       ("UPDATE u SET a = :subject", "must be one SELECT"), ("selecting :subject", "must be one SELECT"),
                       ("SELECT 1; DROP TABLE u", "without a semicolon"), ("SELECT a FROM u WHERE b = :subject;", "semicolon"),
                       ("SELECT :subject -- all", "without comments"), ("SELECT /* a */ :subject", "without comments"),
                       ("SELECT login FROM users", "at least one of :personal_id"), ("SELECT a::text FROM u", "at least one of"),
                       ("SELECT a FROM u WHERE b = ':' AND c = :number", ":number is none of them")],
    "accounts.missing": [("", "must be refuse, personal_id, or redirect:"), ("sign-up", "must be refuse"),
                         ("redirect:", "a path on the portal"), ("redirect:sign-up", "a path on the portal"),
                         ("redirect://evil.example", "a path on the portal"),
                         ("redirect:/\\evil.example", "a path on the portal"),
                         ("redirect:https://evil.example", "a path on the portal"), ("redirect:/a?b", "a path on the portal"),
                         ("redirect:/%2f%2fevil.example", "a path on the portal"), ("redirect:/../a", "a path on the portal")],
    "sso.profile": [EMPTY, ("guide", "gateway-2026, guide-2023")],
    "sso.client_id": [EMPTY],
    "sso.client_secret": [EMPTY],
    "sso.issuer": [URL, PLAIN],
    "sso.authorization_endpoint": [URL, PLAIN],
    "sso.token_endpoint": [URL, PLAIN],
    "sso.userinfo_endpoint": [URL, PLAIN],
    "sso.logout_endpoint": [URL, PLAIN],
    "sso.jwks_uri": [URL, PLAIN],
    "sso.scope": [("profile", "with openid among them"), ("", "with openid among them"), ("openid hồ-sơ", "openid")],
    "sso.client_auth": [("basic", "must be client_secret_post")],
    "sso.signing_key": [NO_FILE],
    "sso.max_age": [("0", "from 1 to 86400")],
    "sso.pkce": [("plain", "must be S256 or off"), ("true", "must be S256 or off")],
    "sso.id_token": [("yes", "must be required or optional")],
    "sso.id_token_algs": [("none", "asymmetric ones only"), ("RS256 HS256", "asymmetric ones only"), ("", "asymmetric")],
    "sso.response": [EMPTY, ("xml", "plain")],
    "sso.decryption_key": [NO_FILE],
    "sso.claims": [("guide", "guide-2023"), ("name = fullName", "name is none of"), ("full_name =", "KEY = VALUE")],
    "sso.minimum_level": [("3", "from 0 to 2"), ("one", "whole number")],
    "sso.response_mode": [("fragment", "must be query or form_post"), ("", "must be query or form_post")],
    "sso.organisations": [TRUE_OR_FALSE],
    "sso.backchannel_logout": [TRUE_OR_FALSE],
    "sso.remote_user": [("email", "personal_id, subject or full_name")],
    "sso.login_ttl": [("59", "from 60 to 3600"), ("3601", "from 60 to 3600")],
    "sso.logout_redirect_parameter": [EMPTY],
}
CASES = [pytest.param(key, value, expected, id=f"{key}-{number}")
         for key, cases in WRONG.items() for number, (value, expected) in enumerate(cases)]


def test_every_row_has_a_wrong_value_here() -> None:
    assert set(ROWS) - {"use"} == set(WRONG)


@pytest.mark.threat("A-196")
@pytest.mark.parametrize(("key", "value", "expected"), CASES)
def test_a_wrong_value_is_one_problem_that_says_all(read: Read, source: Callable[..., Source], key: str, value: str,
                                                    expected: str) -> None:
    assembly = read({key: value})
    errors = [problem for problem in assembly.problems if problem.severity == "error"]
    if key == "plugins":
        # the keys of a plugin that is then not there are told beside it
        errors = [problem for problem in errors if not problem.key.startswith("sso.")]
    assert [problem.key for problem in errors] == [key]
    (problem,) = errors
    assert expected in str(problem)
    assert f"portal.ini, line {source({key: value}).lines[key]})" in str(problem)
    assert "\n" not in str(problem)
    assert assembly.services is None
    assert assembly.application is None
    if ROWS[key].secret and value:
        assert value not in str(problem)


ACCOUNTS = {"accounts.url": "postgresql://u:hunter2@h/d", "accounts.query": "SELECT a FROM u WHERE b = :subject"}


@pytest.mark.parametrize(("settings", "key", "expected"), [
    ({"accounts.query": None}, "accounts.query", "is missing, and accounts.url is there"),
    ({"accounts.url": None}, "accounts.url", "is missing, and accounts.query is there"),
    ({"accounts.url": None, "accounts.query": None, "accounts.missing": "refuse"}, "accounts.missing", "no accounts are asked"),
    ({"accounts.missing": "redirect:/vneid"}, "accounts.missing", "under the middleware's own prefix /vneid"),
    ({"accounts.missing": "redirect:/auth/login", "prefix": "/auth"}, "accounts.missing", "own prefix /auth")])
def test_accounts_are_asked_for_in_full_or_not_at_all(read: Read, settings: dict[str, str | None], key: str,
                                                      expected: str) -> None:
    assembly = read({**ACCOUNTS, **settings})
    (problem,) = [problem for problem in assembly.problems if problem.severity == "error"]
    assert problem.key == key
    assert expected in str(problem)
    assert "hunter2" not in "".join(map(str, assembly.problems))


@pytest.mark.parametrize("settings", [
    {"accounts.url": "sqlite:///users.db"}, {"accounts.missing": "redirect:/vneid-sign-up"}, {"accounts.missing": "personal_id"},
    {"accounts.query": "SELECT a\n FROM \"odd; table--\" WHERE b::text = :subject AND c = '/* '' ;' AND d #>> '{e}' <> 'f'"},
    {"alarm.url": "https://hooks.example/T0/secret"}, {"alarm.url": "http://127.0.0.1:9/"}])
def test_accounts_that_are_right(read: Read, settings: dict[str, str]) -> None:
    assembly = read({**ACCOUNTS, **settings})
    assert [str(problem) for problem in assembly.problems if problem.severity == "error"] == []
    assert "hunter2" not in str(assembly.settings.shown())
    assert "/T0/" not in str(assembly.settings.shown())
    if "sqlite" in settings.get("accounts.url", ""):
        assert assembly.settings["accounts.url"].reveal().startswith("sqlite:////")


RIGHT_VALUES = {
    "enabled": ["yes", "TRUE", "1", "on"],
    "public_url": ["http://localhost:6543", "http://[::1]:80/a", "https://a.example/cong"],
    "prefix": ["/a/b.c_d~e-f"],
    "secret": ["a-line-of-at-least-32-characters-1\n\n  a-line-of-at-least-32-characters-2  "],
    "plugins": ["sso", "vneid_middleware.plugins.sso"],
    "storage": ["sqlite:///var/x.db", "sqlite:////var/lib/x.db", "postgresql+psycopg://u@h/d", "postgresql://u:p%40x@h/d"],
    "trusted_proxies": ["10.0.0.5 2001:db8::/32\n192.168.0.0/16", ""],
    "server_threads": ["1", "4096"],
    "http.timeout": ["1", "30"],
    "http.proxy": ["http://127.0.0.1:3128", "https://proxy.example"],
    "language": ["vi", "en"],
    "access": ["", "/x* = login\n* = pass"],
    "takeover.login": ["/a /b", "/dang-nhập"],
    "session.idle_timeout": ["60", "900"],
    "session.max_age": ["900", "604800"],
    "session.revocation_grace": ["0", "3600"],
    "session.preserve_posts": ["0", "1", "104857600"],
    "session.cookie_name": ["a", "A-b_c", "x" * 32],
    "metrics.key": ["sha256:" + "Ab" * 32],
    "audit.sinks": ["database", "file:var/audit.jsonl", "database syslog:[::1]:514\n file:/var/log/a"],
    "audit.retention_days": ["90", "36500"],
    "sso.logout_endpoint": ["", "https://a.example/out?x=y"],
    "sso.id_token_algs": ["ES256", "RS256\n PS512"],
    "sso.minimum_level": ["0", "2"],
    "sso.scope": ["openid", "profile  openid"],
    "sso.login_ttl": ["60", "3600"],
    "sso.claims": ["oidc", "full_name = a b\npersonal_id = c"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in RIGHT_VALUES.items() for value in values])
def test_values_up_to_the_bounds_are_right(read: Read, key: str, value: str) -> None:
    assembly = read({key: value})
    assert [str(problem) for problem in assembly.problems if problem.severity == "error"] == []
    assert assembly.services is not None
    assembly.services.storage.close()


BOUNDS = [("server_threads", 1, 4096), ("http.timeout", 1, 30), ("session.idle_timeout", 60, 86_400),
          ("session.max_age", 60, 604_800), ("session.revocation_grace", 0, 3600), ("audit.retention_days", 90, 36_500),
          ("session.preserve_posts", 0, 104_857_600),
          ("sso.max_age", 1, 86_400), ("sso.minimum_level", 0, 2), ("sso.login_ttl", 60, 3600)]


@pytest.mark.parametrize(("key", "least", "most"), BOUNDS)
def test_numbers_have_bounds(source: Callable[..., Source], key: str, least: int, most: int) -> None:
    convert = ROWS[key].convert
    assert (convert(str(least), source()), convert(str(most), source())) == (least, most)
    beyond = (str(least - 1), str(most + 1), "9" * 400)
    for wrong in (*beyond, f"+{least}", f"{least}.0", f" {least}", "", "0x10", "١٢", "²", "1_000"):
        with pytest.raises(ValueError, match=r"^must be "):
            convert(wrong, source())


def test_every_number_has_its_bounds_tested() -> None:
    numbers = {name for name, row in ROWS.items() if "integer" in getattr(row.convert, "__qualname__", "")}
    assert numbers | {"audit.retention_days"} == {key for key, _, _ in BOUNDS}


# -- URLs -------------------------------------------------------------------------------------------------------------------

URLS = sorted(name for name, row in ROWS.items() if getattr(row.convert, "__name__", "") in ("url", "url_or_none", "origin_url"))


def test_which_keys_hold_urls() -> None:
    endpoints = {f"sso.{name}_endpoint" for name in ("authorization", "token", "userinfo", "logout")}
    assert set(URLS) == endpoints | {"public_url", "http.proxy", "alarm.url", "sso.issuer", "sso.jwks_uri"}


@pytest.mark.parametrize("key", URLS)
@pytest.mark.parametrize("value", [
    "http://a.example", "http://127.0.0.2.example", "http://localhost.example", "http://127.0.0.1@a.example", "http://10.0.0.1",
    "https://user@a.example", "https://user:pass@a.example", "https://@a.example", "https://a.example/#x", "https://a.example/#",
    "https://a.example/a b", "https://a.example/a\tb", "https://a.example\n", "https://a.example/\x7f", "https://", "https:///x",
    "https://a.example:0", "https://a.example:99999", "https://a.example:x", "https://[::1", "https://a.exämple", "//a.example",
    "a.example", "javascript:alert(1)", "file:///etc/passwd", "https://a.example/\\x", 'https://a.example/"', "https://a<b",
    "HTTP://a.example",
])
def test_addresses_that_are_refused(source: Callable[..., Source], key: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"^must b"):
        ROWS[key].convert(value, source())


@pytest.mark.parametrize("value", ["http://a.example", "http://10.0.0.1:8080"])
@pytest.mark.parametrize("flag", ["true", "env:FLAG", "file:flag"])
def test_plain_http_when_the_network_is_closed(read: Read, tmp_path: Path, value: str, flag: str) -> None:
    (tmp_path / "flag").write_text("yes\n", encoding="utf-8")
    assembly = read({"public_url": value, "allow_insecure_http": flag}, environ={"FLAG": "on"})
    assert [problem.severity for problem in assembly.problems] == ["warning"]
    assert assembly.problems[0].key == "allow_insecure_http"
    assert "whoever sees the traffic" in str(assembly.problems[0])


@pytest.mark.parametrize(("given", "kept"), [
    ("https://a.example:443", "https://a.example"), ("http://127.0.0.1:80", "http://127.0.0.1"),
    ("https://A.example/Cong", "https://a.example/Cong"), ("http://[::1]:8080", "http://[::1]:8080")])
def test_the_public_address_has_one_form(read: Read, given: str, kept: str) -> None:
    settings = read({"public_url": given}).settings
    assert settings is not None
    assert settings["public_url"] == kept


# -- files ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["sso.signing_key", "sso.decryption_key"])
@pytest.mark.parametrize(("content", "expected"), [
    (b"", "private key in PEM form"), (b"\xff\xfe", "private key in PEM form"),
    (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key in PEM form")])
def test_files_that_are_no_key(read: Read, tmp_path: Path, key: str, content: bytes, expected: str) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    (tmp_path / "key.pem").chmod(0o600)
    (problem,) = read({key: "key.pem"}).problems
    assert problem.key == key
    assert expected in str(problem)


def test_keys_that_are_too_weak(read: Read, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

    def pem(key: Any, passphrase: bytes = b"") -> bytes:
        protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)

    good = ec.generate_private_key(ec.SECP256R1())
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP521R1()),
                ed25519.Ed25519PrivateKey.generate()):
        (tmp_path / "key.pem").write_bytes(pem(key))
        (tmp_path / "key.pem").chmod(0o600)
        (problem,) = read({"sso.signing_key": "key.pem"}).problems
        assert "must be an RSA key of at least 2048 bits or an EC key on P-256" in str(problem)
    (tmp_path / "key.pem").write_bytes(pem(good, b"passphrase"))
    (problem,) = read({"sso.signing_key": "key.pem"}).problems
    assert "without a passphrase" in str(problem)
    (tmp_path / "key.pem").write_bytes(pem(good))
    (tmp_path / "key.pem").chmod(0o600)
    assert read({"sso.signing_key": "file:key.pem"}).problems == []


def test_a_file_of_authorities_that_holds_none(read: Read, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate", encoding="utf-8")
    (problem,) = read({"http.ca_file": "ca.pem"}).problems
    assert problem.key == "http.ca_file"
    assert "certificate" in problem.expectation
