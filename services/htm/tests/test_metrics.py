"""What Prometheus reads: counted at the commit, and bounded in names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

from grace.contracts.htm import TaskReports
from grace.htm import metrics
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

PROMISES = {0.2, 0.5, 1, 2, 30, 60, 3600}


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


async def test_ended_tasks_are_counted_with_their_times(crew: Crew) -> None:
    done = await crew.claimed(type="metrics.done")
    tried = await crew.claimed(type="metrics.tried")
    reports = (
        crew.update(done, "completed"),
        crew.update(tried, "failed", error_class="transient"),
    )
    await crew.worker.report(TaskReports(updates=reports))
    await crew.rests_as("succeeded", done.task_id)
    await crew.rests_as("retrying", tried.task_id)
    outcome = {"type": "metrics.done", "outcome": "succeeded"}
    await eventually(lambda: _is(value("grace_htm_tasks_total", **outcome), 1))
    for name in ("queue", "execution", "total"):
        assert value(f"grace_htm_{name}_seconds_count", type="metrics.done") == 1
        assert value(f"grace_htm_{name}_seconds_count", type="metrics.tried") == 0
    assert value("grace_htm_retries_total", type="metrics.tried") == 1
    task = await crew.task(done.task_id)
    assert task.finished_at
    total = (task.finished_at - task.created_at).total_seconds()
    assert abs(value("grace_htm_total_seconds_sum", type="metrics.done") - total) < 1e-6


async def _is(found: float, wanted: float) -> bool:
    return found == wanted


def test_every_promise_is_an_edge() -> None:
    for histogram in (metrics.QUEUE_SECONDS, metrics.EXECUTION_SECONDS, metrics.TOTAL_SECONDS):
        assert set(histogram._kwargs["buckets"]) >= PROMISES


def test_nobody_fills_the_memory_with_names() -> None:
    for n in range(3 * metrics.MOST_NAMES):
        metrics.show_queued({f"kernel-{m}": m for m in range(n)})
    samples = metrics.QUEUED.collect()[0].samples
    assert len(samples) == metrics.MOST_NAMES
    assert max(sample.value for sample in samples) == 3 * metrics.MOST_NAMES - 2
