"""The tables. Their history is in ``migrations/``; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

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

documents = Table(
    "vneid_documents", metadata,
    Column("document_id", _sequence, primary_key=True, autoincrement=True),
    Column("document_key", String(64), nullable=False, comment="keyed hash of kind, personal number and the document's own"),
    Column("kind", String(128), nullable=False),
    Column("version", BigInteger, nullable=False, comment="of the newest change"),
    Column("person_key", String(64), nullable=False, comment="keyed hash of the personal number"),
    Column("sealed", Text, nullable=False, comment="sealed: which document it is"),
    Index("vneid_documents_person", "person_key"),
    Index("vneid_documents_key", "document_key", unique=True),
)

outbox = Table(
    "vneid_outbox", metadata,
    Column("seq", _sequence, primary_key=True, autoincrement=True),
    Column("change_id", String(36), nullable=False),
    Column("document_id", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("kind", String(128), nullable=False),
    Column("action", String(16), nullable=False),
    Column("state", String(16), nullable=False, comment="ready, leased, delivered, dead, discarded or superseded"),
    Column("reason", String(64), nullable=False, comment="what the last attempt came to"),
    Column("submitter", String(128), nullable=False),
    Column("idempotency_hash", String(64), nullable=False, comment="keyed hash of submitter and idempotency key"),
    Column("content_hash", String(64), nullable=False, comment="keyed hash of the whole change"),
    Column("message_hash", String(64), nullable=False, comment="SHA-256 of what was sent last"),
    Column("attempts", BigInteger, nullable=False, comment="counted when they begin"),
    Column("crashes", BigInteger, nullable=False, comment="attempts in a row that nobody ended"),
    Column("fence", BigInteger, nullable=False, comment="number of the lease: what came of an older one is not taken"),
    # of what is settled: when that was
    Column("next_at", Float(53), nullable=False, comment="unix seconds: not before then; of a lease its end"),
    Column("touched_at", Float(53), nullable=False, comment="unix seconds: when state changed; after now: the clock was set"),
    Column("created_at", BigInteger, nullable=False),
    Column("sealed", Text, nullable=True, comment="sealed change; empty once it is settled"),
    Index("vneid_outbox_change", "change_id", unique=True),
    Index("vneid_outbox_version", "document_id", "version", unique=True),
    Index("vneid_outbox_idempotency", "idempotency_hash", unique=True),
    Index("vneid_outbox_due", "state", "next_at", "seq"),
    Index("vneid_outbox_turn", "document_id", "state", "version"),
)

channels = Table(
    "vneid_channels", metadata,
    Column("name", String(64), primary_key=True, comment="outbox, or the kind of a source of changes or of a backfill"),
    Column("paused", String(64), nullable=False, comment="why; empty while it is open"),
    Column("not_before", Float(53), nullable=False, comment="unix seconds: nothing is sent or asked before then"),
    Column("touched_at", Float(53), nullable=False),
    Column("cursor", Text, nullable=True, comment="how far a source was read"),
)

taken_rows = Table(
    "vneid_taken_rows", metadata,
    Column("row_key", String(64), primary_key=True, comment="keyed hash of a source's row"),
    Column("kind", String(128), nullable=False),
    Column("position", Float(53), nullable=False, comment="its cursor as a number"),
    Index("vneid_taken_rows_position", "kind", "position"),
)
