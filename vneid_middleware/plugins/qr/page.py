"""The counter's page, ``/qr/``, and the files it is made of.

The page holds no data and asks no rights: whoever opens it sees an empty counter, and each lookup asks who is there. So it is
the same for everybody, and its script finds out by ``/qr/operator`` whether a lookup would be answered.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from vneid_middleware.core.lookup import CONTEXT
from vneid_middleware.models import Operator, Who
from vneid_middleware.pages import Look
from vneid_middleware.plugins.qr.messages import MESSAGES
from vneid_middleware.plugins.qr.page_messages import PAGE_MESSAGES
from vneid_middleware.plugins.qr.views import for_operators

_PACKAGE = "vneid_middleware.plugins.qr"
_POLICY = {"script-src": "'self'", "connect-src": "'self'", "form-action": "'none'",
           "require-trusted-types-for": "'script'", "trusted-types": "'none'"}
_KINDS = {".js": "text/javascript", ".css": "text/css"}


def page_view(request: Any) -> Any:
    """Show the counter."""
    pages, settings = request.vneid.pages, request.vneid.settings
    lang = pages.language(request.environ)
    kind = settings["qr.operators"][0]
    # who the officer is the host says itself
    required = [name for name in settings["qr.require"] if not (name == "officerId" and kind == "subrequest")]
    fields = [name for name in CONTEXT if not (name == "officerId" and kind == "subrequest")]
    script = {"language": lang, "asksKey": kind == "keys", "required": required, "fields": settings["qr.fields"],
              "words": _words(pages, lang)}
    look = Look(_PACKAGE, _files()["counter.css"][1].decode(), _POLICY)
    response = pages.page(request, "counter.html", "counter.page", look=look,
                          script=json.dumps(script, ensure_ascii=False), required=required, context=fields,
                          sign_in=_sign_in(request), no_script=pages.message("counter.no_script", lang))
    response.headers["Permissions-Policy"] = "camera=(self)"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if request.headers.get("Sec-Fetch-Site") == "same-origin":
        # the portal's page that opened this one may be told the citizen's data: it must stay its opener
        del response.headers["Cross-Origin-Opener-Policy"]
    return response


def _words(pages: Any, lang: str) -> dict[str, list[str]]:
    return {code: list(pages.message(code, lang)) for code in (*MESSAGES, *PAGE_MESSAGES)}


def _sign_in(request: Any) -> list[tuple[str, str]]:
    """Return where an officer may sign in, each with its word: at the portal, or with VNeID and then back here."""
    links = request.vneid.links
    found = [("counter.to_portal", links.home)]
    if request.vneid.signs_in:
        back = links.own("/qr/").removeprefix(links.origin)
        found.append(("action.login", links.own(f"/login?return_to={back}")))
    return found


def no_slash_view(request: Any) -> Any:
    """Send on to the page, whose files are relative to it."""
    return request.vneid.pages.redirect(request.vneid.links.own("/qr/"))


@for_operators
def operator_view(request: Any, operator: Operator, who: Who) -> Any:
    """Tell the page that this operator's lookups would be answered."""
    return request.vneid.pages.json({"operator": operator.name, "officerId": operator.officer_id})


def static_view(request: Any) -> Any:
    """Give a file of the page."""
    from pyramid.httpexceptions import HTTPNotFound

    found = _files().get(request.matchdict["name"])
    if found is None or found[0] == "text/css":
        raise HTTPNotFound()
    response = request.vneid.pages.json({})
    response.content_type, response.body = found
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@cache
def _files() -> dict[str, tuple[str, bytes]]:
    """Return name to kind and content of what there is: no name from a request is ever a path."""
    return dict(_found(files(_PACKAGE).joinpath("static"), ""))


def _found(folder: Any, above: str) -> list[tuple[str, tuple[str, bytes]]]:
    found = []
    for item in folder.iterdir():
        if item.is_dir():
            found += _found(item, f"{above}{item.name}/")
        elif kind := _KINDS.get("." + item.name.rpartition(".")[2]):
            found.append((above + item.name, (kind, item.read_bytes())))
    return found
