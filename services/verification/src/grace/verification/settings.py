"""What an operator may set. Every default is safe in production."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from grace.kit import ServiceSettings, service_config

Duration = Annotated[timedelta, Field(gt=timedelta(0))]


class Settings(ServiceSettings):
    """GRACE_VERIFICATION_<FIELD>."""

    model_config = service_config("verification")

    # Due contracts are looked for this often; a finished task wakes the loop at once.
    advance_interval: Duration = timedelta(milliseconds=250)
    # What one tick carries: one question to htm, whose answer must fit 1 MiB.
    advance_most: int = Field(default=32, ge=1, le=256)
    # A replica that dies with contracts in hand keeps the others off them for this long.
    claim_for: Duration = timedelta(seconds=5)
    # A task whose end nobody told of is asked for after three times this, one that takes long up to every
    # five times this; a target that is held is looked at this often.
    poll_interval: Duration = timedelta(seconds=1)
    # A transient failure of a worker is no verdict yet.
    task_attempts: int = Field(default=3, ge=1, le=100)
    # An action that no worker began within its minute is not wanted any more.
    apply_within: Duration = timedelta(seconds=60)
    # A later measurement tells about another world than the one the action left.
    measure_within: Duration = timedelta(minutes=2)
    # Between the takes of a run of one measurement, or its timeout where that is shorter: what is
    # measured in the same seconds is one measurement, however often it is written down.
    run_apart: Duration = timedelta(seconds=30)
    # Who waits longer for a target is not wanted any more; two plans may wait for each other.
    wait_at_most: Duration = timedelta(minutes=15)
    # A revert is never given up for lateness; this only orders the queue.
    revert_within: Duration = timedelta(seconds=30)
    # An event that did not come is asked for after this, then after twice as long, and so on.
    recall_after: Duration = timedelta(seconds=10)
    # An approval may take people an hour; asking every five minutes loses little.
    recall_at_most: Duration = timedelta(minutes=5)
    recall_interval: Duration = timedelta(seconds=1)
    baselines_interval: Duration = timedelta(milliseconds=250)
    # How often it is counted what needs a person; an alert watches it.
    attention_interval: Duration = timedelta(seconds=15)
    # Holds end with their contract in one transaction; this only looks for a bug.
    release_interval: Duration = timedelta(seconds=30)
    # Without a file no source is allowed: verification itself then asks nobody by HTTP.
    sources_file: Path | None = None
    # A source that is slower than this did not answer, whatever a plan says.
    source_timeout: Duration = timedelta(seconds=10)
    # Bytes. What is larger is no measurement.
    source_answer_most: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    # Takes that are due are looked for this often; an ended task wakes the loop at once.
    takes_interval: Duration = timedelta(milliseconds=250)
    # What was verified is looked at again after these; a fault that returns within half an hour
    # was not healed. Empty: nobody looks again.
    watch_after: tuple[Duration, ...] = (timedelta(minutes=5), timedelta(minutes=30))
    watch_interval: Duration = timedelta(seconds=1)
    # A look that is later than this, as Grace did not run, is left out: it would not tell of the action any more.
    watch_late_at_most: Duration = timedelta(hours=1)
    # So long the single takes and late looks of what ended are shown; what came of them is kept.
    keep_takes: Duration = timedelta(days=90)
    # How often it is looked for what has served its time; it harms nobody meanwhile.
    prune_interval: Duration = timedelta(minutes=10)
