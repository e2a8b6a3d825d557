"""Storage on both databases that are tried for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vneid_middleware.storage import Storage


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/var/vneid.db"
    found: str = request.getfixturevalue("postgresql_url")
    return found


@pytest.fixture
def opened(url: str) -> Iterator[Callable[..., Any]]:
    """Return a function that makes a storage as a further process would have it."""
    made: list[Storage] = []

    def make(threads: int = 8) -> Storage:
        made.append(Storage(url, threads))
        return made[-1]

    yield make
    for storage in made:
        storage.close()
