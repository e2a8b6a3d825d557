"""Apps of the portal sign in with VNeID (the guide's part A, forms 2 and 3). See docs/mobile.md.

A plugin like any other: it declares settings, offers the access tokens that apps carry, and adds its routes. Who the
citizen is it learns from the component ``sso``.
"""

from __future__ import annotations

from typing import Any

from vneid_middleware.plugins.mobile import views
from vneid_middleware.plugins.mobile.messages import MESSAGES
from vneid_middleware.plugins.mobile.sessions import SealedTokens
from vneid_middleware.plugins.mobile.settings import make_table
from vneid_middleware.plugins.mobile.signon import AppSignOn


def includeme(config: Any) -> None:
    """Offer sign-on to apps."""
    config.add_vneid_settings(make_table(config.registry["vneid.registrations"]))
    config.add_vneid_messages("mobile", MESSAGES)
    config.add_vneid_bearer_sessions("mobile", SealedTokens())
    config.add_vneid_component("mobile", AppSignOn)
    for name, view, method in (("start", views.start_view, "POST"), ("callback", views.callback_view, "GET"),
                               ("token", views.token_view, "POST"), ("revoke", views.revoke_view, "POST")):
        config.add_route(f"vneid.mobile_{name}", f"/mobile/{name}")
        config.add_view(view, route_name=f"vneid.mobile_{name}", request_method=method)
