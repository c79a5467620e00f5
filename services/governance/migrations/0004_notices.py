"""What webhooks are to be told: kept until it is delivered or given up."""

from alembic import op

from grace.kit.migrations import statements

revision = "0004"
down_revision = "0003"

SQL = """
CREATE TABLE notices (
    message_id uuid NOT NULL,
    url        text NOT NULL,
    tenant_id  text NOT NULL,
    subject    text NOT NULL,
    body       text NOT NULL,
    status     text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'given_up')),
    tries      integer NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    last_error text,
    PRIMARY KEY (message_id, url),
    CHECK ((status = 'waiting') = (ended_at IS NULL))
);

CREATE INDEX notices_due ON notices (next_at) WHERE status = 'waiting';

CREATE INDEX notices_ended ON notices (ended_at) WHERE status <> 'waiting';
"""


def upgrade() -> None:
    """Nothing is told before a webhook is set."""
    for statement in statements(SQL):
        op.execute(statement)
