"""A claim passes over the index entries of all tasks that have left the queue since the last vacuum.

By its defaults Postgres waits until a fifth of the table has changed, which with a month of history is days, and then
leaves indexes alone where few pages are concerned. Measured without history: 13 ms for a lone task, 113 ms behind
400,000 that had gone before it (docs/scale.md).
"""

from alembic import op

from grace.kit.migrations import statements

revision = "0015"
down_revision = "0014"

SQL = """
ALTER TABLE htm_tasks SET (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 40000,
    vacuum_index_cleanup = on
);
"""


def upgrade() -> None:
    """Clear the queue after twenty thousand tasks, however much history lies beside it."""
    for statement in statements(SQL):
        op.execute(statement)
