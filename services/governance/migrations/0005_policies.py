"""Policies, each version for good, and what they made of every plan."""

from alembic import op

from grace.kit.migrations import statements

revision = "0005"
down_revision = "0004"

SQL = """
ALTER TABLE approval_requests
    DROP CONSTRAINT approval_requests_check,
    ADD CONSTRAINT quorum_is_small CHECK (quorum BETWEEN 0 AND 10);

CREATE TABLE policies (
    revision bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL,
    version  integer NOT NULL CHECK (version > 0),
    kind     text NOT NULL CHECK (kind IN ('policy', 'constitution')),
    text     text,
    made_by  text NOT NULL,
    made_at  timestamptz NOT NULL,
    reason   text NOT NULL,
    UNIQUE (name, version)
);

COMMENT ON COLUMN policies.text IS 'NULL: from this version on there is no such document.';

REVOKE UPDATE, DELETE, TRUNCATE ON policies FROM governance;

CREATE TABLE rulings (
    approval_id   text COLLATE "C" PRIMARY KEY REFERENCES approval_requests,
    tenant_id     text NOT NULL,
    mission_id    text NOT NULL,
    ruled_at      timestamptz NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN ('granted', 'asked', 'refused')),
    tier          smallint NOT NULL CHECK (tier BETWEEN 1 AND 3),
    quorum        smallint NOT NULL,
    because       text[] NOT NULL CHECK (cardinality(because) > 0),
    rules         text[] NOT NULL,
    rulebook_hash text NOT NULL,
    facts         jsonb NOT NULL
);

COMMENT ON COLUMN rulings.facts IS
    'What was known of each action: enough to judge the plan again by other policies.';

CREATE INDEX rulings_page ON rulings (tenant_id, approval_id DESC);

CREATE INDEX rulings_by_time ON rulings (ruled_at, approval_id);

REVOKE UPDATE, DELETE, TRUNCATE ON rulings FROM governance;
"""


def upgrade() -> None:
    """Let policies decide."""
    for statement in statements(SQL):
        op.execute(statement)
