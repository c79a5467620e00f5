"""Which long states were put, until it is known that a receipt refers to them."""

from alembic import op

from grace.kit.migrations import statements

revision = "0005"
down_revision = "0004"

SQL = """
CREATE TABLE put_states (
    blob_sha256 text COLLATE "C" PRIMARY KEY CHECK (length(blob_sha256) = 64),
    action_id   text NOT NULL,
    step        text NOT NULL CHECK (step IN ('apply', 'revert')),
    put_at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX put_states_age ON put_states (put_at);

REVOKE UPDATE, TRUNCATE ON put_states FROM worker;
"""


def upgrade() -> None:
    """What was put before this stays: nobody knows whose it is."""
    for statement in statements(SQL):
        op.execute(statement)
