"""The provider's own session ids, and tokens that may be used once."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("vneid_sessions", sa.Column("sid_key", sa.String(64), nullable=True,
                                              comment="keyed hash of issuer and the provider's session"))
    op.create_index("vneid_sessions_sid", "vneid_sessions", ["sid_key"])
    op.create_table(
        "vneid_used_tokens",
        sa.Column("token_key", sa.String(64), primary_key=True, comment="SHA-256 of the token's issuer and id"),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("vneid_used_tokens_expiry", "vneid_used_tokens", ["expires_at"])


def downgrade() -> None:
    op.drop_table("vneid_used_tokens")
    op.drop_index("vneid_sessions_sid", "vneid_sessions")
    op.drop_column("vneid_sessions", "sid_key")
