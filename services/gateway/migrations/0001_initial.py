"""API keys, and the answers that a repeated request gets again."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

SQL = """
CREATE TABLE api_keys (
    key_id       text COLLATE "C" PRIMARY KEY,
    tenant_id    text NOT NULL DEFAULT 'default',
    principal    text NOT NULL CHECK (principal = lower(principal)),
    name         text NOT NULL DEFAULT '',
    token_hash   bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);

CREATE INDEX api_keys_page ON api_keys (tenant_id, key_id DESC);

CREATE TABLE idempotency_responses (
    tenant_id    text NOT NULL DEFAULT 'default',
    principal    text NOT NULL,
    route        text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       smallint,
    body         bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, principal, route, key)
);

REVOKE DELETE, TRUNCATE ON api_keys FROM gateway;
"""


def upgrade() -> None:
    """Create the tables of the kit and of this service."""
    for statement in (*kit_tables(), *statements(SQL)):
        op.execute(statement)
