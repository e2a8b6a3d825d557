"""Health, metrics and the portal's public keys."""

from __future__ import annotations

import hashlib

import pytest

JSON = {"Accept": "application/json"}


def test_health_of_a_portal_in_good_health(journey):
    j = journey("oidc")
    for path in ("live", "ready"):
        answer = j.browser.get(f"{j.portal}/vneid/health/{path}", JSON)
        assert (answer.status, answer.json()) == (200, {"status": "ok"})
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_provider_that_is_down_is_told_and_takes_nobody_along(journey, free_port):
    j = journey("oidc", **{"sso.issuer": f"http://127.0.0.1:{free_port()}"})
    answer = j.browser.get(j.portal + "/vneid/health/ready", JSON)
    assert (answer.status, answer.json()) == (200, {"status": "ok", "degraded": ["provider"]})
    assert j.sign_in("nguyet").status == 504
    assert j.browser.get(j.portal + "/").status == 200


def test_a_portal_without_storage_is_not_ready_but_lives(journey, tmp_path, wait_until):
    j = journey()
    j.browser.get(j.portal + "/")
    wait_until(j.audit, what="the record of the start")
    j.app.services.storage.close()
    for file in tmp_path.glob("vneid.db*"):
        file.unlink()
    (tmp_path / "vneid.db").mkdir()
    answer = j.browser.get(j.portal + "/vneid/health/ready", JSON)
    assert answer.status == 503
    assert set(answer.json()["failed"]) == {"storage", "audit"}
    assert j.browser.get(j.portal + "/vneid/health/live", JSON).status == 200
    assert j.browser.get(j.portal + "/").status == 200
    assert j.sign_in("nguyet").status == 503


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/session", "/auth", "/.well-known/jwks.json",
                                  "/logged-out"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND"])
def test_other_methods_are_told_which_are_taken(journey, path, method):
    j = journey()
    answer = j.browser.send(method, f"{j.portal}/vneid{path}", JSON)
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.json()["error"] == "method_not_allowed"


def test_metrics_count_what_happened(journey):
    j = journey()
    j.sign_in("hai")
    j.sign_in("nguyet")
    text = j.browser.get(j.portal + "/vneid/metrics").text
    assert 'vneid_events_total{event="login.succeeded",outcome="success"} 1.0' in text
    assert 'vneid_login_refusals_total{code="level_too_low"} 1.0' in text
    for word in ("100190000001", "Nguy", "sim-"):
        assert word not in text


@pytest.mark.parametrize(("settings", "headers", "status"), [
    ({}, {}, 200),
    ({}, {"X-Forwarded-For": "203.0.113.9"}, 404),
    ({}, {"Forwarded": "for=203.0.113.9"}, 404),
    ({"trusted_proxies": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.9"}, 404),
    ({"trusted_proxies": "127.0.0.1", "metrics.allow": "203.0.113.0/24"}, {"X-Forwarded-For": "203.0.113.9"}, 200),
    ({"trusted_proxies": "127.0.0.1", "metrics.allow": "203.0.113.0/24"}, {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}, 404),
    ({"metrics.allow": "203.0.113.0/24"}, {"X-Forwarded-For": "203.0.113.9"}, 404),
    ({"metrics.allow": "203.0.113.0/24"}, {}, 404),
    ({"metrics.allow": "203.0.113.0/24"}, {"Authorization": "Bearer the-key"}, 200),
    ({"metrics.allow": "203.0.113.0/24"}, {"Authorization": "bearer the-key"}, 200),
    ({"metrics.allow": "203.0.113.0/24"}, {"Authorization": "Bearer another"}, 404),
    ({"metrics.allow": "203.0.113.0/24"}, {"Authorization": "Basic the-key"}, 404),
    ({"metrics.allow": "203.0.113.0/24"}, {"Authorization": "Bearer "}, 404)])
def test_metrics_are_for_those_who_may_read_them(journey, settings, headers, status):
    j = journey(**{"metrics.key": "sha256:" + hashlib.sha256(b"the-key").hexdigest(), **settings})
    assert j.browser.get(j.portal + "/vneid/metrics", headers).status == status


def test_without_a_key_no_key_opens(journey):
    j = journey(**{"metrics.allow": "203.0.113.0/24"})
    assert j.browser.get(j.portal + "/vneid/metrics", {"Authorization": "Bearer "}).status == 404


def test_public_keys_are_public(journey, tmp_path, capsys):
    from vneid_middleware.cli import main

    names = {kind: str(tmp_path / f"{kind}.pem") for kind in ("signing", "encryption")}
    for kind, name in names.items():
        assert main(["keys", "new", kind, "--out", name]) == 0
    j = journey("oidc", **{"sso.signing_key": names["signing"], "sso.decryption_key": names["encryption"]})
    keys = j.browser.get(j.portal + "/vneid/.well-known/jwks.json", JSON).json()["keys"]
    assert sorted((key["kty"], key["use"], key["alg"]) for key in keys) == [
        ("EC", "sig", "ES256"), ("RSA", "enc", "RSA-OAEP-256")]
    assert all(key["kid"] for key in keys)
    assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & {member for key in keys for member in key}
    assert journey().browser.get(j.portal + "/vneid/.well-known/jwks.json", JSON).json()["keys"] == keys
