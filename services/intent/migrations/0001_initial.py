"""Intents with their signals, and the playbooks with their trigger rules."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

SQL = """
CREATE TABLE intents (
    mission_id       text COLLATE "C" PRIMARY KEY,
    tenant_id        text NOT NULL DEFAULT 'default',
    fingerprint      text COLLATE "C" NOT NULL,
    signal_id        uuid NOT NULL,
    source           text NOT NULL,
    kind             text NOT NULL,
    target           text NOT NULL,
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
    CHECK ((plan IS NULL) = (plan_hash IS NULL)),
    CHECK (plan_hash = encode(sha256(plan), 'hex')),
    CHECK (status <> 'captured' OR plan IS NULL),
    CHECK (status <> 'planned' OR plan IS NOT NULL),
    CHECK (status <> 'blocked' OR blocked_at IS NOT NULL),
    CHECK (blocked_at IS NULL OR (reason IS NOT NULL AND plan IS NULL)),
    CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((status = 'closed') = (outcome IS NOT NULL))
) WITH (fillfactor = 70);

COMMENT ON COLUMN intents.fingerprint IS
    'sha256 of tenant, kind and target: at most one open mission has it.';

COMMENT ON COLUMN intents.reason IS
    'Why it is blocked, or why a plan is still owed.';

CREATE UNIQUE INDEX intents_open_fingerprint ON intents (fingerprint) WHERE status <> 'closed';

CREATE INDEX intents_last_of_fingerprint ON intents (fingerprint, captured_at DESC);

CREATE INDEX intents_due ON intents (plan_after) WHERE status = 'captured';

CREATE FUNCTION refuse_other_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the plan of % stands and does not change', OLD.mission_id;
END $$;

CREATE TRIGGER intents_plan_once BEFORE UPDATE ON intents FOR EACH ROW
    WHEN (OLD.plan IS NOT NULL AND NEW.plan IS DISTINCT FROM OLD.plan)
    EXECUTE FUNCTION refuse_other_plan();

CREATE FUNCTION refuse_second_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'mission % has ended and does not go on', OLD.mission_id;
END $$;

CREATE TRIGGER intents_end_once BEFORE UPDATE ON intents FOR EACH ROW
    WHEN (OLD.status = 'closed' AND (NEW.status, NEW.outcome, NEW.closed_at)
          IS DISTINCT FROM (OLD.status, OLD.outcome, OLD.closed_at))
    EXECUTE FUNCTION refuse_second_end();

CREATE TABLE signals (
    id           uuid PRIMARY KEY,
    mission_id   text COLLATE "C" NOT NULL REFERENCES intents,
    source       text NOT NULL,
    message      text NOT NULL,
    severity     text NOT NULL,
    requested_by text NOT NULL,
    details      text,
    detected_at  timestamptz NOT NULL,
    issued_at    timestamptz NOT NULL
);

COMMENT ON TABLE signals IS
    'The first reports of each mission; how many there were in all is intents.signal_count.';

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

REVOKE DELETE, TRUNCATE ON intents FROM intent;
"""


def upgrade() -> None:
    """Create the tables of the kit and of this service."""
    for statement in (*kit_tables(), *statements(SQL)):
        op.execute(statement)
