"""The provider as we reach it: its metadata, its keys, its token and userinfo endpoints."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from vneid_middleware import converters
from vneid_middleware.core.claims import MAX_LEEWAY
from vneid_middleware.core.jose import JoseError, KeySet, loads_object
from vneid_middleware.exceptions import UpstreamError, VNeIDError
from vneid_middleware.plugins.sso.breaker import Breaker

log = logging.getLogger("vneid_middleware")

T = TypeVar("T")

METADATA_TTL = 86_400
KEYS_TTL = 3_600
MAX_STALE = 86_400
"""Seconds past their time that metadata and keys serve while the provider does not answer."""
COOL_DOWN = 30
"""Seconds between forced fetches, and between attempts while the provider is down."""
MAX_JSON = 262_144
_METADATA_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint")


class Deadline:
    """A point in time that several calls share.

    Args:
        seconds: from now, by the monotonic clock.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self._end - time.monotonic())


class Kept(Generic[T]):
    """A value fetched from the provider and kept: last good one while it is down, one fetch at a time.

    Args:
        fetch: gets a new value within a deadline; raises ``VNeIDError``.
        ttl: seconds until a new one is fetched.
        clock: unix seconds.
    """

    def __init__(self, fetch: Callable[[Deadline], T], ttl: int, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._ttl = ttl
        self._clock = clock
        self._value: tuple[T, float] | None = None
        self._failed: tuple[VNeIDError, float] | None = None
        self._forced = float("-inf")

    def get(self, deadline: Deadline) -> T:
        """Return the value, fetched now if it is too old; the last good one for a while if that fails.

        Raises:
            VNeIDError: there is no value that may be used. It is not asked for again within the cool-down.
        """
        kept, now = self._value, self._clock()
        if kept is not None and 0 <= now - kept[1] < self._ttl:
            return kept[0]
        with self._lock():
            kept, now = self._value, self._clock()
            if kept is not None and 0 <= now - kept[1] < self._ttl:
                return kept[0]
            failed = self._failed
            if failed is None or not 0 <= now - failed[1] < COOL_DOWN:
                try:
                    return self._refetch(deadline)
                except VNeIDError as error:
                    failed = self._failed = (error, self._clock())
            if kept is not None and now - kept[1] < self._ttl + MAX_STALE:
                return kept[0]
            raise failed[0]

    def force(self, deadline: Deadline, seen: T) -> T:
        """Return a newer value than ``seen``, or ``seen`` itself within the cool-down or when the provider is down.

        The first forced fetch is made at once, so that a key that was changed a moment ago is found; those after it wait
        for the cool-down, so that a stream of unknown key ids is no stream of requests.
        """
        with self._lock():
            kept = self._value
            if kept is not None and kept[0] is not seen:
                return kept[0]
            if 0 <= self._clock() - self._forced < COOL_DOWN:
                return seen
            self._forced = self._clock()
            try:
                return self._refetch(deadline)
            except VNeIDError:
                return seen

    def _refetch(self, deadline: Deadline) -> T:
        value = self._fetch(deadline)
        self._value, self._failed = (value, self._clock()), None
        return value

    def _lock(self) -> threading.Lock:
        lock: threading.Lock = self.__dict__.setdefault("_guard", threading.Lock())
        return lock


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

    def metadata(self, deadline: Deadline) -> Mapping[str, Any]:
        """Return the provider metadata; empty where the profile knows no discovery."""
        return self._metadata.get(deadline) if self._discovers else {}

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

    def newer_keys(self, deadline: Deadline, seen: KeySet) -> KeySet:
        """Return the key set after one more look at the provider, or ``seen``."""
        return self._keys.force(deadline, seen)

    def verified(self, verify: Callable[[KeySet], T], deadline: Deadline) -> T:
        """Return what ``verify`` makes of the provider's keys, and of newer ones where these may be stale.

        Raises:
            JoseError: what ``verify`` raised.
            VNeIDError: the keys can't be had.
        """
        key_set = self.keys(deadline)
        try:
            return verify(key_set)
        except JoseError as error:
            if not error.key_set_may_be_stale:
                raise
            # the keys may have been changed a moment ago: look once more
            newer = self.newer_keys(deadline, key_set)
            if newer is key_set:
                raise
            return verify(newer)

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
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_json = kind == "application/json" or kind.endswith("+json")
        if answer.status != 200:
            raise UpstreamError("status", f"{urlsplit(url).hostname} answered {answer.status}", status=answer.status,
                                provider_code=_error_code(answer.body) if is_json else "")
        if not is_json:
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


def _error_code(body: bytes) -> str:
    """Return the ``error`` of an OAuth error body; never its description, which may hold what was sent."""
    try:
        code = loads_object(body).get("error")
    except VNeIDError:
        return ""
    return code if isinstance(code, str) and len(code) <= 64 and code.replace("_", "").isalnum() else ""
