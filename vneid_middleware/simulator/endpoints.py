"""The simulator's endpoints for programs: token, userinfo, keys, discovery; and the end of a session."""

from __future__ import annotations

import hmac
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_plus, urlencode

from webob import Request, Response

from vneid_middleware.simulator.answers import Pages, ProtocolError, json_answer, redirect
from vneid_middleware.simulator.backchannel import Backchannel
from vneid_middleware.simulator.faults import misbehaviour
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.simulator.state import COOKIE, Client, Grant, State, sid_of
from vneid_middleware.simulator.tokens import Keys, at_hash, envelope

TOKEN = "/api/idp/auth/realms/citizen/protocol/openid-connect/token"
USERINFO = "/api/idp/third-party/userinfo"
LOGOUT = "/api/idp/sso/logout"

_BODIES = {"html": (200, "text/html", b"<h1>It works!</h1>"), "invalid-json": (200, "application/json", b'{"a":'),
           "500": (500, "text/html", b"Internal Server Error"), "503": (503, "text/html", b"Service Unavailable")}
"""Faults that are short answers."""


class Endpoints:
    """What a relying party calls, and where it sends a citizen to sign out.

    Args:
        state: the simulator's memory.
        issuer: its own base URL.
        keys: what it signs with.
        pages: for people.
    """

    def __init__(self, state: State, issuer: str, keys: Keys, pages: Pages) -> None:
        self.state, self.issuer, self.keys, self._pages = state, issuer, keys, pages
        self._backchannel = Backchannel(state, issuer, keys)

    def token(self, request: Request) -> Response:
        """Exchange a code, once, for its client only."""
        fault = misbehaviour(self.state, "token")
        if fault is not None:
            return fault
        if request.content_type != "application/x-www-form-urlencoded":
            raise ProtocolError(400, "invalid_request", "Form parameters expected")
        form = request.POST
        client = self._authenticated(request)
        if form.get("grant_type") != "authorization_code":
            raise ProtocolError(400, "unsupported_grant_type", "Unsupported grant_type")
        grant = self.state.redeem(form.get("code", ""))
        if grant is None or grant.client_id != client.client_id or grant.redirect_uri != form.get("redirect_uri"):
            raise ProtocolError(400, "invalid_grant", "Code not valid")
        if grant.encrypt_key and form.get("encrypt_key") != grant.encrypt_key:
            raise ProtocolError(400, "invalid_grant", "encrypt_key does not match")
        self._check_verifier(grant, form.get("code_verifier", ""))
        return self._sealed(self._tokens(grant, client), client)

    def _authenticated(self, request: Request) -> Client:
        given_id, given_secret = request.POST.get("client_id", ""), request.POST.get("client_secret", "")
        if request.authorization and request.authorization[0].lower() == "basic":
            pair = b64decode(str(request.authorization[1])).decode()
            given_id, _, given_secret = (unquote_plus(part) for part in pair.partition(":"))
        client = self.state.clients.get(given_id)
        if client is None or not hmac.compare_digest(client.client_secret.encode(), given_secret.encode()):
            raise ProtocolError(401, "unauthorized_client", "Invalid client or Invalid client credentials")
        return client

    def _check_verifier(self, grant: Grant, verifier: str) -> None:
        if self.state.switches["pkce"] == "ignored" or not grant.challenge:
            return
        digest = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not hmac.compare_digest(digest, grant.challenge):
            raise ProtocolError(400, "invalid_grant", "PKCE verification failed: Code mismatch")

    def _tokens(self, grant: Grant, client: Client) -> dict[str, Any]:
        fault, access_token = self.state.faults["id_token"], self.state.issue(grant)
        answer: dict[str, Any] = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300, "scope": "openid"}
        if self.state.switches["id_token"] == "on":
            answer["id_token"] = self.keys.id_token(self._id_claims(grant, access_token), fault, client.client_secret,
                                                    self.state.switches["kid"] == "on")
        if fault == "wrong-token-type":
            answer["token_type"] = "mac"
        if fault == "no-access-token":
            del answer["access_token"]
        return answer

    def _id_claims(self, grant: Grant, access_token: str) -> dict[str, Any]:
        now = int(self.state.clock())
        persona = PERSONAS[grant.persona]
        claims = {"iss": self.issuer, "sub": f"sim-{persona.key}", "aud": grant.client_id, "exp": now + 300, "iat": now,
                  "auth_time": grant.authenticated, "at_hash": at_hash(access_token), "acr": str(persona.level),
                  "sid": grant.sid}
        return {**claims, "nonce": grant.nonce} if grant.nonce and self.state.switches["nonce"] == "honoured" else claims

    def userinfo(self, request: Request) -> Response:
        """Return the citizen's data for a Bearer token."""
        fault = misbehaviour(self.state, "userinfo")
        if fault is not None:
            return fault
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self.state.tokens.get(token) if kind.lower() == "bearer" else None
        if grant is None:
            raise ProtocolError(401, "invalid_token", "Token verification failed")
        switches = self.state.switches
        claims = PERSONAS[grant.persona].claims(switches["claims"], switches["loas"],
                                                switches["sub"] == "on" or switches["claims"] == "oidc")
        if self.state.faults["id_token"] == "other-subject":
            claims["sub"] = "sim-somebody-else"
        if self.state.faults["id_token"] == "other-number":
            claims.update({name: "100199999999" for name in ("SoDinhDanh", "citizenPid") if name in claims})
        return self._sealed(claims, self.state.clients[grant.client_id])

    def _sealed(self, answer: dict[str, Any], client: Client) -> Response:
        if self.state.switches["response"] == "plain":
            return json_answer(answer)
        if not client.public_key:
            raise ProtocolError(500, "server_error", "No public key is registered for this client")
        return json_answer(envelope(answer, client.public_key))

    def logout(self, request: Request) -> Response:
        """End the browser's session here and send it back to a registered address."""
        cookie = request.cookies.get(COOKIE, "")
        known = self.state.browsers.pop(cookie, None)
        if known is not None:
            self._backchannel.tell_all(sid_of(cookie), f"sim-{known[0]}")
        back = request.GET.get(self.state.switches["logout_parameter"], "")
        hint = request.GET.get("client_id", "")
        allowed = {uri for client in self.state.clients.values() if hint in ("", client.client_id)
                   for uri in client.logout_uris}
        if back and back not in allowed:
            return self._pages.page(request, "message.html", 400, title_vi="Địa chỉ quay lại chưa được đăng ký",
                              title_en="This return address is not registered")
        if not back:
            return self._pages.page(request, "message.html", 200, title_vi="Bạn đã đăng xuất khỏi trình mô phỏng",
                              title_en="You have signed out of the simulator")
        state = request.GET.get("state")
        response = redirect(back + (f"?{urlencode({'state': state})}" if state else ""))
        response.delete_cookie(COOKIE)
        return response

    def discovery(self, request: Request) -> Response:
        """OpenID Provider Metadata."""
        return misbehaviour(self.state, "discovery") or json_answer({
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/auth", "token_endpoint": self.issuer + TOKEN,
            "userinfo_endpoint": self.issuer + USERINFO, "end_session_endpoint": self.issuer + LOGOUT,
            "jwks_uri": f"{self.issuer}/jwks", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "backchannel_logout_supported": True, "backchannel_logout_session_supported": True,
            "authorization_response_iss_parameter_supported": self.state.switches["iss"] == "on"})

    def jwks(self, request: Request) -> Response:
        """The published keys."""
        return misbehaviour(self.state, "jwks") or json_answer(self.keys.jwks(self.state.switches["kid"] == "on"))
