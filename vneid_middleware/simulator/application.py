"""The simulator's endpoints: the guide's paths, OpenID Connect beside them, and the pages of whoever plays VNeID."""

from __future__ import annotations

import gzip
import hmac
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import unquote, urlencode

from jinja2 import Environment, PackageLoader
from webob import Request, Response

from vneid_middleware import negotiation
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.simulator.state import FAULTS, FAULTY, SWITCHES, TOKEN_FAULTS, Client, Grant, State
from vneid_middleware.simulator.tokens import Keys, at_hash, envelope

TOKEN = "/api/idp/auth/realms/citizen/protocol/openid-connect/token"
USERINFO = "/api/idp/third-party/userinfo"
LOGOUT = "/api/idp/sso/logout"
_COOKIE = "vneid-simulator"
_SECRET_PARAMETERS = frozenset({"client_secret", "code", "code_verifier", "client_assertion", "id_token_hint"})
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"


class ProtocolError(Exception):
    """A request is refused with an OAuth error in Keycloak's shape."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status, self.error, self.description = status, error, description


class Simulator:
    """The WSGI application.

    Args:
        state: clients, switches and everything it remembers.
        issuer: its own base URL.
    """

    def __init__(self, state: State, issuer: str) -> None:
        self.state, self.issuer, self.keys = state, issuer, Keys()
        self._pages = Environment(loader=PackageLoader("vneid_middleware.simulator"), autoescape=True)
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/"): self.home, ("GET", "/auth"): self.authorize, ("POST", "/auth"): self.authorize,
            ("POST", TOKEN): self.token, ("GET", USERINFO): self.userinfo, ("GET", LOGOUT): self.logout,
            ("GET", "/.well-known/openid-configuration"): self.discovery, ("GET", "/jwks"): self.jwks,
            ("GET", "/health"): lambda request: _json({"status": "ok"}),
            ("GET", "/control"): self.control, ("POST", "/control"): self.change,
            ("GET", "/control/switches"): self.switches, ("POST", "/control/switches"): self.change_switches,
            ("POST", "/control/persona"): self.choose, ("POST", "/control/clients"): self.register,
            ("POST", "/control/reset"): self.reset, ("POST", "/control/rotate-keys"): self.rotate,
            ("GET", "/control/log"): lambda request: _json({"requests": list(self.state.log)}),
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        request = Request(environ)
        response = self._answer(request)
        response.headers.update({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
                                 "Referrer-Policy": "no-referrer"})
        if not request.path_info.startswith("/control"):
            masked = {name: "***" if name in _SECRET_PARAMETERS else value for name, value in request.params.items()}
            self.state.log.append({"method": request.method, "path": request.path_info, "parameters": masked,
                                   "status": response.status_int})
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        view = self._routes.get((request.method, request.path_info))
        try:
            if view is not None:
                return view(request)
            allowed = [method for method, path in self._routes if path == request.path_info]
            if not allowed:
                return self._page(request, "message.html", 404, title_vi="Không tìm thấy trang", title_en="Page not found")
            response = _json({"error": "method_not_allowed"}, 405)
            response.headers["Allow"] = ", ".join(allowed)
            return response
        except ProtocolError as error:
            return _json({"error": error.error, "error_description": error.description}, error.status)
        except (ValueError, UnicodeDecodeError) as error:
            return _json({"error": "invalid_request", "error_description": str(error)}, 400)

    # -- authorization -------------------------------------------------------------------------------------------------

    def authorize(self, request: Request) -> Response:
        """Show who can sign in; or sign in at once where the request, the control or the browser says as whom."""
        asked = request.GET
        client = self.state.clients.get(asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri") not in client.redirect_uris:
            what = "redirect_uri" if client else "client_id"
            return self._page(request, "message.html", 400, title_vi=f"{what} chưa được đăng ký",
                              title_en=f"This {what} is not registered")
        error = self._refusal(asked)
        if error:
            return self._back(asked, {"error": error})
        if request.method == "POST":
            return self._chosen(request, asked)
        persona = self._automatic(request, asked)
        if persona:
            return self._granted(request, asked, persona)
        return self._page(request, "sign_in.html", 200, personas=PERSONAS.values(), client=client.client_id)

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
        known = self.state.browsers.get(request.cookies.get(_COOKIE, ""))
        if known is None or asked.get("prompt") == "login":
            return ""
        age = asked.get("max_age", "")
        return "" if age.isdigit() and self.state.clock() - known[1] > int(age) else known[0]

    def _chosen(self, request: Request, asked: Mapping[str, str]) -> Response:
        self._refuse_foreign(request)
        persona = request.POST.get("persona", "")
        if persona not in PERSONAS and persona != "refuse":
            raise ValueError("persona: unknown")
        return self._granted(request, asked, persona)

    def _granted(self, request: Request, asked: Mapping[str, str], persona: str) -> Response:
        if persona == "refuse":
            return self._back(asked, {"error": "access_denied", "error_description": "User denied"})
        cookie, now = request.cookies.get(_COOKIE, ""), int(self.state.clock())
        known = self.state.browsers.get(cookie)
        if known is None or known[0] != persona:
            cookie = secrets.token_urlsafe(24)
            self.state.browsers[cookie] = (persona, now)
        grant = Grant(asked["client_id"], asked["redirect_uri"], persona, asked.get("nonce", ""),
                      asked.get("code_challenge", ""), self.state.clock() + self.state.code_lifetime,
                      self.state.browsers[cookie][1])
        answer = {"code": self.state.grant(grant)}
        if self.state.switches["encrypted_code"] == "on":
            # base64 with a raw plus sign that must survive the way through the browser
            grant.encrypt_key = "k+" + secrets.token_urlsafe(24) + "+/="
            answer["encrypt_key"] = grant.encrypt_key
        response = self._back(asked, answer)
        response.set_cookie(_COOKIE, cookie, httponly=True, samesite="Lax")
        return response

    def _back(self, asked: Mapping[str, str], answer: dict[str, str]) -> Response:
        if "state" in asked:
            answer["state"] = asked["state"]
        if self.state.switches["iss"] == "on":
            answer["iss"] = self.issuer
        uri = asked["redirect_uri"]
        return _redirect(uri + ("&" if "?" in uri else "?") + urlencode(answer, safe="+/=:"))

    # -- token and userinfo --------------------------------------------------------------------------------------------

    def token(self, request: Request) -> Response:
        """Exchange a code, once, for its client only."""
        fault = self._fault("token")
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
            given_id, _, given_secret = (unquote(part) for part in pair.partition(":"))
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
                  "auth_time": grant.authenticated, "at_hash": at_hash(access_token), "acr": str(persona.level)}
        return {**claims, "nonce": grant.nonce} if grant.nonce and self.state.switches["nonce"] == "honoured" else claims

    def userinfo(self, request: Request) -> Response:
        """Return the citizen's data for a Bearer token."""
        fault = self._fault("userinfo")
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
            return _json(answer)
        if not client.public_key:
            raise ProtocolError(500, "server_error", "No public key is registered for this client")
        return _json(envelope(answer, client.public_key))

    def _fault(self, endpoint: str) -> Response | None:
        fault = self.state.faults[endpoint]
        if fault in ("slow", "hang"):
            self.state.stopped.wait(3 if fault == "slow" else 120)
            return None
        bodies = {"html": (200, "text/html", b"<h1>It works!</h1>"), "invalid-json": (200, "application/json", b'{"a":'),
                  "huge": (200, "application/json", b'{"a":"' + b"x" * 20_000_000 + b'"}'),
                  "500": (500, "text/html", b"Internal Server Error"), "503": (503, "text/html", b"Service Unavailable")}
        if fault in bodies:
            status, kind, body = bodies[fault]
            return Response(body, status=status, content_type=kind)
        if fault == "gzip-bomb":
            body = gzip.compress(b'{"a":"' + b"x" * 100_000_000 + b'"}', 9)
            return Response(body, content_type="application/json", headers={"Content-Encoding": "gzip"})
        return _redirect("http://169.254.169.254/") if fault == "redirect" else None

    # -- the rest of the provider --------------------------------------------------------------------------------------

    def logout(self, request: Request) -> Response:
        """End the browser's session here and send it back to a registered address."""
        self.state.browsers.pop(request.cookies.get(_COOKIE, ""), None)
        back = request.GET.get(self.state.switches["logout_parameter"], "")
        hint = request.GET.get("client_id", "")
        allowed = {uri for client in self.state.clients.values() if hint in ("", client.client_id)
                   for uri in client.logout_uris}
        if back and back not in allowed:
            return self._page(request, "message.html", 400, title_vi="Địa chỉ quay lại chưa được đăng ký",
                              title_en="This return address is not registered")
        if not back:
            return self._page(request, "message.html", 200, title_vi="Bạn đã đăng xuất khỏi trình mô phỏng",
                              title_en="You have signed out of the simulator")
        state = request.GET.get("state")
        response = _redirect(back + (f"?{urlencode({'state': state})}" if state else ""))
        response.delete_cookie(_COOKIE)
        return response

    def discovery(self, request: Request) -> Response:
        """OpenID Provider Metadata."""
        return self._fault("discovery") or _json({
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/auth", "token_endpoint": self.issuer + TOKEN,
            "userinfo_endpoint": self.issuer + USERINFO, "end_session_endpoint": self.issuer + LOGOUT,
            "jwks_uri": f"{self.issuer}/jwks", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": self.state.switches["iss"] == "on"})

    def jwks(self, request: Request) -> Response:
        """The published keys."""
        return self._fault("jwks") or _json(self.keys.jwks(self.state.switches["kid"] == "on"))

    # -- control -------------------------------------------------------------------------------------------------------

    def home(self, request: Request) -> Response:
        return self._page(request, "home.html", 200, clients=self.state.clients.values())

    def control(self, request: Request) -> Response:
        faults = {**dict.fromkeys(FAULTY, FAULTS), "id_token": TOKEN_FAULTS}
        return self._page(request, "control.html", 200, switches=SWITCHES, chosen=self.state.switches, faults=faults,
                          broken=self.state.faults)

    def change(self, request: Request) -> Response:
        self._refuse_foreign(request)
        for name, value in request.POST.items():
            self.state.set(name, value)
        return _redirect(self.issuer + "/control")

    def switches(self, request: Request) -> Response:
        return _json({**self.state.switches, **{f"fault.{name}": value for name, value in self.state.faults.items()}})

    def change_switches(self, request: Request) -> Response:
        for name, value in _json_body(request).items():
            self.state.set(name, str(value))
        return self.switches(request)

    def choose(self, request: Request) -> Response:
        persona = str(_json_body(request).get("persona", ""))
        if persona and persona not in PERSONAS and persona != "refuse":
            raise ValueError("persona: unknown")
        self.state.persona = persona
        return _json({"persona": persona})

    def register(self, request: Request) -> Response:
        body = _json_body(request)
        client = Client(str(body["client_id"]), str(body["client_secret"]), tuple(body.get("redirect_uris", ())),
                        tuple(body.get("logout_uris", ())), str(body.get("public_key", "")))
        self.state.clients[client.client_id] = client
        return _json({"client_id": client.client_id}, 201)

    def reset(self, request: Request) -> Response:
        _json_body(request)
        self.state.reset()
        return self.switches(request)

    def rotate(self, request: Request) -> Response:
        _json_body(request)
        self.keys.rotate()
        return _json(self.keys.jwks(True))

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _refuse_foreign(self, request: Request) -> None:
        if negotiation.is_cross_site(request.environ, request.host_url):
            raise ProtocolError(403, "forbidden", "The request came from another site")

    def _page(self, request: Request, template: str, status: int, **values: Any) -> Response:
        lang = request.GET.get("lang", "") if request.GET.get("lang") in ("vi", "en") else negotiation.language(
            request.environ, "vi")
        body = self._pages.get_template(template).render(lang=lang, status=status, vi=lang == "vi", **values)
        response = Response(body, status=status, content_type="text/html", charset="utf-8")
        response.headers["Content-Security-Policy"] = _POLICY
        return response


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False).encode(), status=status, content_type="application/json",
                    charset="utf-8")


def _json_body(request: Request) -> dict[str, Any]:
    # a page of another site can't send this content type without asking first
    if request.content_type != "application/json":
        raise ProtocolError(415, "unsupported_media_type", "application/json expected")
    body = json.loads(request.body or b"{}")
    if not isinstance(body, dict):
        raise ValueError("a JSON object expected")
    return body


def _redirect(url: str) -> Response:
    response = Response(status=303, content_type="text/plain", charset="utf-8")
    # set on the headers: WebOb would rebuild a relative or odd URL from the Host header
    response.headers["Location"] = url
    return response
