"""The provider as we reach it: its metadata, its keys, its token and userinfo endpoints."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from vneid_middleware import converters
from vneid_middleware.breaker import Breaker
from vneid_middleware.core.claims import MAX_LEEWAY
from vneid_middleware.core.jose import KeySet, loads_object
from vneid_middleware.core.oidc import error_code
from vneid_middleware.exceptions import UpstreamError, VNeIDError
from vneid_middleware.kept import Deadline, Kept, Slots, verified

log = logging.getLogger("vneid_middleware")

T = TypeVar("T")

METADATA_TTL = 86_400
KEYS_TTL = 3_600
MAX_JSON = 262_144
_METADATA_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint")


class Provider:
    """Calls VNeID.

    Args:
        services: settings, outbound client and clock.
    """

    def __init__(self, services: Any) -> None:
        self._settings = services.settings
        self._outbound = services.outbound
        self.issuer: str = self._settings["sso.issuer"] or ""
        self._clock = services.clock
        self.clock_offset = 0.0
        """Seconds that our clock is ahead of the provider's, by the Date header of its last answer."""
        self._discovers = bool(services.roles["profile", self._settings["sso.profile"]].defaults.get("discovery"))
        self._breakers = {name: Breaker(services.clock) for name in ("token", "userinfo")}
        self._metadata = Kept(self._fetch_metadata, METADATA_TTL, services.clock)
        self._keys = Kept(self._fetch_keys, KEYS_TTL, services.clock)

    def issuer_or_origin(self) -> str:
        """Return the identity's issuer: ``sso.issuer``, or else the authorization endpoint's origin."""
        if self.issuer:
            return self.issuer
        parts = urlsplit(self._settings["sso.authorization_endpoint"])
        return f"{parts.scheme}://{parts.netloc}"

    def metadata(self, deadline: Deadline, slots: Slots | None = None) -> Mapping[str, Any]:
        """Return the provider metadata; empty where the profile knows no discovery.

        Args:
            slots: which threads may wait for it, where the caller does not hold a slot.
        """
        return self._metadata.get(deadline, slots) if self._discovers else {}

    def endpoint(self, name: str, deadline: Deadline) -> str | None:
        """Return an endpoint's URL: the setting if there is one, else what the metadata say."""
        configured: str | None = self._settings[f"sso.{name}"]
        if configured or f"sso.{name}" in self._settings.given:
            return configured
        return self.metadata(deadline).get("end_session_endpoint" if name == "logout_endpoint" else name)

    @property
    def reads_id_tokens(self) -> bool:
        """Whether what is needed to check an id_token is known."""
        return bool(self.issuer and (self._discovers or self._settings["sso.jwks_uri"]))

    def keys(self, deadline: Deadline) -> KeySet:
        """Return the provider's key set."""
        return self._keys.get(deadline)

    def verified(self, verify: Callable[[KeySet], T], deadline: Deadline, slots: Slots | None = None) -> T:
        """Return what ``verify`` makes of the provider's keys, and of newer ones where these may be stale.

        Args:
            slots: which threads may wait for them, where the caller does not hold a slot.

        Raises:
            JoseError: what ``verify`` raised.
            VNeIDError: the keys can't be had.
        """
        return verified(self._keys, verify, deadline, slots)

    def token(self, headers: Mapping[str, str], body: bytes, deadline: Deadline) -> Mapping[str, Any]:
        """Send the token request once, and never again: the code may be spent (RFC 6749 section 4.1.2)."""
        url = self._required("token_endpoint", deadline)
        return self._breakers["token"].call(lambda: self._json("POST", url, deadline, headers=headers, body=body))

    def userinfo(self, access_token: str, deadline: Deadline) -> Mapping[str, Any] | None:
        """Return the userinfo answer, or None where there is no such endpoint."""
        url = self.endpoint("userinfo_endpoint", deadline)
        if not url:
            return None
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        return self._breakers["userinfo"].call(lambda: self._json("GET", url, deadline, headers=headers))

    def check(self) -> None:
        """Raise ``VNeIDError`` when the provider's metadata or keys can't be had, or when its endpoints did not answer."""
        for name, breaker in self._breakers.items():
            if breaker.is_open:
                raise UpstreamError("busy", f"the {name} endpoint did not answer several times in a row")
        deadline = Deadline(2)
        self.metadata(deadline)
        if self.reads_id_tokens:
            self.keys(deadline)
        if abs(self.clock_offset) > MAX_LEEWAY:
            raise UpstreamError("clock", f"this machine's clock is {self.clock_offset:+.0f} s off the provider's. Set it by NTP")

    def _required(self, name: str, deadline: Deadline) -> str:
        url = self.endpoint(name, deadline)
        if not url:
            raise UpstreamError("malformed", f"the provider's metadata have no {name}")
        return url

    def _json(self, method: str, url: str, deadline: Deadline, *, headers: Mapping[str, str] | None = None,
              body: bytes | None = None) -> dict[str, Any]:
        answer = self._outbound.call(method, url, headers=headers, body=body, timeout=deadline.left(), max_body=MAX_JSON)
        self._note_clock(answer.date)
        if answer.status != 200:
            raise UpstreamError("status", f"{urlsplit(url).hostname} answered {answer.status}", status=answer.status,
                                provider_code=error_code(answer.body) if answer.is_json else "")
        if not answer.is_json:
            raise UpstreamError("malformed", f"{urlsplit(url).hostname} did not answer with JSON")
        try:
            return loads_object(answer.body)
        except VNeIDError as error:
            raise UpstreamError("malformed", f"{urlsplit(url).hostname} sent malformed JSON") from error

    def _note_clock(self, date: str) -> None:
        try:
            self.clock_offset = self._clock() - parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError):
            return

    def _fetch_metadata(self, deadline: Deadline) -> Mapping[str, Any]:
        url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        metadata = self._json("GET", url, deadline, headers={"Accept": "application/json"})
        if metadata.get("issuer") != self.issuer:
            raise UpstreamError("issuer_mismatch", "the discovery document is of another issuer than sso.issuer")
        methods = metadata.get("code_challenge_methods_supported")
        if isinstance(methods, list) and "S256" not in methods and self._settings["sso.pkce"] == "S256":
            # the challenge is sent all the same: leaving it out is for the ini to say (RFC 9700 section 4.8)
            log.warning("the provider's metadata do not announce the proof key S256 that sso.pkce asks for")
        for name in _METADATA_ENDPOINTS:
            if name in metadata:
                self._check_endpoint(name, metadata[name])
        return metadata

    def _check_endpoint(self, name: str, value: Any) -> None:
        # a discovery document may not send codes and secrets to another host, or to one inside our network
        try:
            url = converters.url(value if isinstance(value, str) else "", self._settings.source)
        except ValueError as error:
            raise UpstreamError("malformed", f"the discovery document's {name} is no https URL") from error
        if urlsplit(url).hostname != urlsplit(self.issuer).hostname:
            raise UpstreamError("malformed", f"the discovery document's {name} is on another host than the issuer; "
                                             f"set sso.{name} if that is right")

    def _fetch_keys(self, deadline: Deadline) -> KeySet:
        url = self._required("jwks_uri", deadline)
        key_set = KeySet.from_jwks(self._json("GET", url, deadline, headers={"Accept": "application/json"}))
        if not key_set.keys:
            raise UpstreamError("malformed", "the provider's key set has no usable key")
        return key_set
