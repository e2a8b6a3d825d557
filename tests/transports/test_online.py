"""``vneid check --online`` goes as far as it can without asking a service anything."""

from __future__ import annotations

import pytest

from vneid_middleware.cli import main, online

SECRET = "marker-of-the-sealing-secret-0123456789"
KEYS = "\n".join(f"transport.gov.{key} = marker" for key in ("access_key", "secret_key", "app_name", "partner_code",
                                                             "partner_code_cus"))
KINDS = {
    "direct": "",
    "ndxp": "transport.gov.dstcode = VN:GOV:1:s",
    "xroad": "transport.gov.client = VN/GOV/1\ntransport.gov.service = VN/GOV/1/s",
    "lgsp-wso2": "transport.gov.client_id = id\ntransport.gov.client_secret = marker-c\ntransport.gov.token_url = {url}/token",
    "lgsp-token": KEYS,
}
INI = """[filter:vneid]
use = egg:vneid-middleware
public_url = https://dichvucong.example.gov.vn
secret = {secret}
sso.client_id = id
sso.client_secret = marker
sso.authorization_endpoint = {provider}
sso.token_endpoint = {provider}
sso.userinfo_endpoint = {provider}
sso.logout_endpoint =
transport.gov.kind = {kind}
transport.gov.url = {url}/XrdAdapter/RestService/forward
transport.gov.timeout = 5
{settings}
[app:portal]
use = egg:vneid-middleware#wsgi
target = wsgiref.simple_server:demo_app
[pipeline:main]
pipeline = vneid portal
[server:main]
use = egg:waitress#main
"""


@pytest.fixture
def check(tmp_path, platform, capsys):
    """``check(kind, url)`` runs the command and gives exit code and all it printed."""

    def run(kind, url):
        ini = tmp_path / "portal.ini"
        ini.write_text(INI.format(secret=SECRET, provider=platform.url, kind=kind, url=url, settings=KINDS[kind].format(url=url)))
        ini.chmod(0o600)
        code = main(["check", str(ini), "--online"])
        return code, "".join(capsys.readouterr())

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_the_platform_is_reached_and_no_service_is_asked(check, platform, same, kind):
    platform.answer = same(200, {"access_token": "t", "token_type": "Bearer", "expires_in": 60})
    code, told = check(kind, platform.url)
    assert "online: transport.gov: ok" in told
    assert code == 0, told
    assert platform.heads == 1
    assert [received.target for received in platform.got] == (["/token"] if kind == "lgsp-wso2" else [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_platform_that_is_not_there_is_named(check, free_port, kind):
    code, told = check(kind, f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert "online: transport.gov: connection: 127.0.0.1:" in told
    assert "starts, but not everything that it needs answers" in told
    assert "marker" not in told


def test_a_token_that_is_refused_is_told(check, platform, same):
    platform.answer = same(401, {"error": "invalid_client", "error_description": "marker-c"})
    code, told = check("lgsp-wso2", platform.url)
    assert code == 1
    assert "online: transport.gov: platform: transport.gov: the token endpoint at 127.0.0.1 answered 401" in told
    assert "marker" not in told


def test_a_clock_that_is_off_is_told(check, platform):
    platform.date = "Mon, 05 Jan 2026 00:00:00 GMT"
    code, told = check("direct", platform.url)
    assert code == 1
    assert "online: transport.gov: this machine's clock is" in told


def test_a_transport_that_does_not_come_to_an_end_is_given_up(check, platform, monkeypatch):
    import asyncio

    from vneid_middleware.plugins.transports.http import HttpTransport

    async def hang(self):
        await asyncio.Event().wait()

    monkeypatch.setattr(HttpTransport, "check_online", hang)
    monkeypatch.setattr(online, "_LONGEST", 0.1)
    code, told = check("direct", platform.url)
    assert code == 1
    assert "transport.gov: did not come to an end within 0.1 s" in told
