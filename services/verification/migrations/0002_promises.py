"""Everything a contract promises is fixed once it is opened, not its bytes alone."""

from alembic import op

from grace.kit.migrations import statements

revision = "0002"
down_revision = "0001"

SQL = """
DROP TRIGGER action_contracts_promise ON action_contracts;

CREATE TRIGGER action_contracts_promise BEFORE UPDATE OF
    contract_id, mission_id, tenant_id, action_id, sequence, revision, playbook_id, operation, target, tier,
    contract, contract_hash, expected_state, drafted_at
    ON action_contracts FOR EACH ROW EXECUTE FUNCTION refuse_other_promise();

-- A plan may allow for a take that is lost: what holds is verified then, with less confidence than 1.
ALTER TABLE action_contracts
    DROP CONSTRAINT action_contracts_check1,
    ADD CONSTRAINT action_contracts_verified CHECK (
        status <> 'verified' OR (executed AND confidence > 0 AND actual_state IS NOT NULL
                                 AND snapshot_id IS NOT NULL));
"""


def upgrade() -> None:
    """Fix the promise, and let confidence be a share of what was to be measured."""
    for statement in statements(SQL):
        op.execute(statement)
