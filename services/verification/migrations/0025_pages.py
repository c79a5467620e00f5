"""Lists of missions that stand in one way are found, however many stand otherwise."""

from alembic import op

from grace.kit.migrations import statements

revision = "0025"
down_revision = "0024"

SQL = """
CREATE INDEX missions_open ON missions (tenant_id, mission_id DESC)
    WHERE status IN ('open', 'planned', 'awaiting_approval', 'acting', 'needs_attention');

COMMENT ON INDEX missions_open IS
    'Those without an end. By another condition than missions_of_target: what looks for a target must not take this one.';

CREATE INDEX missions_ended ON missions (tenant_id, status, mission_id DESC) WHERE closed_at IS NOT NULL;
"""


def upgrade() -> None:
    """Index them."""
    for statement in statements(SQL):
        op.execute(statement)
