"""Logout tokens, right ones and wrong ones, and their way to the relying parties."""

from __future__ import annotations

import http.client
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from vneid_middleware.core.logout_token import EVENT
from vneid_middleware.simulator.state import Client, State
from vneid_middleware.simulator.switches import LOGOUT_FAULTS
from vneid_middleware.simulator.tokens import Keys

_SECONDS = 5


class Backchannel:
    """Tells relying parties that somebody signed out.

    Args:
        state: the simulator's memory.
        issuer: its own base URL.
        keys: what it signs with.
    """

    def __init__(self, state: State, issuer: str, keys: Keys) -> None:
        self._state, self._issuer, self._keys = state, issuer, keys

    def tell_all(self, sid: str, subject: str) -> None:
        """Tell every client that registered an address; those that don't answer are passed over."""
        for client in list(self._state.clients.values()):
            if client.backchannel_uri:
                self.send(client, self.token(client, sid=sid, subject=subject))

    def token(self, client: Client, *, sid: str = "", subject: str = "", fault: str = "none", token_id: str = "") -> str:
        """Return a logout token, spoilt as ``fault`` says.

        Raises:
            ValueError: there is no such fault.
        """
        if fault not in LOGOUT_FAULTS:
            raise ValueError(f"fault: must be one of {', '.join(LOGOUT_FAULTS)}")
        now = int(self._state.clock())
        claims: dict[str, Any] = {"iss": self._issuer, "aud": client.client_id, "iat": now, "exp": now + 120,
                                  "jti": token_id or secrets.token_urlsafe(16), "events": {EVENT: {}}}
        claims.update({name: value for name, value in (("sub", subject), ("sid", sid)) if value})
        return self._keys.sign(_spoilt(claims, fault, now), fault, client.client_secret,
                               "at+jwt" if fault == "wrong-type" else "logout+jwt")

    def send(self, client: Client, token: str) -> int:
        """POST a logout token; return the client's status, or 0 when it did not answer."""
        parts = urlsplit(client.backchannel_uri)
        connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
        try:
            connection.request("POST", parts.path, urlencode({"logout_token": token}),
                               {"Content-Type": "application/x-www-form-urlencoded"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def _spoilt(claims: dict[str, Any], fault: str, now: int) -> dict[str, Any]:
    missing = {"no-event": ("events",), "no-jti": ("jti",), "no-iat": ("iat",), "no-exp": ("exp",),
               "no-sub-no-sid": ("sub", "sid")}.get(fault, ())
    changes: dict[str, dict[str, Any]] = {"wrong-iss": {"iss": "https://evil.example"}, "wrong-aud": {"aud": "another"},
               "wrong-event": {"events": {EVENT + "x": {}}}, "event-no-object": {"events": {EVENT: True}},
               "with-nonce": {"nonce": "n"}, "expired": {"iat": now - 300, "exp": now - 180},
               "old": {"iat": now - 3600}, "future": {"iat": now + 3600, "exp": now + 3720},
               "lives-long": {"exp": now + 86_400}}
    return {name: value for name, value in {**claims, **changes.get(fault, {})}.items() if name not in missing}
