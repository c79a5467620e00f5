"""A target is one thing, whichever tenant's plan acts on it."""

from alembic import op

from grace.kit.migrations import statements

revision = "0023"
down_revision = "0022"

# The key stays, since replicas of before name it. Where two tenants hold one target now, the later has it no more.
SQL = """
DELETE FROM target_holds h USING target_holds o
 WHERE o.target = h.target AND (o.taken_at, o.tenant_id) < (h.taken_at, h.tenant_id);

UPDATE target_holds SET tenant_id = '*';

ALTER TABLE target_holds ALTER COLUMN tenant_id SET DEFAULT '*';

COMMENT ON COLUMN target_holds.tenant_id IS
    'No tenant has this name: a target is held for all of them. Whose the contract is says its own row.';

DROP INDEX action_contracts_waiting;

CREATE INDEX action_contracts_waiting ON action_contracts (target) WHERE status = 'waiting';

DROP INDEX action_contracts_of_target;

CREATE INDEX action_contracts_of_target ON action_contracts (target, closed_at DESC);

DROP INDEX missions_of_target;

CREATE INDEX missions_of_target ON missions (target) WHERE closed_at IS NULL;
"""


def upgrade() -> None:
    """Hold it for all of them."""
    for statement in statements(SQL):
        op.execute(statement)
