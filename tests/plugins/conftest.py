"""Vendors' plugins as their own distributions: real metadata on ``sys.path``, found the way an installed one is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from vneid_middleware import make_filter
from vneid_middleware.application import assemble
from vneid_middleware.settings import Source

SECRET = "plugins-0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Return a function that installs a vendor's distribution: its modules and its entry points."""
    before = set(sys.modules)

    def install(name: str, entry_points: dict[str, str], version: str = "1.0", **modules: str) -> Path:
        site = tmp_path / f"site-{name}"
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = "".join(f"{key} = {value}\n" for key, value in entry_points.items())
        (info / "entry_points.txt").write_text(f"[vneid_middleware.plugins]\n{lines}")
        for module, code in modules.items():
            (site / f"{module}.py").write_text("from __future__ import annotations\n" + dedent(code), encoding="utf-8")
        monkeypatch.syspath_prepend(str(site))
        return site

    yield install
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


class Bench:
    """Assembles a portal with further settings, and tells what is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.settings = {"public_url": "http://127.0.0.1:6543", "secret": SECRET, "storage": f"sqlite:///{folder}/vneid.db",
                         "plugins": ""}
        self.ini = str(folder / "portal.ini")
        self._open: list[Any] = []

    def raw(self, **settings: str) -> dict[str, str]:
        return {**self.settings, **{key.replace("__", "."): value for key, value in settings.items()}}

    def source(self, **settings: str) -> Source:
        raw = self.raw(**settings)
        return Source(raw, file=self.ini, section="filter:vneid", lines={key: number for number, key in enumerate(raw, 2)})

    def problems(self, **settings: str) -> list[str]:
        return [str(problem) for problem in assemble(self.source(**settings)).problems]

    def assembly(self, **settings: str) -> Any:
        found = assemble(self.source(**settings))
        assert found.services is not None, [str(problem) for problem in found.problems]
        self._open.append(found.services)
        return found

    def portal(self, host: Callable[..., Any], **settings: str) -> Any:
        app = make_filter(self.raw(**settings))(host)
        self._open.append(app.services)
        return app

    def close(self) -> None:
        for services in self._open:
            services.storage.close()
            services.outbound.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path)
    yield found
    found.close()
