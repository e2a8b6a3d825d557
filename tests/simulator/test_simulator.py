"""The VNeID side that we play: strict where VNeID is, able to misbehave, and never taken for the real one."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import escape
from webob import Request

from vneid_middleware.simulator import make_simulator, switch_words
from vneid_middleware.simulator.endpoints import LOGOUT, TOKEN, USERINFO
from vneid_middleware.simulator.personas import PERSONAS, SAMPLE
from vneid_middleware.simulator.state import DEMO_CLIENT, DEMO_SECRET, Client
from vneid_middleware.simulator.switches import FAULT_VALUES, FAULTS, SWITCHES, TOKEN_FAULTS

ISSUER = "http://127.0.0.1:8765"
CALLBACK = "http://127.0.0.1:6543/vneid/callback"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {"response_type": "code", "client_id": DEMO_CLIENT, "redirect_uri": CALLBACK, "scope": "openid", "state": "s+/=",
         "nonce": "n", "code_challenge": CHALLENGE, "code_challenge_method": "S256"}


class Player:
    """Calls the simulator as a browser and as a relying party."""

    def __init__(self):
        self.now = 1_800_000_000.0
        self.app = make_simulator(ISSUER, clock=lambda: self.now)
        self.state = self.app.state

    def get(self, path, headers=None, **query):
        return Request.blank(path + ("?" + urlencode(query) if query else ""), headers=headers or {}).get_response(self.app)

    def post(self, path, form=None, headers=None, content=None):
        request = Request.blank(path, method="POST", headers=headers or {}, POST=form)
        if content is not None:
            request.body, request.content_type = content
        return request.get_response(self.app)

    def send(self, path, **body):
        return self.post(path, content=(json.dumps(body).encode(), "application/json"))

    def ask(self, headers=None, **changed):
        return self.get("/auth", headers, **{name: value for name, value in {**ASKED, **changed}.items() if value is not None})

    def code(self, persona="nguyet", **changed):
        return parse_qs(urlsplit(self.ask(persona=persona, **changed).location).query)["code"][0]

    def token(self, code, headers=None, **changed):
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": DEMO_CLIENT,
                "client_secret": DEMO_SECRET, "code_verifier": VERIFIER, **changed}
        return self.post(TOKEN, {name: value for name, value in form.items() if value is not None}, headers)

    def userinfo(self, token):
        return self.get(USERINFO, {"Authorization": f"Bearer {token}"})

    def claims(self, persona="nguyet"):
        return self.userinfo(self.token(self.code(persona)).json["access_token"]).json


@pytest.fixture
def vneid():
    return Player()


# -- strict ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("uri", ["https://evil.example/", CALLBACK + "/", CALLBACK + "?a=1", CALLBACK.upper(), CALLBACK[:-1],
                                 CALLBACK.replace("http:", "https:"), "", None, CALLBACK + "%2F..", CALLBACK + "#"])
def test_a_return_address_is_the_registered_one_to_the_letter(vneid, uri):
    answer = vneid.ask(redirect_uri=uri, persona="nguyet")
    assert answer.status_int == 400
    assert answer.location is None
    assert "redirect_uri" in answer.text


@pytest.mark.parametrize("client", ["another", "", None])
def test_only_registered_clients_may_ask(vneid, client):
    assert vneid.ask(client_id=client, persona="nguyet").status_int == 400


@pytest.mark.parametrize(("changed", "error"), [
    ({"response_type": "token"}, "unsupported_response_type"), ({"response_type": None}, "unsupported_response_type"),
    ({"scope": "profile"}, "invalid_scope"), ({"scope": None}, "invalid_scope"),
    ({"code_challenge": "short"}, "invalid_request"), ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"), ({"persona": "refuse"}, "access_denied")])
def test_what_is_wrong_goes_back_as_an_error_with_the_state(vneid, changed, error):
    query = parse_qs(urlsplit(vneid.ask(**{"persona": "nguyet", **changed}).location).query)
    assert query["error"] == [error]
    assert "code" not in query
    assert "state=s+/=" in vneid.ask(**{"persona": "nguyet", **changed}).location


def test_a_challenge_can_be_required(vneid):
    vneid.state.set("pkce", "required")
    assert "error=invalid_request" in vneid.ask(persona="nguyet", code_challenge=None, code_challenge_method=None).location
    vneid.state.set("pkce", "verified")
    assert "code=" in vneid.ask(persona="nguyet", code_challenge=None, code_challenge_method=None).location


def test_a_code_works_once_and_its_second_use_takes_the_first_token_away(vneid):
    code = vneid.code()
    token = vneid.token(code).json["access_token"]
    assert vneid.userinfo(token).status_int == 200
    second = vneid.token(code)
    assert (second.status_int, second.json["error"]) == (400, "invalid_grant")
    assert vneid.userinfo(token).status_int == 401


def test_a_code_lives_a_minute(vneid):
    code, late = vneid.code(), vneid.code()
    vneid.now += 59
    assert vneid.token(code).status_int == 200
    vneid.now += 1
    assert vneid.token(late).json["error"] == "invalid_grant"


@pytest.mark.parametrize(("changed", "status", "error"), [
    ({"code": "another"}, 400, "invalid_grant"), ({"code": None}, 400, "invalid_grant"),
    ({"redirect_uri": CALLBACK.replace("127.0.0.1", "localhost")}, 400, "invalid_grant"),
    ({"redirect_uri": None}, 400, "invalid_grant"),
    ({"code_verifier": "w" * 43}, 400, "invalid_grant"), ({"code_verifier": None}, 400, "invalid_grant"),
    ({"client_secret": "another"}, 401, "unauthorized_client"), ({"client_secret": None}, 401, "unauthorized_client"),
    ({"client_id": "another"}, 401, "unauthorized_client"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"), ({"grant_type": None}, 400, "unsupported_grant_type")])
def test_a_code_goes_to_its_client_alone(vneid, changed, status, error):
    code = vneid.code()
    answer = vneid.token(**{"code": code, **changed})
    assert (answer.status_int, answer.json["error"]) == (status, error)
    assert "access_token" not in answer.json


def test_another_client_gets_nothing_for_a_code(vneid):
    vneid.state.clients["other"] = Client("other", "its-secret", (CALLBACK,))
    assert vneid.token(vneid.code(), client_id="other", client_secret="its-secret").json["error"] == "invalid_grant"


@pytest.mark.parametrize(("pair", "status"), [(f"{DEMO_CLIENT}:{DEMO_SECRET}", 200), (f"{DEMO_CLIENT}:x", 401), (":", 401)])
def test_basic_authentication(vneid, pair, status):
    headers = {"Authorization": "Basic " + b64encode(pair.encode()).decode()}
    assert vneid.token(vneid.code(), headers, client_id=None, client_secret=None).status_int == status


@pytest.mark.parametrize("headers", [{"Authorization": "Basic é"}, {"Authorization": "Basic"}, {"Authorization": "Basic ////"},
                                     {"Authorization": "Digest x"}])
def test_rubbish_for_authentication_is_refused(vneid, headers):
    assert vneid.token(vneid.code(), headers, client_id=None, client_secret=None).status_int in (400, 401)


@pytest.mark.parametrize("content", [(b"{}", "application/json"), (b"", "multipart/form-data"), (b"x", "")])
def test_the_token_endpoint_takes_forms(vneid, content):
    answer = vneid.post(TOKEN, content=content)
    assert (answer.status_int, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer"}, {"Authorization": "Basic x"}])
def test_userinfo_wants_its_token(vneid, header):
    answer = vneid.get(USERINFO, header)
    assert (answer.status_int, answer.json["error"]) == (401, "invalid_token")


@pytest.mark.parametrize(("method", "path"), [("GET", TOKEN), ("POST", USERINFO), ("PUT", "/auth"), ("DELETE", "/control"),
                                              ("POST", "/jwks")])
def test_other_methods_are_refused(vneid, method, path):
    answer = Request.blank(path, method=method).get_response(vneid.app)
    assert answer.status_int == 405
    assert answer.headers["Allow"]


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", CALLBACK])
def test_a_sign_out_returns_to_registered_addresses_only(vneid, back):
    answer = vneid.get(LOGOUT, redirect_uri=back)
    assert (answer.status_int, answer.location) == (400, None)


def test_a_sign_out_comes_back_with_its_state(vneid):
    back = "http://127.0.0.1:6543/vneid/logged-out"
    assert vneid.get(LOGOUT, redirect_uri=back, state="x&y").location == back + "?state=x%26y"
    assert vneid.get(LOGOUT, post_logout_redirect_uri=back).status_int == 200
    vneid.state.set("logout_parameter", "post_logout_redirect_uri")
    assert vneid.get(LOGOUT, post_logout_redirect_uri=back).location == back


# -- who signs in ------------------------------------------------------------------------------------------------------

def test_the_page_offers_everybody_and_says_what_it_is(vneid):
    for language, words in (("vi", "mô phỏng"), ("en", "simulator")):
        page = vneid.ask(lang=language)
        assert page.status_int == 200
        assert words in page.text.lower()
        for persona in PERSONAS.values():
            assert persona.full_name in page.text
        assert f'lang="{language}"' in page.text


@pytest.mark.parametrize("path", ["/", "/control", "/auth", "/nothing", LOGOUT])
def test_every_page_says_that_it_is_a_simulator(vneid, path):
    for language, words in (("vi", "mô phỏng"), ("en", "simulator")):
        page = vneid.get(path, lang=language)
        assert words in page.text.lower()
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_choice_on_the_page_signs_in(vneid):
    answer = vneid.post("/auth?" + urlencode(ASKED), {"persona": "duc"}, {"Origin": "http://localhost"})
    assert urlsplit(answer.location)._replace(query="").geturl() == CALLBACK
    assert vneid.post("/auth?" + urlencode(ASKED), {"persona": "nobody"}).status_int == 400


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_chooses_nobody(vneid, headers):
    assert vneid.post("/auth?" + urlencode(ASKED), {"persona": "duc"}, headers).status_int == 403
    assert vneid.post("/control", {"id_token": "on"}, headers).status_int == 403


def test_without_a_page_the_request_or_the_control_chooses(vneid):
    assert "code=" in vneid.ask(login_hint="duc").location
    assert vneid.send("/control/persona", persona="quynh").json == {"persona": "quynh"}
    assert "code=" in vneid.ask().location
    assert vneid.send("/control/persona", persona="nobody").status_int == 400
    assert vneid.send("/control/persona", persona="").status_int == 200
    assert vneid.ask().status_int == 200


def test_a_browser_that_signed_in_is_remembered_until_it_signs_out(vneid):
    cookie = vneid.ask(persona="nguyet").headers["Set-Cookie"].split(";")[0]
    known = {"Cookie": cookie}
    assert "code=" in vneid.ask(known).location
    assert vneid.ask(known, prompt="login").status_int == 200
    vneid.now += 100
    assert vneid.ask(known, max_age="99").status_int == 200
    assert "code=" in vneid.ask(known, max_age="100").location
    vneid.get(LOGOUT, known)
    assert vneid.ask(known).status_int == 200


@pytest.mark.parametrize("persona", PERSONAS.values(), ids=lambda persona: persona.key)
def test_everybody_tells_who_they_are_under_each_profiles_names(vneid, persona):
    claims = vneid.claims(persona.key)
    assert (claims["SoDinhDanh"], claims["HoVaTen"]) == (persona.personal_id, persona.full_name)
    assert ("loAS" in claims) is bool(persona.level)
    assert "sub" not in claims
    vneid.state.set("claims", "gateway-2026")
    claims = vneid.claims(persona.key)
    assert (claims["citizenPid"], claims["accountLevel"]) == (persona.personal_id, persona.level)
    vneid.state.set("claims", "oidc")
    assert vneid.claims(persona.key)["sub"] == f"sim-{persona.key}"


def test_the_guides_broken_sample_goes_out_as_it_stands_there(vneid):
    vneid.state.set("loas", "guide-sample")
    assert vneid.claims()["loAS"] == SAMPLE


# -- switches and faults -----------------------------------------------------------------------------------------------

def test_every_switch_is_set_by_http_and_on_the_page(vneid):
    for name, values in SWITCHES.items():
        for value in (*values[1:], values[0]):
            assert vneid.send("/control/switches", **{name: value}).json[name] == value
            assert vneid.post("/control", {name: value}).status_int == 303
    page = vneid.get("/control").text
    assert all(f'name="{name}"' in page for name in SWITCHES)


def test_the_documents_name_every_switch_and_fault_with_all_values():
    page = (Path(__file__).resolve().parents[2] / "docs" / "simulator.md").read_text("utf-8")
    rows = {row.split("|")[1].strip(" `"): row for row in page.splitlines() if row.startswith("| `")}
    for name, values in SWITCHES.items():
        assert re.findall("`([^`]+)`", rows[name].split("|")[2]) == list(values), name
    for name, values in FAULT_VALUES.items():
        assert f"`fault.{name}`" in page
        assert [value for value in values if f"`{value}`" not in page] == [], name


@pytest.mark.parametrize("body", [{"id_token": "maybe"}, {"nothing": "on"}, {"fault.token": "wrong-nonce"}, {"fault.x": "500"},
                                  {"fault.id_token": "500"}])
def test_unknown_switches_and_values_are_refused(vneid, body):
    before = vneid.get("/control/switches").json
    assert vneid.send("/control/switches", **body).status_int == 400
    assert vneid.get("/control/switches").json == before


@pytest.mark.parametrize("path", ["/control/switches", "/control/persona", "/control/clients", "/control/reset",
                                  "/control/rotate-keys"])
@pytest.mark.parametrize("content", [(b"{}", "text/plain"), (b"a=1", "application/x-www-form-urlencoded"), (b"", "")])
def test_the_control_by_http_takes_json_only(vneid, path, content):
    assert vneid.post(path, content=content).status_int == 415


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"a":', b"\xff", b'"x"', b"1"])
def test_malformed_json_is_refused(vneid, content):
    assert vneid.post("/control/clients", content=(content, "application/json")).status_int == 400


def test_reset_puts_everything_back(vneid):
    vneid.send("/control/switches", id_token="on", **{"fault.token": "500"})
    vneid.send("/control/persona", persona="duc")
    code = vneid.code()
    vneid.send("/control/reset")
    assert vneid.get("/control/switches").json["id_token"] == "off"
    assert vneid.ask().status_int == 200
    assert vneid.token(code).json["error"] == "invalid_grant"
    assert vneid.token(vneid.code()).status_int == 200


@pytest.mark.parametrize("fault", TOKEN_FAULTS)
def test_id_tokens_are_right_or_wrong_as_told(vneid, fault):
    vneid.state.set("id_token", "on")
    vneid.state.set("fault.id_token", fault)
    answer = vneid.token(vneid.code()).json
    keys = {key["kid"]: jwt.PyJWK(key) for key in vneid.get("/jwks").json["keys"]}

    def check():
        header = jwt.get_unverified_header(answer["id_token"])
        assert header["alg"] == "RS256"
        claims = jwt.decode(answer["id_token"], keys[header["kid"]], ["RS256"], audience=DEMO_CLIENT, issuer=ISSUER, options={
            "require": ["sub", "iat", "exp", "nonce"], "verify_exp": False, "verify_iat": False})
        digest = urlsafe_b64encode(hashlib.sha256(answer["access_token"].encode()).digest()[:16]).rstrip(b"=").decode()
        assert (claims["nonce"], claims["at_hash"]) == ("n", digest)
        assert claims["exp"] > vneid.now
        assert claims["auth_time"] == claims["iat"]
        assert answer["token_type"] == "Bearer"

    if fault in ("none", "other-subject", "other-number"):
        check()
    else:
        with pytest.raises((jwt.PyJWTError, AssertionError, KeyError)):
            check()


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in ("none", "slow", "hang", "drip")])
@pytest.mark.parametrize(("endpoint", "path"), [("jwks", "/jwks"), ("discovery", "/.well-known/openid-configuration")])
def test_faults_are_what_they_say(vneid, endpoint, path, fault):
    vneid.state.set(f"fault.{endpoint}", fault)
    answer = vneid.get(path)
    body = b"".join(answer.app_iter)
    seen = {"500": answer.status_int == 500, "503": answer.status_int == 503, "html": answer.content_type == "text/html",
            "wrong-type": answer.content_type == "text/plain" and body.startswith(b"{"), "empty": body == b"",
            "broken-off": int(answer.headers.get("Content-Length", 0)) > len(body), "invalid-json": body == b'{"a":',
            "huge": len(body) > 10_000_000,
            "gzip-bomb": answer.headers.get("Content-Encoding") == "gzip" and len(body) < 1_000_000,
            "redirect": answer.status_int == 303 and "169.254" in (answer.location or "")}
    assert seen[fault]


def test_a_slow_answer_comes_and_a_hanging_one_ends_with_the_simulator(vneid):
    waited = []
    vneid.state.stopped.wait = waited.append
    for fault in ("slow", "hang"):
        vneid.state.set("fault.jwks", fault)
        assert vneid.get("/jwks").json["keys"]
    assert waited == [3, 120]


def test_rotation_publishes_the_new_key_only(vneid):
    before = vneid.get("/jwks").json["keys"][0]["kid"]
    after = vneid.send("/control/rotate-keys").json["keys"]
    assert [key["kid"] for key in after] == [key["kid"] for key in vneid.get("/jwks").json["keys"]]
    assert before not in {key["kid"] for key in after}


def test_the_log_holds_no_secret(vneid):
    vneid.token(vneid.code())
    vneid.token(vneid.code(), {"Authorization": DEMO_SECRET})
    vneid.token(vneid.code(), {"Authorization": f"Bearer {DEMO_SECRET}"})
    log = vneid.get("/control/log").text
    assert [entry["authorization"] for entry in json.loads(log)["requests"] if entry["path"] == TOKEN] == ["", "", "Bearer"]
    assert TOKEN in log
    assert DEMO_SECRET not in log
    assert VERIFIER not in log


def test_the_envelope_needs_the_clients_key(vneid):
    vneid.state.set("response", "rsa-aes")
    assert vneid.token(vneid.code()).status_int == 500
    assert "public key" in vneid.token(vneid.code()).json["error_description"]


ANYTHING = st.text(max_size=30) | st.sampled_from([DEMO_CLIENT, DEMO_SECRET, CALLBACK, "code", "openid", "S256", "nguyet"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(["/auth", TOKEN, USERINFO, LOGOUT, "/control", "/control/switches", "/control/clients", "/x"]),
       parameters=st.dictionaries(st.sampled_from([*ASKED, "persona", "max_age", "code", "grant_type", "client_secret", "lang",
                                                   "id_token"]), ANYTHING, max_size=8),
       post=st.booleans(), kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain"]))
def test_no_input_makes_it_fail(vneid, path, parameters, post, kind):
    body = json.dumps(parameters).encode() if "json" in kind else urlencode(parameters).encode()
    answer = vneid.post(path, content=(body, kind)) if post else vneid.get(path, **parameters)
    assert answer.status_int < 500
    vneid.state.reset()


def test_codes_and_tokens_are_random(vneid):
    codes = {vneid.code() for _ in range(50)}
    assert len(codes) == 50
    assert all(len(code) >= len(secrets.token_urlsafe(24)) for code in codes)


# -- a key of the portal's own in place of a secret --------------------------------------------------------------------

@pytest.fixture(scope="module")
def own_keys():
    return ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


def assertion(vneid, key, **changed):
    claims = {"iss": "keyed", "sub": "keyed", "aud": ISSUER + TOKEN, "exp": int(vneid.now) + 60, "jti": secrets.token_hex(8),
              **changed}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, "ES256")


def prove(vneid, keys, given, **changed):
    pem = keys[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    vneid.state.clients["keyed"] = Client("keyed", "its-secret", (CALLBACK,), auth_method="private_key_jwt", assertion_key=pem)
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return vneid.token(vneid.code(client_id="keyed"), **{"client_id": "keyed", "client_secret": None, "client_assertion": given,
                                                         "client_assertion_type": kind, **changed}).status_int


def test_a_client_proves_itself_by_its_key_once(vneid, own_keys):
    given = assertion(vneid, own_keys[0])
    assert prove(vneid, own_keys, given) == 200
    assert prove(vneid, own_keys, given) == 401
    assert prove(vneid, own_keys, assertion(vneid, own_keys[0], aud=ISSUER)) == 200


@pytest.mark.parametrize("changed", [{"iss": "another"}, {"sub": "another"}, {"aud": "https://another.example"}, {"aud": None},
                                     {"exp": 1}, {"exp": None}, {"jti": None}])
def test_an_assertion_that_does_not_hold(vneid, own_keys, changed):
    assert prove(vneid, own_keys, assertion(vneid, own_keys[0], **changed)) == 401


def test_an_assertion_of_another_key_or_none_at_all(vneid, own_keys):
    assert prove(vneid, own_keys, assertion(vneid, own_keys[1])) == 401
    assert prove(vneid, own_keys, "") == 401
    assert prove(vneid, own_keys, assertion(vneid, own_keys[0]), client_id=DEMO_CLIENT) == 401
    assert prove(vneid, own_keys, None, client_assertion_type=None, client_secret="its-secret") == 401


def test_a_client_keeps_to_its_registered_method(vneid):
    vneid.state.clients[DEMO_CLIENT] = replace(vneid.state.clients[DEMO_CLIENT], auth_method="client_secret_basic")
    assert vneid.token(vneid.code()).status_int == 401
    headers = {"Authorization": "Basic " + b64encode(f"{DEMO_CLIENT}:{DEMO_SECRET}".encode()).decode()}
    assert vneid.token(vneid.code(), headers, client_id=None, client_secret=None).status_int == 200


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_every_switch_and_fault_stands_on_the_page_with_what_it_does(vneid, lang):
    page = vneid.get("/control", lang=lang).text
    assert set(switch_words.SWITCHES) == set(SWITCHES)
    assert set(switch_words.FAULTS) == set(FAULT_VALUES)
    for prefix, table in (("", switch_words.SWITCHES), ("fault.", switch_words.FAULTS)):
        for name, about in table.items():
            assert about[0] != about[1]
            words = escape(about[lang == "en"])
            assert f"{words} <small><code>{prefix}{name}</code></small></label>" in page
    for part in re.findall(r'<a href="#([\w-]+)"', page):
        assert f'id="{part}"' in page
    assert len(re.findall(r'<a href="#', page)) == 6
