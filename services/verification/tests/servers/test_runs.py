"""Benchmark suites on real servers, against baselines that a worker and a source measured."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from grace.contracts.verification import BenchmarkRun, GetBenchmarkRun, RunBenchmarks
from grace.kit import GraceError, Kind
from grace.testkit import eventually

if TYPE_CHECKING:
    from conftest import Play

QUICK = {"takes_interval": timedelta(milliseconds=50), "run_apart": timedelta(milliseconds=1)}


async def run(play: Play, suite: str, **more: Any) -> BenchmarkRun:
    gateway = await play.actor("gateway")
    question = RunBenchmarks(tenant_id="default", suite=suite, requested_by="ada", **more)
    begun: BenchmarkRun = await gateway.call(question)
    return begun


async def ended(play: Play, begun: BenchmarkRun) -> BenchmarkRun:
    gateway = await play.actor("gateway")

    async def there() -> BenchmarkRun | None:
        question = GetBenchmarkRun(tenant_id="default", run_id=begun.run_id)
        found: BenchmarkRun = await gateway.call(question)
        return found if found.status != "measuring" else None

    found: BenchmarkRun = await eventually(there, timeout=10)
    return found


async def test_a_suite_measures_what_has_a_baseline_and_tells_the_drift(play: Play) -> None:
    async with play.open(**QUICK):
        await play.baseline()
        await play.baseline()  # the newest one counts
        smoke = await run(play, "smoke")
        assert (smoke.status, smoke.baselines) == ("measuring", 1)
        whole = {**play.make.healthy, "series": {"commits": [1, 2]}}
        task = await play.work("observe", whole)
        assert task.spec.capability is None
        assert (await ended(play, smoke)).status == "passed"

        begun = await run(play, "regression", tolerance=0.1)
        for _ in range(3):
            await play.work("observe", {**whole, "throughput": 50.0})
        found = await ended(play, begun)
        assert (found.status, found.suite) == ("failed", "regression")
        (check,) = found.checks
        assert check.why == "throughput drifts by 50%"
        drifts = {each.field: (each.drift, each.holds) for each in check.drifts}
        assert drifts["throughput"] == (0.5, False)
        assert drifts["waiting"] == (0.0, True)


async def test_what_cannot_be_measured_is_inconclusive_and_never_passed(play: Play) -> None:
    async with play.open(**QUICK, measure_within=timedelta(seconds=5)):
        await play.baseline()
        begun = await run(play, "smoke", target="shop-db")
        await play.work("observe", failure="no statistics", error_class="user")
        found = await ended(play, begun)
        assert found.status == "inconclusive"
        assert "no statistics" in found.checks[0].why


async def test_a_run_measures_where_its_baseline_was_taken_and_nowhere_else(play: Play) -> None:
    async with play.open(**QUICK):
        play.validating.place = "a" * 64
        await play.baseline()
        play.validating.place = "b" * 64  # the name leads elsewhere
        await run(play, "smoke")
        task = await play.claim("observe")
        assert task.spec.target_definition == "a" * 64


async def test_a_baseline_whose_place_no_worker_can_say_fails_in_time(play: Play) -> None:
    gone = {
        "baselines_interval": timedelta(milliseconds=20),
        "measure_within": timedelta(seconds=1),
    }
    async with play.open(**QUICK, **gone, poll_interval=timedelta(milliseconds=50)):
        baseline_id = await play.begin_baseline(worker=False)
        found = await eventually(lambda: play.baseline_is(baseline_id, "failed"))
        assert "no worker says where shop-db is" in (found.reason or "")
        assert await play.house.rows("htm", "select 1 from htm_tasks") == []


async def test_what_cannot_be_run_is_refused_and_nothing_is_stored(play: Play) -> None:
    cannot: list[tuple[str, dict[str, Any], Kind]] = [
        ("smoke", {}, Kind.CONFLICT),
        ("smoke", {"target": "other"}, Kind.CONFLICT),
        ("load", {}, Kind.INVALID),
        ("regression", {"tolerance": -1.0}, Kind.INVALID),
        ("regression", {"tolerance": float("1e9")}, Kind.INVALID),
    ]
    async with play.open():
        for suite, more, kind in cannot:
            with pytest.raises(GraceError) as refused:
                await run(play, suite, **more)
            assert refused.value.kind is kind, (suite, more)
        assert await play.house.rows("verification", "select 1 from benchmark_runs") == []


MANY = """
INSERT INTO benchmarks (benchmark_id, tenant_id, kind, target, operation, params, timeout_ms, status,
                        measured, fields, numbers, measured_at)
SELECT 'baseline-' || i, 'default', 'baseline', 'target-' || i % 2, 'postgres.activity', '{"seconds":' || i || '}',
       1000, 'stored', '{"waiting": 0}', '{waiting}', '{0}', now()
  FROM generate_series(1, 101) AS i RETURNING 1
"""


async def test_a_run_holds_against_all_baselines_or_is_refused(play: Play) -> None:
    async with play.open():
        await play.house.rows("verification", MANY)
        with pytest.raises(GraceError, match="more than 100 golden baselines") as refused:
            await run(play, "smoke")
        assert refused.value.kind is Kind.CONFLICT
        assert (await run(play, "smoke", target="target-0")).baselines == 50


TAKES = """
SELECT extract(epoch FROM due_at - min(due_at) OVER ())::int, next_at = due_at, extract(epoch FROM deadline - due_at)::int
  FROM takes WHERE status = 'due' ORDER BY number
"""


async def test_the_takes_of_one_measurement_do_not_see_the_same_seconds(play: Play) -> None:
    async with play.open(run_apart=timedelta(seconds=20), measure_within=timedelta(seconds=60)):
        await play.baseline()
        await run(play, "regression")
        found = [tuple(row) for row in await play.house.rows("verification", TAKES)]
        assert found[1:] == [(20, True, 60), (40, True, 60)]
