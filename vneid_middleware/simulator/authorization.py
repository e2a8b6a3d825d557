"""The simulator's authorization endpoint: who signs in, and what goes back to the portal."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from webob import Request, Response

from vneid_middleware.simulator.answers import Pages, redirect, refuse_foreign
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.simulator.state import COOKIE, Grant, State, sid_of


class Authorization:
    """``/auth``.

    Args:
        state: the simulator's memory.
        issuer: its own base URL.
        pages: for people.
    """

    def __init__(self, state: State, issuer: str, pages: Pages) -> None:
        self.state, self.issuer, self._pages = state, issuer, pages

    def authorize(self, request: Request) -> Response:
        """Show who can sign in; or sign in at once where the request, the control or the browser says as whom."""
        asked = request.GET
        client = self.state.clients.get(asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri") not in client.redirect_uris:
            what = "redirect_uri" if client else "client_id"
            return self._pages.page(request, "message.html", 400, title_vi=f"{what} chưa được đăng ký",
                              title_en=f"This {what} is not registered")
        error = self._refusal(asked)
        if error:
            return self._back(request, asked, {"error": error})
        if request.method == "POST":
            return self._chosen(request, asked)
        persona = self._automatic(request, asked)
        if persona:
            return self._granted(request, asked, persona)
        return self._pages.page(request, "sign_in.html", 200, personas=PERSONAS.values(), client=client.client_id)

    def _refusal(self, asked: Mapping[str, str]) -> str:
        if asked.get("response_type") != "code":
            return "unsupported_response_type"
        if "openid" not in asked.get("scope", "").split():
            return "invalid_scope"
        challenge, method = asked.get("code_challenge"), asked.get("code_challenge_method")
        if self.state.switches["pkce"] == "required" and not challenge:
            return "invalid_request"
        if challenge and self.state.switches["pkce"] != "ignored" and (method != "S256" or len(challenge) != 43):
            return "invalid_request"
        return ""

    def _automatic(self, request: Request, asked: Mapping[str, str]) -> str:
        for key in (asked.get("persona", ""), asked.get("login_hint", ""), self.state.persona):
            if key in PERSONAS or key == "refuse":
                return key
        known = self.state.browsers.get(request.cookies.get(COOKIE, ""))
        if known is None or asked.get("prompt") == "login":
            return ""
        age = asked.get("max_age", "")
        return "" if age.isdigit() and self.state.clock() - known[1] > int(age) else known[0]

    def _chosen(self, request: Request, asked: Mapping[str, str]) -> Response:
        refuse_foreign(request)
        persona = request.POST.get("persona", "")
        if persona not in PERSONAS and persona != "refuse":
            raise ValueError("persona: unknown")
        return self._granted(request, asked, persona)

    def chosen_in_app(self, request: Request, client_id: str, callback: str, persona: str) -> Response:
        """Send the app on that opened a deep link: such a link carries neither state nor nonce nor challenge."""
        return self._granted(request, {"client_id": client_id, "redirect_uri": callback, "scope": "openid"}, persona)

    def _granted(self, request: Request, asked: Mapping[str, str], persona: str) -> Response:
        if persona == "refuse":
            return self._back(request, asked, {"error": "access_denied", "error_description": "User denied"})
        cookie, now = request.cookies.get(COOKIE, ""), int(self.state.clock())
        known = self.state.browsers.get(cookie)
        if known is None or known[0] != persona:
            cookie = secrets.token_urlsafe(24)
            self.state.browsers[cookie] = (persona, now)
        grant = Grant(asked["client_id"], asked["redirect_uri"], persona, asked.get("nonce", ""),
                      asked.get("code_challenge", ""), self.state.clock() + self.state.code_lifetime,
                      self.state.browsers[cookie][1], sid_of(cookie), asked["scope"])
        answer = {"code": self.state.grant(grant)}
        if self.state.switches["encrypted_code"] == "on":
            # base64 with a raw plus sign that must survive the way through the browser
            grant.encrypt_key = "k+" + secrets.token_urlsafe(24) + "+/="
            answer["encrypt_key"] = grant.encrypt_key
        response = self._back(request, asked, answer)
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="Lax")
        return response

    def _back(self, request: Request, asked: Mapping[str, str], answer: dict[str, str]) -> Response:
        if "state" in asked:
            answer["state"] = asked["state"]
        if self.state.switches["iss"] == "on":
            answer["iss"] = self.issuer
        uri = asked["redirect_uri"]
        if asked.get("response_mode") == "form_post":
            return self._pages.page(request, "form_post.html", 200, action=uri, fields=answer)
        return redirect(uri + ("&" if "?" in uri else "?") + urlencode(answer, safe="+/=:"))
