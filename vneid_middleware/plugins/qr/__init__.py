"""The counter: a scanned QR becomes a citizen's verified data (the guide's part C). See docs/administrator.md.

A plugin like any other: it declares settings and words, adds its routes, and asks VNeID by a transport that the ini names.
"""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from vneid_middleware.events import ConfigurationLoaded
from vneid_middleware.interfaces import IProvisioned, IReadinessCheck
from vneid_middleware.plugins.qr import page, views
from vneid_middleware.plugins.qr.counter import Counter
from vneid_middleware.plugins.qr.messages import MESSAGES
from vneid_middleware.plugins.qr.page_messages import PAGE_MESSAGES
from vneid_middleware.plugins.qr.settings import make_table


@implementer(IReadinessCheck, IProvisioned)
class CounterReadiness:
    """Names the counter as degraded while VNeID or the platform before it can't be reached."""

    critical = False

    def provision(self, services: Any) -> None:
        self._services = services

    def check(self) -> None:
        self._services["qr"].upstream.check()


def _look_after(config: Any) -> Any:
    """Return what a process does when it begins: look after lookups that one which is gone has left."""
    return lambda event: config.registry["vneid.services"]["qr"].keep()


def includeme(config: Any) -> None:
    """Offer lookups at the counter."""
    config.add_vneid_settings(make_table(config.registry["vneid.registrations"]))
    config.add_vneid_messages("qr", MESSAGES)
    config.add_vneid_messages("qr.page", PAGE_MESSAGES)
    config.add_vneid_component("qr", Counter)
    config.add_vneid_readiness("counter", CounterReadiness())
    config.add_subscriber(_look_after(config), ConfigurationLoaded)
    config.add_route("vneid.qr.lookup", "/qr/lookup")
    config.add_route("vneid.qr.state", "/qr/lookup/{identifier}")
    config.add_route("vneid.qr.webhook", "/qr/webhook")
    config.add_view(views.lookup_view, route_name="vneid.qr.lookup", request_method="POST")
    config.add_view(views.state_view, route_name="vneid.qr.state", request_method="GET")
    config.add_view(views.cancel_view, route_name="vneid.qr.state", request_method="DELETE")
    config.add_view(views.webhook_view, route_name="vneid.qr.webhook", request_method="POST")
    _add_page(config)


def _add_page(config: Any) -> None:
    for name, pattern, view in (("page", "/qr/", page.page_view), ("no_slash", "/qr", page.no_slash_view),
                                ("operator", "/qr/operator", page.operator_view),
                                ("static", "/qr/static/{name:.+}", page.static_view)):
        config.add_route(f"vneid.qr.{name}", pattern)
        config.add_view(view, route_name=f"vneid.qr.{name}", request_method="GET")
