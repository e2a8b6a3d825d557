"""Sessions, ended sessions, claimed logins, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "vneid_sessions",
        sa.Column("session_id", sa.String(64), primary_key=True),
        sa.Column("subject_key", sa.String(64), nullable=False, comment="keyed hash of issuer and subject"),
        sa.Column("personal_key", sa.String(64), nullable=False, comment="keyed hash of the personal number"),
        sa.Column("account", sa.String(64), nullable=False, comment="masked personal number, for people to look at"),
        sa.Column("account_type", sa.String(16), nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("hint", sa.Text, nullable=True, comment="sealed: what only logout needs"),
    )
    op.create_index("vneid_sessions_subject", "vneid_sessions", ["subject_key"])
    op.create_index("vneid_sessions_personal", "vneid_sessions", ["personal_key"])
    op.create_index("vneid_sessions_expiry", "vneid_sessions", ["expires_at"])
    op.create_table(
        "vneid_ended_sessions",
        sa.Column("seq", _sequence, primary_key=True, autoincrement=True),
        sa.Column("scope", sa.String(16), nullable=False, comment="session, subject or all"),
        sa.Column("target", sa.Text, nullable=False, comment="session id; sealed issuer and subject; empty"),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("vneid_ended_sessions_expiry", "vneid_ended_sessions", ["expires_at"])
    op.create_table(
        "vneid_login_claims",
        sa.Column("state_key", sa.String(64), primary_key=True, comment="SHA-256 of the login's state"),
        sa.Column("claimed_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.Text, nullable=True, comment="sealed: where the login ended"),
    )
    op.create_index("vneid_login_claims_expiry", "vneid_login_claims", ["expires_at"])
    op.create_table(
        "vneid_audit",
        sa.Column("seq", _sequence, primary_key=True, autoincrement=True),
        sa.Column("time", sa.String(32), nullable=False, comment="UTC, ISO 8601"),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("record", sa.Text, nullable=False, comment="the whole record as JSON"),
        sqlite_autoincrement=True,
    )
    op.create_index("vneid_audit_time", "vneid_audit", ["time"])


def downgrade() -> None:
    for table in ("vneid_audit", "vneid_login_claims", "vneid_ended_sessions", "vneid_sessions"):
        op.drop_table(table)
