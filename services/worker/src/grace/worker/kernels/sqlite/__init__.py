"""The sqlite kernel: looks after one database file, and never unlinks what SQLite wrote."""

from grace.worker.kernels.operation import Kernel
from grace.worker.kernels.sqlite.checkpoint import Checkpoint
from grace.worker.kernels.sqlite.clear_locks import ClearLocks
from grace.worker.kernels.sqlite.look import Look
from grace.worker.kernels.sqlite.vacuum import Vacuum

SQLITE = Kernel(
    name="sqlite",
    version="1.0.0",
    operations=(Checkpoint(), ClearLocks(), Look(), Vacuum()),
)
