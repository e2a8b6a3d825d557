"""A portal with documents, and VNeID as their caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from licences import Portal, portals


@pytest.fixture
def make_portal(tmp_path: Path, new_database: Callable[[Path], None]) -> Iterator[Callable[..., Portal]]:
    """A portal of the test's own."""
    with portals(tmp_path, new_database) as make:
        yield make


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], None]) -> Iterator[Portal]:
    """The module's portal, which no test changes."""
    with portals(tmp_path_factory.mktemp("portal"), new_database) as make:
        yield make(documents__rate_limit="100000")
