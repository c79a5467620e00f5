"""The memory kernel: what the processes of this machine that the targets file lists take, and only that."""

from grace.worker.kernels.memory.process import Process
from grace.worker.kernels.operation import Kernel

MEMORY = Kernel(name="memory", version="1.0.0", operations=(Process(),))
