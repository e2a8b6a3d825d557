"""Contracts between the middleware and its plugins.

Each says when it is called, what is returned, which exceptions it may raise and what it must not do. The built-in
features fulfil the same contracts as a vendor's. A directive verifies an object when it is registered; see
:mod:`vneid_middleware.directives`.

All methods may be called from several threads at once. None may open a connection, start a thread or make a lock before
its first call that serves a request: a server may fork after the middleware was built.
"""

from __future__ import annotations

from zope.interface import Attribute, Interface


class IProvisioned(Interface):
    """Optional, for any implementation that needs settings or other services."""

    def provision(services):
        """Called once, after all settings were read and before the first request.

        ``services`` is the :class:`vneid_middleware.services.Services` under construction: ``settings``, ``key_ring``,
        ``storage`` and ``outbound`` are there, roles of other plugins are not yet. Must not do any input or output.

        Raises ``vneid_middleware.exceptions.ConfigurationError`` when the settings don't suffice.
        """


class ISessionStore(Interface):
    """Keeps sessions between requests. Selected by ``session.store``.

    What is kept is a *record*: the JSON list of :mod:`vneid_middleware.core.session`. To the store it is opaque.
    """

    def save(record):
        """Keep ``record`` and return the session cookie's value: ASCII without spaces, commas or semicolons.

        Called at login and at most once a minute for each session in use. The value must not let anybody make another
        valid one, and stays under 4,000 characters. Raises ``StorageError`` when it can't be kept.
        """

    def loader():
        """Return a function ``load(value)`` that gives back the record ``save`` was called with.

        Called once, at start. ``load`` is called for each request that carries the cookie, with whatever the client
        sent; it raises any ``Exception`` when the value is not one of ours, and must not log it. It must answer within
        microseconds or, if it asks another machine, within 200 ms.
        """

    def forget(session_id):
        """Drop what is kept of an ended session. Unknown ids are no error. A store that keeps nothing does nothing."""


class IBearerSessions(Interface):
    """Keeps the sessions of clients that are no browsers, which carry them as ``Authorization: Bearer``. One plugin at most
    offers it; without one no access token counts, and the header is the host's alone."""

    max_age = Attribute("seconds after which such a session ends; may be set by ``provision``")

    def save(record):
        """Keep ``record`` and return the access token without its prefix: letters, digits and ``+ / - . _ ~``, at most 8,000.

        The value must not let anybody make another valid one. Raises ``StorageError`` when it can't be kept.
        """

    def loader():
        """Return a function ``load(token)`` that gives back the record ``save`` was called with.

        Under the same conditions as ``ISessionStore.loader``; the token comes without its prefix.
        """


class IKeyProvider(Interface):
    """Signs and decrypts with the portal's own keys. Selected by ``keys.provider``; an HSM is another implementation."""

    def public_keys():
        """Return the public keys as JWK mappings, with ``kid``, ``use`` and ``alg``; never a private member.

        Called for ``GET /.well-known/jwks.json``.
        """

    def sign(setting, payload, header):
        """Return the compact JWS of ``payload`` (bytes) under the key that ``setting`` names.

        ``setting`` is the key's name in the ini, such as ``sso.signing_key``. ``header`` holds further protected header
        parameters; ``alg`` and ``kid`` are the provider's. Raises ``VNeIDError`` when there is no such key.
        """

    def unwrap(setting, wrapped, algorithm):
        """Return the content keys that may be inside ``wrapped`` (bytes), one for each private key that ``setting`` names.

        ``algorithm`` is ``RSA1_5`` or ``RSA-OAEP-256``. Damage must not be told apart from a wrong key: a random key comes
        back instead of an error (RFC 7516 section 11.5), and all private keys are tried whichever fits. Raises
        ``VNeIDError`` with code ``key_missing`` when ``setting`` names none.
        """

    def decrypt(setting, token):
        """Return what is inside ``token``, a compact JWE, as bytes.

        RSA-OAEP-256 or ECDH-ES+A256KW with A256GCM and nothing else, as :func:`vneid_middleware.core.jwe.decrypt` has it.
        Raises ``VNeIDError``, with code ``decryption_failed`` and no reason for whatever only the key can tell.
        """


class IAuditSink(Interface):
    """Takes audit records. Selected by ``audit.sinks``; several may be active."""

    def write(record):
        """Keep one record: a mapping that is ready for JSON, with ``time``, ``event``, ``outcome``, ``who``, ``from``,
        ``what`` and ``request_id``. Returns when it is safe. Raises ``AuditError`` when it can't be kept: what it
        tells of must not go on then.
        """

    def check():
        """Raise ``AuditError`` when ``write`` would fail now. Called by ``/health/ready``."""


class IAuditSinkFactory(Interface):
    """Makes an audit sink: ``audit.sinks = NAME:ARGUMENT``."""

    def __call__(argument, services):
        """Return an ``IAuditSink`` for ``argument``, the text after the colon (empty if there is none).

        Raises ``ValueError`` with an expectation in words when the argument does not fit.
        """


class IResponseDecoder(Interface):
    """Turns the provider's token and userinfo answers into plain claims. Selected by ``sso.response``."""

    def decode(answer, services):
        """Return the plain mapping inside ``answer``, the provider's JSON object.

        Called for the token and the userinfo answer. An answer that is not in this decoder's form is refused: raises
        ``VNeIDError`` with code ``response_malformed``, the same for every kind of damage.
        """


class IClaimsMapper(Interface):
    """Reads the identity out of the provider's claims. Selected by ``sso.claims``."""

    def map(claims, now):
        """Return ``vneid_middleware.models.MappedClaims``.

        ``claims`` is a mapping, ``now`` unix seconds. Raises ``VNeIDError`` with code ``claims_invalid`` and the name of
        the claim, never its value. Must not ask anybody.
        """


class IProviderProfile(Interface):
    """Presets of a provider. Selected by ``sso.profile``; each of the ini's own keys wins over it."""

    defaults = Attribute("mapping of setting name (without ``sso.``) to the default under this profile")
    strict_personal_id = Attribute("true: a person's ``personal_id`` that is not 12 digits refuses the login")


class ITransport(Interface):
    """Carries messages to a service, through whatever platform stands between."""

    def send(request):
        """Send a :class:`vneid_middleware.models.TransportRequest` and return the service's answer.

        A coroutine function; it runs on the loop of ``services.outbound``, must not block it, and makes its calls by a
        ``services.outbound.channel(…)``. It may be cancelled. The request goes out once: it is never repeated after bytes
        were sent, but for an answer that says that it was not looked at (a token that ran out).

        Returns:
            :class:`vneid_middleware.outbound.Response`, whatever its status: what the service itself answered.

        Raises:
            UpstreamError: no answer of the service; with the codes of the outbound client, ``platform`` when the platform
                between refused or failed (evidence ``status`` and ``platform_code``), ``busy`` while it is known to be down.
        """

    def check():
        """Return None when, by what is known, the platform answers; raise ``UpstreamError`` otherwise. Asks nobody."""


class IOnlineCheck(Interface):
    """Optional, for a transport: tried by ``vneid check --online``."""

    def check_online():
        """Go as far as can be gone without asking the service anything, and return the platform's ``Date`` header.

        A coroutine function, like ``send``. Returns an empty text where there is no such header. Raises
        ``UpstreamError`` with what an administrator can mend.
        """


class ISettingsCheck(Interface):
    """Optional, for a transport factory: what is wrong with its settings beside what their rows say."""

    def problems(transport):
        """Return :class:`vneid_middleware.settings.Problem` objects, made by ``transport.problem``.

        Called at start, before the factory, for each ``transport.NAME`` of this kind. ``transport.get(part)`` returns what
        ``transport.NAME.part`` says, or None where it says nothing or something wrong, which is told already;
        ``transport.key(part)`` is the whole key, and ``transport.problem(part, expectation, remedy)`` a problem of it.
        """


class ITransportFactory(Interface):
    """Makes a transport. Selected by ``transport.NAME.kind``."""

    required = Attribute("settings (without ``transport.NAME.``) that this kind can't do without")
    optional = Attribute("further settings that this kind reads; those of all kinds (``timeout``, ``auth``, …) not named")

    def __call__(name, services):
        """Return the :class:`ITransport` of ``transport.NAME``. Called once, at start; must not do any input or output.

        Raises ``ConfigurationError`` when the settings don't suffice.
        """


class IOperatorPolicy(Interface):
    """Tells who asks at the counter. Selected by ``qr.operators = plugin:NAME``."""

    def identify(request):
        """Return the :class:`vneid_middleware.models.Operator` who sent a Pyramid request, or None for nobody (401).

        Called for every request under ``/qr/lookup`` and ``/qr/operator``, before anything else of it is looked at. Raises
        ``VNeIDError`` with code ``not_an_officer`` for somebody who is known and may not ask (403). Must not read the body.
        """


class IDocumentProvider(Interface):
    """Knows the documents of one kind (the guide's part B)."""

    def find(request):
        """Return the :class:`vneid_middleware.models.FoundDocument` for a :class:`vneid_middleware.models.DocumentRequest`.

        Called for a pull, on a thread of a small pool, beside the request that waits for it: VNeID is told ``pending`` where
        it takes longer than a moment. Must end within 30 seconds of its own, must not change anything, and must answer the
        same for a document that is somebody else's as for one that there is not, with the same work. Raises ``VNeIDError``
        when it can't tell now (``unavailable``); any other exception counts as the same. Must not log what it was given.
        """

    def current(personal_id, document_id):
        """Return the document's data as they are now, a mapping that is ready for JSON, or None where there is none any more.

        Called when a change is delivered that was announced without data, on a thread of a small pool, and waited for 30
        seconds. ``document_id`` is in NFC, whatever form it came in. Raises ``VNeIDError`` when it can't tell now.
        """

    def check():
        """Return None when, by what is known, ``find`` would answer; raise ``VNeIDError`` otherwise. Within 2 seconds."""


class IDocumentProviderFactory(Interface):
    """Makes a document provider. Selected by ``documents.KIND.provider``."""

    required = Attribute("settings (without ``documents.KIND.``) that this provider can't do without")
    optional = Attribute("further settings of ``documents.KIND.`` that it reads")

    def __call__(kind, services):
        """Return the :class:`IDocumentProvider` of ``documents.KIND``. Called once, at start; must not do any input or output.

        Raises ``ConfigurationError`` when the settings don't suffice.
        """


class ITrial(Interface):
    """Optional, for a component: tried by ``vneid check --online``."""

    def try_online():
        """Go as far as can be gone without changing anything; return an iterable of ``(name, fault)``, or of ``(name, fault,
        "warning")`` for what works and is likely not meant so: it is told, and the check passes.

        ``name`` is what was tried, ``fault`` a sentence for the administrator, empty where all is well. Never a value that
        was found.
        """


class IReadinessCheck(Interface):
    """Tells ``/health/ready`` about one part."""

    critical = Attribute("true: when it fails this process can't serve (503); false: it is named under ``degraded``")

    def check():
        """Return None when all is well; raise ``VNeIDError`` otherwise. Must answer within 2 seconds."""


class IGauges(Interface):
    """Tells ``/metrics`` numbers that are looked up when it is asked, such as how much waits."""

    uses_storage = Attribute("true: not read while storage does not answer, so that nobody waits for it twice")

    def read():
        """Return an iterable of :class:`vneid_middleware.models.Gauge`; none where there is nothing to tell.

        Called for each request of ``/metrics``; must answer within 2 seconds, however much there is to count. Whatever it
        raises is logged, and the other numbers are told without it. Names begin with ``vneid_`` or the vendor's own name; a
        label's value is one of few, and never a person's.
        """


class IPersonalData(Interface):
    """One part that keeps something about people; asked by ``vneid export`` and ``vneid erase``, while portal and workers run."""

    kept = Attribute("what ``erase`` leaves, and why: a mapping of language (``vi``, ``en``) to one sentence; empty for nothing")

    def export(personal_id):
        """Return an iterable of mappings that are ready for JSON: all that is kept about a person, opened where it is sealed.

        ``until`` in each is the time (UTC, ISO 8601) at which it is dropped by itself, or None where it stays. Never a value
        that would let anybody in. Raises ``VNeIDError`` when it can't tell now. Must not log ``personal_id``.
        """

    def erase(personal_id):
        """Erase all that is kept about a person but for what ``kept`` says; return how many things that were.

        Called again after it was broken off, and then goes on; returns 0 where there is nothing any more. Raises ``VNeIDError``
        when something is left that should not be. Must not log ``personal_id``.
        """


class IEventSubscriber(Interface):
    """Is told what happened; registered with Pyramid's ``config.add_subscriber`` for a class of
    :mod:`vneid_middleware.events`. Its errors are logged and change nothing: a veto is a role, never a subscriber."""

    def __call__(event):
        """Take note of ``event``. Must be quick: it runs within the request."""
