"""Snapshots are encrypted: their hash is over the state, and no longer over what is stored."""

from alembic import op

from grace.kit.migrations import statements

revision = "0007"
down_revision = "0006"

CHANGES = """
ALTER TABLE safe_hold_snapshots DROP CONSTRAINT safe_hold_snapshots_check;

ALTER TABLE safe_hold_snapshots ADD CONSTRAINT safe_hold_snapshots_hash
    CHECK (content_hash ~ '^[0-9a-f]{64}$');

COMMENT ON COLUMN safe_hold_snapshots.content_hash IS
    'The sha256 of the state in its canonical text, whoever reads it; `state` is encrypted.';
"""


def upgrade() -> None:
    """Let the hash stand for the state itself."""
    for statement in statements(CHANGES):
        op.execute(statement)
