"""What stops automation by itself: a brake for each tenant, and how often targets were acted on."""

from alembic import op

from grace.kit.migrations import statements

revision = "0011"
down_revision = "0010"

SQL = """
CREATE TABLE brakes (
    tenant_id  text PRIMARY KEY,
    is_on      boolean NOT NULL,
    version    integer NOT NULL,
    failed_at  timestamptz[] NOT NULL,
    changed_at timestamptz,
    changed_by text NOT NULL,
    reason     text NOT NULL CHECK (reason <> '')
);

CREATE INDEX brakes_on ON brakes (tenant_id) WHERE is_on;

CREATE TABLE brake_turns (
    tenant_id text NOT NULL,
    version   integer NOT NULL,
    is_on     boolean NOT NULL,
    turned_at timestamptz NOT NULL,
    turned_by text NOT NULL,
    reason    text NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

CREATE TABLE target_turns (
    target     text PRIMARY KEY,
    granted_at timestamptz[] NOT NULL
);

REVOKE UPDATE, DELETE, TRUNCATE ON brake_turns FROM governance;

REVOKE DELETE, TRUNCATE ON brakes, target_turns FROM governance;
"""


def upgrade() -> None:
    """Every brake is off, and every target begins with its whole budget."""
    for statement in statements(SQL):
        op.execute(statement)
