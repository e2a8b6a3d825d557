"""The hot path of a portal that keeps forms (``session.preserve_posts``): without it this class is not in use at all."""

from __future__ import annotations

from collections.abc import Iterable

from vneid_middleware.form_gate import is_press
from vneid_middleware.gate import Environ, StartResponse
from vneid_middleware.middleware import Middleware


class PreservingMiddleware(Middleware):
    """Puts a kept form before the host when its sender presses the button, as if it came now.

    The press is a POST with our cookies to the form's own address, so that what the host answers stands where it belongs.
    With the form in its place it takes the way of every request: access rules, identity, the host.
    """

    def _with_cookie(self, environ: Environ, start_response: StartResponse, path: str) -> Iterable[bytes]:
        if is_press(environ) and self._gate.forms is not None:
            environ, answer = self._gate.forms.press(environ)
            if answer is not None:
                found: Iterable[bytes] = answer(environ, start_response)
                return found
        return super()._with_cookie(environ, start_response, path)
