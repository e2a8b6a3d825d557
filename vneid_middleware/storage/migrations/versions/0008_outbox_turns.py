"""What waits behind an older change of its document is found by that, and looked at no more before its turn."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # of what is settled next_at is when that was, from now on
    op.execute("UPDATE vneid_outbox SET next_at = touched_at WHERE state IN ('delivered', 'discarded', 'superseded')")
    op.drop_index("vneid_outbox_due", "vneid_outbox")
    op.create_index("vneid_outbox_due", "vneid_outbox", ["state", "next_at", "seq"])
    op.create_index("vneid_outbox_turn", "vneid_outbox", ["document_id", "state", "version"])


def downgrade() -> None:
    op.execute("UPDATE vneid_outbox SET state = 'ready' WHERE state = 'waiting'")
    op.drop_index("vneid_outbox_turn", "vneid_outbox")
    op.drop_index("vneid_outbox_due", "vneid_outbox")
    op.create_index("vneid_outbox_due", "vneid_outbox", ["state", "next_at"])
