"""What a citizen is answered whose form comes too late, and what is put before the host when it is sent again."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from vneid_middleware import negotiation
from vneid_middleware.core.kept_form import PARAMETER, is_empty, pressed, read_body, readdressed
from vneid_middleware.exceptions import StorageError
from vneid_middleware.kept_forms import Kept, KeptForms
from vneid_middleware.pages import Link
from vneid_middleware.services import Services

Environ = dict[str, Any]

log = logging.getLogger("vneid_middleware")


class FormGate:
    """Keeps forms of requests that are refused, and gives them back.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Services) -> None:
        self._vneid = services
        self._forms: KeptForms = services["forms"]

    def is_form(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a request is a form that a person sent from a page of the portal."""
        return self._forms.may_keep(environ) not in ("none", "cross_site")

    # -- keeping -------------------------------------------------------------------------------------------------------

    def refusal(self, environ: Environ, code: str, level: int, login_url: str, values: Sequence[str],
                others: Mapping[str, str]) -> Any:
        """Keep the form of a request that the access rules don't let through.

        Args:
            code: ``login_required`` or ``step_up_required``.
            level: the level that a login has to reach.
            login_url: the login that comes back to the page that the form stood on.
            values: the session cookies that came.
            others: our other cookies.

        Returns:
            the page that says whether it was kept; None for a request that is no form of the portal's.
        """
        if not self.is_form(environ):
            return None
        from webob import Request

        pages, links, request = self._vneid.pages, self._vneid.links, Request(environ)
        kept = self._forms.keep(environ, list(values), others)
        details = {"level": str(level), "minutes": str(self._forms.lifetime // 60)}
        home = Link("action.home", links.home)
        if not isinstance(kept, Kept):
            return pages.outcome(request, f"form_not_kept_{kept}", 401, details=details,
                                 links=(Link("action.login", login_url), home))
        url = self._login_url(self.page_path(kept.form_id), level)
        response = pages.outcome(request, f"form_kept_{code}", 401, details=details, links=(Link("action.login", url), home))
        response.headers.add("Set-Cookie", kept.cookie)
        return response

    def watched(self, environ: Environ, values: Sequence[str],
                others: Mapping[str, str]) -> Callable[[], tuple[str, list[str]]] | None:
        """Take a copy of a form before the host reads it, in case it answers 401.

        Only where an authentic session cookie came that has ended. A form that can't be kept is left to the host as it is.

        Returns:
            a function that keeps the form and returns where the citizen is sent and the ``Set-Cookie`` values; None for a
            request that is no form of a citizen whose session has ended.
        """
        if not self.is_form(environ) or self._vneid.sessions.known(list(values)) is None:
            return None
        body = None if self._forms.may_keep(environ) else read_body(environ)
        # the host may write in its environ, and uses up the body
        before = dict(environ)
        if body is not None:
            environ["wsgi.input"], before["wsgi.input"] = io.BytesIO(body), io.BytesIO(body)

        def keep() -> tuple[str, list[str]]:
            kept = self._forms.keep(before, list(values), others)
            if isinstance(kept, Kept):
                return self._login_url(self.page_path(kept.form_id)), [kept.cookie]
            return self._vneid.links.own(f"/form/not-kept/{kept}"), []

        return keep

    # -- sending again -------------------------------------------------------------------------------------------------

    def press(self, environ: Environ) -> tuple[Environ, Any]:
        """Look at a POST whose query may be that of the button which sends a kept form again.

        A page of the host that answers such a press has the button's address. What is sent from it has a body, which the
        button has not, and goes to the host as it is, without our part of the query.

        Returns:
            the environ to go on with, and None; or the environ and the answer to give.
        """
        found = pressed(environ["QUERY_STRING"])
        if found is None:
            return environ, None
        form_id, query = found
        if not is_empty(environ):
            return readdressed(environ, query), None
        return self._pressed(environ, form_id)

    def _pressed(self, environ: Environ, form_id: str) -> tuple[Environ, Any]:
        if negotiation.is_cross_site(environ, self._vneid.links.origin):
            self._forms.refuse_press(environ)
            return environ, self._say(environ, "form_cross_site", 403)
        if not self._vneid.sessions.revocations.is_current(self._vneid.clock()):
            return environ, self._say(environ, "form_unavailable", 503)
        record = self._vneid.sessions.from_environ(environ)
        if record is None:
            return environ, self._vneid.pages.redirect(self._login_url(self.page_path(form_id)))
        _, others, _ = self._vneid.sessions.names.split(environ["HTTP_COOKIE"])
        try:
            found = self._forms.take(environ, form_id, record, others)
        except StorageError as error:
            log.error("a kept form could not be taken: %s", error)
            return environ, self._say(environ, "form_unavailable", 503)
        if found.form is None:
            return environ, self._say(environ, f"form_{found.state}", 409 if found.state == "sent" else 404)
        return found.form.replay(environ), None

    def _say(self, environ: Environ, code: str, status: int) -> Any:
        from webob import Request

        return self._vneid.pages.outcome(Request(environ), code, status)

    def page_path(self, form_id: str) -> str:
        """Return the path, as the browser has it, of the page of a kept form."""
        return self._vneid.links.own(f"/form/{form_id}").removeprefix(self._vneid.links.origin)

    def _login_url(self, return_to: str, level: int = 0) -> str:
        query = f"level={level}&" if level else ""
        return f"{self._vneid.links.own('/login')}?{query}return_to={quote(return_to, safe='/')}"


def is_press(environ: Mapping[str, Any]) -> bool:
    """Tell quickly whether a request may be a press of the button; :meth:`FormGate.press` is exact."""
    return environ["REQUEST_METHOD"] == "POST" and PARAMETER in environ.get("QUERY_STRING", "")
