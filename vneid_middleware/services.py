"""What views and plugins work with: looked up once, then frozen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vneid_middleware.crypto import KeyRing
from vneid_middleware.events import Event
from vneid_middleware.exceptions import AuditError
from vneid_middleware.settings import Settings

if TYPE_CHECKING:
    from vneid_middleware.outbound import Outbound
    from vneid_middleware.pages import Pages
    from vneid_middleware.sessions import Sessions
    from vneid_middleware.storage import Storage

log = logging.getLogger("vneid_middleware")


@dataclass(frozen=True)
class Links:
    """The portal's own URLs, all built on ``public_url`` and never on the request.

    Args:
        public_url: scheme, host and the path the portal is mounted under.
        prefix: where our endpoints live, below ``public_url``.
    """

    public_url: str
    prefix: str

    def own(self, path: str) -> str:
        """Return the URL of one of our endpoints, ``/callback`` say."""
        return self.public_url + self.prefix + path

    @property
    def home(self) -> str:
        """The portal's start page."""
        return self.public_url + "/"

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a browser's ``Origin`` header has them."""
        scheme, _, rest = self.public_url.partition("://")
        return f"{scheme}://{rest.split('/')[0]}"

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")


@dataclass(frozen=True)
class Services:
    """Everything that is one-of-a-kind in a running middleware. Immutable once built.

    ``clock`` returns unix seconds; tests replace it. ``sinks`` are the audit sinks, ``subscribers`` is called with each
    event after the sinks have it. ``signs_in`` tells whether a plugin offers ``/login``.
    """

    settings: Settings
    key_ring: KeyRing
    storage: Storage
    outbound: Outbound
    links: Links
    clock: Callable[[], float] = time.time
    sessions: Sessions = None  # type: ignore[assignment]
    pages: Pages = None  # type: ignore[assignment]
    keys: Any = None
    sinks: Sequence[Any] = ()
    readiness: Mapping[str, Any] = field(default_factory=dict)
    signs_in: bool = False
    roles: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    components: Mapping[str, Any] = field(default_factory=dict)
    subscribers: Callable[[Event], None] = lambda event: None
    record: Callable[[Event, float], Mapping[str, Any]] = lambda event, now: {}

    def with_parts(self, **parts: Any) -> Services:
        """Return the same services with further parts; for the assembly only."""
        return replace(self, **parts)

    def __getitem__(self, name: str) -> Any:
        """Return a plugin's component."""
        return self.components[name]

    def implementations(self, role: str) -> dict[str, Any]:
        """Return what was registered for a role, by name."""
        return {name: implementation for (kind, name), implementation in self.roles.items() if kind == role}

    def now(self) -> int:
        """Return the present unix second."""
        return int(self.clock())

    def tell(self, event: Event) -> None:
        """Write ``event`` to every audit sink, then tell the subscribers.

        Raises:
            AuditError: a sink could not keep it. What the event tells of must not go on then.
        """
        self.write_down(event)
        self.spread(event)

    def write_down(self, event: Event) -> None:
        """Write ``event`` to every audit sink; :meth:`spread` follows once what it tells of has happened.

        Raises:
            AuditError: a sink could not keep it.
        """
        record = self.record(event, self.clock())
        for sink in self.sinks:
            sink.write(record)

    def spread(self, event: Event) -> None:
        """Tell the subscribers of what was written down."""
        try:
            self.subscribers(event)
        except Exception:
            log.exception("a subscriber of %s failed", event.name)

    def tell_anyway(self, event: Event) -> None:
        """Like :meth:`tell`, for what has happened whether or not it can be written down."""
        try:
            self.tell(event)
        except AuditError as error:
            log.error("the audit record of %s could not be written: %s", event.name, error)
