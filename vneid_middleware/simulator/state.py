"""What the simulator remembers, in memory: clients, codes, tokens, browser sessions, switches, the log."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

DEMO_CLIENT = "vneid-demo"
DEMO_SECRET = "vneid-demo-secret-only-for-the-simulator"
DEMO_APP_CLIENT = "vneid-demo-app"
DEMO_APP_SECRET = "vneid-demo-app-secret-only-for-the-simulator"
DEMO_APP_CALLBACK = "vn.example.dichvucong:/dang-nhap"
COOKIE = "vneid-simulator"
"""Of the browser's session with the simulator."""

SWITCHES: dict[str, tuple[str, ...]] = {
    "id_token": ("off", "on"),
    "claims": ("guide-2023", "gateway-2026", "oidc"),
    "sub": ("off", "on"),
    "response": ("plain", "rsa-aes"),
    "encrypted_code": ("off", "on"),
    "loas": ("normal", "guide-sample", "missing", "garbage"),
    "logout_parameter": ("redirect_uri", "post_logout_redirect_uri"),
    "pkce": ("verified", "required", "ignored"),
    "nonce": ("honoured", "ignored"),
    "iss": ("off", "on"),
    "kid": ("on", "off"),
    "deep_link_secret": ("required", "optional"),
}
"""What nobody outside knows of VNeID, with every variant; the first is the default."""

FAULTS = ("none", "slow", "hang", "500", "503", "html", "invalid-json", "huge", "gzip-bomb", "redirect")
FAULTY = ("token", "userinfo", "jwks", "discovery")
TOKEN_FAULTS = ("none", "wrong-signature", "alg-none", "hs256", "wrong-nonce", "no-nonce", "wrong-iss", "wrong-aud", "no-sub",
                "no-iat", "expired", "wrong-at-hash", "unknown-kid", "other-subject", "other-number", "wrong-token-type",
                "no-access-token")


LOGOUT_FAULTS = ("none", "alg-none", "wrong-alg", "wrong-signature", "unknown-kid", "wrong-type", "wrong-iss", "wrong-aud",
                 "no-event", "wrong-event", "event-no-object", "with-nonce", "no-jti", "no-iat", "no-exp", "expired", "old",
                 "future", "lives-long", "no-sub-no-sid")
"""What can be wrong with a logout token; given with each one."""


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
    encrypt_key: str = ""
    used: bool = False
    access_tokens: list[str] = field(default_factory=list)


def sid_of(cookie: str) -> str:
    """Return the id that relying parties know a browser's session by."""
    return hashlib.sha256(cookie.encode()).hexdigest()[:32]


class State:
    """The simulator's memory; thread-safe by one lock.

    Args:
        clients: registered at start.
        code_lifetime: seconds that a code lives.
        clock: unix seconds; tests replace it.
    """

    def __init__(self, clients: tuple[Client, ...], code_lifetime: int = 60, clock: Any = time.time) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.code_lifetime = code_lifetime
        self.clients = {client.client_id: client for client in clients}
        self.stopped = threading.Event()
        self.log: deque[dict[str, Any]] = deque(maxlen=1000)
        self.reset()

    def reset(self) -> None:
        """Forget everything but the clients; all switches go to their defaults."""
        with self.lock:
            self.switches = {name: values[0] for name, values in SWITCHES.items()}
            self.faults = {**dict.fromkeys(FAULTY, "none"), "id_token": "none"}
            self.persona = ""
            self.grants: dict[str, Grant] = {}
            self.tokens: dict[str, Grant] = {}
            self.browsers: dict[str, tuple[str, int]] = {}
            self.log.clear()

    def set(self, name: str, value: str) -> None:
        """Set a switch or a fault.

        Raises:
            ValueError: there is no such switch, or no such value of it.
        """
        known = SWITCHES.get(name) or (TOKEN_FAULTS if name == "fault.id_token" else
                                       FAULTS if name.removeprefix("fault.") in FAULTY else None)
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
