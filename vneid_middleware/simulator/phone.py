"""The citizen's phone: shows a QR code, asks for consent, and says what was given; the same by HTTP for tests."""

from __future__ import annotations

import hashlib
import secrets
from importlib.resources import files
from typing import Any

from webob import Request, Response

from vneid_middleware.simulator.answers import WITH_SCRIPT, Pages, ProtocolError, json_answer, json_body, redirect, refuse_foreign
from vneid_middleware.simulator.cards import health_insurance_card, identity_card
from vneid_middleware.simulator.lookups import AGREED, REFUSED, UNANSWERED, WAITING, Code, Lookup
from vneid_middleware.simulator.personas import PERSONAS, Persona
from vneid_middleware.simulator.state import State

PEOPLE = {key: persona for key, persona in PERSONAS.items() if persona.account_type == "1"}
"""Who has a phone: organisations have none."""

_DECISIONS = {"yes": AGREED, "no": REFUSED}
_MAX_PHONES = 1_000


class Phone:
    """Everything under ``/phone``. A phone is a page with a random number of its own, so that one person may hold several.

    Args:
        state: the simulator's memory.
        pages: for people.
    """

    def __init__(self, state: State, pages: Pages) -> None:
        self._state, self._pages = state, pages
        self._script = files("vneid_middleware.simulator").joinpath("static/phone.js").read_bytes()

    def show(self, request: Request) -> Response:
        """Show a phone as it is now, or whose phones there are."""
        device = request.GET.get("device", "")
        persona = owner(self._state, device)
        if persona is None:
            return self._page(request, "phone_choose.html", personas=PEOPLE.values())
        code = self._current(device, persona)
        lookup = self._in_view(code)
        common = {"device": device, "persona": persona, "code": code, "lookup": lookup, "mark": self._mark(code),
                  "agency": self._state.agency.name}
        if lookup is None:
            return self._page(request, "phone_code.html", **common, image=_image(code.qr_id),
                              left=max(1, round(code.expires - self._state.clock())))
        return self._page(request, "phone_asked.html" if lookup.state == WAITING else "phone_done.html", **common,
                          agreed=lookup.state == AGREED, refused=lookup.state == REFUSED)

    def press(self, request: Request) -> Response:
        """Do what a button on a page says."""
        refuse_foreign(request)
        device, action = request.POST.get("device", ""), request.POST.get("action", "")
        if not device:
            return redirect(f"/phone?device={hand_out(self._state, request.POST.get('persona', ''))}")
        persona = owner(self._state, device)
        code = self._state.lookups.shown(device)
        if persona is None or code is None:
            return redirect("/phone")
        if action in ("yes", "no", "ignore") and code.lookup is not None:
            self._pressed(code.lookup, request.POST.get("transaction", ""), action)
        elif action == "new":
            self._put_aside(code)
            self._state.lookups.show(persona.key, device)
        else:
            raise ValueError("action: must be yes, no, ignore or new")
        return redirect(f"/phone?device={device}")

    def _pressed(self, lookup: Lookup, transaction_id: str, action: str) -> None:
        # the page may be older than the question: only what was read is answered
        if lookup.transaction_id != transaction_id:
            return
        if action == "ignore":
            lookup.seen = True
        else:
            self._state.lookups.decide(lookup, _DECISIONS[action])

    def state(self, request: Request) -> Response:
        """Tell the page's script by a word whether there is something new to show."""
        device = request.GET.get("device", "")
        code = self._state.lookups.shown(device)
        is_current = code is not None and (self._in_view(code) is not None or self._state.clock() < code.expires)
        return json_answer({"mark": self._mark(code) if code and is_current else ""})

    def cards(self, request: Request) -> Response:
        """Show the printed cards whose codes officers scan by mistake."""
        persona = owner(self._state, request.GET.get("device", ""))
        if persona is None:
            return redirect("/phone")
        texts = {"identity": identity_card(persona), "insurance": health_insurance_card(persona)}
        return self._page(request, "phone_cards.html", device=request.GET["device"], persona=persona, texts=texts,
                          images={name: _image(text) for name, text in texts.items()})

    def script(self, request: Request) -> Response:
        """The page's script."""
        return Response(self._script, content_type="text/javascript", charset="utf-8")

    def new_code(self, request: Request) -> Response:
        """Give a program a code of a persona: ``{"qrID", "expires_at"}``, the latter in unix seconds."""
        code = self._state.lookups.show(_person(str(json_body(request).get("persona"))))
        return json_answer({"qrID": code.qr_id, "expires_at": code.expires})

    def consent(self, request: Request) -> Response:
        """Decide for the citizen: ``{"qrID" | "transactionId", "decision": "yes" | "no"}``."""
        body = json_body(request)
        decision = _DECISIONS.get(str(body.get("decision")))
        if decision is None:
            raise ValueError("decision: must be yes or no")
        lookup = self._state.lookups.of_citizen(qr_id=str(body.get("qrID", "")),
                                                transaction_id=str(body.get("transactionId", "")))
        if lookup is None:
            raise ProtocolError(404, "unknown_lookup", "Nobody has asked with this code yet")
        if not self._state.lookups.decide(lookup, decision):
            raise ProtocolError(409, "decided", f"The lookup is {lookup.state} already")
        return json_answer({"transactionId": lookup.transaction_id, "state": lookup.state, "webhook": lookup.told})

    def _current(self, device: str, persona: Persona) -> Code:
        code = self._state.lookups.shown(device)
        if code is None or (self._in_view(code) is None and self._state.clock() >= code.expires):
            code = self._state.lookups.show(persona.key, device)
        return code

    def _in_view(self, code: Code) -> Lookup | None:
        """Return the lookup that fills the screen. A silent citizen does not look at it."""
        lookup = code.lookup
        if lookup is None or lookup.seen or (lookup.state == WAITING and self._state.switches["consent"] == "silent"):
            return None
        return lookup

    def _mark(self, code: Code) -> str:
        lookup = self._in_view(code)
        what = f"{code.qr_id} {lookup.state if lookup else ''}"
        return hashlib.sha256(what.encode()).hexdigest()[:16]

    @staticmethod
    def _put_aside(code: Code) -> None:
        if code.lookup is not None:
            code.lookup.seen = True

    def _page(self, request: Request, template: str, **values: Any) -> Response:
        return self._pages.page(request, template, 200, policy=WITH_SCRIPT, unanswered=UNANSWERED, **values)


def hand_out(state: State, persona: str) -> str:
    """Return the number of a new phone for a citizen.

    Raises:
        ValueError: nobody who has one.
    """
    device, phones = secrets.token_urlsafe(12), state.phones
    with state.lock:
        while len(phones) >= _MAX_PHONES:
            del phones[next(iter(phones))]
        phones[device] = _person(persona)
    return device


def owner(state: State, device: str) -> Persona | None:
    """Return whose phone it is; None: there is no such phone."""
    return PEOPLE.get(state.phones.get(device, ""))


def _person(persona: str) -> str:
    if persona not in PEOPLE:
        raise ValueError("persona: unknown, or without a phone")
    return persona


def _image(text: str) -> str:
    """Return a QR code as an address that holds the picture (SVG)."""
    import segno

    # level L: a phone's screen does not get dirty, and larger squares are easier to scan
    return str(segno.make(text, error="l", micro=False).svg_data_uri(border=4, omitsize=True))
