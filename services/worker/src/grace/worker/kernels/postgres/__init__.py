"""The postgres kernel: heals a Postgres database that is not Grace's own."""

from grace.worker.kernels.operation import Kernel
from grace.worker.kernels.postgres.activity import Activity
from grace.worker.kernels.postgres.query import Query
from grace.worker.kernels.postgres.set_database_setting import SetDatabaseSetting
from grace.worker.kernels.postgres.set_table_autovacuum import SetTableAutovacuum
from grace.worker.kernels.postgres.table import ReadTable
from grace.worker.kernels.postgres.terminate_blockers import TerminateBlockers

POSTGRES = Kernel(
    name="postgres",
    version="1.0.0",
    operations=(
        TerminateBlockers(),
        SetDatabaseSetting(),
        SetTableAutovacuum(),
        Activity(),
        Query(),
        ReadTable(),
    ),
)
