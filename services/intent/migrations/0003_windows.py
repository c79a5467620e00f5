"""Errors that are too few for a mission so far, and when an error was told to be over."""

from alembic import op

from grace.kit.migrations import statements

revision = "0003"
down_revision = "0002"

SQL = """
CREATE TABLE error_windows (
    fingerprint text COLLATE "C" PRIMARY KEY,
    times       timestamptz[] NOT NULL,
    expires_at  timestamptz NOT NULL
) WITH (fillfactor = 70);

COMMENT ON TABLE error_windows IS
    'When errors came that open a mission only as so many within so long; gone once they did or are too old.';

CREATE INDEX error_windows_expired ON error_windows (expires_at);

ALTER TABLE trigger_rules ADD COLUMN shapes boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN trigger_rules.shapes IS
    'It says which errors are equal, or how many make a mission: the intake looks at it.';

ALTER TABLE missions ADD COLUMN over_at timestamptz;

COMMENT ON COLUMN missions.over_at IS
    'When its reporter said that the error is over by itself; null once it came back.';
"""


def upgrade() -> None:
    """Make the windows and extend missions and rules."""
    for statement in statements(SQL):
        op.execute(statement)
