"""Lookups at the counter."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vneid_lookups",
        sa.Column("lookup_key", sa.String(64), primary_key=True, comment="SHA-256 of the lookup's id"),
        sa.Column("operator_key", sa.String(64), nullable=False, comment="keyed hash of the operator's name"),
        sa.Column("qr_key", sa.String(64), nullable=False, comment="keyed hash of what was scanned"),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, comment="waiting, settling, settled or taken"),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False, comment="how the citizen's consent reaches us"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("deadline", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=True, comment="until then a process is known to wait for the answer"),
        sa.Column("owner", sa.String(64), nullable=False, comment="that process"),
        sa.Column("transaction_key", sa.String(64), nullable=True, comment="SHA-256 of VNeID's transaction"),
        sa.Column("sealed", sa.Text, nullable=True,
                  comment="sealed: the question while it waits, then the result until it is fetched"),
        sa.Column("settled_at", sa.BigInteger, nullable=True),
        sa.Column("forget_at", sa.BigInteger, nullable=False),
    )
    op.create_index("vneid_lookups_transaction", "vneid_lookups", ["transaction_key"], unique=True)
    op.create_index("vneid_lookups_operator", "vneid_lookups", ["operator_key", "created_at"])
    op.create_index("vneid_lookups_qr", "vneid_lookups", ["qr_key"])
    op.create_index("vneid_lookups_state", "vneid_lookups", ["state"])
    op.create_index("vneid_lookups_forget", "vneid_lookups", ["forget_at"])


def downgrade() -> None:
    op.drop_table("vneid_lookups")
