"""Effect receipts and the breakers of the targets."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

SQL = """
-- The states are the exact JSON texts: before_hash is over what stands here.
CREATE TABLE effect_receipts (
    action_id      text NOT NULL,
    step           text NOT NULL CHECK (step IN ('apply', 'revert')),
    id             uuid NOT NULL UNIQUE,
    tenant_id      text NOT NULL,
    contract_id    text NOT NULL,
    operation      text NOT NULL,
    target         text NOT NULL,
    params         text NOT NULL,
    act_hash       text NOT NULL,
    before_state   text NOT NULL,
    before_hash    text NOT NULL,
    opened_at      timestamptz NOT NULL DEFAULT now(),
    task_id        text NOT NULL,
    attempt_number integer NOT NULL CHECK (attempt_number >= 1),
    worker_id      text NOT NULL,
    held_until     timestamptz NOT NULL,
    result         text,
    after_state    text,
    completed_at   timestamptz,
    PRIMARY KEY (action_id, step),
    CONSTRAINT complete_has_all CHECK (
        (completed_at IS NULL) = (result IS NULL) AND (result IS NULL) = (after_state IS NULL))
);

-- What was there before an effect is written once: not even the worker can change it.
REVOKE UPDATE, DELETE ON effect_receipts FROM worker;
GRANT UPDATE (task_id, attempt_number, worker_id, held_until, result, after_state, completed_at)
    ON effect_receipts TO worker;

CREATE TABLE breaker_states (
    kernel     text NOT NULL,
    target     text NOT NULL,
    state      text NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
    failures   integer NOT NULL CHECK (failures >= 0),
    elapsed    double precision NOT NULL CHECK (elapsed >= 0),
    generation bigint NOT NULL CHECK (generation >= 0),
    stored_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kernel, target)
);
"""


def upgrade() -> None:
    """Make the tables."""
    for statement in kit_tables():
        op.execute(statement)
    for statement in statements(SQL):
        op.execute(statement)
