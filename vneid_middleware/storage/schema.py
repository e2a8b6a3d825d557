"""Bringing the database to this version's tables, by Alembic."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from vneid_middleware.exceptions import StorageError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

HEAD = "0008"
VERSION_TABLE = "vneid_alembic_version"
_ADVISORY_LOCK = 0x564E6549
_alembic = threading.Lock()
"""Alembic keeps the migration under way in module globals: one thread of a process at a time."""


def upgrade(engine: Engine, refuse_empty: Callable[[], None] | None = None) -> None:
    """Upgrade the database behind ``engine``; a database that is up to date costs one query.

    Args:
        refuse_empty: called where there are no tables yet; may raise, and then none are made.

    Raises:
        StorageError: ``schema_unknown`` when a newer version of this software made the tables.
    """
    with _alembic, engine.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        version = _version(connection)
        if version == HEAD:
            return
        if version is None and refuse_empty is not None:
            refuse_empty()
        _run_alembic(connection, version)


def _version(connection: Connection) -> str | None:
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  our own constant


def _run_alembic(connection: Connection, version: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", os.path.join(os.path.dirname(__file__), "migrations").replace("%", "%%"))
    if version is not None and version not in {script.revision for script in
                                               ScriptDirectory.from_config(config).walk_revisions()}:
        raise StorageError("schema_unknown", f"the tables have version {version}, which this release does not know: "
                                             "a newer release made them")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
