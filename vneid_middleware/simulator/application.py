"""The simulator as a WSGI application: the guide's paths, OpenID Connect beside them, and the control pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from webob import Request, Response

from vneid_middleware.simulator.answers import Pages, ProtocolError, json_answer
from vneid_middleware.simulator.app import VNeIDApp
from vneid_middleware.simulator.authorization import Authorization
from vneid_middleware.simulator.control import Control
from vneid_middleware.simulator.counter import PATH, Counter
from vneid_middleware.simulator.endpoints import CLAIMS, LOGOUT, TOKEN, USERINFO, Endpoints
from vneid_middleware.simulator.lgsp import API, HEADER_API, TokenHeader, Wso2
from vneid_middleware.simulator.lgsp import TOKEN as LGSP_TOKEN
from vneid_middleware.simulator.phone import Phone
from vneid_middleware.simulator.platforms import NDXP, XROAD, Ndxp, Platform, Refusal, Service, XRoad
from vneid_middleware.simulator.portal_keys import PortalKeys
from vneid_middleware.simulator.pull import Pull
from vneid_middleware.simulator.push import PATH as CHANGES
from vneid_middleware.simulator.push import Push
from vneid_middleware.simulator.state import State
from vneid_middleware.simulator.tokens import Keys
from vneid_middleware.simulator.wallet import Wallet

_SECRET_PARAMETERS = frozenset({"client_secret", "code", "code_verifier", "client_assertion", "id_token_hint", "link"})
_UNLOGGED = ("/control", "/phone", "/wallet")


class Simulator:
    """The WSGI application.

    Args:
        state: clients, switches and everything it remembers.
        issuer: its own base URL.
    """

    def __init__(self, state: State, issuer: str) -> None:
        self.state, self.keys, self._pages = state, Keys(), Pages()
        people = Authorization(state, issuer, self._pages)
        programs = Endpoints(state, issuer, self.keys, self._pages)
        control = Control(state, issuer, self.keys, self._pages)
        app = VNeIDApp(state, people, self._pages)
        counter, phone = Counter(state, issuer), Phone(state, self._pages)
        portal_keys = PortalKeys(state.clock)
        pull, push = Pull(state, portal_keys), Push(state, portal_keys)
        wallet = Wallet(state, pull, self._pages)
        services: dict[str, Service] = {PATH: counter.lookup, CHANGES: push.changes}
        wso2 = Wso2(state, services)
        self._platforms: dict[str, Platform] = {
            **dict.fromkeys(NDXP, Ndxp(state, services, issuer)), XROAD: XRoad(state, services), API: wso2,
            HEADER_API: TokenHeader(state, services)}
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/"): control.home, ("GET", "/auth"): people.authorize, ("POST", "/auth"): people.authorize,
            ("POST", TOKEN): programs.token, ("GET", USERINFO): programs.userinfo, ("GET", LOGOUT): programs.logout,
            ("GET", "/.well-known/openid-configuration"): programs.discovery, ("GET", "/jwks"): programs.jwks,
            ("GET", CLAIMS): programs.claim_source,
            ("GET", "/app"): app.show, ("POST", "/app"): app.open,
            ("GET", "/health"): lambda request: json_answer({"status": "ok"}),
            ("GET", "/control"): control.control, ("POST", "/control"): control.change,
            ("GET", "/control/switches"): control.switches, ("POST", "/control/switches"): control.change_switches,
            ("POST", "/control/persona"): control.choose, ("POST", "/control/clients"): control.register,
            ("POST", "/control/reset"): control.reset, ("POST", "/control/rotate-keys"): control.rotate,
            ("POST", "/control/backchannel-logout"): control.sign_out,
            ("GET", "/control/log"): control.log,
            ("GET", "/control/agency"): control.agency, ("POST", "/control/agency"): control.change_agency,
            ("POST", "/control/rotate-counter-keys"): counter.rotate,
            ("POST", PATH): counter.lookup, ("POST", LGSP_TOKEN): wso2.token, ("GET", "/qr/jwks.json"): counter.jwks,
            ("GET", "/phone"): phone.show, ("POST", "/phone"): phone.press, ("GET", "/phone/state"): phone.state,
            ("GET", "/phone/cards"): phone.cards, ("GET", "/phone/phone.js"): phone.script,
            ("POST", "/phone/qr"): phone.new_code, ("POST", "/phone/consent"): phone.consent,
            ("GET", "/wallet"): wallet.show, ("POST", "/wallet"): wallet.press, ("GET", "/wallet/state"): wallet.state,
            ("POST", "/wallet/ask"): wallet.ask, ("GET", "/wallet/asked"): wallet.asked,
            ("GET", "/wallet/documents"): wallet.documents, ("POST", CHANGES): push.changes,
            ("GET", "/documents/jwks.json"): pull.jwks, ("POST", "/control/rotate-document-keys"): pull.rotate,
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        request = Request(environ)
        response = self._answer(request)
        response.headers.update({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
                                 "Referrer-Policy": "no-referrer"})
        if not request.path_info.startswith(_UNLOGGED):
            masked = {name: "***" if name in _SECRET_PARAMETERS else value for name, value in _parameters(request)}
            masked.update(request.environ.get("simulator.asked", {}))
            self.state.log.append({"method": request.method, "path": request.path_info, "parameters": masked,
                                   "status": response.status_int, "authorization": _scheme(request)})
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        view = self._routes.get((request.method, request.path_info))
        try:
            if view is not None:
                return view(request)
            behind = self._behind_platform(request)
            if behind is not None:
                return behind
            allowed = [method for method, path in self._routes if path == request.path_info]
            if not allowed:
                return self._pages.page(request, "message.html", 404, title_vi="Không tìm thấy trang", title_en="Page not found")
            response = json_answer({"error": "method_not_allowed"}, 405)
            response.headers["Allow"] = ", ".join(allowed)
            return response
        except Refusal as refusal:
            return refusal.response
        except ProtocolError as error:
            return json_answer({"error": error.error, "error_description": error.description}, error.status)
        except (ValueError, UnicodeDecodeError) as error:
            return json_answer({"error": "invalid_request", "error_description": str(error)}, 400)

    def _behind_platform(self, request: Request) -> Response | None:
        # not path_info: a slash that is encoded inside an identifier must stay one
        path = request.environ.get("REQUEST_URI", request.path).partition("?")[0]
        for prefix, platform in self._platforms.items():
            if path.startswith(prefix + "/"):
                return platform.answer(request, path.removeprefix(prefix))
        return None


def _scheme(request: Request) -> str:
    scheme, space, _ = request.headers.get("Authorization", "").partition(" ")
    # one word alone may be the secret itself
    return scheme if space else ""


def _parameters(request: Request) -> list[tuple[str, str]]:
    try:
        return list(request.params.items())
    except ValueError:
        return []
