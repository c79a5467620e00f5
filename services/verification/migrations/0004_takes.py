"""The takes of a verification plan: what is measured when, and what came."""

from alembic import op

from grace.kit.migrations import statements

revision = "0004"
down_revision = "0002"

SQL = """
CREATE TABLE takes (
    take_id     text COLLATE "C" PRIMARY KEY,
    contract_id text COLLATE "C" NOT NULL REFERENCES action_contracts,
    look       integer NOT NULL CHECK (look >= 0),
    measure     text NOT NULL,
    number      integer NOT NULL CHECK (number >= 1),
    tenant_id   text NOT NULL DEFAULT 'default',
    operation   text NOT NULL,
    target      text NOT NULL,
    params      text NOT NULL,
    timeout_ms  integer NOT NULL CHECK (timeout_ms > 0),
    by_source   boolean NOT NULL,
    status      text NOT NULL DEFAULT 'due' CHECK (status IN ('due', 'measured', 'failed', 'dropped')),
    version     integer NOT NULL DEFAULT 1,
    due_at      timestamptz NOT NULL,
    deadline    timestamptz NOT NULL,
    next_at     timestamptz,
    task_spec   bytea,
    task_id     text,
    measured    json,
    reason      text,
    ended_at    timestamptz,
    UNIQUE (contract_id, look, measure, number),
    CHECK ((status = 'due') = (next_at IS NOT NULL)),
    CHECK ((status = 'due') = (ended_at IS NULL)),
    CHECK ((status = 'measured') = (measured IS NOT NULL)),
    CHECK ((task_spec IS NULL) = by_source)
);

COMMENT ON COLUMN takes.look IS '0: for the verdict; from 1 on: a late look.';

COMMENT ON COLUMN takes.by_source IS 'Measured by verification itself, without a task.';

CREATE INDEX takes_due ON takes (by_source, next_at) WHERE next_at IS NOT NULL;

CREATE INDEX takes_task ON takes (task_id) WHERE status = 'due';

CREATE TRIGGER takes_end_once BEFORE UPDATE OF status ON takes
    FOR EACH ROW WHEN (OLD.status <> 'due' AND NEW.status <> OLD.status)
    EXECUTE FUNCTION refuse_change_of_end();

REVOKE DELETE, TRUNCATE ON takes FROM verification;
"""


def upgrade() -> None:
    """Keep takes."""
    for statement in statements(SQL):
        op.execute(statement)
