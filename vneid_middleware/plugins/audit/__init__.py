"""The audit: what happened, who did it, from where, with what outcome. Never a secret, never a name in full."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from vneid_middleware.converters import choice, integer
from vneid_middleware.directives import Registrations
from vneid_middleware.events import Event
from vneid_middleware.plugins.audit.sinks import DatabaseSinks, FileSinks, SyslogSinks
from vneid_middleware.settings import Problem, Setting, Settings, SettingsTable, Source

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


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; which sinks there are is known when all plugins are in."""

    def sinks_rule(settings: Settings) -> list[Problem]:
        known = registrations.implementations("audit_sink")
        names = [word.partition(":")[0] for word in settings["audit.sinks"]]
        return [settings.problem("audit.sinks", f"must name sinks that there are; {name[:40]!r} is not {choice(sorted(known))}",
                                 "If it is a vendor's, name the vendor's plugin in plugins.", show=False)
                for name in names if name not in known]

    return SettingsTable("audit", ROWS, (sinks_rule,))


ROWS = (
    Setting("audit.sinks", sink_list, ("database",),
            "Where audit records go: database, file:PATH, syslog:HOST:PORT, or a plugin's; several may be named."),
    Setting("audit.retention_days", retention, 365, "How long records in the database are kept, never under 90."),
)


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
    config.add_vneid_settings(make_table(config.registry["vneid.registrations"]))
    config.add_vneid_audit_sink("database", DatabaseSinks())
    config.add_vneid_audit_sink("file", FileSinks())
    config.add_vneid_audit_sink("syslog", SyslogSinks())
