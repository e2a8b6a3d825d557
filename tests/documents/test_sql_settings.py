"""What ``vneid check`` says of documents: every mistake with its key and remedy, and online what the database knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from licences import FIELDS, KEY, LOOKUP, Keys, make_rows, settings_for
from support import Browser, serving
from vneid_middleware.application import assemble
from vneid_middleware.cli import main as vneid
from vneid_middleware.settings import Source

DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


CALLER_FORMS = "NAME = key:sha256:HEX, NAME = jwks:file:PATH or NAME = jwks:https://…"


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings with which everything is well."""
    folder = tmp_path_factory.mktemp("settings")
    keys = Keys(folder)
    return {**settings_for(folder, keys), "documents.GPLX.url": make_rows(folder / "licences.db"),
            "public_url": "https://gplx.example.gov.vn"}


def problems(right: dict[str, str], **changes: str | None) -> list[Any]:
    changed = {**right, **{name.replace("__", "."): value for name, value in changes.items()}}
    source = Source({name: value for name, value in changed.items() if value is not None}, here=str(Path(__file__).parent))
    return assemble(source).problems


def test_all_is_well(right) -> None:
    assert problems(right) == []


@pytest.mark.parametrize(("key", "value", "words"), [
    ("documents.signing_key", None, "is required and missing"),
    ("documents.signing_key", "absent.pem", "there is none at"),
    ("documents.callers", None, "is required and missing"),
    ("documents.callers", "VNeID = https://vneid.example/jwks", f"must be lines {CALLER_FORMS}; that of 'VNeID' is not"),
    ("documents.callers", f"sha256:{DIGEST}", f"must be lines {CALLER_FORMS}; 'sha256:"),
    ("documents.submitters", f"sha256:{DIGEST}", "must be lines NAME = sha256:HEX; 'sha256:"),
    ("documents.submitters", f"mot-cua = {DIGEST}", "must be lines NAME = sha256:HEX, with 64 hexadecimal digits; that of "
                                                    "'mot-cua' is not"),
    ("documents.submitters", "mot-cua = sha256:abc", "vneid keys new bearer --for documents.submitters --name NAME"),
    ("documents.callers", "VNeID = jwks:http://vneid.example/jwks", "must begin with https://"),
    ("documents.callers", "VNeID = jwks:file:absent.jwks", "there is none at"),
    ("documents.callers", "VNeID = key:sha256:abc", "64 hexadecimal digits"),
    ("documents.callers", f"a = key:sha256:{DIGEST}\nb = key:sha256:{DIGEST}", "the same key"),
    ("documents.callers", f"a = key:sha256:{DIGEST}\na = key:sha256:{DIGEST}", "names 'a' twice"),
    ("documents.callers", "Bộ Công an = jwks:https://vneid.example/jwks", "printable ASCII"),
    ("documents.callers", " ", f"must be lines {CALLER_FORMS}"),
    ("documents.key_id", "khóa", "printable ASCII"),
    ("documents.allow", "the adapter", "must be IP addresses"),
    ("documents.x_road_clients", "VN/GOV/1/vneid", "without documents.allow"),
    ("documents.response_codes", "fine = 00", "with a status of"),
    ("documents.response_codes", "ok = 02", "the same code"),
    ("documents.rate_limit", "0", "from 1 to"),
    ("documents.GPLX.provider", "oracle", "must be sql"),
    ("documents.GPLX.provider", None, "is required for each kind"),
    ("documents.GPLX.lookup", None, "is required by documents.GPLX.provider = sql"),
    ("documents.GPLX.fields", None, "is required by"),
    ("documents.GPLX.url", None, "is required by"),
    ("documents.GPLX.url", "sqlite://", "must name the file"),
    ("documents.GPLX.url", "sqlite:///:memory:", "must name the file"),
    ("documents.GPLX.url", "nosuch://host/db", "that SQLAlchemy knows"),
    ("documents.GPLX.lookup", "SELECT * FROM gplx", "must ask by :soDinhDanh"),
    ("documents.GPLX.lookup", "SELECT * FROM gplx WHERE so_gplx = :SoGPLX", "must ask by :soDinhDanh"),
    ("documents.GPLX.lookup", f"{LOOKUP}; DROP TABLE gplx", "without a semicolon"),
    ("documents.GPLX.lookup", f"{LOOKUP} -- all", "without comments"),
    ("documents.GPLX.lookup", f"{LOOKUP} /* all */", "without comments"),
    ("documents.GPLX.lookup", "DELETE FROM gplx WHERE so_dinh_danh = :soDinhDanh", "must be one SELECT"),
    ("documents.GPLX.lookup", "SELECT * INTO other FROM gplx WHERE so_dinh_danh = :soDinhDanh", "without INTO"),
    ("documents.GPLX.lookup", f"{LOOKUP} INTO OUTFILE '/tmp/x'", "without INTO"),
    ("documents.GPLX.lookup", "SELECT ':soDinhDanh' FROM gplx", "must not bind inside quotes"),
    ("documents.GPLX.match", "HoVaTen = ho_ten", "must be lines INPUT = column : RULE"),
    ("documents.GPLX.match", "HoVaTen = ho_ten : like", "exact, name or date"),
    ("documents.GPLX.match", "Họ tên = ho_ten : name", "must be lines INPUT"),
    ("documents.GPLX.fields", "Số = so_gplx", "with names such as SoGPLX"),
    ("documents.GPLX.fields", "so_gplx", "must be lines KEY = VALUE"),
    ("documents.GPLX.many", "perhaps", "must be true or false"),
    ("documents.GPLX.state", "lost = trang_thai : 2", "with a status of revoked or expired"),
    ("documents.GPLX.state", "expired = ngay_het_han", "must be lines STATUS"),
    ("documents.GPLX.lookups", LOOKUP, "did you mean documents.GPLX.lookup?"),
    ("documents.G.PLX.lookup", LOOKUP, "unknown setting"),
    ("documents.gplx.id", "so_gplx", "is of a kind without a provider, gplx; did you mean documents.GPLX.id?"),
    ("documents.GPLXX.id", "so_gplx", "did you mean documents.GPLX.id?"),
    ("documents.GPLX.fields", "soDinhDanh = so_gplx", "must give soDinhDanh the column with the citizen's number"),
    ("documents.GPLX.lookup", "SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh::text AND so_gplx = :SoGPLX",
     "must write CAST(:soDinhDanh AS text) in place of :soDinhDanh::text"),
])
def test_a_mistake_is_told_with_its_key(right, key, value, words) -> None:
    told = problems(right, **{key.replace(".", "__"): value})
    assert [problem.key for problem in told if problem.severity == "error"] == [key]
    assert words in str(told[0])


def test_a_wrong_url_is_told_once(right) -> None:
    changes = {"documents__GPLX__url": "nosuch://host/db", "documents__transport": "vneid", "documents__push_path": "/push",
               "transport__vneid__kind": "direct", "transport__vneid__url": "https://vneid.example.gov.vn",
               "documents__GPLX__changes": "SELECT a AS soDinhDanh FROM d WHERE t > :since ORDER BY t"}
    told = problems(right, **changes)
    assert [(problem.key, problem.severity) for problem in told if problem.severity == "error"] == [
        ("documents.GPLX.url", "error")]
    told = problems(right, **{**changes, "documents__GPLX__url": None})
    assert {problem.key for problem in told} == {"documents.GPLX.url", "documents.GPLX.changes"}


def test_a_setting_of_another_provider_is_told(right) -> None:
    changes = {f"documents__GPLX__{part}": None for part in ("url", "fields", "match", "state", "id")}
    told = problems(right, plugins="documents scripted_provider", documents__GPLX__provider="scripted", **changes)
    assert [(problem.key, problem.expectation) for problem in told] == [
        ("documents.GPLX.lookup", "is of no use to documents.GPLX.provider = scripted")]


def test_the_password_of_the_database_is_never_told(right) -> None:
    told = problems(right, documents__GPLX__url="nosuch://portal:a-password@host/db")
    assert "a-password" not in str(told[0])


def test_an_input_that_is_bound_and_matched_is_a_warning(right) -> None:
    told, = problems(right, documents__GPLX__lookup=LOOKUP + " AND so_gplx = :SoGPLX")
    assert (told.key, told.severity) == ("documents.GPLX.match", "warning")
    assert "a wrong SoGPLX is not_found and never mismatch" in str(told)


# -- online ----------------------------------------------------------------------------------------------------------------

@pytest.fixture
def ini(tmp_path: Path, new_database: Callable[[Path], None]) -> Callable[..., str]:
    """``ini(**settings)`` writes an ini and returns its name."""
    keys = Keys(tmp_path)
    make_rows(tmp_path / "licences.db")
    new_database(tmp_path / "vneid.db")

    def write(**changes: str) -> str:
        settings = {**settings_for(tmp_path, keys), "documents.GPLX.url": "sqlite:///licences.db",
                    "public_url": "https://gplx.example.gov.vn", **{name.replace("__", "."): value
                                                                    for name, value in changes.items()}}
        indented = {name: value.replace("\n", "\n    ") for name, value in settings.items()}
        lines = "\n".join(f"{name} = {value}" for name, value in indented.items())
        (tmp_path / "portal.ini").write_text(f"[filter:vneid]\nuse = egg:vneid-middleware\n{lines}\n\n[pipeline:main]\n"
                                             "pipeline = vneid portal\n[app:portal]\nuse = egg:vneid-middleware#standalone\n")
        return str(tmp_path / "portal.ini")

    return write


def test_online_the_keys_and_the_database_are_tried(ini, capsys) -> None:
    assert vneid(["check", ini(), "--online"]) == 0
    told = capsys.readouterr().out
    assert "online: documents.callers: ok" in told
    assert "online: documents.GPLX.lookup: ok" in told


@pytest.mark.parametrize(("changes", "words"), [
    ({"documents__GPLX__lookup": "SELECT * FROM gplx WHERE trim(so_dinh_danh) = :soDinhDanh"},
     "the database reads all of gplx for each question: an index is missing"),
    ({"documents__GPLX__url": "sqlite:///absent.db"}, "documents_unavailable"),
    ({"documents__GPLX__fields": FIELDS + "\nNoi = noi_o"},
     "documents.GPLX.fields: names noi_o, which the rows of documents.GPLX.lookup do not have"),
])
def test_online_what_does_not_work_is_told(ini, capsys, changes, words) -> None:
    assert vneid(["check", ini(**changes), "--online"]) == 1
    assert words in capsys.readouterr().err


def test_online_keys_that_can_not_be_had_are_told(ini, capsys) -> None:
    def nothing(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"keys": []}).encode()]

    with serving(lambda base: nothing) as (url, _):
        assert vneid(["check", ini(documents__callers=f"VNeID = jwks:{url}/keys"), "--online"]) == 1
    assert "documents.callers VNeID has no usable key" in capsys.readouterr().err


def test_health_names_documents_as_degraded_and_the_portal_goes_on(make_portal) -> None:
    portal = make_portal(documents__GPLX__url="sqlite:////nowhere/absent.db")
    ready = Browser().get(portal.base + "/vneid/health/ready")
    assert (ready.status, ready.json()["degraded"]) == (200, ["documents"])
    answer = portal.ask()
    assert (answer.status, answer.json()["status"]) == (503, "unavailable")
