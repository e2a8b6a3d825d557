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


class IReadinessCheck(Interface):
    """Tells ``/health/ready`` about one part."""

    critical = Attribute("true: when it fails this process can't serve (503); false: it is named under ``degraded``")

    def check():
        """Return None when all is well; raise ``VNeIDError`` otherwise. Must answer within 2 seconds."""


class IEventSubscriber(Interface):
    """Is told what happened; registered with Pyramid's ``config.add_subscriber`` for a class of
    :mod:`vneid_middleware.events`. Its errors are logged and change nothing: a veto is a role, never a subscriber."""

    def __call__(event):
        """Take note of ``event``. Must be quick: it runs within the request."""
