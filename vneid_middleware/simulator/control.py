"""The pages of whoever plays VNeID, and the same by HTTP for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webob import Request, Response

from vneid_middleware.simulator import switch_words
from vneid_middleware.simulator.answers import Pages, json_answer, json_body, redirect, refuse_foreign
from vneid_middleware.simulator.backchannel import Backchannel
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.simulator.state import Client, State, sid_of
from vneid_middleware.simulator.switches import COUNTER, COUNTER_FAULTS, SIGN_ON, SIGN_ON_FAULTS, WALLET, WALLET_FAULTS
from vneid_middleware.simulator.tokens import Keys


class Control:
    """``/`` and everything under ``/control``.

    Args:
        state: the simulator's memory.
        issuer: its own base URL.
        keys: what it signs with.
        pages: for people.
    """

    def __init__(self, state: State, issuer: str, keys: Keys, pages: Pages) -> None:
        self.state, self.issuer, self.keys, self._pages = state, issuer, keys, pages
        self._backchannel = Backchannel(state, issuer, keys)

    def home(self, request: Request) -> Response:
        return self._pages.page(request, "home.html", 200, clients=self.state.clients.values())

    def control(self, request: Request) -> Response:
        groups = (("sign-on", "Đăng nhập một lần", "Single sign-on", SIGN_ON, SIGN_ON_FAULTS),
                  ("counter", "Mã QR tại quầy một cửa", "QR code at the one-stop counter", COUNTER, COUNTER_FAULTS),
                  ("papers", "Giấy tờ trong ví", "Papers in the wallet", WALLET, WALLET_FAULTS))
        return self._pages.page(request, "control.html", 200, groups=groups, about=switch_words,
                                chosen=self.state.switches, broken=self.state.faults)

    def change(self, request: Request) -> Response:
        refuse_foreign(request)
        for name, value in request.POST.items():
            self.state.set(name, value)
        return redirect(self.issuer + "/control")

    def switches(self, request: Request) -> Response:
        return json_answer(self.state.current())

    def change_switches(self, request: Request) -> Response:
        for name, value in json_body(request).items():
            self.state.set(name, str(value))
        return self.switches(request)

    def choose(self, request: Request) -> Response:
        persona = str(json_body(request).get("persona", ""))
        if persona and persona not in PERSONAS and persona != "refuse":
            raise ValueError("persona: unknown")
        self.state.persona = persona
        return json_answer({"persona": persona})

    def register(self, request: Request) -> Response:
        body = json_body(request)
        client = Client(_text(body, "client_id"), _text(body, "client_secret"), _texts(body, "redirect_uris"),
                        _texts(body, "logout_uris"), str(body.get("public_key", "")), str(body.get("backchannel_uri", "")),
                        deep_link=body.get("deep_link") is True)
        self.state.clients[client.client_id] = client
        return json_answer({"client_id": client.client_id}, 201)

    def agency(self, request: Request) -> Response:
        return json_answer(self.state.agency.as_dict())

    def change_agency(self, request: Request) -> Response:
        self.state.agency.change(json_body(request))
        return self.agency(request)

    def sign_out(self, request: Request) -> Response:
        """Send a logout token for a persona: all its sessions (``"by": "sub"``) or each by its id (``"by": "sid"``)."""
        body = json_body(request)
        client, persona, by = self.state.clients.get(_text(body, "client_id")), _text(body, "persona"), body.get("by", "sid")
        if client is None or by not in ("sid", "sub"):
            raise ValueError("client_id: must be registered; by: must be sid or sub")
        sids = [sid_of(cookie) for cookie, known in self.state.browsers.items() if known[0] == persona] if by == "sid" else [""]
        tokens = [self._backchannel.token(client, sid=sid, subject=f"sim-{persona}", fault=str(body.get("fault", "none")))
                  for sid in sids]
        return json_answer({"statuses": [self._backchannel.send(client, token) for token in tokens]})

    def reset(self, request: Request) -> Response:
        json_body(request)
        self.state.reset()
        return self.switches(request)

    def rotate(self, request: Request) -> Response:
        json_body(request)
        self.keys.rotate()
        return json_answer(self.keys.jwks(True))

    def log(self, request: Request) -> Response:
        return json_answer({"requests": list(self.state.log)})


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not (isinstance(value, str) and value):
        raise ValueError(f"{name}: must be text")
    return value


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = body.get(name, [])
    if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise ValueError(f"{name}: must be a list of texts")
    return tuple(value)
