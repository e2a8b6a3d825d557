"""Alembic's environment: it works on the connection that it is given, inside that connection's transaction."""

from alembic import context

from vneid_middleware.storage.schema import VERSION_TABLE
from vneid_middleware.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    include_name=lambda name, kind, parents: kind != "table" or str(name).startswith("vneid_"),
)
context.run_migrations()
