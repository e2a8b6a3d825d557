"""What holds for every kind: one deadline, bounds, no redirects, TLS, the breaker, and nothing of the environment."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from support import make_certificate
from vneid_middleware.breaker import FAILURES, PROBE_EVERY

DSTCODE = "VN:GOV:000.00.00.G22:qr-lookup"
ROAD = {"kind": "xroad", "client": "VN/GOV/1", "service": "VN/GOV/1/s"}
KEYS = dict.fromkeys(("access_key", "secret_key", "app_name", "partner_code", "partner_code_cus"), "x")
KINDS = [{"kind": "direct"}, {"kind": "ndxp", "dstcode": DSTCODE}, ROAD, {"kind": "lgsp-token", **KEYS}]
each_kind = pytest.mark.parametrize("settings", KINDS, ids=lambda settings: settings["kind"])


@each_kind
@pytest.mark.threat("A-042")
@pytest.mark.threat("A-044")
@pytest.mark.parametrize(("status", "headers", "content", "code"), [
    (302, {"Location": "http://169.254.169.254/"}, b"", "redirect"), (307, {"Location": "/again"}, b"", "redirect"),
    (304, {}, b"", "redirect"), (200, {}, b"x" * 1_048_577, "too_large"), (500, {}, b"x" * 1_048_577, "too_large"),
    (200, {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 50_000_000), "too_large"),
    (200, {"Content-Encoding": "br"}, b"x", "malformed")])
def test_answers_that_are_not_taken(transport, platform, same, settings, status, headers, content, code):
    platform.answer = same(status, content, **headers)
    assert transport(url=platform.url, **settings).refusal().code == code
    assert len(platform.got) == 1


def test_the_cap_is_the_messages_own(transport, platform, same):
    platform.answer = same(200, b'"' + b"x" * 998 + b'"')
    gov = transport(kind="direct", url=platform.url)
    assert len(gov.send(max_body=1000).body) == 1000
    assert gov.refusal(max_body=999).code == "too_large"


@contextmanager
def raw(answer: bytes, drip: bool = False):
    """A server that counts its connections, sends bytes, and then closes; or goes on with a byte every 50 ms."""
    stop, taken = threading.Event(), []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def run():
            try:
                while not stop.is_set():
                    connection, _ = listening.accept()
                    with connection:
                        taken.append(connection.recv(65_536))
                        connection.sendall(answer)
                        while drip and not stop.wait(0.05):
                            connection.sendall(b"x")
            except OSError:
                pass

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", taken
        finally:
            stop.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


@pytest.mark.threat("A-044")
def test_a_drip_does_not_lengthen_the_deadline(transport):
    """All kinds at once, since each takes its second."""
    with ExitStack() as stack:
        drips = [stack.enter_context(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", drip=True)) for _ in KINDS]
        under_way = [transport(url=url, timeout="1", **settings).submit()
                     for (url, _), settings in zip(drips, KINDS, strict=True)]
        assert [work.exception(20).code for work in under_way] == ["timeout"] * len(KINDS)


@pytest.mark.threat("A-049")
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"rubbish\r\n\r\n"])
def test_a_message_whose_answer_breaks_off_is_not_sent_again(transport, answer):
    with raw(answer) as (url, taken):
        error = transport(kind="direct", url=url).refusal()
    assert error.code in ("connection", "malformed")
    assert len(taken) == 1


def test_a_longer_time_of_the_message_counts_and_a_shorter_one_does_not(transport, platform):
    answer, pause = platform.answer, threading.Event()
    platform.answer = lambda received: answer(received) if not pause.wait(1.2) else None
    gov = transport(kind="direct", url=platform.url, timeout="1")
    assert gov.refusal(timeout=0.1).code == "timeout"
    assert gov.send(timeout=5).status == 200


# -- the breaker ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock():
    now = [1_000_000.0]

    def read():
        return now[0]

    read.later = lambda seconds: now.__setitem__(0, now[0] + seconds)
    return read


@pytest.mark.threat("A-047")
def test_a_platform_that_fails_is_left_alone_and_tried_once_in_a_while(transport, platform, same, clock):
    platform.answer = same(500, {"type": "Server.ClientProxy.NetworkError"}, X_Road_Error="Server.ClientProxy.NetworkError")
    gov = transport(url=platform.url, clock=clock, **ROAD)
    assert [gov.refusal().code for _ in range(FAILURES)] == ["platform"] * FAILURES
    assert [gov.refusal().code for _ in range(20)] == ["busy"] * 20
    assert len(platform.got) == FAILURES
    (failing,) = gov.transports.failing()
    assert failing[0] == "gov"
    clock.later(PROBE_EVERY + 1)
    assert {gov.refusal().code for _ in range(3)} == {"platform", "busy"}
    assert len(platform.got) == FAILURES + 1
    clock.later(PROBE_EVERY + 1)
    platform.answer = same(200, {})
    assert [gov.send().status for _ in range(3)] == [200] * 3
    assert list(gov.transports.failing()) == []


@pytest.mark.threat("A-047")
def test_one_transport_s_platform_says_nothing_of_another_s(transport, platform, clock, free_port):
    gov = transport(kind="direct", url=f"http://127.0.0.1:{free_port()}", clock=clock)
    assert {gov.refusal().code for _ in range(FAILURES)} == {"connection"}
    assert gov.refusal().code == "busy"
    assert transport(kind="direct", url=platform.url, clock=clock).send().status == 200


@pytest.mark.parametrize(("status", "headers"), [(500, {}), (503, {}), (400, {"X_Road_Error": "Client.BadRequest"}), (401, {})])
def test_the_service_s_errors_and_the_platform_s_refusals_are_answers(transport, platform, same, status, headers):
    platform.answer = same(status, {"type": "Client.BadRequest"}, **headers)
    gov = transport(url=platform.url, **ROAD)
    for _ in range(FAILURES + 2):
        if headers:
            assert gov.refusal().code == "platform"
        else:
            assert gov.send().status == status
    assert len(platform.got) == FAILURES + 2
    gov.transport.check()


def test_citizens_who_take_their_time_do_not_shut_the_counter(transport, platform, clock):
    """In ``blocking`` an answer waits for the citizen's consent: no answer then tells nothing of the platform."""
    held = threading.Event()
    platform.answer = lambda received: held.wait(10)
    gov = transport(kind="direct", url=platform.url, clock=clock, timeout="1")
    waiting = [gov.submit(timeout=1.2) for _ in range(FAILURES + 1)]
    assert {work.exception(20).code for work in waiting} == {"timeout"}
    held.set()
    gov.transport.check()


def test_a_platform_that_takes_no_connection_is_not_waited_for_like_a_citizen(transport, clock):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        address = listening.getsockname()
        filling = [socket.socket() for _ in range(4)]
        for each in filling:
            each.setblocking(False)
            each.connect_ex(address)
        error = transport(kind="direct", url=f"http://127.0.0.1:{address[1]}", timeout="1", clock=clock).refusal(timeout=9)
        for each in filling:
            each.close()
    assert error.code == "connection"
    assert "did not take the connection within 1 s" in str(error)


# -- TLS --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Certificates with their keys: the platform's, ours, a stranger's, and one that ran out."""
    return {name: make_certificate(tmp_path_factory.mktemp(name), days)
            for name, days in (("platform", 1), ("ours", 1), ("stranger", 1), ("old", -1))}


@contextmanager
def tls_platform(make, shown, wanted=None, newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*shown)
    if wanted:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wanted[0])
    if newest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    with make(context).running() as platform:
        yield platform


@pytest.mark.threat("A-041")
def test_the_platform_s_certificate_must_hold(transport, make_platform, pairs, caplog):
    with tls_platform(make_platform, pairs["platform"]) as platform:
        assert transport(ca_file=pairs["platform"][0], url=platform.url, **ROAD).send().status == 200
        for ca_file, url in ((None, platform.url), (pairs["stranger"][0], platform.url),
                             (pairs["platform"][0], platform.url.replace("127.0.0.1", "localhost"))):
            assert transport(ca_file=ca_file, url=url, **ROAD).refusal().code == "tls"
        assert len(platform.got) == 1
    with tls_platform(make_platform, pairs["old"]) as platform:
        assert transport(ca_file=pairs["old"][0], url=platform.url, **ROAD).refusal().code == "tls"
        assert platform.got == []


@pytest.mark.threat("A-041")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_an_old_tls_is_refused(transport, make_platform, pairs):
    with tls_platform(make_platform, pairs["platform"], newest=ssl.TLSVersion.TLSv1_1) as platform:
        assert transport(ca_file=pairs["platform"][0], url=platform.url, **ROAD).refusal().code in ("tls", "connection")
        assert platform.got == []
    with tls_platform(make_platform, pairs["platform"], newest=ssl.TLSVersion.TLSv1_2) as platform:
        assert transport(ca_file=pairs["platform"][0], url=platform.url, **ROAD).send().status == 200


@pytest.mark.threat("A-041")
def test_we_show_our_certificate_where_the_ini_names_it(transport, make_platform, pairs, tmp_path):
    both = tmp_path / "both.pem"
    both.write_text("".join(Path(name).read_text() for name in pairs["ours"]))
    both.chmod(0o600)
    with tls_platform(make_platform, pairs["platform"], pairs["ours"]) as platform:
        def make(**settings):
            return transport(ca_file=pairs["platform"][0], url=platform.url, **ROAD, **settings)

        ours, stranger = ({"client_certificate": certificate, "client_key": key}
                          for certificate, key in (pairs["ours"], pairs["stranger"]))
        assert make(**ours).send().status == 200
        assert make(client_certificate=str(both)).send().status == 200
        assert make(**stranger).refusal().code in ("tls", "connection")
        assert make().refusal().code in ("tls", "connection")
        assert len(platform.got) == 2


# -- the way out ------------------------------------------------------------------------------------------------------------


@pytest.mark.threat("A-043")
def test_the_proxy_is_the_ini_s_and_never_the_environment_s(transport, platform, make_platform, monkeypatch, free_port,
                                                            tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    transport(kind="direct", url=platform.url).send()
    assert platform.got[0]["Authorization"] is None
    with make_platform().running() as proxy:
        assert transport(kind="direct", url="http://127.0.0.1:9/api", proxy=proxy.url).send("/qr").status == 200
        assert [received.target for received in proxy.got] == ["http://127.0.0.1:9/api/qr"]
    assert len(platform.got) == 1


# -- readiness --------------------------------------------------------------------------------------------------------------


def test_readiness_names_what_fails_and_the_portal_stays_ready(tmp_path, free_port, caplog):
    from webtest import TestApp

    from vneid_middleware import make_filter
    from vneid_middleware.models import TransportRequest

    settings = {"public_url": "http://127.0.0.1:6543", "secret": "marker-of-the-sealing-secret-0123456789", "sso.client_id": "id",
                "sso.client_secret": "s", "storage": f"sqlite:///{tmp_path / 'v.db'}",
                "transport.kho-du-lieu.kind": "direct", "transport.kho-du-lieu.url": f"http://127.0.0.1:{free_port()}",
                "transport.other.kind": "direct", "transport.other.url": "https://other.example"}
    portal = make_filter(settings)(lambda environ, start_response: [])
    ready = TestApp(portal, extra_environ={"REMOTE_ADDR": "127.0.0.1"})
    assert ready.get("/vneid/health/ready").json == {"status": "ok"}
    outbound = portal.services.outbound
    for _ in range(FAILURES):
        work = outbound.submit(portal.services["transports"]["kho-du-lieu"].send(TransportRequest("/", b"")))
        assert work.exception(20).code == "connection"
    assert ready.get("/vneid/health/ready").json == {"status": "ok", "degraded": ["transports"]}
    assert "kho-du-lieu" in caplog.text
    assert "other" not in caplog.text
    outbound.close()
    portal.services.storage.close()
    assert json.dumps(settings["secret"]) not in caplog.text
