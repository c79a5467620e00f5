"""Late looks at verified contracts, and the verdicts that they take back."""

from alembic import op

from grace.kit.migrations import statements

revision = "0005"
down_revision = "0004"

SQL = """
CREATE TABLE watches (
    contract_id text COLLATE "C" NOT NULL REFERENCES action_contracts,
    look        integer NOT NULL CHECK (look >= 1),
    after       interval NOT NULL,
    status      text NOT NULL DEFAULT 'due' CHECK (status IN (
        'due', 'measuring', 'quiet', 'returned', 'unknown', 'skipped')),
    version     integer NOT NULL DEFAULT 1,
    due_at      timestamptz NOT NULL,
    next_at     timestamptz,
    confidence  double precision CHECK (confidence BETWEEN 0 AND 1),
    reason      text,
    ended_at    timestamptz,
    PRIMARY KEY (contract_id, look),
    CHECK ((status IN ('due', 'measuring')) = (next_at IS NOT NULL)),
    CHECK ((next_at IS NULL) = (ended_at IS NOT NULL))
);

CREATE INDEX watches_due ON watches (next_at) WHERE next_at IS NOT NULL;

CREATE TRIGGER watches_end_once BEFORE UPDATE OF status ON watches
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND NEW.status <> OLD.status)
    EXECUTE FUNCTION refuse_change_of_end();

CREATE TABLE contract_revisions (
    contract_id  text COLLATE "C" NOT NULL REFERENCES action_contracts,
    revision     integer NOT NULL CHECK (revision >= 2),
    mission_id   text COLLATE "C" NOT NULL REFERENCES missions,
    tenant_id    text NOT NULL DEFAULT 'default',
    verdict      text NOT NULL CHECK (verdict = 'failed'),
    confidence   double precision NOT NULL CHECK (confidence >= 0 AND confidence < 1),
    actual_state json NOT NULL,
    reason       text NOT NULL,
    revised_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (contract_id, revision)
);

COMMENT ON TABLE contract_revisions IS
    'An end does not change: what a later look takes back is a verdict more, and the highest revision counts.';

CREATE INDEX contract_revisions_of_mission ON contract_revisions (mission_id);

CREATE INDEX action_contracts_of_target ON action_contracts (tenant_id, target, closed_at DESC);

REVOKE DELETE, TRUNCATE ON watches FROM verification;

REVOKE UPDATE, DELETE, TRUNCATE ON contract_revisions FROM verification;
"""


def upgrade() -> None:
    """Watch."""
    for statement in statements(SQL):
        op.execute(statement)
