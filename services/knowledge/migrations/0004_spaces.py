"""One index for the vectors of an embedder, and among them of a tenant."""

from alembic import op

from grace.kit.migrations import statements

revision = "0004"
down_revision = "0003"

# Beside an index of embedders alone the planner read all tenants' vectors for one tenant's.
SQL = """
CREATE INDEX embeddings_space ON embeddings (embedder, tenant_id);
DROP INDEX embeddings_tenant;
DROP INDEX embeddings_embedder;
"""


def upgrade() -> None:
    """Find a tenant's vectors without the others'."""
    for statement in statements(SQL):
        op.execute(statement)
