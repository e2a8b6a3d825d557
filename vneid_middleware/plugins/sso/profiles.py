"""Presets of providers. The guide says of each endpoint that it may change between environments, so each is a setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zope.interface import implementer

from vneid_middleware.interfaces import IProviderProfile


@implementer(IProviderProfile)
@dataclass(frozen=True)
class Profile:
    """A provider's presets."""

    defaults: Mapping[str, Any]
    strict_personal_id: bool = True


_VNEID: Mapping[str, Any] = {
    "client_auth": "client_secret_post",
    "id_token": "optional",
    "minimum_level": 1,
    "logout_redirect_parameter": "redirect_uri",
}

GUIDE_2023 = Profile({
    **_VNEID,
    "authorization_endpoint": "https://vneid.gov.vn/auth",
    "token_endpoint": "https://vneid.gov.vn/api/idp/auth/realms/citizen/protocol/openid-connect/token",
    "userinfo_endpoint": "https://vneid.gov.vn/api/idp/third-party/userinfo",
    "logout_endpoint": "https://vneid.gov.vn/api/idp/sso/logout",
    "response": "plain",
    "claims": "guide-2023",
})
"""The Ministry of Public Security's guide, version 1.0 of 2023, part A."""

GATEWAY_2026 = Profile({
    **_VNEID,
    "authorization_endpoint": "https://sso.dancuquocgia.gov.vn/auth",
    "response": "rsa-aes",
    "claims": "gateway-2026",
})
"""What is seen at the production gateway in 2026; the endpoints but one are told to each portal."""

OIDC = Profile({
    "client_auth": "client_secret_basic",
    "id_token": "required",
    "minimum_level": 0,
    "logout_redirect_parameter": "post_logout_redirect_uri",
    "response": "plain",
    "claims": "oidc",
    "discovery": True,
}, strict_personal_id=False)
"""Any OpenID Connect provider with a discovery document."""
