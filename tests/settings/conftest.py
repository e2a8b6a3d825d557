"""Settings as an ini would give them, each key on a line of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from vneid_middleware.application import Assembly, assemble
from vneid_middleware.settings import Source

SECRET = "marker-of-the-sealing-secret-0123456789"
RIGHT = {"public_url": "https://dichvucong.example.gov.vn", "secret": SECRET, "sso.client_id": "id",
         "sso.client_secret": "marker-of-the-client-secret"}


@pytest.fixture(scope="session")
def right() -> Mapping[str, str]:
    """The least that starts."""
    return dict(RIGHT)


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Source]:
    """``source({"key": "value"})``: the least that starts with further keys after it; None leaves a key out."""

    def make(settings: Mapping[str, str | None] | None = None, **options: Any) -> Source:
        raw = {key: value for key, value in {**RIGHT, **(settings or {})}.items() if value is not None}
        lines = {key: number for number, key in enumerate(raw, 3)}
        given = {"here": str(tmp_path), "file": str(tmp_path / "portal.ini"), "section": "filter:vneid", "lines": lines,
                 "environ": {}, **options}
        return Source(raw, **given)

    return make


@pytest.fixture
def read(source: Callable[..., Source]) -> Callable[..., Assembly]:
    """``read({"key": "value"})`` reads and builds everything, as starting would."""
    return lambda settings=None, **options: assemble(source(settings, **options))
