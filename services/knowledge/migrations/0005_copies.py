"""Which vectors another place has a copy of."""

from alembic import op

from grace.kit.migrations import statements

revision = "0005"
down_revision = "0004"

# Without a condition: one that every question about an embedder fulfils would answer it by reading all of the index.
# What waits for its vector sorts behind what has one.
SQL = """
ALTER TABLE embeddings ADD COLUMN copied_to text COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX embeddings_copied ON embeddings (copied_to, embedder);
"""


def upgrade() -> None:
    """Have every vector copied to the place that an operator names."""
    for statement in statements(SQL):
        op.execute(statement)
