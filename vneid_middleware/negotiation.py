"""What kind of client asks, and in which language: read from the request's headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vneid_middleware.core.bearer import PREFIX

LANGUAGES = ("vi", "en")


def may_navigate(environ: Mapping[str, Any]) -> bool:
    """Tell quickly whether a request may be a browser's navigation; :func:`is_navigation` is exact."""
    mode = environ.get("HTTP_SEC_FETCH_MODE")
    if mode is not None:
        return bool(mode == "navigate")
    accept = environ.get("HTTP_ACCEPT")
    return accept is None or "*/*" in accept or "html" in accept


def is_navigation(environ: Mapping[str, Any]) -> bool:
    """Tell whether a person looks at the answer: they get pages and redirects, everybody else gets JSON.

    ``Sec-Fetch-Mode`` decides where it is sent; without it an ``Accept`` of ``*/*`` or HTML counts as a navigation. An app
    that signs in by an access token of ours is a program, whatever it accepts.
    """
    if PREFIX in environ.get("HTTP_AUTHORIZATION", ""):
        return False
    if environ.get("HTTP_X_REQUESTED_WITH", "").lower() == "xmlhttprequest":
        return False
    if environ.get("HTTP_SEC_FETCH_MODE", "navigate") != "navigate":
        return False
    return _prefers_html(environ.get("HTTP_ACCEPT", ""))


def _prefers_html(accept: str) -> bool:
    if accept.strip() in ("", "*/*"):
        return True
    from webob.acceptparse import create_accept_header

    offers = create_accept_header(accept).acceptable_offers(["text/html", "application/xhtml+xml", "application/json"])
    return bool(offers) and offers[0][0] != "application/json"


def language(environ: Mapping[str, Any], default: str) -> str:
    """Return ``vi`` or ``en``: the browser's preference where it names one of them."""
    header = environ.get("HTTP_ACCEPT_LANGUAGE", "")
    if not header or len(header) > 1000:
        return default
    from webob.acceptparse import create_accept_language_header

    accepted = create_accept_language_header(header)
    if not hasattr(accepted, "parsed") or accepted.parsed is None:
        return default
    ranges = sorted(((quality, -place, tag.lower().split("-")[0]) for place, (tag, quality) in enumerate(accepted.parsed)
                     if quality > 0), reverse=True)
    return next((tag for _, _, tag in ranges if tag in LANGUAGES), default)


def is_cross_site(environ: Mapping[str, Any], origin: str) -> bool:
    """Tell whether a browser says that another site made this request (``Sec-Fetch-Site``, else ``Origin``).

    Args:
        origin: the portal's own.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return site not in ("same-origin", "none")
    sent = environ.get("HTTP_ORIGIN")
    return sent is not None and sent != origin
