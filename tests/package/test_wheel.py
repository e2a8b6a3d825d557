"""What users install: the wheel, its files, its entry points, what it asks for and what an import costs."""

from __future__ import annotations

import ast
import configparser
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

import vneid_middleware

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "vneid_middleware"
HEAVY = ("pyramid", "webob", "sqlalchemy", "alembic", "aiohttp", "cryptography", "jinja2", "jwt", "authlib",
         "prometheus_client", "zope", "waitress", "asyncio")


@pytest.fixture
def wheel() -> None:
    """Skip unless the tests run against the built wheel, as ``make test`` has it."""
    if os.environ.get("VNEID_TEST_WHEEL") != "1":
        pytest.skip("the tests run against the source tree: VNEID_TEST_WHEEL is not 1")


@pytest.mark.usefixtures("wheel")
def test_the_wheel_is_what_is_tested() -> None:
    found = Path(vneid_middleware.__file__).resolve()
    assert "site-packages" in found.parts
    assert ROOT / "vneid_middleware" not in found.parents


@pytest.mark.usefixtures("wheel")
def test_the_wheel_holds_every_file_of_the_package() -> None:
    files = distribution("vneid-middleware").files or ()
    packed = {str(file) for file in files if file.parts[0] == "vneid_middleware" and "__pycache__" not in file.parts}
    sources = {str(path.relative_to(ROOT)) for path in SOURCE.rglob("*")
               if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")}
    assert sources - packed == set(), "in the source tree, not in the wheel"
    assert packed - sources == set(), "in the wheel, not in the source tree"


@pytest.mark.usefixtures("wheel")
def test_the_wheel_holds_no_tests_examples_or_licence_less_metadata() -> None:
    files = [str(file) for file in distribution("vneid-middleware").files or ()]
    assert not [name for name in files if name.startswith(("tests/", "examples/", "docs/"))]
    assert [name for name in files if name.endswith("LICENSE") and ".dist-info" in name]


def test_every_entry_point_can_be_loaded() -> None:
    ours = list(distribution("vneid-middleware").entry_points)
    assert {entry.group for entry in ours} == {"console_scripts", "paste.filter_app_factory", "paste.app_factory",
                                               "vneid_middleware.plugins"}
    for entry in ours:
        target = entry.load()
        assert callable(getattr(target, "includeme", target)), entry


def test_importing_the_package_loads_nothing_heavy() -> None:
    """A host that is unwrapped (``enabled = false``) should not pay for what it does not use."""
    code = "import sys, vneid_middleware; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True,
                          cwd=ROOT / "docs")
    assert set(done.stdout.split()) & set(HEAVY) == set()


def test_the_version_in_the_metadata_is_the_package_s() -> None:
    assert distribution("vneid-middleware").version == vneid_middleware.__version__


def test_nothing_is_said_twice_in_the_two_configuration_files() -> None:
    """setup.cfg has metadata and entry points, pyproject.toml the build system and the tools."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    assert all(name == "metadata" or name.startswith("options") for name in parser.sections())
    tables = set(re.findall(r"^\[+([\w-]+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE))
    assert tables == {"build-system", "tool"}


def _requirements(extra: str = "") -> dict[str, str]:
    from packaging.requirements import Requirement

    found = {}
    for text in distribution("vneid-middleware").requires or ():
        requirement = Requirement(text)
        wanted = requirement.marker.evaluate({"extra": extra}) if requirement.marker else not extra
        if wanted and (not extra or "extra" in str(requirement.marker)):
            found[_normal(requirement.name)] = str(requirement.specifier)
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_dependency_has_an_upper_bound() -> None:
    """We live in the host's environment: whoever pins from above keeps somebody from an update."""
    bounded = {name: bounds for name, bounds in _requirements().items() if re.search(r"<|==|~=", bounds)}
    assert bounded == {}


def test_every_dependency_has_a_floor() -> None:
    assert [name for name, bounds in _requirements().items() if ">=" not in bounds] == []


def _imported() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            yield from ((".".join(name.split(".")[:2]), str(path.relative_to(ROOT))) for name in names)


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    declared = set(_requirements()) | set(_requirements("postgresql"))
    owners = packages_distributions()
    used: dict[str, str] = {}
    for name, place in _imported():
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top == "vneid_middleware":
            continue
        # a namespace such as zope belongs to several distributions: then the second word tells
        found = {_normal(owner) for owner in owners.get(top, ["unknown " + top])}
        named = {owner for owner in found if owner == _normal(name)}
        used.update(dict.fromkeys(named or found, place))
    assert {name: place for name, place in used.items() if name not in declared} == {}
    # SQLAlchemy loads the driver by the name in the URL
    assert declared - set(used) - {"psycopg"} == set()


def test_each_dependency_is_explained() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for name, bounds in {**_requirements(), **_requirements("postgresql")}.items():
        floor = re.search(r">=\s*([\w.]+)", bounds)
        assert floor is not None
        assert re.search(rf"^\| {re.escape(name)} \| {re.escape(floor[1])} \|", text, re.MULTILINE), f"{name} {floor[1]}"


def test_the_decoder_from_npm_is_the_one_that_is_named() -> None:
    folder = SOURCE / "plugins" / "qr" / "static" / "qr"
    source = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != "source.json"}
    assert found == source["files"]
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert f"| {source['name']} | {source['version']} |" in text
