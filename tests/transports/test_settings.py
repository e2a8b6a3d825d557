"""Every row of ``transport.*`` and what holds between them: one problem in words for each mistake, and no second one for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key
from zope.interface import implementer

from support import make_certificate
from vneid_middleware.application import assemble
from vneid_middleware.interfaces import ISettingsCheck, ITransport, ITransportFactory
from vneid_middleware.settings import Setting, SettingsTable, Source, read_settings

BASE = {"public_url": "https://dichvucong.example.gov.vn", "secret": "marker-of-the-sealing-secret-0123456789",
        "sso.client_id": "id", "sso.client_secret": "s"}
URL = "https://platform.example.gov.vn/x"
FORWARD = "http://10.0.0.9:8080/XrdAdapter/RestService/forward"
RIGHT = {
    "direct": {"url": URL},
    "ndxp": {"url": FORWARD, "dstcode": "VN:GOV:000.00.00.G22:qr"},
    "xroad": {"url": "http://ss.agency.example", "client": "VN/GOV/1", "service": "VN/GOV/2/s"},
    "lgsp-wso2": {"url": URL, "token_url": URL, "client_id": "consumer-1", "client_secret": "marker-c"},
    "lgsp-token": {"url": URL, "access_key": "marker-a", "secret_key": "marker-s", "app_name": "app-1", "partner_code": "000.1",
                   "partner_code_cus": "000.2"},
}
TABLES = assemble(Source({})).registrations.tables
ROWS = {row.name.split(".")[2]: row for row in TABLES["transport"].rows}
PARTS = {part: value for parts in RIGHT.values() for part, value in parts.items()}


def problems(settings: dict[str, str | None], kind: str = "direct", severity: str = "error") -> list[Any]:
    """Return what is wrong with ``transport.gov`` of a kind, after some settings were changed or (None) left out."""
    given = {"kind": kind, **RIGHT.get(kind, {}), **settings}
    raw = BASE | {key if "." in key else f"transport.gov.{key}": value for key, value in given.items() if value is not None}
    lines = {key: number for number, key in enumerate(raw, 3)}
    _, found = read_settings(list(TABLES.values()), Source(raw, here="/nowhere", file="portal.ini", lines=lines))
    return [problem for problem in found if problem.severity == severity]


@pytest.mark.parametrize("kind", RIGHT)
def test_the_least_of_each_kind_is_right(kind):
    assert problems({}, kind) == []
    assert problems({}, kind, "warning") == []


@pytest.mark.parametrize(("kind", "part"), [(kind, part) for kind, parts in RIGHT.items() for part in parts])
def test_each_kind_says_what_it_lacks(kind, part):
    (problem,) = problems({part: None}, kind)
    assert str(problem).startswith(f"transport.gov.{part}: is required by transport.gov.kind = {kind}.")


@pytest.mark.parametrize(("kind", "part"), [
    (kind, part) for kind in RIGHT for part in sorted(set(PARTS) - set(RIGHT[kind]))])
def test_each_kind_says_what_it_does_not_read(kind, part):
    (problem,) = problems({part: PARTS[part]}, kind)
    assert f"transport.gov.{part}: is not read by transport.gov.kind = {kind}" in str(problem)
    assert PARTS[part] not in str(problem)


WRONG: dict[str, list[tuple[str, str, str]]] = {
    "kind": [("direct", "", "must not be empty"), ("direct", "ndpx", "must be direct, lgsp-token, lgsp-wso2, ndxp or xroad")],
    "url": [("direct", "ftp://a.example", "must be a URL such as"), ("direct", "http://a.example/x", "must begin with https://"),
            ("lgsp-wso2", "http://a.example", "for ndxp or xroad"), ("lgsp-token", "http://10.0.0.1", "must begin with https://"),
            ("ndxp", "http://u:p@a.example/x", "without a user name"), ("ndxp", FORWARD + "?dstcode=a", "without a query"),
            ("direct", URL + "#a", "must be a URL"), ("direct", "https://a.exämple", "must be a URL"),
            ("xroad", "https://ss.example/r1", "/r1 and the service are added"),
            ("xroad", "https://ss.example/r1/VN/GOV", "/r1 and the service are added")],
    "timeout": [("direct", "0", "of seconds from 1 to 300"), ("direct", "301", "from 1 to 300"),
                ("direct", "1.5", "whole number")],
    "headers": [("direct", "ApiKey", "must be lines NAME: VALUE"), ("direct", "A: đ", "printable ASCII"),
                ("direct", ": x", "lines"), ("direct", "A b: c", "a header's name"),
                ("direct", "A: 1\na = 2", "name headers once"),
                *(("direct", f"{name}: x", "none that the middleware sets itself") for name in (
                    "Authorization", "host", "Content-Length", "content-type", "Transfer-Encoding", "Connection", "expect",
                    "Accept-Encoding"))],
    "auth": [("direct", "digest", "must be none, basic, bearer or c06")],
    "username": [("direct", "a:b", "must have no colon"), ("direct", "", "must not be empty")],
    "password": [("direct", "", "must not be empty")],
    "bearer": [("direct", "two words", "without blanks"), ("direct", "đ", "printable ASCII"), ("direct", "", "printable ASCII")],
    "client_certificate": [("direct", "no/such.pem", "must name a file; there is none")],
    "client_key": [("direct", "no/such.pem", "must name a file; there is none")],
    "dstcode": [("ndxp", value, "must be at least four parts with colons") for value in (
        "", "VN:GOV:000.00.00.G22", "VN GOV 1 s", "VN::1:s", "VN:GOV:1:s?", "VN:GOV:1:a&b=c", "VN:GOV:1:s:", "VN:GOV:.:s",
        "VN:GOV:1:đ", "VN:GOV:1:a/b")],
    "dstcode_in": [("ndxp", "body", "must be query or header")],
    "providerurl": [("ndxp", "svc/path", "must be a URL")],
    "client": [("xroad", value, "must be INSTANCE/CLASS/MEMBER or") for value in (
        "VN/GOV", "VN/GOV/1/a/b", "VN:GOV:1", "", "VN//1", "VN/GOV/..", "VN/GOV/1%2F2", "VN/GOV/a;b", "VN/GOV/ 1",
        "VN/GOV/\u200b")],
    "service": [("xroad", value, "must be INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE") for value in (
        "VN/GOV/1", "VN/GOV/1/a/b/c", "VN/GOV/1/", "/VN/GOV/1/s", "VN/GOV/1/a\\b")],
    "token_url": [("lgsp-wso2", "http://a.example/token", "must begin with https://"), ("lgsp-wso2", "token", "an https URL")],
    **{part: [(kind, "", "must not be empty")] for kind, parts in (
        ("lgsp-wso2", ("client_id", "client_secret")),
        ("lgsp-token", ("access_key", "secret_key", "app_name", "partner_code", "partner_code_cus"))) for part in parts},
}
BESIDE = {"username": {"auth": "basic", "password": "p"}, "password": {"auth": "c06", "username": "u"},
          "bearer": {"auth": "bearer"}}


def test_every_row_has_a_wrong_value_here():
    assert set(ROWS) == set(WRONG)


@pytest.mark.parametrize(("part", "kind", "value", "expected"), [
    pytest.param(part, *case, id=f"{part}-{number}") for part, cases in WRONG.items() for number, case in enumerate(cases)])
def test_a_wrong_value_is_one_problem_that_says_all(tmp_path, part, kind, value, expected):
    beside = dict(BESIDE.get(part, {}))
    if part == "client_key":
        beside["client_certificate"] = make_certificate(tmp_path)[0]
    found = problems({**beside, part: value}, kind)
    assert [problem.key for problem in found] == [f"transport.gov.{part}"]
    assert expected in str(found[0])
    assert "portal.ini, line " in str(found[0])
    if ROWS[part].secret and len(value) > 3:
        assert value not in str(found[0])


@pytest.mark.parametrize("value", ["0", "301", "+1", " 1", "1_0", "١", "9" * 400, "30.0", "-5", ""])
def test_a_time_has_bounds(value):
    convert = ROWS["timeout"].convert
    assert (convert("1", Source({})), convert("300", Source({}))) == (1, 300)
    with pytest.raises(ValueError, match=r"^must be "):
        convert(value, Source({}))


@pytest.mark.parametrize(("kind", "settings"), [
    ("direct", {"url": "http://127.0.0.1:1/x"}), ("direct", {"url": "https://a.example:8443/"}),
    ("ndxp", {"url": "http://a.example/VXPAdapter/RestService/forward/"}), ("ndxp", {"dstcode": "VN:COM:0101234567:a:b_c-1"}),
    ("ndxp", {"dstcode_in": "header", "providerurl": "http://10.1.1.1/a?b"}), ("xroad", {"url": "https://ss.example/base"}),
    ("xroad", {"client": "VN/GOV/Sở Tư pháp/một cửa", "service": "vn-test/GOV/1/sub/s.v1"}),
    ("direct", {"headers": "ApiKey: a=b:c\nX-Other = 1"}), ("direct", {"auth": "c06", "username": "sở", "password": "mật khẩu"})])
def test_what_is_right(kind, settings):
    assert problems(settings, kind) == []


def test_plain_http_in_a_closed_network():
    raw = {**BASE, "allow_insecure_http": "true", "transport.gov.kind": "direct", "transport.gov.url": "http://10.0.0.1/x"}
    assert [problem.key for problem in read_settings(list(TABLES.values()), Source(raw, here="/nowhere"))[1]] == [
        "allow_insecure_http"]


def test_an_address_that_is_not_an_adapter_s_is_a_warning():
    (problem,) = problems({"url": "http://10.0.0.9:8080/"}, "ndxp", "warning")
    assert "does not end with /XrdAdapter/RestService/forward" in str(problem)
    assert problems({"url": "http://10.0.0.9:8080/"}, "ndxp") == []


@pytest.mark.parametrize(("auth", "given", "lacking", "unused"), [
    (None, ("username", "password", "bearer"), (), ("bearer", "password", "username")),
    ("basic", (), ("password", "username"), ()),
    ("basic", ("bearer", "username", "password"), (), ("bearer",)), ("c06", ("password",), ("username",), ()),
    ("bearer", ("username",), ("bearer",), ("username",))])
def test_what_signs_in_is_there_in_full_and_nothing_else(auth, given, lacking, unused):
    found = problems({"auth": auth, **dict.fromkeys(given, "marker")})
    told = {problem.key.split(".")[2]: problem for problem in found}
    assert sorted(told) == sorted((*lacking, *unused))
    assert all("is required by transport.gov.auth" in str(told[part]) for part in lacking)
    assert all("is not used by transport.gov.auth" in str(told[part]) for part in unused)
    assert "marker" not in "".join(map(str, found))


@pytest.mark.parametrize("auth", ["basic", "bearer", "c06"])
def test_a_token_gateway_has_no_second_sign_in(auth):
    beside = {"bearer": "b"} if auth == "bearer" else {"username": "u", "password": "p"}
    (problem,) = problems({"auth": auth, **beside}, "lgsp-wso2")
    assert "transport.gov.auth: has no place with transport.gov.kind = lgsp-wso2" in str(problem)


def test_certificates_and_their_keys(tmp_path):
    for name in ("ours", "other"):
        (tmp_path / name).mkdir()
    certificate, key = make_certificate(tmp_path / "ours")
    _, other = make_certificate(tmp_path / "other")
    sealed = tmp_path / "sealed.pem"
    sealed.write_bytes(load_pem_private_key(Path(key).read_bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")))
    assert problems({"client_certificate": certificate, "client_key": key}) == []
    assert problems({"client_certificate": certificate, "client_key": key}, severity="warning") == []
    for wrong in (other, str(sealed), certificate, None):
        (problem,) = problems({"client_certificate": certificate, "client_key": wrong})
        assert "must be PEM files that belong together, without a password" in str(problem)
    (problem,) = problems({"client_key": key})
    assert str(problem).startswith("transport.gov.client_certificate: is required by transport.gov.client_key")
    (problem,) = problems({"client_certificate": certificate, "client_key": key, "url": FORWARD}, "ndxp")
    assert "is not used, since transport.gov.url is plain http" in str(problem)


def test_a_key_that_others_can_read_is_a_warning(tmp_path):
    certificate, key = make_certificate(tmp_path)
    both = tmp_path / "both.pem"
    both.write_text(Path(certificate).read_text() + Path(key).read_text())
    both.chmod(0o644)
    (problem,) = problems({"client_certificate": str(both)}, severity="warning")
    assert problem.key == "transport.gov.client_certificate"
    Path(key).chmod(0o640)
    (problem,) = problems({"client_certificate": certificate, "client_key": key}, severity="warning")
    assert problem.key == "transport.gov.client_key"


def test_all_transports_problems_are_told_at_once():
    found = problems({"url": None, "timeout": "x", "transport.b.kind": "xroad", "transport.b.url": "nonsense",
                      "transport.f.kind": "xroad", "transport.f.url": "https://ss.example/r1", "transport.f.client": "x",
                      "transport.c.url": URL, "transport.d.kind": "nope", "transport.e.kind": "direct", "transport.e.urll": URL})
    assert sorted(problem.key for problem in found) == [
        "transport.b.client", "transport.b.service", "transport.b.url", "transport.c.kind", "transport.d.kind", "transport.e.url",
        "transport.e.urll", "transport.f.client", "transport.f.service", "transport.f.url", "transport.gov.timeout",
        "transport.gov.url"]
    assert any("did you mean transport.e.url?" in str(problem) for problem in found)


def test_secrets_are_masked_wherever_settings_are_shown():
    raw = {**BASE, **{f"transport.{kind}.{key}": value for kind, parts in RIGHT.items() for key, value in parts.items()},
           **{f"transport.{kind}.kind": kind for kind in RIGHT}, "transport.direct.headers": "ApiKey: marker-h",
           "transport.direct.auth": "bearer", "transport.direct.bearer": "marker-b", "transport.ndxp.auth": "c06",
           "transport.ndxp.username": "u", "transport.ndxp.password": "marker-p"}
    assembly = assemble(Source(raw, here="/nowhere"))
    assert [str(problem) for problem in assembly.problems] == []
    assert "marker" not in str(assembly.settings.shown()) + repr(assembly.settings)
    assert len([key for key, row in ROWS.items() if row.secret]) == 6


# -- a vendor's kind --------------------------------------------------------------------------------------------------------


@implementer(ITransport)
class Carrier:
    async def send(self, request):
        """Nothing."""

    def check(self):
        """Nothing."""


@implementer(ITransportFactory, ISettingsCheck)
class Carriers:
    required = ("url", "route")
    optional = ()
    made: Any = Carrier

    def __call__(self, name, services):
        return self.made()

    def problems(self, transport):
        if transport.get("route") == "nowhere":
            yield transport.problem("route", "leads nowhere", "Choose another.")


TABLE = SettingsTable("vendor", (Setting("transport.*.route", lambda value, source: value, None, "The way."),))


def vendor(config):
    """A plugin with a kind of its own and a setting for it."""
    config.add_vneid_settings(TABLE)
    config.add_vneid_transport("carrier", Carriers())


def broken(config):
    """The same, but what it makes is no transport."""
    kind = Carriers()
    kind.made = dict
    config.add_vneid_settings(TABLE)
    config.add_vneid_transport("carrier", kind)


@pytest.fixture
def named(monkeypatch):
    """This module under a name that ``plugins`` can hold."""
    import sys

    monkeypatch.setitem(sys.modules, "carrier_plugin", sys.modules[__name__])


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(("plugin", "settings", "expected"), [
    ("vendor", {"route": "north"}, ""), ("vendor", {}, "is required by transport.gov.kind = carrier"),
    ("vendor", {"route": "nowhere"}, "leads nowhere"),
    ("vendor", {"route": "north", "url": None}, "transport.gov.url: is required"),
    ("vendor", {"route": "north", "url": "http://a.example"}, "must begin with https://"),
    ("broken", {"route": "north"}, "must be an ITransport")])
def test_a_vendor_s_kind_has_settings_of_its_own(plugin, settings, expected):
    raw = {**BASE, "plugins": f"sso carrier_plugin.{plugin}", "transport.gov.kind": "carrier",
           **{f"transport.gov.{key}": value for key, value in {"url": URL, **settings}.items() if value is not None}}
    found = assemble(Source(raw, here="/nowhere")).problems
    assert [expected in str(problem) for problem in found] == ([True] if expected else [])
