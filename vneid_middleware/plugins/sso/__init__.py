"""Web sign-on with VNeID over OpenID Connect (the guide's part A, form 1). See docs/administrator.md.

A plugin like any other: it declares settings, offers profiles, response decoders and claims mappers, and adds its routes.
"""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from vneid_middleware.core import identity
from vneid_middleware.interfaces import IProvisioned, IReadinessCheck
from vneid_middleware.plugins.sso import accounts, profiles, views
from vneid_middleware.plugins.sso.decoders import NamedClaims, Plain, RsaAes
from vneid_middleware.plugins.sso.messages import MESSAGES
from vneid_middleware.plugins.sso.settings import make_table
from vneid_middleware.plugins.sso.signon import SignOn


@implementer(IReadinessCheck, IProvisioned)
class ProviderReadiness:
    """Names the provider as degraded while it can't be reached: the portal's own pages go on without it."""

    critical = False

    def provision(self, services: Any) -> None:
        self._services = services

    def check(self) -> None:
        self._services["sso"].provider.check()


def includeme(config: Any) -> None:
    """Offer sign-on."""
    config.add_vneid_settings(make_table(config.registry["vneid.registrations"]))
    config.add_vneid_settings(accounts.TABLE)
    config.add_vneid_messages("sso", MESSAGES)
    config.add_vneid_profile("guide-2023", profiles.GUIDE_2023)
    config.add_vneid_profile("gateway-2026", profiles.GATEWAY_2026)
    config.add_vneid_profile("oidc", profiles.OIDC)
    config.add_vneid_response_decoder("plain", Plain())
    config.add_vneid_response_decoder("rsa-aes", RsaAes())
    config.add_vneid_claims_mapper("guide-2023", NamedClaims(identity.GUIDE_2023, strict=True))
    config.add_vneid_claims_mapper("gateway-2026", NamedClaims(identity.GATEWAY_2026, strict=True))
    config.add_vneid_claims_mapper("oidc", NamedClaims(identity.OIDC, strict=False))
    config.add_vneid_component("sso", SignOn)
    config.add_vneid_readiness("provider", ProviderReadiness())
    config.add_vneid_readiness("accounts", accounts.AccountsReadiness())
    for name, path in (("login", "/login"), ("callback", "/callback"), ("logout", "/logout"),
                       ("logged_out", "/logged-out"), ("backchannel_logout", "/backchannel-logout")):
        config.add_route(f"vneid.{name}", path)
    config.add_view(views.login_view, route_name="vneid.login", request_method="GET")
    config.add_view(views.callback_view, route_name="vneid.callback")
    config.add_view(views.logout_page, route_name="vneid.logout", request_method="GET")
    config.add_view(views.logout_view, route_name="vneid.logout", request_method="POST")
    config.add_view(views.backchannel_view, route_name="vneid.backchannel_logout", request_method="POST")
    config.add_view(views.logged_out_view, route_name="vneid.logged_out", request_method="GET")
