"""The floors: modules import only downward. See docs/architecture.md; the contracts stand in pyproject.toml."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

BREACHES = [
    ("floors", "crypto.py", "from vneid_middleware import loader"),
    ("floors", "core/session.py", "from vneid_middleware.storage import tables"),
    ("floors", "gate.py", "from vneid_middleware import middleware"),
    ("plugins", "plugins/keys.py", "from vneid_middleware.plugins.sessions import TABLE as OTHER"),
    ("core", "core/session.py", "import time"),
    ("core", "core/oidc.py", "import socket"),
    ("framework", "middleware.py", "import pyramid.request"),
    ("network", "pages/__init__.py", "import socket"),
    ("network", "application.py", "import aiohttp"),
    ("database", "sessions.py", "import sqlalchemy"),
    ("database", "plugins/sso/views.py", "from alembic import op"),
]


def _contract(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--contract", name]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the package and its contracts that a test may break."""
    shutil.copytree(ROOT / "vneid_middleware", tmp_path / "vneid_middleware", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", sorted({name for name, _, _ in BREACHES}))
def test_the_contract_is_kept(name: str) -> None:
    done = _contract(name, ROOT)
    assert done.returncode == 0, done.stdout[done.stdout.find("Analyzed"):] + done.stderr


@pytest.mark.parametrize(("name", "module", "line"), BREACHES)
def test_a_breach_is_found(tree: Path, name: str, module: str, line: str) -> None:
    path = tree / "vneid_middleware" / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = _contract(name, tree)
    assert done.returncode == 1
    dotted = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert f"vneid_middleware.{dotted} ->" in done.stdout


def test_a_module_on_no_floor_is_found(tree: Path) -> None:
    (tree / "vneid_middleware" / "attic.py").write_text("", encoding="utf-8")
    done = _contract("floors", tree)
    assert done.returncode == 1
    assert "attic" in done.stdout


@pytest.mark.parametrize("line", ["import urllib.request", "from http.client import HTTPSConnection"])
def test_the_standard_library_s_clients_are_refused_too(tree: Path, line: str) -> None:
    """import-linter sees urllib and http as wholes; ruff tells their parts apart."""
    path = tree / "vneid_middleware" / "sessions.py"
    path.write_text(f"{line}\n", encoding="utf-8")
    ruff = str(Path(sys.executable).with_name("ruff"))
    done = subprocess.run([ruff, "check", "--no-cache", "--select", "TID251", "vneid_middleware"], cwd=tree,
                          capture_output=True, text=True)
    assert done.returncode == 1
    assert "sessions.py" in done.stdout
    assert "TID251" in done.stdout
