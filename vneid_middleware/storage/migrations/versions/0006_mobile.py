"""Sign-ons of apps that are under way."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vneid_mobile_sign_ons",
        sa.Column("transaction_key", sa.String(64), primary_key=True, comment="SHA-256 of what the app holds"),
        sa.Column("state_key", sa.String(64), nullable=False, comment="SHA-256 of what travels through the browser"),
        sa.Column("code_key", sa.String(64), nullable=True, comment="SHA-256 of the code that the app gets, or gave"),
        sa.Column("address_key", sa.String(64), nullable=False, comment="keyed hash of the caller's network"),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("answered", sa.Integer, nullable=False, comment="how often the provider's answer came"),
        sa.Column("redeemed", sa.Integer, nullable=False, comment="how often it was redeemed"),
        sa.Column("content", sa.Text, nullable=False,
                  comment="sealed: what the app asked, and what was asked of the provider"),
        sa.Column("outcome", sa.Text, nullable=True, comment="sealed: who signed in, until the app asks"),
        sa.Column("session_id", sa.String(64), nullable=True),
    )
    op.create_index("vneid_mobile_sign_ons_state", "vneid_mobile_sign_ons", ["state_key"], unique=True)
    op.create_index("vneid_mobile_sign_ons_code", "vneid_mobile_sign_ons", ["code_key"], unique=True)
    op.create_index("vneid_mobile_sign_ons_address", "vneid_mobile_sign_ons", ["address_key", "started_at"])
    op.create_index("vneid_mobile_sign_ons_expiry", "vneid_mobile_sign_ons", ["expires_at"])


def downgrade() -> None:
    op.drop_table("vneid_mobile_sign_ons")
