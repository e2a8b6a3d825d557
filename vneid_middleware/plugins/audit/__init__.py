"""The audit: what happened, who did it, from where, with what outcome. Never a secret, never a name in full."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from vneid_middleware.converters import integer
from vneid_middleware.events import Event
from vneid_middleware.plugins.audit.sinks import DatabaseSinks, FileSinks, SyslogSinks
from vneid_middleware.settings import Setting, SettingsTable, Source

__all__ = ["includeme", "make_record"]

LEAST_RETENTION = 90


def sink_list(value: str, source: Source) -> tuple[str, ...]:
    """``database``, ``file:PATH``, ``syslog:HOST:PORT`` or a plugin's, separated by white space."""
    found = []
    for word in value.split():
        name, colon, argument = word.partition(":")
        found.append(f"file:{source.path(argument)}" if name == "file" and argument else name + colon + argument)
    if not found:
        raise ValueError("must name at least one sink: a portal without an audit can't show who signed in")
    return tuple(found)


sink_list.keeps_file = True  # type: ignore[attr-defined]


def retention(value: str, source: Source) -> int:
    """Days, never under 90."""
    days: int = integer(0, 36_500, "days")(value, source)
    if days < LEAST_RETENTION:
        raise ValueError(f"must be at least {LEAST_RETENTION} days: logs are kept for three months or more")
    return days


TABLE = SettingsTable("audit", (
    Setting("audit.sinks", sink_list, ("database",),
            "Where audit records go: database, file:PATH, syslog:HOST:PORT, or a plugin's; several may be named."),
    Setting("audit.retention_days", retention, 365, "How long records in the database are kept, never under 90."),
))


def make_record(event: Event, now: float) -> dict[str, Any]:
    """Return the audit record of an event, ready for JSON.

    Args:
        event: what happened.
        now: unix seconds.
    """
    time = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "time": time,
        "event": event.name,
        "outcome": event.outcome,
        "who": dict(getattr(event, "who", {})),
        "from": {"address": event.remote_addr[:64], "user_agent": event.user_agent[:200]},
        "what": event.details(),
        "request_id": event.request_id,
    }


def includeme(config: Any) -> None:
    """Offer the sinks ``database``, ``file`` and ``syslog``."""
    config.add_vneid_settings(TABLE)
    config.add_vneid_audit_sink("database", DatabaseSinks())
    config.add_vneid_audit_sink("file", FileSinks())
    config.add_vneid_audit_sink("syslog", SyslogSinks())
