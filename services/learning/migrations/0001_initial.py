"""Outcomes of contracts, and what they come to for each playbook."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

SQL = """
CREATE TABLE outcome_records (
    contract_id      text COLLATE "C" NOT NULL,
    revision         bigint NOT NULL CHECK (revision >= 0),
    mission_id       text NOT NULL,
    tenant_id        text NOT NULL DEFAULT 'default',
    playbook         text NOT NULL,
    playbook_version bigint NOT NULL,
    operation        text NOT NULL,
    target           text NOT NULL,
    verdict          text NOT NULL,
    confidence       double precision NOT NULL,
    executed         boolean NOT NULL,
    succeeded        boolean NOT NULL,
    closed_at        timestamptz NOT NULL,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (contract_id, revision),
    CHECK (succeeded = (executed AND verdict = 'verified'))
);

CREATE INDEX outcome_records_playbook ON outcome_records (tenant_id, playbook, closed_at);

CREATE TABLE playbook_statistics (
    tenant_id             text NOT NULL DEFAULT 'default',
    playbook              text NOT NULL,
    total_executions      bigint NOT NULL DEFAULT 0,
    successful_executions bigint NOT NULL DEFAULT 0,
    updated_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, playbook),
    CHECK (successful_executions BETWEEN 0 AND total_executions)
) WITH (fillfactor = 70);

REVOKE UPDATE, DELETE, TRUNCATE ON outcome_records FROM learning;
"""


def upgrade() -> None:
    """Create the tables of the kit and of this service."""
    for statement in (*kit_tables(), *statements(SQL)):
        op.execute(statement)
