"""Capacity, quotas of origins, lanes of queues, and limits of keys."""

from alembic import op

from grace.kit.migrations import statements

revision = "0003"
down_revision = "0002"

# "C" because the order of lanes is no language's, and a claim walks them by it.
# The index of held tasks carries what they count under, so that a claim counts without the rows.
SQL = """
ALTER TABLE htm_tasks ADD COLUMN lane text COLLATE "C" NOT NULL DEFAULT '';

DROP INDEX htm_tasks_queued;

CREATE INDEX htm_tasks_queued ON htm_tasks (kernel, tenant_id, origin, lane, order_key, id)
    WHERE status = 'queued';

DROP INDEX htm_tasks_held;

CREATE INDEX htm_tasks_held ON htm_tasks (id) INCLUDE (tenant_id, origin, lane)
    WHERE status IN ('assigned', 'running');

CREATE TABLE htm_capacity (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    capacity integer NOT NULL CHECK (capacity BETWEEN 1 AND 1000000)
);

CREATE TABLE htm_quotas (
    origin        text PRIMARY KEY,
    share_percent integer NOT NULL CHECK (share_percent BETWEEN 0 AND 100),
    weight        double precision NOT NULL CHECK (weight BETWEEN 0.001 AND 1000),
    lends         boolean NOT NULL
);

CREATE TABLE htm_limits (
    tenant_id       text NOT NULL,
    key             text NOT NULL,
    concurrency     integer CHECK (concurrency >= 1),
    rate_per_second double precision CHECK (rate_per_second > 0),
    burst           integer CHECK (burst >= 1),
    tokens          double precision NOT NULL CHECK (tokens >= 0),
    refilled_at     timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key),
    CONSTRAINT limits_something CHECK (coalesce(concurrency, rate_per_second) IS NOT NULL),
    CONSTRAINT rate_has_burst CHECK ((rate_per_second IS NULL) = (burst IS NULL))
);

INSERT INTO htm_capacity (capacity) VALUES (50);

INSERT INTO htm_quotas (origin, share_percent, weight, lends) VALUES ('intent', 25, 1, true);
"""


def upgrade() -> None:
    """Bring limits to what claims hand out."""
    for statement in statements(SQL):
        op.execute(statement)
