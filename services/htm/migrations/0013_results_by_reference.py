"""Results that are too large for a row: their reference in the blob store."""

from alembic import op

from grace.kit.migrations import statements

revision = "0013"
down_revision = "0012"

SQL = """
ALTER TABLE htm_tasks
    ADD COLUMN result_sha256 text CHECK (result_sha256 ~ '^[0-9a-f]{64}$'),
    ADD COLUMN result_size_bytes bigint CHECK (result_size_bytes >= 0),
    ADD CONSTRAINT reference_has_size CHECK (
        (result_sha256 IS NULL) = (result_size_bytes IS NULL)),
    ADD CONSTRAINT one_result CHECK (result_json IS NULL OR result_sha256 IS NULL);
"""


def upgrade() -> None:
    """Let results lie elsewhere."""
    for statement in statements(SQL):
        op.execute(statement)
