"""A plan stands or falls as a whole: its targets are held by the mission, in order and not for ever."""

from alembic import op

from grace.kit.migrations import statements

revision = "0009"
down_revision = "0008"

CHANGES = """
ALTER TABLE action_contracts
    DROP CONSTRAINT action_contracts_status_check,
    ADD CONSTRAINT action_contracts_status_check CHECK (status IN (
        'drafted', 'approved', 'waiting', 'holding', 'executing', 'measuring', 'proven', 'reverting',
        'restoring', 'needs_attention', 'verified', 'failed', 'rolled_back', 'rollback_failed',
        'inconclusive', 'blocked', 'rejected', 'expired', 'cancelled')),
    ADD CONSTRAINT action_contracts_proven CHECK (
        status <> 'proven' OR (executed AND confidence > 0 AND actual_state IS NOT NULL
                               AND snapshot_id IS NOT NULL)),
    ADD COLUMN waiting_since timestamptz;

ALTER TABLE target_holds ADD COLUMN mission_id text COLLATE "C" REFERENCES missions;

UPDATE target_holds h SET mission_id = c.mission_id
  FROM action_contracts c WHERE c.contract_id = h.contract_id;

ALTER TABLE target_holds ALTER COLUMN mission_id SET NOT NULL;

COMMENT ON COLUMN target_holds.mission_id IS
    'Actions of one plan share a target; `contract_id` is the one that acts on it, or did last.';
"""


def upgrade() -> None:
    """Add the state of what waits for the rest of its plan, and whose the holds are."""
    for statement in statements(CHANGES):
        op.execute(statement)
