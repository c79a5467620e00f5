"""An error that nobody reports again by itself waits for a person once its report is old."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Let a plan wait for this, too."""
    op.execute("ALTER TABLE missions DROP CONSTRAINT missions_hold_check")
    op.execute(
        "ALTER TABLE missions ADD CONSTRAINT missions_hold_check"
        " CHECK (hold IN ('loop', 'flapping', 'cooldown', 'freeze', 'stale'))"
    )
