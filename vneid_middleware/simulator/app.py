"""The simulator's VNeID app: opens the guide's deep link, and gives its code to the app that is registered for it."""

from __future__ import annotations

import hmac
from urllib.parse import unquote

from webob import Request, Response

from vneid_middleware.simulator.answers import Pages, refuse_foreign
from vneid_middleware.simulator.authorization import Authorization
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.simulator.state import Client, State

_LINK = "vneid://app/login/"


class VNeIDApp:
    """``/app``: a page in place of the phone's screen.

    Args:
        state: the simulator's memory.
        people: who signs in, and what goes back.
        pages: for people.
    """

    def __init__(self, state: State, people: Authorization, pages: Pages) -> None:
        self.state, self._people, self._pages = state, people, pages

    def show(self, request: Request) -> Response:
        """Show where a link is put in, and who can sign in. The link never stands in an address: it holds a secret."""
        return self._pages.page(request, "app.html", 200, personas=PERSONAS.values(), error="")

    def open(self, request: Request) -> Response:
        """Open a deep link as a persona."""
        refuse_foreign(request)
        persona, client = request.POST.get("persona", ""), self._client(request.POST.get("link", "").strip())
        if persona not in PERSONAS and persona != "refuse":
            raise ValueError("persona: unknown")
        if client is None:
            return self._pages.page(request, "app.html", 400, personas=PERSONAS.values(), error="link")
        return self._people.chosen_in_app(request, client.client_id, client.redirect_uris[0], persona)

    def _client(self, link: str) -> Client | None:
        """Return whose link it is; None where id or secret are wrong, or no app is registered."""
        client_id, slash, secret = link.removeprefix(_LINK).partition("/")
        client = self.state.clients.get(unquote(client_id)) if link.startswith(_LINK) else None
        if client is None or not client.deep_link:
            return None
        if not slash and self.state.switches["deep_link_secret"] == "optional":
            return client
        return client if hmac.compare_digest(client.client_secret.encode(), unquote(secret).encode()) else None
