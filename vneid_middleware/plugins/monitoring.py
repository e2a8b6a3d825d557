"""Health and metrics, for orchestrators and for Prometheus."""

from __future__ import annotations

import ipaddress
import logging
from functools import cached_property
from typing import Any

from vneid_middleware import addresses, bearer_keys, events
from vneid_middleware.converters import key_digest, networks
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.settings import Setting, SettingsTable

log = logging.getLogger("vneid_middleware")

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


TABLE = SettingsTable("metrics", (
    Setting("metrics.allow", networks, _LOOPBACK, "Addresses that may read /metrics.", default_text="loopback"),
    Setting("metrics.key", key_digest, None, "sha256:HEX of a bearer key that may read /metrics from anywhere.",
            remedy="Make one with: vneid keys new bearer."),
))


class Metrics:
    """Counts what happens in this process; nothing is counted on the host's own pages."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, services: Any) -> None:
        """Nothing is made yet: the counters hold locks, and the server may still fork."""

    @cached_property
    def _numbers(self) -> tuple[Any, Any, Any]:
        from prometheus_client import CollectorRegistry, Counter, Gauge

        from vneid_middleware import __version__

        registry = CollectorRegistry()
        happened = Counter("vneid_events", "What happened, by event and outcome", ["event", "outcome"], registry=registry)
        refused = Counter("vneid_login_refusals", "Logins that ended without a session, by code", ["code"],
                          registry=registry)
        Gauge("vneid_info", "The running version", ["version"], registry=registry).labels(__version__).set(1)
        return registry, happened, refused

    def count(self, event: events.Event) -> None:
        """Count one event."""
        _, happened, refused = self._numbers
        happened.labels(event.name, event.outcome).inc()
        if isinstance(event, events.LoginRefused):
            refused.labels(event.code).inc()

    def text(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self._numbers[0])


def live_view(request: Any) -> Any:
    """The process answers."""
    return request.vneid.pages.json({"status": "ok"})


def ready_view(request: Any) -> Any:
    """Whether this process can serve; a provider that is down is told and does not make the portal unready."""
    failed: list[str] = []
    degraded: list[str] = []
    for name, readiness in request.vneid.readiness.items():
        try:
            readiness.check()
        except VNeIDError as error:
            log.warning("%s is not ready: %s", name, error)
            (failed if readiness.critical else degraded).append(name)
    body: dict[str, Any] = {"status": "unavailable" if failed else "ok"}
    if failed:
        body["failed"] = sorted(failed)
    if degraded:
        body["degraded"] = sorted(degraded)
    return request.vneid.pages.json(body, 503 if failed else 200)


def metrics_view(request: Any) -> Any:
    """The numbers, for those who may read them; nobody else learns that they are here."""
    vneid = request.vneid
    if not _may_read(request, vneid.settings):
        return vneid.pages.outcome(request, "not_found", 404)
    metrics: Metrics = vneid["metrics"]
    response = vneid.pages.json({})
    response.body = metrics.text()
    response.headers["Content-Type"] = metrics.content_type
    return response


def _may_read(request: Any, settings: Any) -> bool:
    digest = settings["metrics.key"]
    authorization = request.headers.get("Authorization", "")
    if digest and authorization[:7].lower() == "bearer ":
        return bearer_keys.holder(authorization, {"metrics": digest}) is not None
    return addresses.is_allowed(request.environ, settings["metrics.allow"], settings["trusted_proxies"])


def includeme(config: Any) -> None:
    """Offer ``/health/live``, ``/health/ready`` and ``/metrics``."""
    config.add_vneid_settings(TABLE)
    config.add_vneid_component("metrics", Metrics)
    config.add_subscriber(lambda event: config.registry["vneid.services"]["metrics"].count(event), events.Event)
    for name, path, view in (("live", "/health/live", live_view), ("ready", "/health/ready", ready_view),
                             ("metrics", "/metrics", metrics_view)):
        config.add_route(f"vneid.{name}", path)
        config.add_view(view, route_name=f"vneid.{name}", request_method="GET")
