"""Which embedder failed on a passage, and since when nobody tries any more."""

from alembic import op

from grace.kit.migrations import statements

revision = "0008"
down_revision = "0007"

# What was given up before, or is given up by a process of an older release, names no embedder: it is in the index all
# the same, so that today's tries it anew.
SQL = """
ALTER TABLE embeddings ADD COLUMN tried_by text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE embeddings ADD COLUMN given_up_at timestamptz;

CREATE INDEX embeddings_given_up ON embeddings (tried_by, given_up_at) WHERE embedder IS NULL AND next_at IS NULL;
"""


def upgrade() -> None:
    """Let passages that were given up be tried again."""
    for statement in statements(SQL):
        op.execute(statement)
