"""Health and metrics, for orchestrators and for Prometheus."""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vneid_middleware import addresses, bearer_keys, events
from vneid_middleware.converters import key_digest, networks
from vneid_middleware.exceptions import StorageError, VNeIDError
from vneid_middleware.models import Gauge
from vneid_middleware.per_process import PerProcess
from vneid_middleware.readiness import Readiness
from vneid_middleware.settings import Setting, SettingsTable

log = logging.getLogger("vneid_middleware")

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


TABLE = SettingsTable("metrics", (
    Setting("metrics.allow", networks, _LOOPBACK, "Addresses that may read /metrics.", default_text="loopback"),
    Setting("metrics.key", key_digest, None, "sha256:HEX of a bearer key that may read /metrics from anywhere.",
            remedy="Make one with: vneid keys new bearer --for metrics.key."),
))


class _Numbers(NamedTuple):
    """What one process counts."""

    registry: Any
    happened: Any
    refused: Any
    lock: threading.Lock
    tallies: dict[str, Any]
    """Plugins' own counters, by name."""


class Metrics:
    """Counts what happens in this process, and asks for what others can tell; nothing is counted on the host's own pages."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, services: Any) -> None:
        """Nothing is made yet: the counters hold locks, and the server may still fork."""
        self._services = services
        self._numbers = PerProcess(self._make)

    def _make(self) -> _Numbers:
        from prometheus_client import CollectorRegistry, Counter
        from prometheus_client import Gauge as Fixed

        from vneid_middleware import __version__

        registry = CollectorRegistry()
        happened = Counter("vneid_events", "What happened, by event and outcome", ["event", "outcome"], registry=registry)
        refused = Counter("vneid_login_refusals", "Logins that ended without a session, by code", ["code"],
                          registry=registry)
        Fixed("vneid_info", "The running version", ["version"], registry=registry).labels(__version__).set(1)
        registry.register(_Asked(self._services))
        return _Numbers(registry, happened, refused, threading.Lock(), {})

    def count(self, event: events.Event) -> None:
        """Count one event."""
        numbers = self._numbers()
        numbers.happened.labels(event.name, event.outcome).inc()
        if isinstance(event, events.LoginRefused):
            numbers.refused.labels(event.code).inc()

    def tally(self, name: str, about: str, **labels: str) -> None:
        """Count something of a plugin's own.

        Args:
            name: as Prometheus writes it, without ``_total``; a plugin's own name stands in it.
            about: what is counted, in a few English words.
            labels: each value is one of few, and never a person's; the same names each time.
        """
        from prometheus_client import Counter

        numbers = self._numbers()
        tallies = numbers.tallies
        with numbers.lock:
            if name not in tallies:
                tallies[name] = Counter(name, about, sorted(labels), registry=numbers.registry)
            (tallies[name].labels(**labels) if labels else tallies[name]).inc()

    def text(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self._numbers().registry)


class _Asked:
    """What is looked up when the numbers are asked for, as a collector of prometheus_client.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        families: dict[str, Any] = {}
        for gauge in self._gauges():
            if gauge.name not in families:
                families[gauge.name] = GaugeMetricFamily(gauge.name, gauge.about, labels=sorted(gauge.labels))
            families[gauge.name].add_metric([gauge.labels[name] for name in sorted(gauge.labels)], gauge.value)
        yield from families.values()

    def _gauges(self) -> Iterator[Gauge]:
        is_up = self._is_up()
        yield Gauge("vneid_storage_up", "1 while storage answers", float(is_up))
        wal = self._vneid.storage.wal_bytes()
        if wal is not None:
            yield Gauge("vneid_storage_wal_bytes", "Size of the write-ahead log of SQLite", wal)
        for name, source in self._vneid.implementations("gauges").items():
            if is_up or not source.uses_storage:
                yield from self._read(name, source)

    def _is_up(self) -> bool:
        try:
            self._vneid.storage.probe()
        except StorageError as error:
            log.warning("the numbers that are in storage can't be told: %s", error)
            return False
        return True

    @staticmethod
    def _read(name: str, source: Any) -> Iterable[Gauge]:
        try:
            return [gauge._replace(value=float(gauge.value)) for gauge in source.read()]
        except VNeIDError as error:
            log.warning("the numbers of %s can't be told: %s", name, error)
        except Exception:
            log.exception("the numbers of %s can't be told", name)
        return ()


def live_view(request: Any) -> Any:
    """The process answers."""
    return request.vneid.pages.json({"status": "ok"})


def ready_view(request: Any) -> Any:
    """Whether this process can serve; a provider that is down is told and does not make the portal unready."""
    failed: list[str] = []
    degraded: list[str] = []
    for name, readiness in request.vneid["readiness"].faults(request.vneid.readiness):
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
    config.add_vneid_component("readiness", lambda services: Readiness())
    config.add_subscriber(lambda event: config.registry["vneid.services"]["metrics"].count(event), events.Event)
    for name, path, view in (("live", "/health/live", live_view), ("ready", "/health/ready", ready_view),
                             ("metrics", "/metrics", metrics_view)):
        config.add_route(f"vneid.{name}", path)
        config.add_view(view, route_name=f"vneid.{name}", request_method="GET")
