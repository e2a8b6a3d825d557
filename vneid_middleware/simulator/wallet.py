"""The citizen's wallet: papers that were asked for or pushed, and a form to ask for more; the same by HTTP for tests."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from webob import Request, Response

from vneid_middleware.simulator import paper_words
from vneid_middleware.simulator.answers import WITH_SCRIPT, Pages, ProtocolError, json_answer, json_body, redirect, refuse_foreign
from vneid_middleware.simulator.papers import TAKEN, Arrival, Asked, Paper
from vneid_middleware.simulator.personas import PERSONAS, Persona
from vneid_middleware.simulator.phone import PEOPLE, hand_out, owner
from vneid_middleware.simulator.pull import WITH_DATA, Pull
from vneid_middleware.simulator.state import State

_AT_ONCE = 2
"""Seconds that the form waits for an answer before it shows the wallet."""
_MAX_WAIT = 120
_MAX_SHOWN = 5
_MAX_TEXT = 4_096
_TO_ASK_AGAIN = ("not_found", "mismatch", "multiple", "invalid_request", "unavailable", "refused", "unreachable")


@dataclass(frozen=True)
class Card:
    """A paper as the wallet shows it. ``state`` is ``valid``, ``revoked`` or ``expired``; ``version`` 0 was asked for."""

    kind: str
    paper_id: str
    state: str
    version: int
    action: str
    at: float
    data: dict[str, Any]


class Wallet:
    """Everything under ``/wallet``. It is on the citizen's phone, so that a phone's number opens it too.

    Args:
        state: the simulator's memory.
        pull: asks the portal.
        pages: for people.
    """

    def __init__(self, state: State, pull: Pull, pages: Pages) -> None:
        self._state, self._pull, self._pages = state, pull, pages

    def show(self, request: Request) -> Response:
        """Show a citizen's wallet, the form for a kind of paper, or whose wallets there are."""
        device, kind = request.GET.get("device", ""), request.GET.get("kind", "").strip()
        persona = owner(self._state, device)
        if persona is None:
            return self._page(request, "wallet_choose.html", personas=PEOPLE.values())
        common = {"device": device, "persona": persona, "agency": self._state.agency.name}
        if kind:
            return self._page(request, "wallet_ask.html", **common, kind=kind,
                              inputs=paper_words.INPUTS.get(kind, paper_words.OTHER_INPUTS))
        # first the mark: what comes while the page is made makes it load again
        mark, wallets, number = self._mark(persona), self._state.wallets, persona.personal_id
        arrivals, asked = wallets.arrivals(personal_id=number), wallets.asked_by(number)
        news = [arrival for arrival in arrivals if arrival.outcome == TAKEN][:-_MAX_SHOWN - 1:-1]
        return self._page(request, "wallet.html", **common, kinds=paper_words.KINDS, mark=mark, state_path="/wallet/state",
                          cards=cards(wallets.papers(personal_id=number), asked), news=news, asked=asked[:_MAX_SHOWN],
                          newest=_newest(news, asked), again=_TO_ASK_AGAIN)

    def press(self, request: Request) -> Response:
        """Do what a form on a page says: open a citizen's wallet, or ask for a paper."""
        refuse_foreign(request)
        form, device = request.POST, request.POST.get("device", "")
        if not device:
            return redirect(f"/wallet?device={hand_out(self._state, form.get('persona', ''))}")
        persona, kind = owner(self._state, device), form.get("kind", "").strip()
        if persona is None:
            return redirect("/wallet")
        if not 0 < len(kind) <= _MAX_TEXT:
            raise ValueError("kind: is required")
        typed = dict(_typed(form.items()))
        self._pull.begin(Asked(kind, persona.personal_id, typed or None, self._state.clock())).answered.wait(_AT_ONCE)
        return redirect(f"/wallet?device={device}")

    def state(self, request: Request) -> Response:
        """Tell the page's script by a word whether there is something new to show."""
        persona = owner(self._state, request.GET.get("device", ""))
        return json_answer({"mark": self._mark(persona) if persona else ""})

    def ask(self, request: Request) -> Response:
        """Ask for a program: ``{"persona" | "soDinhDanh", "loaiGiayTo", "thamSo"?, "requestId"?, "wait"?}``; answer what came."""
        body = json_body(request)
        unknown = body.keys() - {"persona", "soDinhDanh", "loaiGiayTo", "thamSo", "requestId", "wait"}
        if unknown:
            raise ValueError(f"{min(unknown)[:40]}: unknown")
        asked = Asked(_text(body, "loaiGiayTo"), _number(body), body.get("thamSo"), self._state.clock())
        if "requestId" in body:
            asked.request_id = _text(body, "requestId")
        self._pull.begin(asked)
        (asked.ended if body.get("wait") is True else asked.answered).wait(_MAX_WAIT)
        return json_answer(asked.as_dict())

    def asked(self, request: Request) -> Response:
        """Tell a program how a question stands: ``?requestId=``."""
        asked = self._state.wallets.asked(request.GET.get("requestId", ""))
        if asked is None:
            raise ProtocolError(404, "unknown_request", "Nobody asked under this requestId")
        return json_answer(asked.as_dict())

    def documents(self, request: Request) -> Response:
        """Tell a program what was pushed: ``?persona=`` or ``?soDinhDanh=``, ``loaiGiayTo=``, ``maGiayTo=``, all optional."""
        query = request.GET
        persona = query.get("persona", "")
        which = {"personal_id": _number({"persona": persona}) if persona else query.get("soDinhDanh", ""),
                 "kind": query.get("loaiGiayTo", ""), "paper_id": query.get("maGiayTo", "")}
        wallets = self._state.wallets
        arrivals = wallets.arrivals(**which)
        return json_answer({"documents": [paper.as_dict() for paper in wallets.papers(**which)],
                            "arrivals": [arrival.as_dict() for arrival in arrivals],
                            "outcomes": Counter(arrival.outcome for arrival in arrivals), "refused": wallets.refused()})

    def _mark(self, persona: Persona) -> str:
        wallets, number = self._state.wallets, persona.personal_id
        what = [(paper.change.key, paper.change.version) for paper in wallets.papers(personal_id=number)]
        came = [(asked.request_id, asked.result["status"]) for asked in wallets.asked_by(number)]
        return hashlib.sha256(repr((what, came)).encode()).hexdigest()[:16]

    def _page(self, request: Request, template: str, **values: Any) -> Response:
        return self._pages.page(request, template, 200, policy=WITH_SCRIPT, words=paper_words, clock=_clock, **values)


def cards(papers: Iterable[Paper], asked: Iterable[Asked]) -> list[Card]:
    """Return a citizen's papers, the newest first.

    What was asked for may come without an id: it is the pushed paper whose id stands among its values. The newer one is shown.
    An answer may hold several papers of a kind.

    Args:
        papers: what was pushed.
        asked: questions, the newest first.
    """
    found = {(paper.change.key.kind, paper.change.key.paper_id): _pushed(paper) for paper in papers}
    seen = set()
    for question in asked:
        status = question.result["status"]
        if question.kind in seen or status not in WITH_DATA:
            continue
        seen.add(question.kind)
        answered = _answered(question.result["answer"])
        for number, (paper_id, data) in enumerate(answered):
            values = [value for value in (paper_id, *data.values()) if isinstance(value, str)]
            known = next((value for value in values if (question.kind, value) in found), "")
            place = question.kind, known or f"\n{number}"
            # of several that are good together each may be out of force: nobody says which
            state = status if status != "ok" or len(answered) > 1 else "valid"
            if place not in found or found[place].at <= question.at:
                found[place] = Card(question.kind, known, state, 0, "", question.at, data)
    return sorted(found.values(), key=lambda card: -card.at)


def _answered(answer: Mapping[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    """Return the papers of an answer with their ids, where it tells them."""
    data, ids = answer["data"], answer.get("maGiayTo")
    if not isinstance(data, list):
        return [(ids, data)]
    return list(zip_longest(ids if isinstance(ids, list) else (), data))[:len(data)]


def _pushed(paper: Paper) -> Card:
    change = paper.change
    return Card(change.key.kind, change.key.paper_id, "revoked" if change.action == "revoke" else "valid", change.version,
                change.action, paper.at, change.data or {})


def _newest(news: list[Arrival], asked: list[Asked]) -> str:
    """Return the part of the page that a reader is led to: what happened last."""
    if news and not (asked and asked[0].at > news[0].at):
        return "news"
    return "asked" if asked else ""


def _typed(form: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Give what the citizen typed in: fields of their own, and lines ``name = value``."""
    for name, value in form:
        if name.startswith("typed.") and value.strip():
            yield name.removeprefix("typed."), value.strip()
        elif name == "more":
            for line in value.splitlines():
                key, separator, text = line.partition("=")
                if separator and key.strip():
                    yield key.strip(), text.strip()


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S %d/%m/%Y", time.localtime(seconds))


def _number(body: dict[str, Any]) -> str:
    if ("persona" in body) == ("soDinhDanh" in body):
        raise ValueError("persona or soDinhDanh: one of both is required")
    if "soDinhDanh" in body:
        return _text(body, "soDinhDanh")
    if body["persona"] not in PERSONAS:
        raise ValueError("persona: unknown")
    return PERSONAS[body["persona"]].personal_id


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not (isinstance(value, str) and 0 < len(value) <= _MAX_TEXT):
        raise ValueError(f"{name}: must be text")
    return value
