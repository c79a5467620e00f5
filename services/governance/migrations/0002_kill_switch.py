"""The kill switch: who turned it and why, kept for good."""

from alembic import op

from grace.kit.migrations import statements

revision = "0002"
down_revision = "0001"

SQL = """
ALTER TABLE permits
    ADD COLUMN changed_by text NOT NULL DEFAULT 'governance',
    ADD COLUMN reason text NOT NULL DEFAULT 'as installed',
    ADD CONSTRAINT who_may_act_may_undo CHECK (reverts_allowed OR NOT allowed);

CREATE TABLE kill_switch_orders (
    version    bigint PRIMARY KEY,
    is_on      boolean NOT NULL,
    hard       boolean NOT NULL CHECK (is_on OR NOT hard),
    ordered_by text NOT NULL,
    ordered_at timestamptz NOT NULL,
    reason     text NOT NULL CHECK (reason <> '')
);

REVOKE UPDATE, DELETE, TRUNCATE ON kill_switch_orders FROM governance;
"""


def upgrade() -> None:
    """Let people turn the kill switch."""
    for statement in statements(SQL):
        op.execute(statement)
