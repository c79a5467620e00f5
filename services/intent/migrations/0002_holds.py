"""Holds of missions: why a plan waits, until when, and who let it go on."""

from alembic import op

from grace.kit.migrations import statements

revision = "0002"
down_revision = "0001"

SQL = """
ALTER TABLE missions
    ADD COLUMN hold text CHECK (hold IN ('loop', 'flapping', 'cooldown', 'freeze')),
    ADD COLUMN held_at timestamptz,
    ADD COLUMN held_until timestamptz,
    ADD COLUMN released_by text,
    ADD COLUMN released_at timestamptz,
    ADD CONSTRAINT hold_has_a_reason CHECK (hold IS NULL OR (reason IS NOT NULL AND held_at IS NOT NULL)),
    ADD CONSTRAINT release_has_a_name CHECK ((released_at IS NULL) = (released_by IS NULL));

COMMENT ON COLUMN missions.hold IS
    'Why the plan of a captured mission waits; null where it does not.';

COMMENT ON COLUMN missions.held_until IS
    'Null where only a person ends the hold.';

CREATE INDEX missions_held ON missions (tenant_id, mission_id) WHERE hold IS NOT NULL AND status = 'captured';

CREATE INDEX missions_ends_of_target ON missions (tenant_id, target, closed_at)
    WHERE outcome IN ('verified', 'failed', 'rolled_back', 'rollback_failed', 'inconclusive');
"""


def upgrade() -> None:
    """Extend the table of missions."""
    for statement in statements(SQL):
        op.execute(statement)
