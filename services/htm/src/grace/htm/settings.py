"""What an operator may set. Every default is safe in production."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from grace.htm.domain.retry import Backoff, ErrorClass, Policies, Policy
from grace.kit import ServiceSettings, service_config

Duration = Annotated[timedelta, Field(gt=timedelta(0))]


TypeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:-]+(\.[A-Za-z0-9_:-]+)*(\.\*)?$")]


class RetryPolicy(BaseModel):
    """How tasks of a type are tried again; what it does not say is as for all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: Duration | None = None
    longest: Duration | None = None
    spread: float | None = Field(default=None, ge=0, lt=1)
    # Fewer than the three at most; none: what failed is not tried again. A lapse is no failure.
    retryable: frozenset[Literal["transient", "system", "timeout"]] | None = None

    def instead_of(self, ordinary: Policy) -> Policy:
        """The whole policy."""
        backoff, said = ordinary.backoff, self.retryable
        return Policy(
            Backoff(
                backoff.first if self.first is None else self.first,
                backoff.longest if self.longest is None else self.longest,
                backoff.spread if self.spread is None else self.spread,
            ),
            ordinary.retryable if said is None else frozenset(map(ErrorClass, said)),
        )


class Settings(ServiceSettings):
    """GRACE_HTM_<FIELD>."""

    model_config = service_config("htm")

    # Two submissions at once, a report, a claim, and the loops.
    pool_size: int = Field(default=8, ge=2, le=100)
    # Longer than the longest apply (30 s) and two beats of a worker (5 s each).
    lease: Duration = timedelta(seconds=45)
    # One step of priority is worth this much waiting: nothing urgent starves the rest for long.
    aging_step: Duration = timedelta(seconds=30)
    # The wait before a retry doubles from the first to the longest; the spread keeps a herd apart.
    retry_first: Duration = timedelta(seconds=1)
    retry_longest: Duration = timedelta(seconds=60)
    retry_spread: float = Field(default=0.2, ge=0, lt=1)
    # What holds instead for tasks of a type, or of all that begin alike: {"postgres.*": {"first": "PT5S"}}.
    retry_policies: Mapping[TypeName, RetryPolicy] = Field(default_factory=dict)
    # What one commit carries well, for all who ask at once; a worker that wants more claims again.
    claim_most: int = Field(default=512, ge=1, le=1000)
    # How many queues of a kernel and lanes of a queue one claim looks at; the next looks at others.
    claim_queues: int = Field(default=256, ge=1, le=10_000)
    claim_lanes: int = Field(default=16, ge=1, le=1000)
    # So long a task is kept for the worker that it prefers; a beat's time, so that a dead one costs little.
    affinity_wait: Duration = timedelta(seconds=5)
    # What one tick of a loop takes, so that its transaction stays short; the next comes at once.
    sweep_most: int = Field(default=256, ge=1, le=10_000)
    # A quarter of the shortest wait: a retry starts late by at most that.
    promote_interval: Duration = timedelta(milliseconds=250)
    # How soon a schedule that was set is known to all replicas; they know when the next one fires.
    schedule_interval: Duration = timedelta(seconds=1)
    # A slot that is fired later was missed, and is made up for or not. A restart takes less.
    schedule_late_after: Duration = timedelta(minutes=1)
    rescue_interval: Duration = timedelta(seconds=1)
    expire_interval: Duration = timedelta(seconds=1)
    # How late a task may begin after what it depends on, or end after its last child.
    # What this process did not note itself: an end of another one that died, a cancel of a parent.
    follow_interval: Duration = timedelta(milliseconds=250)
    # How late a task may be told to be at risk or too late.
    sla_interval: Duration = timedelta(seconds=1)
    # The usual time of a type is its highest hourly p95 in this time, so at least that of all of it.
    sla_history: Duration = timedelta(hours=6)
    # How often it is looked whether an hour is to be rolled up; an open one is, after its rest.
    roll_up_interval: Duration = timedelta(seconds=15)
    roll_up_rest: Duration = timedelta(minutes=1)
    # Longer than any transaction: what ended in an hour is committed, and the hour never changes.
    roll_up_settles_after: Duration = timedelta(minutes=5)
    # So long ended tasks are shown, and their client keys stand for them: who repeats later does it anew.
    keep_ended: Duration = timedelta(days=30)
    # How often it is looked for what has served its time; it harms nobody meanwhile.
    prune_interval: Duration = timedelta(minutes=1)
    # Whether a task for a kernel that no worker has ever asked for waits, and why says so, or is refused.
    unknown_kernels: Literal["wait", "refuse"] = "wait"
    # How old the number of waiting tasks may be that workers are scaled by.
    count_interval: Duration = timedelta(seconds=5)
    # Idle workers ask every second; who was silent this long is gone.
    worker_silence: Duration = timedelta(seconds=30)

    @cached_property
    def policies(self) -> Policies:
        """How tasks that failed are tried again."""
        ordinary = Policy(Backoff(self.retry_first, self.retry_longest, self.retry_spread))
        return Policies(
            ordinary, {k: p.instead_of(ordinary) for k, p in self.retry_policies.items()}
        )
