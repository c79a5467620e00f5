"""Which mission answers an intent may change: one that came after an end follows the next mission."""

from alembic import op

from grace.kit.migrations import statements

revision = "0008"
down_revision = "0007"

SQL = """
GRANT UPDATE (mission_id) ON intents TO intent;

COMMENT ON TABLE intents IS
    'What was asked for, as it was asked; nothing of it changes but the mission that answers it. Where it stands is that mission.';
"""


def upgrade() -> None:
    """Allow intents to follow another mission."""
    for statement in statements(SQL):
        op.execute(statement)
