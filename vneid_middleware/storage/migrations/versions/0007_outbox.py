"""Changes of documents on their way to VNeID, and how far their sources were read."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _documents()
    _outbox()
    op.create_table(
        "vneid_channels",
        sa.Column("name", sa.String(64), primary_key=True, comment="outbox, or the kind of a source of changes or of a backfill"),
        sa.Column("paused", sa.String(64), nullable=False, comment="why; empty while it is open"),
        sa.Column("not_before", sa.Float(53), nullable=False, comment="unix seconds: nothing is sent or asked before then"),
        sa.Column("touched_at", sa.Float(53), nullable=False),
        sa.Column("cursor", sa.Text, nullable=True, comment="how far a source was read"),
    )
    op.create_table(
        "vneid_taken_rows",
        sa.Column("row_key", sa.String(64), primary_key=True, comment="keyed hash of a source's row"),
        sa.Column("kind", sa.String(128), nullable=False),
        sa.Column("position", sa.Float(53), nullable=False, comment="its cursor as a number"),
    )
    op.create_index("vneid_taken_rows_position", "vneid_taken_rows", ["kind", "position"])


def _documents() -> None:
    op.create_table(
        "vneid_documents",
        sa.Column("document_id", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("document_key", sa.String(64), nullable=False,
                  comment="keyed hash of kind, personal number and the document's own"),
        sa.Column("kind", sa.String(128), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, comment="of the newest change"),
        sa.Column("person_key", sa.String(64), nullable=False, comment="keyed hash of the personal number"),
        sa.Column("sealed", sa.Text, nullable=False, comment="sealed: which document it is"),
    )
    op.create_index("vneid_documents_person", "vneid_documents", ["person_key"])
    op.create_index("vneid_documents_key", "vneid_documents", ["document_key"], unique=True)


def _outbox() -> None:
    op.create_table(
        "vneid_outbox",
        sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("change_id", sa.String(36), nullable=False),
        sa.Column("document_id", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(128), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, comment="ready, leased, delivered, dead, discarded or superseded"),
        sa.Column("reason", sa.String(64), nullable=False, comment="what the last attempt came to"),
        sa.Column("submitter", sa.String(128), nullable=False),
        sa.Column("idempotency_hash", sa.String(64), nullable=False, comment="keyed hash of submitter and idempotency key"),
        sa.Column("content_hash", sa.String(64), nullable=False, comment="keyed hash of the whole change"),
        sa.Column("message_hash", sa.String(64), nullable=False, comment="SHA-256 of what was sent last"),
        sa.Column("attempts", sa.BigInteger, nullable=False, comment="counted when they begin"),
        sa.Column("crashes", sa.BigInteger, nullable=False, comment="attempts in a row that nobody ended"),
        sa.Column("fence", sa.BigInteger, nullable=False,
                  comment="number of the lease: what came of an older one is not taken"),
        sa.Column("next_at", sa.Float(53), nullable=False, comment="unix seconds: not before then; of a lease its end"),
        sa.Column("touched_at", sa.Float(53), nullable=False,
                  comment="unix seconds: when state changed; after now: the clock was set"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.Text, nullable=True, comment="sealed change; empty once it is settled"),
    )
    op.create_index("vneid_outbox_change", "vneid_outbox", ["change_id"], unique=True)
    op.create_index("vneid_outbox_version", "vneid_outbox", ["document_id", "version"], unique=True)
    op.create_index("vneid_outbox_idempotency", "vneid_outbox", ["idempotency_hash"], unique=True)
    op.create_index("vneid_outbox_due", "vneid_outbox", ["state", "next_at"])


def downgrade() -> None:
    for table in ("vneid_taken_rows", "vneid_channels", "vneid_outbox", "vneid_documents"):
        op.drop_table(table)
