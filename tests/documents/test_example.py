"""The example of two specialist databases: made, read by the ini, and asked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vneid_middleware.application import assemble
from vneid_middleware.cli.reading import sources
from vneid_middleware.models import DocumentRequest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "documents"
NGUYET = "100190000001"


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("examples") / "documents"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("var"))
    for told in ("bhyt: ", "nothing was done"):
        done = subprocess.run([sys.executable, "prepare.py", "--rows", "2000"], cwd=folder, capture_output=True, text=True,
                              timeout=100)
        assert (done.returncode, told in done.stderr, done.stdout) == (0, True, "")
    assert (folder / "var" / "secret").stat().st_mode & 0o077 == 0
    source, = sources(str(folder / "portal.ini"), {})
    assembly = assemble(source)
    assert assembly.problems == []
    return assembly.services["documents"]  # type: ignore[index]


def test_a_persona_has_papers(documents) -> None:
    assert documents.kinds() == ["BHYT", "GPLX"]
    licence = documents.provider("GPLX").find(DocumentRequest(NGUYET, {"HoVaTen": "Nguyễn Thị Ánh Nguyệt",
                                                                       "NgaySinh": "17/05/1990"}))
    assert licence.status in ("ok", "expired", "revoked")
    assert licence.data["HoVaTen"] == "NGUYỄN THỊ ÁNH NGUYỆT"
    card = documents.provider("BHYT").find(DocumentRequest(NGUYET, {"HoTen": "nguyễn thị ánh nguyệt"}))
    assert card.data["MaThe"] == card.document_id == "DN4000000000001"
    assert documents.provider("BHYT").current(NGUYET, "DN4000000000001") == card.data


def test_reasons_come_out(documents) -> None:
    asked = documents.provider("BHYT").find
    assert asked(DocumentRequest(NGUYET, {"HoTen": "Nguyễn Thị Nguyệt", "GioiTinh": "1"})).fields == ("HoTen", "GioiTinh")
    assert asked(DocumentRequest("000000000000")).status == "not_found"


def test_an_index_leads_to_the_rows(documents) -> None:
    assert [fault for kind in documents.kinds() for _, fault in documents.provider(kind).try_online()] == ["", ""]
