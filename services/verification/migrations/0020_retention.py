"""Single takes and looks serve their time: what came of them stands in contracts, runs and revisions."""

from alembic import op

from grace.kit.migrations import statements

revision = "0020"
down_revision = "0009"

SQL = """
CREATE INDEX takes_ended ON takes (ended_at) WHERE ended_at IS NOT NULL;

CREATE INDEX watches_ended ON watches (ended_at) WHERE ended_at IS NOT NULL;

GRANT DELETE ON takes, watches TO verification;
"""


def upgrade() -> None:
    """Let the service forget what has ended."""
    for statement in statements(SQL):
        op.execute(statement)
