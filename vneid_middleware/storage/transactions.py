"""Whether what is done on a connection stands and falls together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def has_transaction(connection: Connection) -> bool:
    """Tell whether statements on a connection are committed together; False where the driver commits each by itself.

    By what the driver says, since an engine, a connection and the driver itself can each be set to ``AUTOCOMMIT``.
    """
    driver: Any = connection.connection
    driver = getattr(driver, "dbapi_connection", None) or getattr(driver, "connection", driver)
    if connection.dialect.name == "sqlite":
        # with isolation_level None nobody begins a transaction but who says BEGIN, as this middleware does
        is_manual = getattr(driver, "autocommit", False) is True or getattr(driver, "isolation_level", "") is None
        return not is_manual or bool(getattr(driver, "in_transaction", True))
    return getattr(driver, "autocommit", False) is not True
