"""Approvals with their votes and contracts, and the permit."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

SQL = """
CREATE TABLE approval_requests (
    approval_id    text COLLATE "C" PRIMARY KEY,
    tenant_id      text NOT NULL DEFAULT 'default',
    event_id       uuid NOT NULL,
    mission_id     text NOT NULL,
    plan_hash      text NOT NULL,
    shown_hash     text NOT NULL,
    playbook       text NOT NULL,
    requested_by   text NOT NULL,
    correlation_id text NOT NULL,
    tier           smallint NOT NULL CHECK (tier BETWEEN 1 AND 3),
    quorum         smallint NOT NULL CHECK (quorum = tier - 1),
    status         text NOT NULL CHECK (status IN ('pending', 'granted', 'rejected', 'expired')),
    version        integer NOT NULL DEFAULT 1,
    requested_at   timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    decided_at     timestamptz,
    decided_by     text[] NOT NULL DEFAULT '{}',
    reason         text,
    granted        text,
    UNIQUE (tenant_id, mission_id, shown_hash),
    CHECK ((status = 'pending') = (decided_at IS NULL)),
    CHECK ((status = 'granted') = (granted IS NOT NULL)),
    CHECK (status <> 'granted' OR cardinality(decided_by) >= quorum),
    CHECK (lower(requested_by) <> ALL (decided_by))
);

COMMENT ON COLUMN approval_requests.event_id IS
    'The message that drafted the contracts: an id in another service, without a foreign key.';

COMMENT ON COLUMN approval_requests.granted IS
    'ApprovalGranted as it was published: said again, never signed again.';

CREATE INDEX approval_requests_due ON approval_requests (expires_at) WHERE status = 'pending';

CREATE INDEX approval_requests_page ON approval_requests (tenant_id, approval_id DESC);

CREATE INDEX approval_requests_mission ON approval_requests (mission_id);

CREATE FUNCTION refuse_second_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'approval % is decided and does not change', OLD.approval_id;
END $$;

CREATE TRIGGER approval_requests_decide_once BEFORE UPDATE OR DELETE ON approval_requests
    FOR EACH ROW WHEN (OLD.status <> 'pending') EXECUTE FUNCTION refuse_second_decision();

CREATE TABLE approval_contracts (
    approval_id   text COLLATE "C" NOT NULL REFERENCES approval_requests,
    position      smallint NOT NULL,
    contract_id   text NOT NULL,
    action_id     text NOT NULL,
    contract_hash text NOT NULL CHECK (contract_hash = encode(sha256(contract), 'hex')),
    contract      bytea NOT NULL,
    PRIMARY KEY (approval_id, position)
);

CREATE TABLE approval_votes (
    approval_id text COLLATE "C" NOT NULL REFERENCES approval_requests,
    principal   text NOT NULL,
    choice      text NOT NULL CHECK (choice IN ('approve', 'reject')),
    reason      text,
    voted_at    timestamptz NOT NULL,
    PRIMARY KEY (approval_id, principal, choice)
);

CREATE TABLE permits (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version         bigint NOT NULL DEFAULT 1,
    allowed         boolean NOT NULL DEFAULT true,
    reverts_allowed boolean NOT NULL DEFAULT true,
    changed_at      timestamptz NOT NULL DEFAULT now()
);

INSERT INTO permits DEFAULT VALUES;

REVOKE DELETE, TRUNCATE ON approval_requests FROM governance;

REVOKE UPDATE, DELETE, TRUNCATE ON approval_contracts, approval_votes FROM governance;

REVOKE INSERT, DELETE, TRUNCATE ON permits FROM governance;
"""


def upgrade() -> None:
    """Create the tables of the kit and of this service."""
    for statement in (*kit_tables(), *statements(SQL)):
        op.execute(statement)
