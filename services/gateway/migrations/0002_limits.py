"""A rate limit for each key, answers that are kept for a repeat, and the key that seals cursors."""

from alembic import op

from grace.kit.migrations import statements

revision = "0002"
down_revision = "0001"

SQL = """
ALTER TABLE api_keys
    ADD COLUMN rate_limit integer CHECK (rate_limit BETWEEN 0 AND 100000);

ALTER TABLE idempotency_responses RENAME COLUMN principal TO key_id;

ALTER TABLE idempotency_responses
    ADD COLUMN claim_id      uuid NOT NULL,
    ADD COLUMN claimed_until timestamptz NOT NULL;

CREATE INDEX idempotency_responses_expiry ON idempotency_responses (expires_at);

CREATE TABLE sealing_keys (
    name  text PRIMARY KEY,
    value bytea NOT NULL CHECK (octet_length(value) = 32)
);

-- Two of them hold 244 random bits.
INSERT INTO sealing_keys (name, value)
VALUES (
    'cursor',
    sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
);

REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON sealing_keys FROM gateway;
"""


def upgrade() -> None:
    """Nothing used idempotency_responses before: it is empty."""
    for statement in statements(SQL):
        op.execute(statement)
