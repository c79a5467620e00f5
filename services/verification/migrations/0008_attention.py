"""People decide where nobody else can: who chose what, why, and what stood against a rollback."""

from alembic import op

from grace.kit.migrations import statements

revision = "0008"
down_revision = "0007"

CHANGES = """
ALTER TABLE action_contracts
    DROP CONSTRAINT action_contracts_step_check,
    ADD CONSTRAINT action_contracts_step_check CHECK (step IN (
        'apply', 'measure', 'revert', 'compare', 'restored', 'remeasure')),
    ADD COLUMN refusal text,
    ADD COLUMN conflict json,
    ADD COLUMN reverts integer NOT NULL DEFAULT 0 CHECK (reverts >= 0),
    ADD COLUMN choice text CHECK (choice IN ('accept', 'retry_revert', 'close')),
    ADD COLUMN chosen_by text,
    ADD COLUMN chosen_why text,
    ADD CONSTRAINT choice_has_all CHECK (
        (choice IS NULL) = (chosen_by IS NULL) AND (choice IS NULL) = (chosen_why IS NULL));

COMMENT ON COLUMN action_contracts.reverts IS
    'How often people had the revert done again: its tasks are new ones each time.';
"""


def upgrade() -> None:
    """Add what a person is shown and what a person decides."""
    for statement in statements(CHANGES):
        op.execute(statement)
