"""Which contracts are closed: nothing that was done for them is undone any more."""

from alembic import op

from grace.kit.migrations import statements

revision = "0003"
down_revision = "0002"

SQL = """
CREATE TABLE closed_contracts (
    contract_id text COLLATE "C" PRIMARY KEY,
    closed_at   timestamptz NOT NULL
);

COMMENT ON TABLE closed_contracts IS
    'Ids of verification, without a foreign key. A row outlives every capability: it is never deleted.';

REVOKE UPDATE, DELETE, TRUNCATE ON closed_contracts FROM worker;
"""


def upgrade() -> None:
    """What closed before is not known here: its capabilities end by their time."""
    for statement in statements(SQL):
        op.execute(statement)
