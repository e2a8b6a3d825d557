"""What the administrator writes, and what is told about it."""

from __future__ import annotations

import pytest

from vneid_middleware.application import assemble
from vneid_middleware.plugins.mobile.sessions import SealedTokens
from vneid_middleware.plugins.mobile.settings import apps
from vneid_middleware.settings import Source

from .conftest import DEEP

BASE = {"public_url": "https://dichvucong.example.gov.vn", "secret": "mobile-0123456789-abcdefghijklmnopqrstuvwxyz",
        "storage": "sqlite:////nowhere/vneid.db", "plugins": "sso mobile", "sso.client_id": "web",
        "sso.client_secret": "web-secret",
        "mobile.apps": "a = https://dichvucong.example.gov.vn/a"}


def problems(**settings):
    made = {name: value for name, value in {**BASE, **settings}.items() if value is not None}
    return [(problem.severity, problem.key, str(problem)) for problem in assemble(Source(made)).problems]


def test_nothing_to_tell():
    assert problems() == []
    assert problems(plugins="mobile sso") == []


@pytest.mark.threat("A-NAT-2")
@pytest.mark.threat("A-NAT-8")
@pytest.mark.parametrize("uri", [
    "http://dichvucong.example.gov.vn/a", "https://127.0.0.1/a", "https://localhost/a", "https://LOCALHOST/a", "https://app.localhost/",
    "https://[::1]/a", "https://127.1/",
    "https://2130706433/", "https://0x7f.1/", "https://10.0.0.1/", "https://intranet/a",
    "https://user@dichvucong.example.gov.vn/", "https://dichvucong.example.gov.vn/#a", "https://dichvucong.example.gov.vn:x/",
    "http://127.0.0.1:8080/", "myapp:/a", "myapp://a", "javascript:alert(1)", "javascript://dichvucong.example.gov.vn/%0aalert(1)",
    "intent://a/#Intent;scheme=https;end", "data:text/html,x", "file:///etc/passwd", "vn.gov.app://127.0.0.1/", "vn.gov.app://localhost/",
    "vn..app:/a", ".vn.app:/a", "vn.app.:/a", "1vn.app:/a", "Vn.Gov.App:/a", "vn.gov.app", "/a",
    "https:dichvucong.example.gov.vn", "https:///a", "vn.gov.app:/é",
    "vn.gov.app:/<a>", "vn.gov.app:/a\\b", "https://-a.example.vn/", "blob:https://a.vn/x"])
def test_callbacks_that_lead_where_they_must_not(uri):
    with pytest.raises(ValueError, match=r"must|no URI"):
        apps(f"a = {uri}", Source({}))


@pytest.mark.parametrize("uri", [
    "https://dichvucong.example.gov.vn/a", "https://dichvucong.example.gov.vn:8443/a?x=1", "vn.gov.example.app:/a", "vn.gov-x.app2://a/b",
    "https://xn--dchv-1ra.vn/"])
def test_callbacks_that_are_fine(uri):
    assert apps(f"a = vn.gov.example.app:/b {uri}", Source({})) == {"a": ("vn.gov.example.app:/b", uri)}


@pytest.mark.parametrize("lines", ["", "a", "a =", "a b = vn.x.y:/", "= vn.x.y:/", "é = vn.x.y:/", "a = vn.x.y:/\na = vn.x.z:/",
                                  "a" * 65 + " = vn.x.y:/"])
def test_apps_that_are_none(lines):
    with pytest.raises(ValueError, match=r"must|twice"):
        apps(lines, Source({}))


@pytest.mark.parametrize("lines", [None, "a = https://dichvucong.example.gov.vn/a\nb = myapp:/b\nc = http://127.0.0.1/"])
def test_the_apps_must_be_named_and_all_faults_are_told_together(lines):
    (found,) = problems(**{"mobile.apps": lines})
    assert found[:2] == ("error", "mobile.apps")
    assert lines is None or ("myapp" in found[2] and "127.0.0.1" in found[2])


def test_without_sso_there_is_nobody_to_ask():
    found = problems(plugins="mobile", **{"sso.client_id": None, "sso.client_secret": None})
    assert [(severity, key) for severity, key, _ in found] == [("error", "plugins")]
    assert "Add sso to plugins" in found[0][2]


@pytest.mark.threat("A-NAT-6")
@pytest.mark.parametrize("deep_link", ["true", "false"])
@pytest.mark.parametrize(("key", "value"), [("mobile.client_id", "web"), ("mobile.client_secret", "web-secret")])
def test_the_webs_own_client_is_not_put_on_phones(key, value, deep_link):
    found = [problem for problem in problems(**{**DEEP, "mobile.deep_link": deep_link, key: value}) if problem[0] == "error"]
    assert [problem[1] for problem in found] == [key]
    assert "web-secret" not in found[0][2]


@pytest.mark.parametrize("missing", ["mobile.client_id", "mobile.client_secret"])
@pytest.mark.parametrize("with_secret", ["true", "false"])
def test_a_deep_link_needs_a_client_of_its_own(missing, with_secret):
    found = problems(**{**DEEP, missing: None, "mobile.deep_link_secret": with_secret})
    assert [problem[1] for problem in found if problem[0] == "error"] == [missing]


@pytest.mark.threat("A-NAT-6")
@pytest.mark.parametrize(("with_secret", "said"), [("true", "carries mobile.client_secret to every phone"),
                                                   ("false", "tied to no sign-on of ours")])
def test_what_remains_of_the_risk_is_said_at_each_start(with_secret, said):
    (found,) = problems(**DEEP, **{"mobile.deep_link_secret": with_secret})
    assert found[:2] == ("warning", "mobile.deep_link")
    assert said in found[2]
    assert DEEP["mobile.client_secret"] not in found[2]


def test_two_plugins_that_give_tokens_are_one_too_many():
    (found,) = problems(plugins=f"sso mobile {__name__}:another_kind")
    assert "another, mobile" in found[2]


def another_kind(config):
    config.add_vneid_bearer_sessions("another", SealedTokens())


def test_without_the_plugin_a_key_of_it_is_an_error():
    assert [problem[:2] for problem in problems(plugins="sso")] == [("error", "mobile.apps")]
