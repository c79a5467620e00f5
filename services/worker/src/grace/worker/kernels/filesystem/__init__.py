"""The filesystem kernel: tidies up below a registered folder, and nowhere else."""

from grace.worker.kernels.filesystem.clear_pycache import ClearPycache
from grace.worker.kernels.filesystem.hash import Hash
from grace.worker.kernels.filesystem.holds_secret import HoldsSecret
from grace.worker.kernels.filesystem.move_aside import MoveAside
from grace.worker.kernels.filesystem.rotate_log import RotateLog
from grace.worker.kernels.filesystem.set_mode import SetMode
from grace.worker.kernels.filesystem.usage import Usage
from grace.worker.kernels.filesystem.write_secret import WriteSecret
from grace.worker.kernels.operation import Kernel

FILESYSTEM = Kernel(
    name="filesystem",
    version="1.0.0",
    operations=(
        ClearPycache(),
        Hash(),
        HoldsSecret(),
        MoveAside(),
        RotateLog(),
        SetMode(),
        Usage(),
        WriteSecret(),
    ),
)
