"""The documents say what the code does: every example is run, every name in them exists."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import runpy
import shutil
import sqlite3
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support import make_certificate
from vneid_middleware import loader
from vneid_middleware.application import Assembly, assemble
from vneid_middleware.cli import main as vneid
from vneid_middleware.crypto import KeyRing
from vneid_middleware.directives import ROLES
from vneid_middleware.events import ConfigurationLoaded, Event
from vneid_middleware.exceptions import AuditError, SealError, UpstreamError
from vneid_middleware.middleware import Middleware
from vneid_middleware.models import DocumentRequest, Identity
from vneid_middleware.paste import make_filter
from vneid_middleware.settings import Source
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.simulator.switches import FAULTS, FAULTY
from vneid_middleware.testing import MISBEHAVIOURS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGES.md"))]
SECRET = "a-secret-of-the-tests-0123456789-abcdefghijklmnop"
BASE = {"public_url": "https://dichvucong.example.gov.vn", "secret": SECRET, "sso.client_id": "id", "sso.client_secret": "secret"}


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced examples of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def examples(language: str) -> list[Any]:
    return [pytest.param(text, id=f"{path.name}-{number}") for path in PAGES
            for number, text in enumerate(blocks(path, language), 1)]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_settings", DOCS / "make_settings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the portal and the secrets that the examples name."""
    package = tmp_path / "mysite"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "settings.py").write_text("")
    (package / "wsgi.py").write_text("def application(environ, start_response):\n    return []\n")
    (tmp_path / "secrets").mkdir()
    make_certificate(tmp_path / "secrets")
    for name, content in {"secret": SECRET, "vneid": "given-by-C06", "vneid-app": "given-by-C06-too",
                          "account": "given-by-C06", "lgsp": "given-by-LGSP"}.items():
        path = tmp_path / "secrets" / name
        path.write_text(content)
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    for name in ("encryption", "encryption-2027"):
        assert vneid(["keys", "new", "encryption", "--out", str(tmp_path / "secrets" / f"{name}.pem")]) == 0
    assert vneid(["keys", "new", "signing", "--out", str(tmp_path / "secrets" / "signing.pem")]) == 0
    before = list(sys.path)
    # the example sets it; set here first, it is put back afterwards
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    yield tmp_path
    sys.path[:] = before
    for name in [name for name in sys.modules if name.split(".")[0] in ("mysite", "ward_vneid")]:
        del sys.modules[name]


# -- settings ----------------------------------------------------------------------------------------------------------

def test_the_settings_page_is_what_the_tables_say(generator: ModuleType) -> None:
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == generator.page(generator.registrations())


def test_the_page_names_every_setting_and_no_other(generator: ModuleType) -> None:
    declared = {row.name for table in generator.registrations().tables.values() for row in table.rows} - {"use"}
    assert len(declared) > 40
    assert set(re.findall(r"^\| `([\w.*]+)` \| .* \| .* \| .* \|$", _settings_page(), re.MULTILINE)) >= declared
    assert set(re.findall(r"^\| `([\w.*]+)` \|", _settings_page(), re.MULTILINE)) == declared


def _settings_page() -> str:
    return (DOCS / "settings.md").read_text(encoding="utf-8")


def test_check_finds_a_page_that_is_out_of_date(generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    stale = tmp_path / "settings.md"
    stale.write_text(_settings_page().replace("`900`", "`901`"), encoding="utf-8")
    monkeypatch.setattr(generator, "PAGE", stale)
    assert generator.main(["--check"]) == 1
    assert "901" in capsys.readouterr().out
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_setting_that_is_spoken_of_exists(path: Path, generator: ModuleType) -> None:
    found = generator.registrations().tables.values()
    declared = {row.name for table in found for row in table.rows}
    plugins = {name.split(".")[0] for name in declared if "." in name}
    spoken = {word for word in re.findall(r"`([a-z_]+\.[a-z_.]+)(?: = [^`]*)?`", path.read_text(encoding="utf-8"))
              if word.split(".")[0] in plugins}
    modules = {word for word in spoken if (ROOT / "vneid_middleware" / word.split(".")[0]).exists()
               or (ROOT / "vneid_middleware" / f"{word.split('.')[0]}.py").exists()}
    events = {cls.name for cls in _subclasses(Event)}
    assert spoken - declared - modules - events - {"session.json", "audit.jsonl"} == set()


def _subclasses(cls: Any) -> Iterator[Any]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


# -- ini examples ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", [item for item in examples("ini") if "[filter:" in item.values[0]])
def test_a_whole_ini_starts(text: str, host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ini = host / "portal.ini"
    ini.write_text(text, encoding="utf-8")
    code = vneid(["check", str(ini)])
    assert code == 0, capsys.readouterr().err


@pytest.mark.parametrize("text", [item for item in examples("ini") if "[" not in item.values[0].split("\n")[0]])
def test_a_piece_of_an_ini_fits_into_one(text: str, host: Path, request: pytest.FixtureRequest) -> None:
    if "ward" in text:
        request.getfixturevalue("ward")
    assembly = _assembled(host, text)
    assert [str(problem) for problem in assembly.problems if problem.severity == "error"] == []


def _assembled(host: Path, text: str) -> Assembly:
    from configparser import ConfigParser

    parser = ConfigParser(interpolation=None)
    parser.read_string("[piece]\n" + text)
    return assemble(Source({**BASE, **parser["piece"]}, here=str(host)))


def test_there_are_examples_to_run() -> None:
    """The two tests above would pass on none."""
    assert len(examples("ini")) >= 10
    assert len(examples("python")) >= 6


def test_an_example_with_a_mistake_is_found(host: Path) -> None:
    assembly = _assembled(host, "sso.profil = oidc\n")
    assert any("did you mean sso.profile" in str(problem) for problem in assembly.problems)


# -- the administrator's guide -----------------------------------------------------------------------------------------

def test_every_page_s_code_is_explained_and_no_other(generator: ModuleType) -> None:
    messages = {code for table in generator.registrations().messages.values() for code in table}
    # words and labels; and the pages that tell of no fault
    told = {code for code in messages if "." not in code} - {
        "confirm_logout", "logged_out", "still_signed_in", "session_continued", "form_waiting", "form_dropped"}
    guide = (DOCS / "administrator.md").read_text(encoding="utf-8")
    tables = guide[guide.index("### Sign-on"):guide.index("### At start")]
    assert set(re.findall(r"^\| `(\w+)` \| \d", tables, re.MULTILINE)) == told


def test_every_event_is_explained() -> None:
    guide = (DOCS / "administrator.md").read_text(encoding="utf-8")
    names = {cls.name for cls in _subclasses(Event)} - {"event"}
    assert ConfigurationLoaded.name in names
    assert [name for name in sorted(names) if f"`{name}`" not in guide] == []


def test_the_python_example_makes_a_portal(host: Path) -> None:
    (text,) = blocks(DOCS / "administrator.md", "python")
    text = text.replace("/etc/portal/secrets", str(host / "secrets")).replace("/var/lib/portal", str(host))
    found: dict[str, Any] = {}
    exec(compile(text, "administrator.md", "exec"), found)
    assert isinstance(found["application"], Middleware)


def test_the_callable_for_servers_loads_the_ini(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, *_ = [text for text in blocks(DOCS / "administrator.md", "ini") if "[filter:" in text]
    ini = host / "portal.ini"
    ini.write_text(text, encoding="utf-8")
    monkeypatch.setenv("VNEID_INI", str(ini))
    found = runpy.run_module("vneid_middleware.wsgi")
    assert isinstance(found["application"], Middleware)


def test_the_worked_example_brings_a_table_into_the_outbox(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (table,) = blocks(DOCS / "administrator.md", "sql")
    (text,) = [text for text in blocks(DOCS / "administrator.md", "ini") if "[filter:" in text and "gplx.db" in text]
    # nobody listens there
    (host / "portal.ini").write_text(text.replace("https://vneid.example.gov.vn", "http://127.0.0.1:9"), encoding="utf-8")
    with sqlite3.connect(host / "gplx.db") as connection:
        connection.executescript(table)
    connection.close()
    guide = (DOCS / "administrator.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    vneid (\w+) portal\.ini(.*)$", guide, re.MULTILINE)
    assert {("check", " --online"), ("documents", " backfill GPLX"), ("serve", ""), ("worker", "")} <= set(commands)
    # what needs VNeID is said to fail, and nothing else
    assert vneid(["check", str(host / "portal.ini"), "--online"]) == 1
    told = capsys.readouterr()
    assert "online: documents.GPLX.changes: ok" in told.out
    assert "online: documents.GPLX.lookup: ok" in told.out
    assert re.findall("online: ([^ ]+): ", told.err) == ["documents", "transport.vneid", "documents.callers"]
    assert vneid(["documents", str(host / "portal.ini"), "backfill", "GPLX"]) == 0
    assert "1 changes taken in" in capsys.readouterr().out
    assert vneid(["outbox", str(host / "portal.ini"), "list"]) == 0
    assert re.search("GPLX +1 +ready", capsys.readouterr().out)


def test_papers_alone_are_said_to_need_no_sign_on(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guide = (DOCS / "administrator.md").read_text(encoding="utf-8")
    part = guide[guide.index("### Documents without a portal"):guide.index("## Changes of documents")]
    (text,) = re.findall(r"^```ini\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    (host / "portal.ini").write_text(text, encoding="utf-8")
    assert vneid(["check", str(host / "portal.ini")]) == 0
    told = capsys.readouterr()
    assert "sso." not in told.out + told.err
    assert "#standalone" in text


def test_the_testers_numbers_are_the_simulator_s() -> None:
    page = (DOCS / "simulator.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (.*?) \| (\d+) \| .+ \|$", page, re.MULTILINE)
    assert rows == [(name, persona.personal_id, unicodedata.normalize("NFC", persona.full_name), persona.birth_date)
                    for name, persona in PERSONAS.items()]


# -- plugins -----------------------------------------------------------------------------------------------------------

@pytest.fixture
def ward(host: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The worked example, written out as its page has it, with the metadata that an installation would have made."""
    text = (DOCS / "plugins.md").read_text(encoding="utf-8")
    files = re.findall(r"^`(ward_vneid/\w+\.py|setup\.cfg)`.*?^```(?:python|cfg)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in files] == ["setup.cfg", "ward_vneid/__init__.py", "ward_vneid/store.py", "ward_vneid/spool.py",
                                           "ward_vneid/views.py"]
    for name, content in files:
        path = host / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    metadata = host / "ward_vneid-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ward-vneid\nVersion: 1.0\n")
    entry_points = re.search(r"^(vneid_middleware\.plugins) =\n    (.*)$", files[0][1], re.MULTILINE)
    assert entry_points is not None
    (metadata / "entry_points.txt").write_text(f"[{entry_points[1]}]\n{entry_points[2]}\n")
    monkeypatch.syspath_prepend(str(host))
    (host / "spool").mkdir()
    return host


@pytest.fixture
def ward_settings(ward: Path) -> dict[str, str]:
    return {**BASE, "public_url": "http://127.0.0.1:6543", "plugins": "sso ward", "session.store": "folder",
            "ward.sessions": str(ward / "sessions"), "audit.sinks": f"spool:{ward / 'spool'}",
            "storage": f"sqlite:///{ward / 'vneid.db'}"}


def _request(app: Any, path: str, cookie: str = "") -> tuple[str, dict[str, str], bytes]:
    from wsgiref.util import setup_testing_defaults

    environ: dict[str, Any] = {"PATH_INFO": path, "HTTP_ACCEPT": "application/json"}
    if cookie:
        environ["HTTP_COOKIE"] = cookie
    setup_testing_defaults(environ)
    answer: list[Any] = []
    body = b"".join(app(environ, lambda status, headers, exc_info=None: answer.extend([status, dict(headers)])))
    return answer[0], answer[1], body


def _portal(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ.get("REMOTE_USER", "nobody").encode()]


def _signed_in(services: Any) -> str:
    identity = Identity("s", "https://vneid.gov.vn", "100190000001", "Nguyễn Văn An", None, "person", 1, {}, services.now(),
                        "session-of-the-test")
    _, cookie = services.sessions.begin(identity, services.now())
    return str(cookie).split(";")[0]


def test_the_example_plugin_is_found_by_its_entry_point(ward: Path) -> None:
    assert loader.Plugin("ward", "ward_vneid", "ward-vneid", "1.0") in loader.installed()


def test_the_example_store_keeps_sessions_on_the_server(ward_settings: dict[str, str], ward: Path) -> None:
    app = make_filter(ward_settings)(_portal)
    cookie = _signed_in(app.services)
    assert _request(app, "/", cookie)[2] == b"100190000001"
    files = list((ward / "sessions").iterdir())
    assert len(files) == 1
    assert json.loads(files[0].read_text(encoding="utf-8"))[1] == "session-of-the-test"
    app.services.sessions.store.forget("session-of-the-test")
    assert _request(app, "/", cookie)[2] == b"nobody"


@pytest.mark.parametrize("value", ["", "session-of-the-test", "A" * 64, "../../secrets/secret"])
def test_the_example_store_opens_nothing_that_it_did_not_make(ward_settings: dict[str, str], value: str) -> None:
    app = make_filter(ward_settings)(_portal)
    _signed_in(app.services)
    assert _request(app, "/", f"vneid={value}")[2] == b"nobody"
    sealed_elsewhere = KeyRing([SECRET]).box("session").seal("session-of-the-test")
    with pytest.raises(SealError):
        app.services.sessions.store.loader()(sealed_elsewhere)


def test_the_example_sink_writes_one_file_for_each_record(ward_settings: dict[str, str], ward: Path) -> None:
    services = assemble(Source(ward_settings)).services
    assert services is not None
    services.tell(ConfigurationLoaded(version="1"))
    (file,) = (ward / "spool").iterdir()
    assert json.loads(file.read_text())["event"] == "configuration.loaded"
    (file.unlink(), (ward / "spool").rmdir())
    with pytest.raises(AuditError):
        services.tell(ConfigurationLoaded(version="1"))
    with pytest.raises(AuditError):
        services.sinks[0].check()


def test_the_example_view_counts_logins_for_those_who_are_signed_in(ward_settings: dict[str, str]) -> None:
    from vneid_middleware.events import LoginSucceeded

    app = make_filter(ward_settings)(_portal)
    assert _request(app, "/vneid/ward/logins")[0].startswith("401")
    app.services.tell(LoginSucceeded(session_id="x"))
    status, headers, body = _request(app, "/vneid/ward/logins", _signed_in(app.services))
    assert (status, json.loads(body)) == ("200 OK", {"logins": 1})
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("key", "value", "expected"), [
    ("audit.sinks", "spool:relative", "absolute folder"),
    ("ward.sessions", "", "ward.sessions"),
    ("ward.session", "/tmp", "did you mean ward.sessions"),
    ("session.store", "folders", "folder"),
])
def test_a_mistake_in_the_example_s_settings_is_told(ward_settings: dict[str, str], key: str, value: str, expected: str) -> None:
    settings = {**ward_settings, key: value}
    if not value:
        del settings[key]
    problems = [str(problem) for problem in assemble(Source(settings)).problems]
    assert any(expected in problem for problem in problems), problems


def test_without_the_plugin_its_settings_are_refused(ward_settings: dict[str, str]) -> None:
    problems = [str(problem) for problem in assemble(Source({**ward_settings, "plugins": "sso"})).problems]
    assert any(problem.startswith("ward.sessions") and "not active" in problem for problem in problems), problems


def test_the_example_profile_can_be_chosen(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = [text for text in blocks(DOCS / "plugins.md", "python") if "IProviderProfile" in text]
    (host / "ward_profile.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(host))
    settings = {**BASE, "plugins": "sso ward_profile", "sso.profile": "ward", "storage": f"sqlite:///{host / 'v.db'}"}
    assembly = assemble(Source(settings))
    assert assembly.problems == []
    assert assembly.services is not None
    assert assembly.services.settings["sso.token_endpoint"] == "https://login.ward.example.gov.vn/token"
    del sys.modules["ward_profile"]


def test_the_example_announces_in_the_portal_s_own_transaction(host: Path) -> None:
    from vneid_middleware.outbox import Outbox
    from vneid_middleware.storage import Storage

    (example,) = [text for text in blocks(DOCS / "plugins.md", "python") if "outbox.enqueue" in text]
    found: dict[str, Any] = {}
    exec(compile(example, "plugins.md", "exec"), found)
    storage = Storage(f"sqlite:///{host / 'portal.db'}")
    with storage.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE licences (number TEXT, revoked INTEGER)")
        connection.exec_driver_sql("INSERT INTO licences VALUES ('A1', 0)")
    with storage.begin() as connection:
        found["revoke"](connection, Outbox(SECRET), "001204000123", "A1")
    with storage.read() as connection:
        assert connection.exec_driver_sql("SELECT revoked FROM licences").scalar() == 1
        assert connection.exec_driver_sql("SELECT action, state FROM vneid_outbox").all() == [("revoke", "ready")]
    storage.close()


@pytest.fixture
def office(host: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """``office(url)``: the example of a transport and of its use, as a portal would have them."""
    texts = [text for text in blocks(DOCS / "plugins.md", "python") if "PostOffice" in text or "def deliver" in text]
    assert len(texts) == 2
    (host / "post.py").write_text("\n".join(texts), encoding="utf-8")
    monkeypatch.syspath_prepend(str(host))
    made: list[Any] = []

    def make(url: str) -> Any:
        given = {"transport.office.kind": "post", "transport.office.url": url, "transport.office.lane": "fast"}
        assembly = assemble(Source({**BASE, **given, "plugins": "sso post", "storage": f"sqlite:///{host / 'v.db'}"}))
        assert assembly.problems == []
        made.append(assembly.services)
        return assembly.services

    yield make
    for services in made:
        services.outbound.close()
    del sys.modules["post"]


def test_the_example_transport_sends(office: Callable[[str], Any], serve: Callable[..., Any]) -> None:
    import post  # type: ignore[import-not-found]

    def platform(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("500 No", [("Post-Office-Error", "LOST")] if environ["HTTP_LANE"] != "fast" else [])
        return [environ["PATH_INFO"].encode() + environ["wsgi.input"].read()]

    with serve(platform) as url:
        services = office(url)
        answer = post.deliver(services, b"{}")
        assert (answer.status, answer.body) == (500, b"/documents{}")
        services["transports"]["office"]._lane = "slow"
        with pytest.raises(UpstreamError, match="did not deliver") as caught:
            post.deliver(services, b"{}")
        assert caught.value.evidence == {"status": 500, "platform_code": "LOST"}
        services.outbound.close()


def test_the_example_transport_says_what_it_needs(office: Callable[[str], Any], host: Path) -> None:
    given = {"transport.office.kind": "post", "transport.office.url": "https://a.example", "transport.office.lane": "1"}
    for lacking, expected in ((None, "must be letters, such as fast"), ("transport.office.lane", "is required by")):
        settings = {**BASE, **given, "plugins": "sso post", "storage": f"sqlite:///{host / 'v.db'}"}
        settings.pop(lacking or "", None)
        (problem,) = assemble(Source(settings)).problems
        assert problem.key == "transport.office.lane"
        assert expected in str(problem)


def test_the_example_document_provider_finds(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = [text for text in blocks(DOCS / "plugins.md", "python") if "LibraryCards" in text]
    (host / "library_cards.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(host))
    assembly = assemble(Source({**BASE, "plugins": "sso documents library_cards", "storage": f"sqlite:///{host / 'v.db'}",
                                "documents.signing_key": str(host / "secrets" / "signing.pem"),
                                "documents.callers": f"VNeID = key:sha256:{'0' * 64}",
                                "documents.THUVIEN.provider": "library", "documents.THUVIEN.city": "hn"}))
    assert assembly.problems == []
    assert assembly.services is not None
    provider = assembly.services["documents"].provider("THUVIEN")
    found = provider.find(DocumentRequest("100190000001", {"HoVaTen": "NGUYỄN THỊ ÁNH NGUYỆT"}))
    assert (found.status, found.document_id) == ("ok", "HN-1")
    assert provider.find(DocumentRequest("100190000001", {"HoVaTen": "Nguyễn Nguyệt"})).fields == ("HoVaTen",)
    assert provider.find(DocumentRequest("100190000002")).status == "not_found"
    assert provider.current("100190000001", "HN-1")["loai"] == "sinh viên"
    del sys.modules["library_cards"]


def test_the_example_of_a_test_runs() -> None:
    (text,) = [text for text in blocks(DOCS / "plugins.md", "python") if "problems_of" in text]
    found: dict[str, Any] = {}
    exec(compile(text, "plugins.md", "exec"), found)
    assert found["problems_of"](BASE | {"storage": "sqlite:////nowhere/v.db"}) == []


# -- the testing kit ---------------------------------------------------------------------------------------------------

def test_the_kit_s_examples_run_beside_an_example_portal(tmp_path: Path) -> None:
    portal, plugin = blocks(DOCS / "testing.md", "python")
    folder = shutil.copytree(ROOT / "examples" / "wsgi", tmp_path / "wsgi")
    (folder / "test_portal.py").write_text(portal, encoding="utf-8")
    (folder / "test_plugin.py").write_text(plugin, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "VNEID_SECRET"}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=100)
    assert "4 passed" in done.stdout, done.stdout + done.stderr
    assert not list(folder.rglob("*.db"))


def test_every_misbehaviour_is_on_the_kit_s_page() -> None:
    text = (DOCS / "testing.md").read_text(encoding="utf-8")
    table = text[text.index("| name |"):text.index("`MISBEHAVIOURS` holds")]
    named = set(re.findall(r"`([a-z0-9-]+)`", "".join(row.split("|")[1] for row in table.splitlines() if row)))
    pattern = re.compile(rf"rp-backchannel-|({'|'.join(FAULTY)})-({'|'.join(FAULTS)})$")
    by_pattern = {name for name in MISBEHAVIOURS if pattern.match(name)}
    assert named == set(MISBEHAVIOURS) - by_pattern
    assert all(f"`{fault}`" in table for fault in FAULTS[1:])
    marked = {row.split("|")[1]: row.split("|")[3].strip() for row in table.splitlines()[2:] if row}
    for names, verdict in marked.items():
        for name in re.findall(r"`([a-z0-9-]+)`", names):
            assert MISBEHAVIOURS[name].refused is (verdict == "refused"), name


def test_every_persona_is_on_the_kit_s_page() -> None:
    text = (DOCS / "testing.md").read_text(encoding="utf-8")
    assert [key for key in PERSONAS if f"`{key}`" not in text] == []


def test_every_directive_is_explained(generator: ModuleType) -> None:
    text = (DOCS / "plugins.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `add_vneid_(\w+)\(.*?\)` \| (?:`(\w+)`)?", text, re.MULTILINE))
    assert {role: interface.__name__ for role, interface in ROLES.items()} == {
        role: name for role, name in listed.items() if role in ROLES}
    others = {name for name in listed if name not in ROLES}
    assert others == {"settings", "component", "messages"}


# -- everything --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            assert (path.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_that_are_spoken_of_exist(path: Path) -> None:
    from vneid_middleware.cli import _COMMANDS

    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:^    |`|\| )vneid ([a-z]+)", text, re.MULTILINE)) <= set(_COMMANDS)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)make ([a-z]+)", text, re.MULTILINE)) <= targets


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 80


def test_the_project_s_files_speak_of_no_machine() -> None:
    """Paths of somebody's computer in a published file are of no use to anybody else."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split() if listed.returncode == 0 else []
    if not names:
        pytest.skip("not a git checkout")
    pattern = re.compile(r"/(?:work|root|home)/\w")
    found = [name for name in names if (ROOT / name).is_file() and name != "tests/package/test_docs.py"
             and pattern.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))]
    assert found == []
