"""What was heard last of consents: a worker that starts while governance is silent can still undo."""

from alembic import op

from grace.kit.migrations import statements

revision = "0004"
down_revision = "0003"

SQL = """
CREATE TABLE heard_consents (
    id        boolean PRIMARY KEY DEFAULT true CHECK (id),
    key_id    text NOT NULL,
    body      bytea NOT NULL,
    signature bytea NOT NULL,
    issued_at timestamptz NOT NULL
);

COMMENT ON TABLE heard_consents IS
    'One row: the list as governance signed it, checked again whenever it is read.';
"""


def upgrade() -> None:
    """Nothing was heard yet: the first list comes within a second."""
    for statement in statements(SQL):
        op.execute(statement)
