"""Plugins of vendors as the ini, the command line and the portal see them: how they get in, and how they are refused."""

from __future__ import annotations

import dataclasses
import json
from wsgiref.util import setup_testing_defaults

import pytest

from vneid_middleware import loader
from vneid_middleware.events import LoginRefused, RedirectRefused
from vneid_middleware.exceptions import AuditError, ConfigurationError, StorageError
from vneid_middleware.models import Identity

PLAIN = '''
def includeme(config):
    config.add_route("acme.hello", "/acme/hello")
    config.add_view(lambda request: request.vneid.pages.json({"hello": "acme"}), route_name="acme.hello")
'''

STORE = '''
from zope.interface import implementer
from vneid_middleware.interfaces import ISessionStore, IProvisioned


@implementer(ISessionStore, IProvisioned)
class Shelf:
    def provision(self, services):
        self.records = {}
        self.seen = services.settings["public_url"]

    def save(self, record):
        self.records[record[1]] = record
        return record[1]

    def loader(self):
        return lambda value: self.records[value]

    def forget(self, session_id):
        self.records.pop(session_id, None)


SHELF = Shelf()


def includeme(config):
    config.add_vneid_session_store("NAME", SHELF)
'''


def host(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [environ.get("REMOTE_USER", "nobody").encode()]


def call(app, path="/", **more):
    environ = {"SCRIPT_NAME": "", "PATH_INFO": path, "HTTP_ACCEPT": "application/json", **more}
    setup_testing_defaults(environ)
    seen = {}

    def start(status, headers, exc_info=None):
        seen.update(status=int(status[:3]), headers=headers)
        return lambda data: None

    body = b"".join(app(environ, start))
    return seen["status"], body.decode()


def one(problems, *words):
    """The one problem that holds all the words."""
    found = [problem for problem in problems if all(word in problem for word in words)]
    assert len(found) == 1, problems
    return found[0]


# -- in ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("named", ["acme", "acme_vneid", "acme_vneid.includeme", "acme_vneid:includeme"])
def test_a_plugin_is_active_when_the_ini_names_it(distribution, bench, named):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=PLAIN)
    assert call(bench.portal(host, plugins=named), "/vneid/acme/hello") == (200, '{"hello": "acme"}')
    assert call(bench.portal(host), "/vneid/acme/hello")[0] == 404


def test_an_entry_point_may_name_a_function_and_extras(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid:setup [fast]"}, acme_vneid=PLAIN.replace("includeme", "setup"))
    assert call(bench.portal(host, plugins="acme"), "/vneid/acme/hello")[0] == 200


def test_a_plugin_by_two_names_comes_in_once(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=PLAIN)
    assert call(bench.portal(host, plugins="acme acme_vneid"), "/vneid/acme/hello")[0] == 200


def test_sign_on_has_no_privilege(bench):
    app = bench.portal(host)
    assert call(app, "/vneid/login")[0] == 404
    assert call(app, "/vneid/session")[0] == 401
    assert call(app) == (200, "nobody")


def test_a_vendors_sign_on_takes_its_place(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=PLAIN.replace("/acme/hello", "/login"))
    app = bench.portal(host, plugins="acme", access="/kin* = login")
    status, body = call(app, "/kin")
    assert (status, json.loads(body)["error"]) == (401, "login_required")
    assert call(app, "/vneid/login") == (200, '{"hello": "acme"}')


@pytest.mark.parametrize("key", ["access", "takeover__login", "takeover__logout"])
def test_rules_that_nobody_could_fulfil_are_refused(bench, key):
    value = "/kin* = login" if key == "access" else "/dang-nhap"
    one(bench.problems(**{key: value}), key.replace("__", "."), "signs people in", "Add sso to plugins")


def test_a_vendors_session_store_keeps_the_sessions(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=STORE.replace("NAME", "shelf"))
    app = bench.portal(host, plugins="acme", session__store="shelf")
    now = app.services.now()
    identity = Identity("s", "https://x", "100190000001", "Nguyễn Thị Ánh Nguyệt", None, "person", 2, {}, now, "an-id")
    cookie = app.services.sessions.begin(identity, now)[1].split(";")[0]
    assert cookie == "vneid=an-id"
    assert call(app, HTTP_COOKIE=cookie) == (200, "100190000001")
    assert app.services.sessions.store.seen == "http://127.0.0.1:6543"
    app.services.sessions.revocations.end_session("an-id")
    assert call(app, HTTP_COOKIE=cookie) == (200, "nobody")
    assert call(app, HTTP_COOKIE="vneid=another") == (200, "nobody")


AUDIT = '''
from zope.interface import implementer
from vneid_middleware.exceptions import AuditError
from vneid_middleware.interfaces import IAuditSink, IAuditSinkFactory

RECORDS = []


@implementer(IAuditSink)
class Sink:
    def __init__(self, limit):
        self.limit = limit

    def write(self, record):
        if len(RECORDS) >= self.limit:
            raise AuditError("audit_unavailable", "acme: full")
        RECORDS.append(record)

    def check(self):
        if len(RECORDS) >= self.limit:
            raise AuditError("audit_unavailable", "acme: full")


@implementer(IAuditSinkFactory)
class Sinks:
    def __call__(self, argument, services):
        if not argument.isdigit():
            raise ValueError("the sink acme needs a number: acme:100")
        return Sink(int(argument))


def includeme(config):
    config.add_vneid_audit_sink("acme", Sinks())
'''


def test_a_vendors_audit_sink_can_say_no(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=AUDIT)
    app = bench.portal(host, plugins="acme", audit__sinks="acme:1")
    app.services.tell(RedirectRefused())
    assert call(app, "/vneid/health/ready")[0] == 503
    with pytest.raises(AuditError, match="full"):
        app.services.tell(RedirectRefused())
    one(bench.problems(plugins="acme", audit__sinks="acme:many"), "audit.sinks", "the sink acme needs a number")


SUBSCRIBER = '''
from vneid_middleware.events import LoginRefused

SEEN = []


def note(event):
    SEEN.append(event.code)
    raise RuntimeError("a bug of the vendor's")


def includeme(config):
    config.add_subscriber(note, LoginRefused)
'''


def test_a_subscriber_is_told_and_its_bugs_are_its_own(distribution, bench, caplog):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=SUBSCRIBER)
    app = bench.portal(host, plugins="acme")
    app.services.tell(LoginRefused(code="state_unknown"))
    app.services.tell(RedirectRefused())
    import acme_vneid

    assert acme_vneid.SEEN == ["state_unknown"]
    assert "a subscriber of login.refused failed" in caplog.text


READINESS = '''
from zope.interface import implementer
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import IReadinessCheck


@implementer(IReadinessCheck)
class Hsm:
    critical = CRITICAL

    def check(self):
        raise VNeIDError("hsm_gone", "no answer")


def includeme(config):
    config.add_vneid_readiness("hsm", Hsm())
'''


@pytest.mark.parametrize(("critical", "status", "member"), [("True", 503, "failed"), ("False", 200, "degraded")])
def test_a_vendors_readiness_counts(distribution, bench, critical, status, member):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=READINESS.replace("CRITICAL", critical))
    got, body = call(bench.portal(host, plugins="acme"), "/vneid/health/ready")
    assert (got, json.loads(body)[member]) == (status, ["hsm"])


HANGING = """
import threading
from zope.interface import implementer
from vneid_middleware.interfaces import IReadinessCheck

GATE = threading.Event()
ASKED = []


@implementer(IReadinessCheck)
class Hangs:
    critical = False

    def check(self):
        ASKED.append(1)
        GATE.wait(60)


def includeme(config):
    config.add_vneid_readiness("hangs", Hangs())
"""


@pytest.mark.parametrize("raised", ["RuntimeError('a bug')", "SystemExit(1)", "KeyError"])
@pytest.mark.parametrize(("critical", "status", "member"), [("True", 503, "failed"), ("False", 200, "degraded")])
def test_a_readiness_check_that_breaks_is_told_as_what_it_is(distribution, bench, caplog, raised, critical, status, member):
    source = READINESS.replace("CRITICAL", critical).replace('VNeIDError("hsm_gone", "no answer")', raised)
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=source)
    got, body = call(bench.portal(host, plugins="acme"), "/vneid/health/ready")
    assert (got, json.loads(body)[member]) == (status, ["hsm"])
    assert "the check of hsm failed" in caplog.text


def test_a_readiness_check_that_hangs_is_waited_for_once_and_asked_once(distribution, bench, monkeypatch):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=HANGING)
    app = bench.portal(host, plugins="acme")
    import acme_vneid

    try:
        monkeypatch.setattr("vneid_middleware.readiness.LONGEST", 0.5)
        assert json.loads(call(app, "/vneid/health/ready")[1])["degraded"] == ["hangs"]
        monkeypatch.setattr("vneid_middleware.readiness.LONGEST", 30.0)
        acme_vneid.GATE.set()
        assert json.loads(call(app, "/vneid/health/ready")[1]) == {"status": "ok"}
    finally:
        acme_vneid.GATE.set()
    assert len(acme_vneid.ASKED) in (1, 2)


TRIAL = """
from zope.interface import implementer
from vneid_middleware.interfaces import ITrial


@implementer(ITrial)
class Reports:
    pass


@implementer(ITrial)
class Late:
    def try_online(self, folder):
        return ()


def includeme(config):
    config.add_vneid_component("WHICH", lambda services: WHICH())
"""


@pytest.mark.parametrize(("which", "said"), [("Reports", "must be an ITrial; Reports has no try_online()"),
                                             ("Late", "must be an ITrial; Late.try_online must take ()")])
def test_what_declares_a_trial_and_has_none_stops_the_start(distribution, bench, which, said):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=TRIAL.replace("WHICH", which))
    one(bench.problems(plugins="acme"), said)


GAUGES = '''
from zope.interface import implementer
from vneid_middleware.interfaces import IGauges
from vneid_middleware.models import Gauge


@implementer(IGauges)
class Hsm:
    def __init__(self, uses_storage, *found):
        self.uses_storage, self.found = uses_storage, found

    def read(self):
        yield from self.found
        if not self.found:
            raise ZeroDivisionError("marker")


def includeme(config):
    config.add_vneid_gauges("hsm", Hsm(False, Gauge("acme_keys", "Keys in the module", 2, {"kind": "signing"}),
                                       Gauge("acme_keys", "Keys in the module", 1, {"kind": "encryption"})))
    config.add_vneid_gauges("broken", Hsm(False))
    config.add_vneid_gauges("kept", Hsm(True, Gauge("acme_kept", "What is kept", 3)))
    config.add_vneid_gauges("odd", Hsm(False, Gauge("acme_odd", "No number", "many")))
'''


def test_a_vendors_gauges_are_read_when_asked_and_a_broken_one_takes_nothing_along(distribution, bench, caplog, tmp_path):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=GAUGES)
    app = bench.portal(host, plugins="acme")
    app.services["metrics"].tally("acme_signatures", "Signatures made", kind="signing")
    status, body = call(app, "/vneid/metrics", REMOTE_ADDR="127.0.0.1")
    assert status == 200
    for line in ('acme_keys{kind="signing"} 2.0', 'acme_keys{kind="encryption"} 1.0', "acme_kept 3.0", "vneid_storage_up 1.0",
                 'acme_signatures_total{kind="signing"} 1.0', "# HELP acme_keys Keys in the module"):
        assert line in body
    assert "acme_odd" not in body
    assert "the numbers of broken can't be told" in caplog.text
    assert "the numbers of odd can't be told" in caplog.text
    app.services.storage.probe = _no_storage
    body = call(app, "/vneid/metrics", REMOTE_ADDR="127.0.0.1")[1]
    assert "vneid_storage_up 0.0" in body
    assert "acme_keys" in body
    assert "acme_kept" not in body


def _no_storage():
    raise StorageError("storage_unavailable", "no answer")


def test_gauges_that_are_none_are_refused_at_start(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=GAUGES.replace("def read(", "def reed("))
    with pytest.raises(ConfigurationError, match="IGauges"):
        bench.portal(host, plugins="acme")


KEYS = '''
from zope.interface import implementer
from vneid_middleware.interfaces import IKeyProvider


@implementer(IKeyProvider)
class Careless:
    def public_keys(self):
        return [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "private!", "kid": "1"}, {"kty": "oct", "k": "shared!"}]

    def sign(self, setting, payload, header):
        return "a.b.c"

    def unwrap(self, setting, wrapped, algorithm):
        return []

    def decrypt(self, setting, token):
        return b""


def includeme(config):
    config.add_vneid_key_provider("careless", Careless())
'''


def test_no_private_key_goes_out_whatever_a_provider_gives(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=KEYS)
    status, body = call(bench.portal(host, plugins="acme", keys__provider="careless"), "/vneid/.well-known/jwks.json")
    assert status == 200
    assert json.loads(body)["keys"] == [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "kid": "1"}]


@pytest.mark.threat("A-090")
def test_a_key_that_signs_does_not_decrypt(bench, tmp_path, capsys):
    from vneid_middleware.cli import main

    pem = str(tmp_path / "key.pem")
    assert main(["keys", "new", "encryption", "--out", pem]) == 0
    given = {"plugins": "sso", "sso__client_id": "x", "sso__client_secret": "y", "sso__decryption_key": pem}
    assert bench.problems(**given) == []
    one(bench.problems(**given, sso__signing_key=pem), "sso.decryption_key: is the same key as sso.signing_key", "for each")


def test_what_was_built_does_not_change(bench):
    services = bench.assembly().services
    with pytest.raises(dataclasses.FrozenInstanceError):
        services.storage = None
    with pytest.raises(TypeError):
        services.settings["public_url"] = "https://evil.example"


def test_the_hosts_own_pyramid_is_left_alone(bench):
    from pyramid.config import Configurator, global_registries

    config = Configurator()
    config.make_wsgi_app()
    assert global_registries.last is config.registry
    bench.portal(host)
    assert global_registries.last is config.registry
    global_registries.remove(config.registry)


# -- refused -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("code", "words"), [
    ("class Broken:\n    pass\n\n\ndef includeme(config):\n    config.add_vneid_session_store('s', Broken())",
     ("add_vneid_session_store('s', …)", "must be an ISessionStore", "Broken does not declare it with @implementer",
      "no save(record)", "no loader()", "no forget(session_id)")),
    (STORE.replace("def save(self, record)", "def save(self)").replace("NAME", "s"),
     ("Shelf.save must take (record)",)),
    (STORE.replace("SHELF = Shelf()", "SHELF = Shelf").replace("NAME", "s"), ("Shelf is a class; make one of it",)),
    ("def includeme(config):\n    config.add_vneid_settings({'acme.x': 1})", ("takes a SettingsTable, not dict",)),
    ("def includeme(config):\n    config.add_vneid_component('acme', lambda services: services.nothing)",
     ("the component acme of acme_vneid failed", "AttributeError")),
    ("def includeme(config):\n    raise KeyError('x')", ("fails in its includeme", "KeyError", "acme_vneid.py, line 3")),
    ("import nothing_of_this_name", ("can't be imported", "nothing_of_this_name", "acme_vneid.py, line 2")),
    ("def includeme(config) pass", ("can't be imported", "SyntaxError")),
    ("x = 1", ("has no includeme(config) function",)),
    ("def includeme(config):\n    config.add_nothing()", ("add_nothing", "acme_vneid.py, line 3")),
], ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "")
def test_a_broken_plugin_is_told_with_its_name_and_place(distribution, bench, code, words):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=code)
    problem = one(bench.problems(plugins="acme"), "plugins", "acme")
    for word in words:
        assert word in problem


def test_no_portal_is_made_around_a_broken_plugin(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid="x = 1")
    with pytest.raises(ConfigurationError, match="includeme"):
        bench.portal(host, plugins="acme")


def test_two_plugins_that_claim_the_same_are_told_with_both_places(distribution, bench):
    for name in ("north", "south"):
        distribution(f"{name}-vneid", {name: f"{name}_vneid"}, **{f"{name}_vneid": STORE.replace("NAME", "shelf")})
    problem = one(bench.problems(plugins="north south"), "two plugins claim the same")
    assert "north_vneid.py" in problem
    assert "south_vneid.py" in problem


def test_a_plugin_can_not_take_a_built_in_name(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=STORE.replace("NAME", "cookie"))
    assert "two plugins claim the same" in one(bench.problems(plugins="acme"), "acme_vneid.py")


def test_two_distributions_that_offer_one_name(distribution, bench):
    distribution("north-vneid", {"acme": "north_vneid"}, version="1.0", north_vneid=PLAIN)
    distribution("south-vneid", {"acme": "south_vneid"}, version="2.5", south_vneid=PLAIN)
    problem = one(bench.problems(plugins="acme"), "the plugin acme is offered by")
    for word in ("north-vneid 1.0 (north_vneid)", "south-vneid 2.5 (south_vneid)", "dotted name"):
        assert word in problem
    assert call(bench.portal(host, plugins="south_vneid"), "/vneid/acme/hello")[0] == 200


@pytest.mark.parametrize(("plugins", "words"), [
    ("ssso", ("there is no plugin ssso", "did you mean sso?")),
    ("nothing-like-it", ("there is no plugin nothing-like-it", "installed are")),
    ("no.such.module", ("can't be imported", "No module named 'no'")),
    ("json:nothing", ("json has no nothing",)),
    ("json", ("has no includeme",)),
    ("sso sso", ("names sso twice",)),
    (":x", ("can't be imported",)),
    ("..", ("can't be imported",))])
def test_names_that_lead_nowhere(bench, plugins, words):
    assert any(all(word in problem for word in words) for problem in bench.problems(plugins=plugins)), bench.problems(
        plugins=plugins)


SETTINGS = '''
from vneid_middleware.converters import integer
from vneid_middleware.settings import REQUIRED, Setting, SettingsTable


def rule(settings):
    if settings["acme.most"] < settings["acme.least"]:
        return [settings.problem("acme.most", "must not be less than acme.least")]
    return 1 / settings["acme.least"] and []


TABLE = SettingsTable("acme", (
    Setting("acme.token", lambda value, source: value, REQUIRED, "The token.", secret=True, remedy="Ask Acme."),
    Setting("acme.least", integer(0, 9), 1, "The least."),
    Setting("acme.most", integer(0, 9), 9, "The most."),
    Setting("acme.*.url", lambda value, source: value, None, "A place."),
), (rule,))


def includeme(config):
    config.add_vneid_settings(TABLE)
'''


@pytest.mark.parametrize(("given", "words"), [
    ({}, ("acme.token: is required and missing. Ask Acme.",)),
    ({"acme__token": "x", "acme__lest": "1"}, ("acme.lest: unknown setting; did you mean acme.least?", "line 7")),
    ({"acme__token": "x", "acme__least": "many"}, ("acme.least: must be a whole number from 0 to 9; it is 'many'", "line 7")),
    ({"acme__token": "x", "acme__least": "5", "acme__most": "4"}, ("acme.most: must not be less than acme.least", "line 8")),
    ({"acme__token": "x", "acme__least": "0"}, ("a rule of the plugin acme failed", "ZeroDivisionError")),
    ({"acme__token": "x", "acme__north__ulr": "y"}, ("acme.north.ulr", "did you mean acme.north.url?"))])
def test_a_vendors_settings_are_checked_like_our_own(distribution, bench, given, words):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=SETTINGS)
    one(bench.problems(plugins="acme", **given), *words)


def test_a_vendors_secret_is_masked(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=SETTINGS)
    settings = bench.assembly(plugins="acme", acme__token="geheim-12345").services.settings
    assert settings["acme.token"].reveal() == "geheim-12345"
    assert "geheim" not in f"{settings.shown()}{settings['acme.token']}{settings['acme.token']!r}{settings!r}"


def test_a_key_of_a_plugin_that_is_not_active_says_which(distribution, bench):
    distribution("acme-vneid", {"acme": "acme_vneid"}, acme_vneid=SETTINGS)
    one(bench.problems(acme__token="x"), "acme.token", "belongs to the plugin acme, which is not active", "Add acme to plugins")


@pytest.mark.parametrize(("key", "value", "words"), [
    ("session__store", "redis", "must be cookie"), ("keys__provider", "hsm", "must be file"),
    ("audit__sinks", "kafka:x", "'kafka' is not")])
def test_roles_name_what_there_is(bench, key, value, words):
    one(bench.problems(**{key: value}), key.replace("__", "."), words, "name the vendor's plugin in plugins")


def test_what_is_installed_is_listed(distribution):
    distribution("acme-vneid", {"acme": "acme_vneid"}, version="3.1", acme_vneid=PLAIN)
    assert loader.Plugin("acme", "acme_vneid", "acme-vneid", "3.1") in loader.installed()
    assert "sso" in {plugin.name for plugin in loader.installed()}
