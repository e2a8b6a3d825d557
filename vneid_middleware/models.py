"""Immutable values that pass between the floors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

PERSON = "person"
ORGANISATION = "organisation"
ACCOUNT_TYPES = (PERSON, ORGANISATION)

_PRECISIONS = {4: "year", 7: "month", 10: "day"}


class PartialDate(str):
    """A date that knows how much of itself is known: ``1990``, ``1990-05`` or ``1990-05-17`` (ISO 8601).

    Civil records of older citizens hold the year alone (QCVN 109:2017/BTTTT sends ``<Nam>`` without day and month);
    what is missing stays missing and is never invented.
    """

    __slots__ = ()

    @property
    def precision(self) -> str:
        """``year``, ``month`` or ``day``."""
        return _PRECISIONS.get(len(self), "unknown")

    @property
    def year(self) -> int:
        return int(self[:4])

    @property
    def month(self) -> int | None:
        return int(self[5:7]) if len(self) >= 7 else None

    @property
    def day(self) -> int | None:
        return int(self[8:10]) if len(self) >= 10 else None


class Identity(NamedTuple):
    """Who is signed in: what the host finds in ``environ["vneid.identity"]``. Immutable.

    A named tuple, because one is made for each signed-in request and nothing immutable is made faster.
    """

    subject: str
    """The provider's own name for the account: ``sub``, or the personal number where VNeID sends none."""
    issuer: str
    """Who vouches for ``subject``; the pair is the account's key."""
    personal_id: str
    """Số định danh: 12 digits for a person in the VNeID profiles."""
    full_name: str
    """NFC, every diacritic kept."""
    birth_date: PartialDate | None
    account_type: str
    """``person`` or ``organisation``."""
    level: int
    """Assurance level of the account: 0, 1 or 2."""
    claims: Mapping[str, Any]
    """The claims as the provider sent them."""
    authenticated_at: int
    """Unix seconds."""
    session_id: str

    def public(self) -> dict[str, Any]:
        """Return what ``GET /session`` tells: everything but ``claims`` and ``session_id``."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "personal_id": self.personal_id,
            "full_name": self.full_name,
            "birth_date": self.birth_date,
            "account_type": self.account_type,
            "level": self.level,
            "authenticated_at": self.authenticated_at,
        }


class MappedClaims(NamedTuple):
    """What a claims mapper reads out of the provider's claims. Every value is already checked for form."""

    subject: str
    personal_id: str
    full_name: str
    birth_date: PartialDate | None
    account_type: str
    level: int


class ProviderClient(NamedTuple):
    """Whom the provider gives a code to, and how it is asked for what the code stands for."""

    client_id: str
    client_secret: str
    client_auth: str
    """As ``sso.client_auth``."""
    redirect_uri: str
    pkce: bool = True
    """A challenge goes along with the request, and the verifier with the code."""
    nonce: bool = True
    """A nonce goes along with the request."""

    def __repr__(self) -> str:
        return f"<ProviderClient {self.client_id}>"


class SignedIn(NamedTuple):
    """Whom the provider vouches for, checked in full; no session exists yet."""

    mapped: MappedClaims
    claims: Mapping[str, Any]
    id_token: str
    """For the logout at the provider; empty where none came, or where none is called."""
    account: str | None
    """The name of the host's own account; None for none asked for, empty for none found."""
    return_to: str
    """Where the login ends: the page that was wanted, or the sign-up page of who has no account."""
    began: int
    """Unix second at which the answer came: whatever ends this account's sessions from then on ends this one too."""

    def __repr__(self) -> str:
        return f"<SignedIn at {self.began}>"


class Who(NamedTuple):
    """What of a request goes into events."""

    request_id: str
    remote_addr: str
    user_agent: str


class LoginTransaction(NamedTuple):
    """One login under way in one tab of one browser; it lives sealed in that browser's cookie."""

    state: str
    nonce: str
    code_verifier: str
    return_to: str
    """Absolute URL on the portal."""
    level: int
    """The level this login must reach; 0 when none was asked for."""
    started_at: int
    """Unix seconds."""
    issuer: str
    """The issuer that was asked, so that an answer of another one is recognised (RFC 9207)."""
    session_id: str = ""
    """The session that the browser had then. It ends with this login, also where the answer comes by a form of the
    provider's, which carries no session cookie."""


class Operator(NamedTuple):
    """Who asks at the counter, as the operator policy knows them."""

    name: str
    """Stable name: what the rate limit counts by and whom a lookup belongs to."""
    officer_id: str = ""
    """The officer's own identity number, where the policy vouches for it: it stands over whatever the request says."""


class TransportRequest(NamedTuple):
    """One message to a service behind a platform. What the platform itself asks for is the transport's to add."""

    path: str
    """The path of the service behind the transport's ``url``; begins with a slash, has no query, and is percent-encoded where
    a segment holds a slash or a percent sign. Other characters that a path can't hold are encoded by the transport."""
    body: bytes
    content_type: str = "application/json"
    request_id: str = ""
    """Our id of this message, a UUID where there is one."""
    officer_id: str = ""
    """On whose behalf; empty for none."""
    dossier: str = ""
    """The dossier that it is for; empty for none."""
    timeout: float | None = None
    """Seconds for all of it; None: the transport's own ``timeout``."""
    max_body: int = 1_048_576
    """Bytes of the answer, after decompression."""


class DocumentRequest(NamedTuple):
    """What VNeID asks a document provider (the guide's part B): one citizen's document, with or without what they typed."""

    personal_id: str
    """Số định danh: 12 digits."""
    inputs: Mapping[str, str] = MappingProxyType({})
    """What the citizen typed in the app, by the names of the request's ``thamSo``. Checked for form and length only."""


class FoundDocument(NamedTuple):
    """What a document provider found."""

    status: str
    """``ok``, ``not_found``, ``mismatch``, ``multiple``, ``revoked``, ``expired`` or ``invalid_request``
    (:mod:`vneid_middleware.core.documents`)."""
    data: Any = None
    """With ``ok``, ``revoked`` and ``expired``: the document's fields, a mapping that is ready for JSON; a list of them for a
    kind of which all papers go out."""
    document_id: Any = None
    """``maGiayTo``, by which later changes name the document; a list beside a list."""
    fields: tuple[str, ...] = ()
    """Names of inputs: which do not match (``mismatch``), would tell several documents apart (``multiple``), or are missing
    (``invalid_request``). Never a value."""
    reason: str = ""
    """A stable word for the audit, where the status does not say all."""


class Gauge(NamedTuple):
    """A number for ``/metrics`` as it is now. Those with one name have one ``about`` and the same labels."""

    name: str
    """As Prometheus writes it: small letters, digits and underscores, the unit last (``vneid_outbox_oldest_seconds``)."""
    about: str
    """What it tells, in a few English words."""
    value: float
    labels: Mapping[str, str] = MappingProxyType({})


def frozen(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a read-only view of ``mapping``."""
    return MappingProxyType(dict(mapping))
