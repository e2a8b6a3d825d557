"""The provider of the kit: the simulator on a port of its own, honest until it is told how to misbehave."""

from __future__ import annotations

import difflib
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from vneid_middleware.plugins.sso.profiles import GATEWAY_2026, GUIDE_2023, OIDC
from vneid_middleware.simulator.application import Simulator
from vneid_middleware.simulator.backchannel import Backchannel
from vneid_middleware.simulator.endpoints import LOGOUT, TOKEN, USERINFO
from vneid_middleware.simulator.state import Client, State, Told, sid_of
from vneid_middleware.simulator.tokens import Keys
from vneid_middleware.testing.misbehaviours import MISBEHAVIOURS
from vneid_middleware.testing.server import serving

_PROFILES = {"guide-2023": GUIDE_2023, "gateway-2026": GATEWAY_2026, "oidc": OIDC}
_ENDPOINTS = {"authorization": "/auth", "token": TOKEN, "userinfo": USERINFO, "logout": LOGOUT, "jwks": "/jwks",
              "discovery": "/.well-known/openid-configuration", "claims": "/claims"}


class MisbehavingProvider:
    """An OpenID provider on loopback, to be used in a ``with`` block.

    Args:
        profile: whom it plays: ``oidc``, ``guide-2023`` or ``gateway-2026``.
        clock: unix seconds; a test that moves time gives the portal the same one.
    """

    def __init__(self, profile: str = "oidc", *, clock: Callable[[], float] = time.time) -> None:
        if profile not in _PROFILES:
            raise ValueError(f"profile: must be one of {', '.join(sorted(_PROFILES))}")
        self.profile = profile
        self.url = ""
        """Its base URL, which is its issuer too."""
        self._clock = clock
        self._stack = ExitStack()
        self._variant = _variant_of(profile)

    def __enter__(self) -> MisbehavingProvider:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="vneid-testing-")))
        self.url, simulator = self._stack.enter_context(
            serving(lambda base: Simulator(State((), clock=self._clock), base)))
        self._state: State = simulator.state
        self.keys: Keys = simulator.keys
        # what hangs is let go before the server is stopped
        self._stack.callback(self._state.stopped.set)
        self.honest()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    # -- the portal ----------------------------------------------------------------------------------------------------

    def settings(self, public_url: str, *, folder: str = "", **more: str) -> dict[str, str]:
        """Register a portal and return settings for it that work: for ``make_filter``, or in place of an ini's own.

        Args:
            public_url: the portal's base URL.
            folder: what relative file names in ``more`` are relative to.
            more: further settings, which go over those of the kit.
        """
        client_id = f"portal-{len(self._state.clients) + 1}"
        secret, own = secrets.token_urlsafe(32), public_url + more.get("prefix", "/vneid")
        self._state.clients[client_id] = Client(
            client_id, secret, (own + "/callback",), (own + "/logged-out",), backchannel_uri=own + "/backchannel-logout",
            public_key=_public_pem(more.get("sso.decryption_key", ""), folder),
            auth_method=more.get("sso.client_auth", _PROFILES[self.profile].defaults["client_auth"]),
            assertion_key=_public_pem(more.get("sso.signing_key", ""), folder))
        return {"public_url": public_url, "secret": secrets.token_urlsafe(32), "sso.profile": self.profile,
                "storage": f"sqlite:///{self._folder}/{client_id}.db", "sso.client_id": client_id, "sso.client_secret": secret,
                **self.addresses(more), **more}

    def addresses(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the settings that say where the provider is: what its profile needs, and what else stands in ``given``."""
        known = {"sso.issuer": self.url, **{f"sso.{name}_endpoint": self.url + _ENDPOINTS[name]
                                            for name in ("authorization", "token", "userinfo", "logout")},
                 "sso.jwks_uri": self.url + _ENDPOINTS["jwks"]}
        needed = {"sso.issuer"} if self.profile == "oidc" else {name for name in known if name.endswith("_endpoint")}
        return {name: value for name, value in known.items() if name in needed or name in given}

    # -- the provider --------------------------------------------------------------------------------------------------

    def misbehave(self, *names: str) -> None:
        """Misbehave in these ways and in no other, until told otherwise; see ``MISBEHAVIOURS``.

        Raises:
            ValueError: a name is not known, or the misbehaviour would not show since no id_token is sent.
        """
        for name in names:
            if name not in MISBEHAVIOURS:
                near = difflib.get_close_matches(name, MISBEHAVIOURS, 1)
                raise ValueError(f"{name}: unknown misbehaviour" + (f"; did you mean {near[0]}?" if near else ""))
            if MISBEHAVIOURS[name].of_id_token and self._variant.get("id_token") != "on":
                raise ValueError(f"{name}: shows in an id_token, and none is sent. Use the profile oidc, or vary(id_token='on')")
        self.honest()
        for name in names:
            for switch, value in MISBEHAVIOURS[name].switches.items():
                self._state.set(switch, value)

    @contextmanager
    def misbehaving(self, *names: str) -> Iterator[None]:
        """:meth:`misbehave` within a ``with`` block."""
        self.misbehave(*names)
        try:
            yield
        finally:
            self.honest()

    def honest(self) -> None:
        """Stop misbehaving. Clients, keys, sessions and the list of requests stay."""
        for name, value in self._state.defaults().items():
            self._state.set(name, self._variant.get(name, value))

    def vary(self, **switches: str) -> None:
        """Set switches of the simulator for good: the ways in which honest providers differ, such as ``pkce="required"``.

        Raises:
            ValueError: there is no such switch, or no such value of it.
        """
        for name, value in switches.items():
            self._state.set(name, value)
            self._variant[name] = value

    def switches(self) -> dict[str, str]:
        """Return every switch and fault of the simulator as it is set now."""
        return self._state.current()

    def new_keys(self) -> None:
        """Sign with new keys from now on, and publish those only."""
        self.keys.rotate()

    def requests(self, endpoint: str) -> list[dict[str, Any]]:
        """Return what came to an endpoint since :meth:`forget_requests`, oldest first, secrets masked.

        Args:
            endpoint: ``authorization``, ``token``, ``userinfo``, ``logout``, ``jwks``, ``discovery`` or ``claims``.
        """
        return [entry for entry in list(self._state.log) if entry["path"] == _ENDPOINTS[endpoint]]

    def forget_requests(self) -> None:
        """Begin to count anew; answers to logout tokens are forgotten too."""
        self._state.log.clear()
        self._state.told.clear()

    def told(self) -> list[Told]:
        """Return what portals answered to logout tokens."""
        return list(self._state.told)

    def sign_out(self, persona: str) -> list[int]:
        """End a citizen's sessions at the provider and tell the portals; return the statuses that they answered."""
        teller = Backchannel(self._state, self.url, self.keys)
        before = len(self._state.told)
        for cookie in [cookie for cookie, known in list(self._state.browsers.items()) if known[0] == persona]:
            del self._state.browsers[cookie]
            teller.tell_all(sid_of(cookie), f"sim-{persona}")
        return [told.status for told in self._state.told[before:]]


def _variant_of(profile: str) -> dict[str, str]:
    if profile == "oidc":
        return {"claims": "oidc", "id_token": "on", "logout_parameter": "post_logout_redirect_uri"}
    return {"claims": profile, "response": "rsa-aes" if profile == "gateway-2026" else "plain"}


def _public_pem(setting: str, folder: str) -> str:
    """Return the public half of the first of the portal's own keys, as its setting names them."""
    if not setting.strip():
        return ""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from vneid_middleware.core.keys import load_private_key

    key = load_private_key((Path(folder) / setting.split("\n")[0].strip().removeprefix("file:")).read_bytes())
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()
