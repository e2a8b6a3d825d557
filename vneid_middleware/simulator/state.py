"""What the simulator remembers, in memory: clients, codes, tokens, browser sessions, switches, the log."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vneid_middleware.simulator.agency import Agency
from vneid_middleware.simulator.lookups import Lookup, Lookups
from vneid_middleware.simulator.papers import Wallets
from vneid_middleware.simulator.switches import FAULT_VALUES, SWITCHES

DEMO_CLIENT = "vneid-demo"
DEMO_SECRET = "vneid-demo-secret-only-for-the-simulator"
DEMO_APP_CLIENT = "vneid-demo-app"
DEMO_APP_SECRET = "vneid-demo-app-secret-only-for-the-simulator"
DEMO_APP_CALLBACK = "vn.example.dichvucong:/dang-nhap"
COOKIE = "vneid-simulator"
"""Of the browser's session with the simulator."""


@dataclass(frozen=True)
class Client:
    """A registered relying party."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    logout_uris: tuple[str, ...] = ()
    public_key: str = ""
    """PEM, for the rsa-aes envelope."""
    backchannel_uri: str = ""
    """Where logout tokens go; empty: nowhere."""
    auth_method: str = ""
    """The only way in which it may prove itself at the token endpoint; empty: by its secret in the header or in the form."""
    assertion_key: str = ""
    """PEM, for private_key_jwt."""
    deep_link: bool = False
    """Apps may hand this client's deep link to the VNeID app."""


@dataclass
class Grant:
    """A code, and what was asked with it."""

    client_id: str
    redirect_uri: str
    persona: str
    nonce: str
    challenge: str
    expires: float
    authenticated: int
    sid: str = ""
    scope: str = ""
    encrypt_key: str = ""
    used: bool = False
    access_tokens: list[str] = field(default_factory=list)


class Told(NamedTuple):
    """What a relying party answered to a logout token; status 0 when it did not answer."""

    uri: str
    status: int
    cache_control: str = ""


def sid_of(cookie: str) -> str:
    """Return the id that relying parties know a browser's session by."""
    return hashlib.sha256(cookie.encode()).hexdigest()[:32]


class State:
    """The simulator's memory; thread-safe by one lock.

    Args:
        clients: registered at start.
        code_lifetime: seconds that a code lives.
        clock: unix seconds; tests replace it.
        agency: who looks citizens up at the counter.
        patience: seconds that a citizen may think about their consent.
    """

    def __init__(self, clients: tuple[Client, ...], code_lifetime: int = 60, clock: Any = time.time,
                 agency: Agency | None = None, patience: int = 300) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.code_lifetime = code_lifetime
        self.agency = agency or Agency()
        self.patience = patience
        self.on_decided: Callable[[Lookup], None] = _nobody
        """Told of each lookup that a citizen decided."""
        self.clients = {client.client_id: client for client in clients}
        self.stopped = threading.Event()
        self.log: deque[dict[str, Any]] = deque(maxlen=1000)
        self.reset()

    def reset(self) -> None:
        """Forget everything but the clients and the agency; all switches go to their defaults."""
        with self.lock:
            self.switches: dict[str, str] = {}
            self.faults: dict[str, str] = {}
            for name, value in self.defaults().items():
                self.set(name, value)
            self.lookups = Lookups(self.clock, self.patience, lambda lookup: self.on_decided(lookup))
            self.wallets = Wallets(self.clock)
            self.persona = ""
            self.grants: dict[str, Grant] = {}
            self.tokens: dict[str, Grant] = {}
            self.last_data: Any = None
            self.lgsp_tokens: dict[str, float] = {}
            self.phones: dict[str, str] = {}
            self.browsers: dict[str, tuple[str, int]] = {}
            self.assertions: set[str] = set()
            self.told: list[Told] = []
            self.log.clear()

    @staticmethod
    def defaults() -> dict[str, str]:
        """Return every switch and fault with its default."""
        return {**{name: values[0] for name, values in SWITCHES.items()}, **{f"fault.{name}": "none" for name in FAULT_VALUES}}

    def current(self) -> dict[str, str]:
        """Return every switch and fault as it is set."""
        return {**self.switches, **{f"fault.{name}": value for name, value in self.faults.items()}}

    def set(self, name: str, value: str) -> None:
        """Set a switch or a fault.

        Raises:
            ValueError: there is no such switch, or no such value of it.
        """
        known = SWITCHES.get(name) or (FAULT_VALUES.get(name[6:]) if name.startswith("fault.") else None)
        if known is None:
            raise ValueError(f"{name}: unknown switch")
        if value not in known:
            raise ValueError(f"{name}: must be one of {', '.join(known)}")
        with self.lock:
            if name in SWITCHES:
                self.switches[name] = value
            else:
                self.faults[name.removeprefix("fault.")] = value

    def grant(self, grant: Grant) -> str:
        """Keep a grant and return its one-time code."""
        code = secrets.token_urlsafe(32)
        with self.lock:
            self.grants[code] = grant
        return code

    def redeem(self, code: str) -> Grant | None:
        """Return the grant of a code that was not used before; a second use revokes what the first one gave."""
        with self.lock:
            grant = self.grants.get(code)
            if grant is None:
                return None
            if grant.used:
                for token in grant.access_tokens:
                    self.tokens.pop(token, None)
                return None
            grant.used = True
            return grant if self.clock() < grant.expires else None

    def issue(self, grant: Grant) -> str:
        """Return an access token for a grant."""
        token = secrets.token_urlsafe(32)
        with self.lock:
            grant.access_tokens.append(token)
            self.tokens[token] = grant
        return token


def _nobody(lookup: Lookup) -> None:
    """Tell nobody."""
