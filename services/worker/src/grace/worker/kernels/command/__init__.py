"""The command kernel: runs what the targets file lists, word for word, and only to look."""

from grace.worker.kernels.command.run import Run
from grace.worker.kernels.operation import Kernel

COMMAND = Kernel(name="command", version="1.0.0", operations=(Run(),))
