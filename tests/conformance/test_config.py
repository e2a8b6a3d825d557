"""The Config profile: metadata, keys, and keys that change."""

from __future__ import annotations

import pytest

from vneid_middleware.kept import COOL_DOWN
from vneid_middleware.testing import Browser

NAME = "Nguyễn Thị Ánh Nguyệt"


@pytest.mark.conformance("oidcc-client-test-discovery-openid-config")
def test_oidcc_client_test_discovery_openid_config(portal, provider):
    p = portal()
    browser = Browser()
    begun = browser.get(p.url + "/vneid/login")
    # nothing but the issuer is configured: where to send the citizen comes from the metadata, asked for once
    assert begun.location.startswith(provider.url + "/auth?")
    assert p.sign_in().json()["name"] == NAME
    assert len(provider.requests("discovery")) == 1


@pytest.mark.conformance("oidcc-client-test-discovery-jwks-uri-keys")
def test_oidcc_client_test_discovery_jwks_uri_keys(portal, provider):
    provider.new_keys()
    p = portal()
    assert p.sign_in().json()["name"] == NAME
    assert p.sign_in("duc").json()["name"] == "Trần Văn Đức"
    assert len(provider.requests("jwks")) == 1


@pytest.mark.conformance("oidcc-client-test-discovery-issuer-mismatch")
def test_oidcc_client_test_discovery_issuer_mismatch(portal, provider):
    provider.misbehave("discovery-issuer-mismatch")
    p = portal()
    browser = Browser()
    end = p.sign_in(browser=browser)
    assert (end.status, end.url.startswith(p.url)) == (502, True)
    # nobody is sent there, and no code comes from there
    assert provider.requests("authorization") == []
    assert p.asked() == (0, 0)
    assert p.user(browser) is None
    provider.honest()
    p.clock.ahead += COOL_DOWN + 1
    assert p.sign_in(browser=browser).json()["name"] == NAME


@pytest.mark.conformance("oidcc-client-test-signing-key-rotation-just-before-signing")
def test_oidcc_client_test_signing_key_rotation_just_before_signing(portal, provider):
    p = portal()
    assert p.sign_in().json()["name"] == NAME
    provider.misbehave("signing-key-rotation-just-before-signing")
    assert p.sign_in().json()["name"] == NAME
    assert len(provider.requests("jwks")) == 2


@pytest.mark.conformance("oidcc-client-test-signing-key-rotation")
def test_oidcc_client_test_signing_key_rotation(portal, provider):
    p = portal()
    assert p.sign_in().json()["name"] == NAME
    provider.new_keys()
    assert p.sign_in().json()["name"] == NAME
    assert len(provider.requests("jwks")) == 2


def test_a_key_that_was_taken_back_signs_nobody_in(portal, provider):
    """The other side of a rotation: what the old key signed is worth nothing once the new keys are known."""
    p = portal()
    old = provider.keys.signing
    assert p.sign_in().json()["name"] == NAME
    provider.new_keys()
    assert p.sign_in().json()["name"] == NAME
    provider.keys.foreign = old
    provider.misbehave("invalid-sig-rs256")
    browser = Browser()
    assert p.sign_in(browser=browser).status == 502
    assert p.user(browser) is None
