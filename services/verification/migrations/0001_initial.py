"""Missions, contracts, snapshots, benchmarks, holds and the story of each mission."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE missions (
    mission_id       text COLLATE "C" PRIMARY KEY,
    tenant_id        text NOT NULL DEFAULT 'default',
    kind             text,
    target           text,
    requested_by     text,
    status           text NOT NULL DEFAULT 'open' CHECK (status IN (
        'open', 'planned', 'awaiting_approval', 'acting', 'needs_attention',
        'verified', 'failed', 'rolled_back', 'rollback_failed', 'inconclusive',
        'blocked', 'rejected', 'expired', 'cancelled')),
    confidence       double precision NOT NULL DEFAULT 0 CHECK (confidence BETWEEN 0 AND 1),
    playbook_id      text,
    playbook_version integer,
    plan_hash        text,
    plan             bytea,
    approval_id      text,
    reason           text,
    correlation_id   text NOT NULL,
    opened_at        timestamptz NOT NULL,
    closed_at        timestamptz,
    recall_at        timestamptz,
    recalls          integer NOT NULL DEFAULT 0,
    CHECK (plan IS NULL OR plan_hash = encode(sha256(plan), 'hex')),
    CHECK ((closed_at IS NULL) = (status IN (
        'open', 'planned', 'awaiting_approval', 'acting', 'needs_attention')))
);

COMMENT ON COLUMN missions.kind IS
    'Unknown (NULL) while only a decision about the mission has arrived, and not its error.';

CREATE INDEX missions_page ON missions (tenant_id, mission_id DESC);

CREATE INDEX missions_recall ON missions (recall_at) WHERE recall_at IS NOT NULL;

CREATE INDEX missions_of_target ON missions (tenant_id, target) WHERE closed_at IS NULL;

CREATE TABLE action_contracts (
    contract_id       text COLLATE "C" PRIMARY KEY
        CHECK (contract_id ~ '^contract-[0-9a-f]{16}-[0-9]+$'),
    mission_id        text COLLATE "C" NOT NULL REFERENCES missions,
    tenant_id         text NOT NULL DEFAULT 'default',
    action_id         text NOT NULL,
    sequence          integer NOT NULL,
    revision          integer NOT NULL DEFAULT 1,
    playbook_id       text NOT NULL,
    operation         text NOT NULL,
    target            text NOT NULL,
    tier              smallint NOT NULL CHECK (tier BETWEEN 1 AND 3),
    contract          bytea NOT NULL,
    contract_hash     text NOT NULL CHECK (contract_hash = encode(sha256(contract), 'hex')),
    expected_state    json NOT NULL,
    status            text NOT NULL DEFAULT 'drafted' CHECK (status IN (
        'drafted', 'approved', 'waiting', 'holding', 'executing', 'measuring', 'reverting',
        'restoring', 'needs_attention', 'verified', 'failed', 'rolled_back', 'rollback_failed',
        'inconclusive', 'blocked', 'rejected', 'expired', 'cancelled')),
    version           integer NOT NULL DEFAULT 1,
    next_at           timestamptz,
    step              text CHECK (step IN ('apply', 'measure', 'revert', 'restored', 'remeasure')),
    step_since        timestamptz NOT NULL DEFAULT now(),
    task_spec         bytea,
    task_id           text,
    task_ids          text[] NOT NULL DEFAULT '{}',
    apply_capability  bytea,
    revert_capability bytea,
    snapshot_id       uuid,
    execution         json,
    executed          boolean NOT NULL DEFAULT false,
    confidence        double precision NOT NULL DEFAULT 0 CHECK (confidence BETWEEN 0 AND 1),
    actual_state      json,
    observed_again    json,
    restored_state    json,
    reason            text,
    drafted_at        timestamptz NOT NULL,
    closed_at         timestamptz,
    UNIQUE (mission_id, action_id, revision),
    CHECK (status <> 'verified' OR (executed AND confidence = 1 AND actual_state IS NOT NULL
                                    AND snapshot_id IS NOT NULL)),
    CHECK (status <> 'rolled_back' OR (snapshot_id IS NOT NULL AND restored_state IS NOT NULL))
);

COMMENT ON COLUMN action_contracts.playbook_id IS
    'An id in another service, without a foreign key.';

COMMENT ON COLUMN action_contracts.task_spec IS
    'The task as it is, or was, handed to htm: the same bytes again are the same task.';

CREATE INDEX action_contracts_due ON action_contracts (next_at) WHERE next_at IS NOT NULL;

CREATE INDEX action_contracts_waiting ON action_contracts (tenant_id, target)
    WHERE status = 'waiting';

CREATE TABLE safe_hold_snapshots (
    snapshot_id  uuid PRIMARY KEY,
    contract_id  text COLLATE "C" NOT NULL UNIQUE REFERENCES action_contracts,
    tenant_id    text NOT NULL DEFAULT 'default',
    content_hash text NOT NULL CHECK (content_hash = encode(sha256(convert_to(state, 'UTF8')), 'hex')),
    state        text NOT NULL,
    after_state  text,
    taken_at     timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE action_contracts ADD FOREIGN KEY (snapshot_id) REFERENCES safe_hold_snapshots;

CREATE TABLE benchmarks (
    benchmark_id text COLLATE "C" PRIMARY KEY,
    tenant_id    text NOT NULL DEFAULT 'default',
    kind         text NOT NULL CHECK (kind IN ('baseline', 'after', 'restored')),
    contract_id  text COLLATE "C" REFERENCES action_contracts,
    target       text NOT NULL,
    operation    text NOT NULL,
    params       text NOT NULL,
    timeout_ms   integer NOT NULL CHECK (timeout_ms > 0),
    status       text NOT NULL CHECK (status IN ('measuring', 'stored', 'failed')),
    version      integer NOT NULL DEFAULT 1,
    measured     json,
    fields       text[] NOT NULL DEFAULT '{}',
    numbers      double precision[] NOT NULL DEFAULT '{}',
    measured_at  timestamptz,
    reason       text,
    requested_by text,
    task_spec    bytea,
    task_id      text,
    next_at      timestamptz,
    started_at   timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind = 'baseline') = (contract_id IS NULL)),
    CHECK ((status = 'stored') = (measured_at IS NOT NULL)),
    CHECK (cardinality(fields) = cardinality(numbers))
);

CREATE INDEX benchmarks_due ON benchmarks (next_at) WHERE next_at IS NOT NULL;

CREATE INDEX benchmarks_newest ON benchmarks (tenant_id, target, operation, measured_at DESC)
    WHERE kind = 'baseline' AND status = 'stored';

CREATE INDEX benchmarks_of_contract ON benchmarks (contract_id);

CREATE INDEX benchmarks_task ON benchmarks (task_id) WHERE status = 'measuring';

CREATE TABLE action_events (
    event_id    uuid NOT NULL,
    mission_id  text COLLATE "C" NOT NULL REFERENCES missions,
    contract_id text COLLATE "C" REFERENCES action_contracts,
    tenant_id   text NOT NULL DEFAULT 'default',
    service     text NOT NULL,
    subject     text NOT NULL,
    summary     text NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (event_id, mission_id)
) PARTITION BY RANGE (event_id);

COMMENT ON TABLE action_events IS
    'One message may tell of several missions: an id is unique within a mission.';

CREATE TABLE action_events_default PARTITION OF action_events DEFAULT;

CREATE INDEX action_events_of_mission ON action_events (mission_id, at, event_id);

CREATE TABLE target_holds (
    tenant_id   text NOT NULL DEFAULT 'default',
    target      text NOT NULL,
    contract_id text COLLATE "C" NOT NULL UNIQUE REFERENCES action_contracts,
    taken_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, target)
);

CREATE FUNCTION refuse_change_of_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% ended as % and does not change', TG_TABLE_NAME, OLD.status;
END $$;

CREATE TRIGGER missions_end_once BEFORE UPDATE OF status ON missions
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL AND NEW.status <> OLD.status)
    EXECUTE FUNCTION refuse_change_of_end();

CREATE TRIGGER action_contracts_end_once BEFORE UPDATE OF status ON action_contracts
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL AND NEW.status <> OLD.status)
    EXECUTE FUNCTION refuse_change_of_end();

CREATE FUNCTION refuse_other_promise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what contract % promises does not change', OLD.contract_id;
END $$;

CREATE TRIGGER action_contracts_promise BEFORE UPDATE OF contract, contract_hash ON action_contracts
    FOR EACH ROW EXECUTE FUNCTION refuse_other_promise();

REVOKE DELETE, TRUNCATE ON missions, action_contracts, benchmarks FROM verification;

REVOKE UPDATE, DELETE, TRUNCATE ON safe_hold_snapshots FROM verification;

REVOKE UPDATE, DELETE, TRUNCATE ON action_events, action_events_default FROM verification;
"""


def upgrade() -> None:
    """Create the tables of the kit and of this service."""
    for statement in [*kit_tables(), *statements(TABLES)]:
        op.execute(statement)
