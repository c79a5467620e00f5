"""Which missions wait for a consent: one question may be asked for many of them."""

from alembic import op

from grace.kit.migrations import statements

revision = "0009"
down_revision = "0008"

SQL = """
CREATE TABLE consent_missions (
    consent_id text COLLATE "C" NOT NULL REFERENCES secret_consents,
    mission_id text NOT NULL,
    PRIMARY KEY (consent_id, mission_id)
);

COMMENT ON TABLE consent_missions IS
    'Missions that were refused a secret while the consent was asked for; secret_consents.mission_id is the first alone.';

REVOKE UPDATE, DELETE, TRUNCATE ON consent_missions FROM governance;
"""


def upgrade() -> None:
    """Make the table; what was asked before has its first mission in its own row."""
    for statement in statements(SQL):
        op.execute(statement)
