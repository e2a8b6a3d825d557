"""Which subject came with which personal number."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vneid_accounts",
        sa.Column("subject_key", sa.String(64), primary_key=True, comment="keyed hash of issuer and subject"),
        sa.Column("personal_key", sa.String(64), nullable=False, comment="keyed hash of issuer and personal number"),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
    )
    op.create_index("vneid_accounts_personal", "vneid_accounts", ["personal_key"], unique=True)


def downgrade() -> None:
    op.drop_table("vneid_accounts")
