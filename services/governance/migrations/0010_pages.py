"""Approvals are found by how they stand: few wait among very many that were decided."""

from alembic import op

from grace.kit.migrations import statements

revision = "0010"
down_revision = "0009"

SQL = """
CREATE INDEX approval_requests_status ON approval_requests (tenant_id, status, approval_id DESC);
"""


def upgrade() -> None:
    """Add the index."""
    for statement in statements(SQL):
        op.execute(statement)
