"""Settings of the worker: GRACE_WORKER_<FIELD>."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from grace.kit import Duration, service_config
from grace.kit.blobs import BlobSettings


class Settings(BlobSettings):
    """Each default is safe in production."""

    model_config = service_config("worker")

    # Without a file no target is registered and every task is refused.
    targets_file: Path | None = None
    # A replica may be given fewer kernels than there are, to keep their rights apart.
    kernels: tuple[Literal["postgres", "filesystem", "command", "memory", "sqlite"], ...] = (
        "postgres",
        "filesystem",
        "command",
        "memory",
        "sqlite",
    )
    # Tasks at the same time (REQUIREMENTS R2-24); each may hold a connection to its target.
    slots: int = Field(default=6, ge=1, le=100)
    # Hints wake the worker at once; this finds what a lost hint left lying.
    claim_interval: Duration = timedelta(seconds=1)
    # A ninth of htm's lease: several beats may be lost before a task is.
    beat_interval: Duration = timedelta(seconds=5)
    # No change may take longer; htm's lease must be longer than this, or none ever begins.
    longest_operation: Duration = timedelta(seconds=30)
    # A worker that has just started has not heard a beacon yet; it waits so long for one.
    permit_patience: timedelta = Field(default=timedelta(seconds=2), ge=timedelta(0))
    # Governance is asked anew how the kill switch stands: by then two clocks have drifted by no more
    # than milliseconds, so that old beacons do not pass for new ones.
    permit_renewal: Duration = timedelta(seconds=30)
    # Tasks in hand may take so long to end at a stop; the rest lapses and is done elsewhere.
    drain: Duration = timedelta(seconds=15)
    # Long results in a folder are forgotten after this. Twice as long as htm keeps ended tasks: keep it
    # longer than GRACE_HTM_KEEP_ENDED. A bucket has lifecycle rules for that.
    keep_results: Duration = timedelta(days=60)
    # A long state to which no receipt refers after this is of a worker that died before it wrote one.
    keep_unused_states: Duration = timedelta(days=7)
    # How often it is looked for what has served its time; it harms nobody meanwhile.
    prune_interval: Duration = timedelta(hours=1)
