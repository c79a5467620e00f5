"""Missions with their signals, submitted intents, and the playbooks with their trigger rules."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

SQL = """
CREATE TABLE missions (
    mission_id       text COLLATE "C" PRIMARY KEY,
    tenant_id        text NOT NULL DEFAULT 'default',
    fingerprint      text COLLATE "C" NOT NULL,
    signal_id        uuid NOT NULL,
    source           text NOT NULL,
    kind             text NOT NULL,
    target           text,
    message          text NOT NULL,
    severity         text NOT NULL,
    requested_by     text NOT NULL,
    status           text NOT NULL CHECK (status IN ('captured', 'planned', 'blocked', 'closed')),
    detected_at      timestamptz NOT NULL,
    last_detected_at timestamptz NOT NULL,
    captured_at      timestamptz NOT NULL,
    signal_count     integer NOT NULL CHECK (signal_count > 0),
    plan_attempt     integer NOT NULL DEFAULT 0,
    plan_after       timestamptz NOT NULL,
    playbook         text,
    playbook_version integer,
    plan             bytea,
    plan_hash        text,
    planned_at       timestamptz,
    reason           text,
    blocked_at       timestamptz,
    outcome          text,
    closed_at        timestamptz,
    intent_id        text,
    recalls          integer NOT NULL DEFAULT 0,
    recall_at        timestamptz NOT NULL,
    CHECK (target IS NOT NULL OR plan IS NULL),
    CHECK ((plan IS NULL) = (plan_hash IS NULL)),
    CHECK (plan_hash = encode(sha256(plan), 'hex')),
    CHECK (status <> 'captured' OR plan IS NULL),
    CHECK (status <> 'planned' OR plan IS NOT NULL),
    CHECK (status <> 'blocked' OR blocked_at IS NOT NULL),
    CHECK (blocked_at IS NULL OR (reason IS NOT NULL AND plan IS NULL)),
    CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((status = 'closed') = (outcome IS NOT NULL))
) WITH (fillfactor = 70);

COMMENT ON COLUMN missions.fingerprint IS
    'sha256 of tenant, kind and target: at most one open mission has it.';

COMMENT ON COLUMN missions.reason IS
    'Why it is blocked, why a plan is still owed, or why it ended so.';

COMMENT ON COLUMN missions.target IS
    'Null where an intent names none; such a mission has no plan.';

COMMENT ON COLUMN missions.recall_at IS
    'When verification is asked whether it has ended, in case its word was lost.';

CREATE UNIQUE INDEX missions_open_fingerprint ON missions (fingerprint) WHERE status <> 'closed';

CREATE INDEX missions_last_of_fingerprint ON missions (fingerprint, captured_at DESC);

CREATE INDEX missions_due ON missions (plan_after) WHERE status = 'captured';

CREATE INDEX missions_recall ON missions (recall_at) WHERE status <> 'closed';

CREATE FUNCTION refuse_other_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the plan of % stands and does not change', OLD.mission_id;
END $$;

CREATE TRIGGER missions_plan_once BEFORE UPDATE ON missions FOR EACH ROW
    WHEN (OLD.plan IS NOT NULL AND NEW.plan IS DISTINCT FROM OLD.plan)
    EXECUTE FUNCTION refuse_other_plan();

CREATE FUNCTION refuse_second_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'mission % has ended and does not go on', OLD.mission_id;
END $$;

CREATE TRIGGER missions_end_once BEFORE UPDATE ON missions FOR EACH ROW
    WHEN (OLD.status = 'closed' AND (NEW.status, NEW.outcome, NEW.closed_at)
          IS DISTINCT FROM (OLD.status, OLD.outcome, OLD.closed_at))
    EXECUTE FUNCTION refuse_second_end();

CREATE TABLE intents (
    tenant_id       text COLLATE "C" NOT NULL DEFAULT 'default',
    intent_id       text COLLATE "C" NOT NULL,
    body_hash       text NOT NULL,
    idempotency_key text,
    goal            text NOT NULL CHECK (goal <> ''),
    domain          text NOT NULL,
    kind            text NOT NULL,
    target          text,
    priority        text NOT NULL CHECK (priority IN ('low', 'normal', 'high', 'critical')),
    sla_ms          bigint NOT NULL CHECK (sla_ms >= 1),
    details         text,
    requested_by    text NOT NULL,
    mission_id      text COLLATE "C" NOT NULL REFERENCES missions,
    accepted_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, intent_id)
);

COMMENT ON TABLE intents IS
    'What was asked for, as it was asked; a row never changes. Where it stands is its mission.';

CREATE UNIQUE INDEX intents_idempotency ON intents (tenant_id, requested_by, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE INDEX intents_newest ON intents (tenant_id, accepted_at DESC, intent_id DESC);

CREATE INDEX intents_mission ON intents (mission_id);

CREATE VIEW intent_views AS
SELECT i.*,
       CASE m.status
            WHEN 'captured' THEN CASE m.plan_attempt WHEN 0 THEN 'accepted' ELSE 'planning' END
            WHEN 'planned' THEN 'running'
            WHEN 'blocked' THEN 'blocked'
            ELSE m.outcome
       END AS status,
       m.reason, m.planned_at, m.closed_at, m.playbook,
       i.accepted_at + i.sla_ms * interval '1 millisecond' AS sla_deadline
  FROM intents i
  JOIN missions m USING (mission_id);

COMMENT ON VIEW intent_views IS
    'Every submitted intent with where its mission stands.';

CREATE TABLE signals (
    id           uuid PRIMARY KEY,
    mission_id   text COLLATE "C" NOT NULL REFERENCES missions,
    source       text NOT NULL,
    message      text NOT NULL,
    severity     text NOT NULL,
    requested_by text NOT NULL,
    details      text,
    detected_at  timestamptz NOT NULL,
    issued_at    timestamptz NOT NULL
);

COMMENT ON TABLE signals IS
    'The first reports of each mission; how many there were in all is missions.signal_count.';

COMMENT ON COLUMN signals.details IS
    'JSON as text: evidence for people, which jsonb would rewrite.';

CREATE INDEX signals_mission ON signals (mission_id);

CREATE TABLE playbooks (
    name         text NOT NULL,
    version      integer NOT NULL CHECK (version > 0),
    content_hash text NOT NULL CHECK (content_hash = encode(sha256(convert_to(source, 'UTF8')), 'hex')),
    source       text NOT NULL,
    loaded_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version)
);

CREATE TABLE trigger_rules (
    playbook         text NOT NULL,
    playbook_version integer NOT NULL,
    condition        text NOT NULL,
    priority         integer NOT NULL CHECK (priority >= 0),
    enabled          boolean NOT NULL,
    PRIMARY KEY (playbook, playbook_version),
    FOREIGN KEY (playbook, playbook_version) REFERENCES playbooks (name, version)
);

REVOKE UPDATE, DELETE, TRUNCATE ON playbooks FROM intent;

REVOKE DELETE, TRUNCATE ON missions FROM intent;

REVOKE UPDATE, DELETE, TRUNCATE ON intents FROM intent;
"""


def upgrade() -> None:
    """Create the tables of the kit and of this service."""
    for statement in (*kit_tables(), *statements(SQL)):
        op.execute(statement)
