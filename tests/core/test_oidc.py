"""The code flow's requests and checks, to the parameter and the second."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import pytest

from vneid_middleware.core import oidc
from vneid_middleware.exceptions import LoginError, VNeIDError
from vneid_middleware.models import LoginTransaction

NOW = 1_790_000_000
ISSUER = "https://sso.example.gov.vn"
LOGIN = LoginTransaction("state-1", "nonce-1", "v" * 43, "https://p/ho-so", 2, NOW, ISSUER, "session-1")
BACK = oidc.Callback("state-1", "c-1", "", None, "")


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(LoginError) as caught:
        yield
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert caught.value.detail, "every refusal tells the operator why"


class TestRequest:
    def test_a_login_is_unguessable_and_remembers_what_it_is_for(self) -> None:
        made = [oidc.new_transaction(return_to="https://p/", level=2, now=NOW, issuer=ISSUER, session_id="s") for _ in range(50)]
        words = [word for one in made for word in one[:3]]
        assert len(set(words)) == 150
        assert {len(word) for word in words} == {43}
        assert {one[3:] for one in made} == {("https://p/", 2, NOW, ISSUER, "s")}
        assert oidc.new_transaction(return_to="", level=0, now=0, issuer="").session_id == ""

    @pytest.mark.threat("A-011")
    @pytest.mark.parametrize("pkce", [True, False])
    def test_the_authentication_request_holds_this_and_nothing_else(self, pkce: bool) -> None:
        url = oidc.authorization_url("https://idp/auth?kc=1", LOGIN, client_id="cổng", redirect_uri="https://p/vneid/callback",
                                     scope="openid profile", pkce=pkce, extra={"prompt": "login", "nonce": "theirs"})
        assert url.startswith("https://idp/auth?")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
        expected = {"kc": "1", "client_id": "cổng", "response_type": "code", "redirect_uri": "https://p/vneid/callback",
                    "scope": "openid profile", "state": "state-1", "nonce": "nonce-1", "prompt": "login"}
        proof = {"code_challenge": challenge, "code_challenge_method": "S256"} if pkce else {}
        found = parse_qsl(urlsplit(url).query, strict_parsing=True)
        assert len(found) == len(dict(found))
        assert dict(found) == {**expected, **proof}
        assert "v" * 43 not in url

    def test_nothing_further_is_asked_where_nothing_further_is_given(self) -> None:
        url = oidc.authorization_url("https://idp/auth", LOGIN, client_id="c", redirect_uri="r", scope="s", pkce=False)
        assert set(parse_qs(urlsplit(url).query)) == {"client_id", "response_type", "redirect_uri", "scope", "state", "nonce"}

    def test_the_logout_keeps_what_the_endpoint_has_and_the_order(self) -> None:
        url = oidc.logout_url("https://idp/logout?a=1", [("id_token_hint", "x.y"), ("state", "é")])
        assert parse_qsl(urlsplit(url).query) == [("a", "1"), ("id_token_hint", "x.y"), ("state", "é")]


class TestCallback:
    def test_every_parameter_is_read_as_it_was_sent(self) -> None:
        query = "code=a%2Bb+c%2F%3D&state=s%20t&iss=https%3A%2F%2Fi&encrypt_key=k%3D%3D&x=%ff&session_state=1&empty"
        assert oidc.parse_callback(query) == oidc.Callback("s t", "a+b+c/=", "", "https://i", "k==")
        assert oidc.parse_callback("x=1&state=s&y=2&code=c") == oidc.Callback("s", "c", "", None, "")
        assert oidc.parse_callback("error=access_denied&state=s") == oidc.Callback("s", "", "access_denied", None, "")
        assert oidc.parse_callback("st%61te=s&code=c&iss=") == oidc.Callback("s", "c", "", "", "")
        assert oidc.parse_callback("state=s&code=c&error=") == BACK.__class__("s", "c", "", None, "")

    @pytest.mark.threat("A-008")
    @pytest.mark.parametrize("query", [
        "", "code=c", "state=&code=c", "state=s", "state=s&code=", "state=s&code=c&error=e", "state=s&code=c&state=s",
        "state=s&code=c&code=c", "state=s&code=c&%63ode=d", "state=s&code=c&iss=a&iss=a", "state=s&error=e&error=e",
        "state=s&code=c&encrypt_key=a&encrypt_key=", "state=s&code=c&id_token=x", "state=s&code=c&access_token",
        "state=s&code=c&token_type=", "state=s&code=c&expires_in=1", "state=s&code=c&%69d_token=", "code=c&state=%ff",
        "code=%C3%A0&state=s", "code=%00&state=s", "code=a%0d%0ab&state=s", "code=c&state=\xc3\xa0", "code=c&state=s&iss=%0a",
        "x=1&state=s&code=c&y=2&state=t", "x=1&state=s&code=c&y=2&id_token=t",
        "state%3Ds&code=c", "state =s&code=c", "State=s&code=c",
    ])
    def test_what_is_missing_repeated_or_of_another_flow_is_refused(self, query: str) -> None:
        with refused("callback_malformed"):
            oidc.parse_callback(query)

    @pytest.mark.threat("A-009")
    def test_size_has_an_end(self) -> None:
        assert len(oidc.parse_callback("state=s&code=" + "c" * 4_096).code) == 4_096
        with refused("callback_malformed"):
            oidc.parse_callback("state=s&code=" + "c" * 4_097)
        rest = "&x=" + "y" * (8_192 - len("state=s&code=c&x="))
        assert oidc.parse_callback("state=s&code=c" + rest).code == "c"
        with refused("callback_malformed"):
            oidc.parse_callback("state=s&code=c" + rest + "y")

    def test_the_reason_says_which_parameter_it_is(self) -> None:
        for query, word in (("state=s&code=c&code=d", "code came twice"), ("state=s&code=c&id_token=x", "id_token has no place"),
                            ("code=%ff&state=s", "code is not UTF-8"), ("code=%00&state=s", "code is too long or holds"),
                            ("code=c", "state is missing"), ("state=s", "exactly one of code and error")):
            with pytest.raises(LoginError, match=word):
                oidc.parse_callback(query)


class TestCheck:
    def check(self, callback: oidc.Callback = BACK, transaction: LoginTransaction | None = LOGIN, *, now: int = NOW,
              issuer_required: bool = False) -> None:
        oidc.check_callback(callback, transaction, now=now, login_ttl=600, issuer_required=issuer_required)

    @pytest.mark.threat("A-002")
    @pytest.mark.parametrize("state", ["state-2", "state-", "state-11", "STATE-1", ""])
    def test_the_state_is_this_browser_s(self, state: str) -> None:
        self.check()
        with refused("state_unknown"):
            self.check(replace(BACK, state=state))
        with refused("state_unknown"):
            self.check(transaction=None)

    @pytest.mark.threat("A-006")
    def test_a_login_lives_from_a_minute_before_it_began_to_the_end_of_its_time(self) -> None:
        for now in (NOW - 60, NOW + 599):
            self.check(now=now)
        for now in (NOW - 61, NOW + 600, NOW + 10_000):
            with refused("login_expired"):
                self.check(now=now)

    @pytest.mark.threat("A-017")
    @pytest.mark.threat("A-018")
    @pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), "https://evil.example", "", ISSUER + ":443"])
    def test_an_issuer_that_is_told_is_the_one_that_was_asked(self, issuer: str) -> None:
        for required in (True, False):
            self.check(replace(BACK, issuer=ISSUER), issuer_required=required)
            with refused("issuer_mismatch"):
                self.check(replace(BACK, issuer=issuer), issuer_required=required)
        # a profile without an issuer has nothing to compare with
        self.check(replace(BACK, issuer=issuer), LOGIN._replace(issuer=""))

    @pytest.mark.threat("A-017")
    def test_an_issuer_that_is_announced_must_come(self) -> None:
        self.check()
        with refused("issuer_mismatch"):
            self.check(issuer_required=True)

    def test_errors_of_the_provider(self) -> None:
        for error, code, status in (("access_denied", "login_cancelled", 403),
                                    ("temporarily_unavailable", "provider_unavailable", 503),
                                    ("server_error", "provider_error", 502), ("x" * 64, "provider_error", 502)):
            found = oidc.provider_error(error)
            assert (found.code, found.status) == (code, status)
            assert found.detail
        assert oidc.provider_error("login_required").evidence == {"provider_code": "login_required"}
        assert "login_required" in oidc.provider_error("login_required").detail
        assert oidc.provider_error("x" * 64).evidence == {"provider_code": "x" * 64}
        for error in ("x" * 65, "<script>", "a b", "a\nb", "lỗi!"):
            found = oidc.provider_error(error)
            assert found.evidence == {"provider_code": "unknown"}
            assert error not in str(found)


class TestTokenRequest:
    def request(self, **changes: Any) -> tuple[dict[str, str], list[tuple[str, str]]]:
        headers, body = oidc.token_request(**{
            "code": "c+/=", "redirect_uri": "https://p/vneid/callback", "client_id": "a:b", "client_secret": "s c%",
            "client_auth": "client_secret_post", "code_verifier": "v" * 43, **changes})
        assert isinstance(body, bytes)
        return headers, parse_qsl(body.decode("ascii"), strict_parsing=True)

    COMMON: ClassVar = [("grant_type", "authorization_code"), ("code", "c+/="), ("redirect_uri", "https://p/vneid/callback"),
                        ("code_verifier", "v" * 43)]
    HEADERS: ClassVar = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}

    @pytest.mark.threat("A-040")
    def test_the_secret_in_the_body(self) -> None:
        assert self.request() == (self.HEADERS, [*self.COMMON, ("client_id", "a:b"), ("client_secret", "s c%")])

    @pytest.mark.threat("A-040")
    def test_the_secret_in_the_header_each_half_form_encoded(self) -> None:
        headers, form = self.request(client_auth="client_secret_basic")
        assert form == self.COMMON
        assert headers == {**self.HEADERS, "Authorization": "Basic " + base64.b64encode(b"a%3Ab:s+c%25").decode()}

    @pytest.mark.threat("A-040")
    def test_a_signed_assertion_and_no_secret(self) -> None:
        assert self.request(client_auth="private_key_jwt", assertion="x.y.z") == (self.HEADERS, [
            *self.COMMON, ("client_id", "a:b"), ("client_assertion", "x.y.z"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")])

    def test_without_a_proof_key_and_with_an_encrypted_code(self) -> None:
        _, form = self.request(code_verifier=None, encrypt_key="k==", client_auth="client_secret_basic")
        assert form == [*self.COMMON[:3], ("encrypt_key", "k==")]


class TestTokenResponse:
    ANSWER: ClassVar = {"access_token": "a.b-c", "token_type": "Bearer"}

    @pytest.mark.parametrize("changes", [{}, {"token_type": "bearer"}, {"expires_in": 1}, {"expires_in": "300"},
                                         {"expires_in": None}, {"expires_in": 0.5}, {"expires_in": 9_999_999_999},
                                         {"id_token": None},
                                         {"access_token": "~" * 16_384}, {"access_token": "a"}])
    def test_what_is_good(self, changes: dict[str, Any]) -> None:
        found = oidc.parse_token_response({**self.ANSWER, **changes}, id_token_required=False)
        assert found == oidc.TokenResponse({**self.ANSWER, **changes}["access_token"], None)
        assert "a.b-c" not in repr(found)

    @pytest.mark.threat("A-046")
    @pytest.mark.parametrize(("changes", "word"), [
        ({"access_token": value}, "access_token") for value in (
            ..., None, "", 7, ["a"], "a b", " ", "a\n", "é", "\x7f", "a" * 16_385)
    ] + [({"token_type": value}, "token_type") for value in (..., None, "", "mac", "Bearer ", 7, ["Bearer"])
    ] + [({"expires_in": value}, "expires_in") for value in (
        0, -1, "0", "-1", "", "x", "1.5", "٣", "9" * 12, True, [1], 1e10, 10**10, float("inf"), "²")
    ] + [({"id_token": value}, "id_token") for value in (7, [], {}, True)])
    def test_what_is_not(self, changes: dict[str, Any], word: str) -> None:
        answer = {name: value for name, value in {**self.ANSWER, **changes}.items() if value is not ...}
        with pytest.raises(VNeIDError, match=f"^token_response_invalid: {word}"):
            oidc.parse_token_response(answer, id_token_required=False)

    def test_an_id_token_comes_where_it_must(self) -> None:
        assert oidc.parse_token_response({**self.ANSWER, "id_token": "x"}, id_token_required=True).id_token == "x"
        for answer in (self.ANSWER, {**self.ANSWER, "id_token": None}):
            with pytest.raises(VNeIDError, match="id_token is missing"):
                oidc.parse_token_response(answer, id_token_required=True)


@pytest.mark.parametrize("state", ["~!*'();:@&=+$,/?#[]", "a%20b"])
def test_a_state_of_any_letters_comes_back(state: str) -> None:
    oidc.check_callback(oidc.parse_callback(f"state={quote(state, safe='')}&code=c"), LOGIN._replace(state=state), now=NOW,
                        login_ttl=600, issuer_required=False)
