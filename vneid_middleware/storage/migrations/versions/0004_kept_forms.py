"""Forms that wait for their senders to sign in again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vneid_kept_forms",
        sa.Column("form_key", sa.String(64), primary_key=True, comment="SHA-256 of the form's id"),
        sa.Column("browser_key", sa.String(64), nullable=False, comment="SHA-256 of the browser's cookie"),
        sa.Column("account_key", sa.String(64), nullable=True, comment="keyed hash of issuer and subject"),
        sa.Column("content_key", sa.String(64), nullable=False, comment="keyed hash of what was sent where"),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=True, comment="sealed; empty once sent"),
    )
    op.create_index("vneid_kept_forms_browser", "vneid_kept_forms", ["browser_key"])
    op.create_index("vneid_kept_forms_account", "vneid_kept_forms", ["account_key"])
    op.create_index("vneid_kept_forms_expiry", "vneid_kept_forms", ["expires_at"])


def downgrade() -> None:
    op.drop_table("vneid_kept_forms")
