"""Logout tokens, right ones and wrong ones, and their way to the relying parties."""

from __future__ import annotations

import http.client
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from vneid_middleware.core.logout_token import EVENT
from vneid_middleware.simulator.state import Client, State, Told
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
        """Tell every client that the session signed in at and that registered an address; those that don't answer are passed
        over."""
        visited = {grant.client_id for grant in list(self._state.grants.values()) if grant.sid == sid}
        for client in list(self._state.clients.values()):
            if client.backchannel_uri and client.client_id in visited:
                token = self.token(client, sid=sid, subject=subject, fault=self._state.faults["logout_token"])
                self._state.told.append(self._sent(client, token))

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
        return self._sent(client, token).status

    def _sent(self, client: Client, token: str) -> Told:
        parts = urlsplit(client.backchannel_uri)
        connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
        try:
            connection.request("POST", parts.path, urlencode({"logout_token": token}),
                               {"Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            return Told(client.backchannel_uri, answer.status, answer.headers.get("Cache-Control", ""))
        except (OSError, http.client.HTTPException):
            return Told(client.backchannel_uri, 0)
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
