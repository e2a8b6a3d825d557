"""The tables. Their history is in ``migrations/``; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

_sequence = BigInteger().with_variant(Integer, "sqlite")

sessions = Table(
    "vneid_sessions", metadata,
    Column("session_id", String(64), primary_key=True),
    Column("subject_key", String(64), nullable=False, comment="keyed hash of issuer and subject"),
    Column("personal_key", String(64), nullable=False, comment="keyed hash of the personal number"),
    Column("account", String(64), nullable=False, comment="masked personal number, for people to look at"),
    Column("account_type", String(16), nullable=False),
    Column("level", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("hint", Text, nullable=True, comment="sealed: what only logout needs"),
    Column("sid_key", String(64), nullable=True, comment="keyed hash of issuer and the provider's session"),
    Index("vneid_sessions_sid", "sid_key"),
    Index("vneid_sessions_subject", "subject_key"),
    Index("vneid_sessions_personal", "personal_key"),
    Index("vneid_sessions_expiry", "expires_at"),
)

accounts = Table(
    "vneid_accounts", metadata,
    Column("subject_key", String(64), primary_key=True, comment="keyed hash of issuer and subject"),
    Column("personal_key", String(64), nullable=False, comment="keyed hash of issuer and personal number"),
    Column("first_seen", BigInteger, nullable=False),
    Index("vneid_accounts_personal", "personal_key", unique=True),
)

ended_sessions = Table(
    "vneid_ended_sessions", metadata,
    Column("seq", _sequence, primary_key=True, autoincrement=True),
    Column("scope", String(16), nullable=False, comment="session, subject or all"),
    Column("target", Text, nullable=False, comment="session id; sealed issuer and subject; empty"),
    Column("ended_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("vneid_ended_sessions_expiry", "expires_at"),
)

login_claims = Table(
    "vneid_login_claims", metadata,
    Column("state_key", String(64), primary_key=True, comment="SHA-256 of the login's state"),
    Column("claimed_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("outcome", Text, nullable=True, comment="sealed: where the login ended"),
    Index("vneid_login_claims_expiry", "expires_at"),
)

used_tokens = Table(
    "vneid_used_tokens", metadata,
    Column("token_key", String(64), primary_key=True, comment="SHA-256 of the token's issuer and id"),
    Column("expires_at", BigInteger, nullable=False),
    Index("vneid_used_tokens_expiry", "expires_at"),
)

lookups = Table(
    "vneid_lookups", metadata,
    Column("lookup_key", String(64), primary_key=True, comment="SHA-256 of the lookup's id"),
    Column("operator_key", String(64), nullable=False, comment="keyed hash of the operator's name"),
    Column("qr_key", String(64), nullable=False, comment="keyed hash of what was scanned"),
    Column("request_id", String(64), nullable=False),
    Column("state", String(16), nullable=False, comment="waiting, settling, settled or taken"),
    Column("status", String(32), nullable=False),
    Column("mode", String(16), nullable=False, comment="how the citizen's consent reaches us"),
    Column("created_at", BigInteger, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=True, comment="until then a process is known to wait for the answer"),
    Column("owner", String(64), nullable=False, comment="that process"),
    Column("transaction_key", String(64), nullable=True, comment="SHA-256 of VNeID's transaction"),
    Column("sealed", Text, nullable=True, comment="sealed: the question while it waits, then the result until it is fetched"),
    Column("settled_at", BigInteger, nullable=True),
    Column("forget_at", BigInteger, nullable=False),
    Index("vneid_lookups_transaction", "transaction_key", unique=True),
    Index("vneid_lookups_operator", "operator_key", "created_at"),
    Index("vneid_lookups_qr", "qr_key"),
    Index("vneid_lookups_state", "state"),
    Index("vneid_lookups_forget", "forget_at"),
)

kept_forms = Table(
    "vneid_kept_forms", metadata,
    Column("form_key", String(64), primary_key=True, comment="SHA-256 of the form's id"),
    Column("browser_key", String(64), nullable=False, comment="SHA-256 of the browser's cookie"),
    Column("account_key", String(64), nullable=True, comment="keyed hash of issuer and subject"),
    Column("content_key", String(64), nullable=False, comment="keyed hash of what was sent where"),
    Column("kept_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("content", Text, nullable=True, comment="sealed; empty once sent"),
    Index("vneid_kept_forms_browser", "browser_key"),
    Index("vneid_kept_forms_account", "account_key"),
    Index("vneid_kept_forms_expiry", "expires_at"),
)

mobile_sign_ons = Table(
    "vneid_mobile_sign_ons", metadata,
    Column("transaction_key", String(64), primary_key=True, comment="SHA-256 of what the app holds"),
    Column("state_key", String(64), nullable=False, comment="SHA-256 of what travels through the browser"),
    Column("code_key", String(64), nullable=True, comment="SHA-256 of the code that the app gets, or gave"),
    Column("address_key", String(64), nullable=False, comment="keyed hash of the caller's network"),
    Column("started_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("answered", Integer, nullable=False, comment="how often the provider's answer came"),
    Column("redeemed", Integer, nullable=False, comment="how often it was redeemed"),
    Column("content", Text, nullable=False, comment="sealed: what the app asked, and what was asked of the provider"),
    Column("outcome", Text, nullable=True, comment="sealed: who signed in, until the app asks"),
    Column("session_id", String(64), nullable=True),
    Index("vneid_mobile_sign_ons_state", "state_key", unique=True),
    Index("vneid_mobile_sign_ons_code", "code_key", unique=True),
    Index("vneid_mobile_sign_ons_address", "address_key", "started_at"),
    Index("vneid_mobile_sign_ons_expiry", "expires_at"),
)

audit_records = Table(
    "vneid_audit", metadata,
    Column("seq", _sequence, primary_key=True, autoincrement=True),
    Column("time", String(32), nullable=False, comment="UTC, ISO 8601"),
    Column("event", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("record", Text, nullable=False, comment="the whole record as JSON"),
    Index("vneid_audit_time", "time"),
)
