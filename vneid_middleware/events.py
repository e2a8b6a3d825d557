"""Things that happened, in the past tense. Plugins subscribe to them; the audit writes them down.

No event holds a secret, a code, a token or a cookie. What names a citizen is a keyed hash (``subject_hash``) and a
masked number; subscribers that need more read it where they are allowed to.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Base of all events.

    ``name`` is the stable word in the audit; ``request_id`` is the correlation id that the person's page shows;
    ``remote_addr`` is the client's address, found by ``trusted_proxies``; ``user_agent`` is cut to 200 characters.
    """

    name: ClassVar[str] = "event"
    outcome: ClassVar[str] = "success"

    request_id: str = ""
    remote_addr: str = ""
    user_agent: str = ""

    def details(self) -> dict[str, Any]:
        """Return the event's own fields, for the audit record's ``what``."""
        return {key: value for key, value in asdict(self).items() if key not in _COMMON}


_COMMON = frozenset({"request_id", "remote_addr", "user_agent", "who"})


@dataclass(frozen=True)
class CitizenEvent(Event):
    """An event about one account; ``who`` holds ``subject_hash``, ``personal_id`` (masked) and ``account_type``."""

    who: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ConfigurationLoaded(Event):
    """A process read its configuration. ``fingerprint`` is SHA-256 over all settings, secrets by their hash."""

    name: ClassVar[str] = "configuration.loaded"
    fingerprint: str = ""
    version: str = ""
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoginSucceeded(CitizenEvent):
    """A citizen signed in and a session exists. ``app`` is the app that it is for; empty for a browser."""

    name: ClassVar[str] = "login.succeeded"
    level: int = 0
    session_id: str = ""
    replaced_session_id: str = ""
    app: str = ""


@dataclass(frozen=True)
class LoginRefused(CitizenEvent):
    """A login ended without a session. ``code`` is the error's stable word, ``detail`` is for the operator."""

    name: ClassVar[str] = "login.refused"
    outcome: ClassVar[str] = "failure"
    code: str = ""
    status: int = 0
    detail: str = ""


@dataclass(frozen=True)
class AccountConflict(CitizenEvent):
    """Subject and personal number came together that are known otherwise; the login is refused.

    ``reason`` is ``number_under_another_subject`` or ``subject_with_another_number``; ``known_subject_hash`` is the
    account's that is known.
    """

    name: ClassVar[str] = "account.conflict"
    outcome: ClassVar[str] = "failure"
    reason: str = ""
    known_subject_hash: str = ""


@dataclass(frozen=True)
class LoggedOut(CitizenEvent):
    """A citizen ended a session."""

    name: ClassVar[str] = "logout.succeeded"
    session_id: str = ""


@dataclass(frozen=True)
class LogoutRefused(Event):
    """A logout request was refused, because it came from another site, say."""

    name: ClassVar[str] = "logout.refused"
    outcome: ClassVar[str] = "failure"
    code: str = ""


@dataclass(frozen=True)
class FormKept(CitizenEvent):
    """A form waits for its sender to sign in again. ``form`` ties the events of one form together; ``size`` is in bytes.

    ``who`` is empty where the account of the ended session could not be told.
    """

    name: ClassVar[str] = "form.kept"
    form: str = ""
    size: int = 0


@dataclass(frozen=True)
class FormSent(CitizenEvent):
    """A kept form was put before the host again, at its sender's wish. What the host made of it is the host's."""

    name: ClassVar[str] = "form.sent"
    form: str = ""
    size: int = 0


@dataclass(frozen=True)
class FormDropped(Event):
    """A kept form was wiped unsent. ``reason`` is ``citizen``, ``logout``, ``another_account`` or ``unreadable``."""

    name: ClassVar[str] = "form.dropped"
    form: str = ""
    reason: str = ""


@dataclass(frozen=True)
class FormRefused(Event):
    """A form could not be kept (``type``, ``size``, ``full``, ``storage``, ``broken_off``), or another site pressed
    the button (``cross_site``)."""

    name: ClassVar[str] = "form.refused"
    outcome: ClassVar[str] = "failure"
    code: str = ""


@dataclass(frozen=True)
class SessionsRevoked(Event):
    """An operator or the provider ended sessions. ``scope`` is ``session``, ``subject`` or ``all``."""

    name: ClassVar[str] = "session.revoked"
    scope: str = "session"
    target: str = ""
    """Session id, or the subject's keyed hash."""
    by: str = ""


@dataclass(frozen=True)
class RedirectRefused(Event):
    """A return target that is not on this portal was replaced by the start page."""

    name: ClassVar[str] = "redirect.refused"
    outcome: ClassVar[str] = "failure"


@dataclass(frozen=True)
class LookupAsked(Event):
    """An officer asks VNeID for a citizen's data. ``qr_hash`` is a keyed hash of what was scanned."""

    name: ClassVar[str] = "lookup.asked"
    operator: str = ""
    officer_id: str = ""
    unit_code: str = ""
    dossier: str = ""
    qr_hash: str = ""


@dataclass(frozen=True)
class LookupAnswered(CitizenEvent):
    """A lookup ended; it has the ``request_id`` of its :class:`LookupAsked`.

    ``status`` is the answer's; ``reason`` a stable word where the answer was refused or did not come. ``who`` is there with
    ``ok`` only.
    """

    name: ClassVar[str] = "lookup.answered"
    status: str = ""
    reason: str = ""
    response_code: str = ""


@dataclass(frozen=True)
class LookupRefused(Event):
    """Somebody asked who may not, or too often. ``code`` is the answer's error."""

    name: ClassVar[str] = "lookup.refused"
    outcome: ClassVar[str] = "failure"
    code: str = ""
    operator: str = ""


@dataclass(frozen=True)
class DocumentAnswered(CitizenEvent):
    """VNeID, or another caller, asked for a citizen's document and was answered.

    ``asked_as`` is the caller's own id of the question, ``status`` the answer's; ``reason`` a stable word where the status
    does not say all. ``who`` is there where the question named a citizen.
    """

    name: ClassVar[str] = "document.answered"
    caller: str = ""
    kind: str = ""
    asked_as: str = ""
    status: str = ""
    reason: str = ""


@dataclass(frozen=True)
class ChangeAnnounced(Event):
    """A change of a document is on disk and will be delivered."""

    name: ClassVar[str] = "change.announced"
    submitter: str = ""
    change_id: str = ""
    kind: str = ""
    version: int = 0
    action: str = ""


@dataclass(frozen=True)
class ChangeRefused(Event):
    """An announcement was refused. ``code`` is the answer's error."""

    name: ClassVar[str] = "change.refused"
    outcome: ClassVar[str] = "failure"
    code: str = ""
    submitter: str = ""


@dataclass(frozen=True)
class DeliveryEvent(Event):
    """An event about one attempt to deliver a change. ``message_hash`` is SHA-256 of the signed message."""

    change_id: str = ""
    kind: str = ""
    version: int = 0
    attempt: int = 0
    message_hash: str = ""


@dataclass(frozen=True)
class DeliveryBegan(DeliveryEvent):
    """A change is about to be sent. Each has one :class:`DeliveryEnded`, unless the process ended."""

    name: ClassVar[str] = "delivery.began"


@dataclass(frozen=True)
class DeliveryEnded(DeliveryEvent):
    """What came of it: ``result`` is ``delivered``, ``retry``, ``dead`` or ``pause``, ``reason`` a stable word."""

    name: ClassVar[str] = "delivery.ended"
    result: str = ""
    reason: str = ""


@dataclass(frozen=True)
class DocumentRefused(Event):
    """Somebody asked for documents who may not, or too often, or with a request that was used before."""

    name: ClassVar[str] = "document.refused"
    outcome: ClassVar[str] = "failure"
    code: str = ""
    caller: str = ""


@dataclass(frozen=True)
class OutboxHandled(Event):
    """An operator put their hand on the outbox. ``action`` is the command's word, ``target`` a change's id or ``all``."""

    name: ClassVar[str] = "outbox.handled"
    action: str = ""
    target: str = ""
    count: int = 0
    by: str = ""


@dataclass(frozen=True)
class PersonExported(CitizenEvent):
    """An operator was given all that is kept about a person. ``counts`` is by part."""

    name: ClassVar[str] = "person.exported"
    counts: dict[str, int] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True)
class ErasureBegan(CitizenEvent):
    """All that is kept about a person is about to be erased. Each has one :class:`ErasureEnded`, unless the process ended."""

    name: ClassVar[str] = "erasure.began"
    by: str = ""


@dataclass(frozen=True)
class ErasureEnded(CitizenEvent):
    """What came of it: ``counts`` is by part, ``failed`` names the parts in which something may be left."""

    name: ClassVar[str] = "erasure.ended"
    counts: dict[str, int] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    by: str = ""
