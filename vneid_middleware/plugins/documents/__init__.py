"""Documents: changes are announced and pushed to VNeID (the guide's part B). See docs/administrator.md."""

from __future__ import annotations

from typing import Any

from vneid_middleware.converters import text
from vneid_middleware.key_files import private_keys
from vneid_middleware.settings import REQUIRED, Setting, SettingsTable

TABLE = SettingsTable("documents", (
    Setting("documents.signing_key", private_keys, REQUIRED, "PEM file or JWK with the portal's key: pushes are signed with it; "
            "several lines: the first signs, for rotation.", remedy="Make one with: vneid keys new signing."),
    Setting("documents.*.url", text, None, "SQLAlchemy URL of the kind's database.", secret=True),
))


def includeme(config: Any) -> None:
    """Offer documents."""
    config.add_vneid_settings(TABLE)
    config.include("vneid_middleware.plugins.documents.outbox")
