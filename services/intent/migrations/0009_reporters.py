"""Who says of each mission's error that it is there, and since when it is over for them."""

from alembic import op

from grace.kit.migrations import statements

revision = "0009"
down_revision = "0008"

SQL = """
CREATE TABLE mission_reporters (
    mission_id text COLLATE "C" NOT NULL REFERENCES missions,
    principal  text NOT NULL,
    source     text NOT NULL,
    instance   text NOT NULL DEFAULT '',
    fired_at   timestamptz NOT NULL,
    sent_at    timestamptz NOT NULL,
    over_at    timestamptz,
    PRIMARY KEY (mission_id, principal, source, instance)
) WITH (fillfactor = 70);

COMMENT ON TABLE mission_reporters IS
    'Who reported the error of a mission, each as often as it watches several instances; none of a mission from before this table.';

COMMENT ON COLUMN mission_reporters.fired_at IS
    'When it last saw the error; it still does unless over_at is as late.';

ALTER TABLE error_windows ADD COLUMN reports text NOT NULL DEFAULT '[]';

COMMENT ON COLUMN error_windows.reports IS
    'JSON: who reported at those times, each as [principal, source, instance, fired_at, sent_at].';

REVOKE DELETE, TRUNCATE ON mission_reporters FROM intent;
"""


def upgrade() -> None:
    """Make the table of reporters; windows remember theirs."""
    for statement in statements(SQL):
        op.execute(statement)
