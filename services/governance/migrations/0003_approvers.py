"""Approvers with groups, who else asked, delegations, reminders, broken glass and its reviews."""

from alembic import op

from grace.kit.migrations import statements

revision = "0003"
down_revision = "0002"

SQL = """
CREATE TABLE approvers (
    tenant_id  text NOT NULL,
    principal  text NOT NULL CHECK (principal = lower(principal)),
    group_name text NOT NULL,
    seated_by  text NOT NULL CHECK (seated_by <> principal),
    seated_at  timestamptz NOT NULL,
    removed_by text,
    removed_at timestamptz,
    PRIMARY KEY (tenant_id, principal),
    CHECK ((removed_by IS NULL) = (removed_at IS NULL)),
    CHECK (removed_by <> principal)
);

COMMENT ON TABLE approvers IS
    'A row stays when its seat is taken away: a tenant without seats is not one that never had any.';

CREATE TABLE mission_requesters (
    tenant_id  text NOT NULL,
    mission_id text NOT NULL,
    principal  text NOT NULL CHECK (principal = lower(principal)),
    intent_id  text NOT NULL,
    joined_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, mission_id, principal)
);

COMMENT ON TABLE mission_requesters IS
    'Who submitted an intent that follows a mission: ids of another service, without a foreign key.';

CREATE TABLE approval_delegations (
    approval_id  text COLLATE "C" NOT NULL REFERENCES approval_requests,
    delegated_by text NOT NULL CHECK (delegated_by = lower(delegated_by)),
    delegated_to text NOT NULL CHECK (delegated_to = lower(delegated_to)),
    delegated_at timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at > delegated_at),
    reason       text NOT NULL,
    PRIMARY KEY (approval_id, delegated_by, delegated_at),
    CHECK (delegated_by <> delegated_to)
);

CREATE TABLE approval_reminders (
    approval_id  text COLLATE "C" PRIMARY KEY REFERENCES approval_requests,
    reminders    integer NOT NULL CHECK (reminders > 0),
    remind_at    timestamptz NOT NULL,
    escalated_to text
);

CREATE TABLE approval_reviews (
    review_id   text COLLATE "C" PRIMARY KEY,
    tenant_id   text NOT NULL,
    approval_id text COLLATE "C" NOT NULL UNIQUE REFERENCES approval_requests,
    mission_id  text NOT NULL,
    status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'reviewed')),
    broken_by   text NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    broken_at   timestamptz NOT NULL,
    reminders   integer NOT NULL DEFAULT 0,
    remind_at   timestamptz NOT NULL,
    reviewed_by text,
    reviewed_at timestamptz,
    finding     text CHECK (finding IN ('justified', 'unjustified')),
    note        text,
    CHECK ((status = 'reviewed') = (reviewed_by IS NOT NULL)),
    CHECK ((status = 'reviewed') = (reviewed_at IS NOT NULL)),
    CHECK ((status = 'reviewed') = (finding IS NOT NULL)),
    CHECK (lower(reviewed_by) <> lower(broken_by))
);

CREATE INDEX approval_reviews_page ON approval_reviews (tenant_id, review_id DESC);

CREATE INDEX approval_reviews_due ON approval_reviews (remind_at) WHERE status = 'open';

CREATE FUNCTION refuse_second_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'review % is completed and does not change', OLD.review_id;
END $$;

CREATE TRIGGER approval_reviews_complete_once BEFORE UPDATE OR DELETE ON approval_reviews
    FOR EACH ROW WHEN (OLD.status <> 'open') EXECUTE FUNCTION refuse_second_review();

ALTER TABLE approval_votes
    ADD COLUMN seat text;

COMMENT ON COLUMN approval_votes.seat IS
    'In whose place the vote was given; NULL before seats were kept: the voter''s own.';

ALTER TABLE approval_requests
    ADD COLUMN break_glass boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT approval_requests_check3,
    ADD CONSTRAINT approval_requests_enough_people
        CHECK (status <> 'granted' OR cardinality(decided_by) >= CASE WHEN break_glass THEN 1 ELSE quorum END);

REVOKE DELETE, TRUNCATE ON approvers, approval_reviews FROM governance;

REVOKE UPDATE, DELETE, TRUNCATE ON mission_requesters, approval_delegations FROM governance;
"""


def upgrade() -> None:
    """Nobody is seated by it: until somebody is, everybody with the scope is an approver."""
    for statement in statements(SQL):
        op.execute(statement)
