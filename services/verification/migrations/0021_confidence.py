"""Only what is verified has full confidence: what was undone with its plan could be taken for a success."""

from alembic import op

from grace.kit.migrations import statements

revision = "0021"
down_revision = "0020"

# NOT VALID: ends that are written do not change, those of before included.
SQL = """
ALTER TABLE action_contracts ADD CONSTRAINT full_confidence_is_for_verified
    CHECK (closed_at IS NULL OR status = 'verified' OR coalesce(confidence, 0) < 1) NOT VALID;
"""


def upgrade() -> None:
    """Let the database itself refuse it."""
    for statement in statements(SQL):
        op.execute(statement)
