from datetime import timedelta

from prometheus_client import REGISTRY

from grace.contracts.observability import (
    CurrentStress,
    GetCurrent,
    GetRemediation,
    GetTrends,
    StressRun,
    StressTrends,
)
from grace.kit import Runtime
from grace.observability.loops import Expire, Prune
from grace.observability.settings import Settings
from grace.testkit import House, eventually

from .conftest import Tell


async def _runs(gateway: Runtime) -> dict[str, StressRun]:
    answer: CurrentStress = await gateway.call(GetCurrent(tenant_id="default"))
    return {run.run_id: run for run in answer.runs}


async def test_a_run_is_followed_from_its_start_to_its_end(house: House, tell: Tell) -> None:
    async with house.running("observability"):
        gateway = await house.act_as("gateway")

        async def shown(**wanted: object) -> StressRun | None:
            run = (await _runs(gateway)).get("run-1")
            fits = run and all(getattr(run, name) == value for name, value in wanted.items())
            return run if fits else None

        await tell("started")
        begun = await eventually(lambda: shown(status="running"))
        assert (begun.requests, begun.samples, begun.p99_ms) == (0, 0, None)

        # Twice, and an older one late: the newest number counts, each is kept once.
        for sequence, requests in ((1, 50), (3, 150), (3, 150), (2, 100)):
            await tell("sampled", sequence=sequence, requests=requests)
        await eventually(lambda: shown(samples=3, requests=150))

        before = _collected("stress_requests_total", outcome="error")
        await tell("ended", status="failed", requests=200, errors=50, p99_ms=900.0)
        failed = await eventually(lambda: shown(status="failed"))
        await eventually(
            lambda: _collected("stress_requests_total", outcome="error") == before + 50
        )
        assert _collected("stress_runs_total", status="failed") >= 1
        assert (failed.requests, failed.error_rate, failed.p99_ms) == (200, 0.25, 900.0)

        # What comes after the end changes nothing; a failure without a kind remedies nothing.
        await tell("started")
        await tell("sampled", sequence=9, requests=999)
        await tell("ended", status="passed")
        await tell("ended", run_id="run-2")
        await eventually(lambda: _is_known(gateway, "run-2"))
        assert (await _runs(gateway))["run-2"].status == "passed"
        rows = await house.rows("observability", "SELECT status FROM stress_runs ORDER BY run_id")
        assert [row["status"] for row in rows] == ["failed", "passed"]
        stats = await gateway.call(GetRemediation(tenant_id="default", recent=10))
        assert (stats.attempted, stats.due, stats.skipped) == (0, 0, 0)


async def test_what_cannot_be_is_refused_with_its_reason(house: House, tell: Tell) -> None:
    wrong = {
        "run_changed": ("sampled", {"suite": "other"}),
        "bad_figures": ("sampled", {"sequence": 2, "errors": 101}),
        "bad_times": ("ended", {"ended_at": "2020-01-01T00:00:00Z"}),
        "no_verdict": ("ended", {"status": "unspecified"}),
        "schema": ("ended", {"errors": None}),
    }
    more = [
        ("sampled", {"p99_ms": 1e300}),
        ("ended", {"ended_at": "9999-12-31T23:59:59Z"}),
        ("started", {"started_at": "9999-12-31T23:59:59Z"}),
        # The zero of Go, and the last moment there is: in PostgreSQL they would be no times.
        ("ended", {"run_id": "go", "started_at": "0001-01-01T00:00:00Z"}),
        ("sampled", {"run_id": "far", "at": "9999-12-31T23:59:59.999999Z"}),
        ("ended", {"target": "other"}),
        ("ended", {"status": "perfect"}),
        ("ended", {"run_id": "no spaces"}),
        ("started", {"started_at": "yesterday"}),
        ("started", {"suite": "a\x00b"}),
    ]
    async with house.running("observability"):
        gateway = await house.act_as("gateway")
        await tell("started")
        await eventually(lambda: _is_known(gateway, "run-1"))
        for what, changes in [*wrong.values(), *more]:
            await tell(what, **changes)
        await house.publish_raw(user="outside", subject="telemetry.stress.ended", body=b"{nonsense")

        async def refused() -> list[str] | None:
            rows = await house.rows("observability", "SELECT reason FROM quarantine")
            return [row["reason"] for row in rows] if len(rows) > len(wrong) + len(more) else None

        reasons = await eventually(refused)
        assert set(reasons) == {*wrong, "not_json"}
        (run,) = (await _runs(gateway)).values()
        assert (run.status, run.requests, run.suite) == ("running", 0, "checkout")


async def test_who_says_something_else_of_a_run_does_not_hide_its_end(
    house: House, tell: Tell
) -> None:
    """Also where both come in one batch: telemetry is anybody's."""
    async with house.running("observability"):
        await tell("started")
        await eventually(lambda: _are_stored(house, 1))
    await tell("ended", target="other", status="passed")
    await tell("ended", status="failed")
    async with house.running("observability"):
        gateway = await house.act_as("gateway")
        await eventually(lambda: _has_status(gateway, "run-1", "failed"))
        rows = await house.rows("observability", "SELECT reason FROM quarantine")
        assert [row["reason"] for row in rows] == ["run_changed"]


async def test_trends_are_those_of_the_last_runs_of_each_suite(house: House, tell: Tell) -> None:
    async with house.running("observability"):
        gateway = await house.act_as("gateway")
        assert await gateway.call(GetTrends(tenant_id="default", runs=10)) == StressTrends(
            suites=()
        )
        for place in range(4):
            at = f"2026-01-01T00:0{place}:00Z"
            times = {"started_at": at, "ended_at": at}
            await tell("ended", f"slow-{place}", suite="slow", p99_ms=100.0 + 50 * place, **times)
            await tell("ended", f"same-{place}", suite="same", errors=0, **times)
        await tell("ended", "silent", suite="silent", requests=0, errors=0, p99_ms=None)
        await eventually(lambda: _are_stored(house, 9))
        answer = await gateway.call(GetTrends(tenant_id="default", runs=10))
        found = {suite.suite: suite for suite in answer.suites}
        slow, same, silent = found["slow"], found["same"], found["silent"]
        assert (slow.direction, slow.p99_slope_ms, slow.p99_ms) == ("worsening", 50.0, 175.0)
        assert [point.run_id for point in slow.points] == [f"slow-{n}" for n in range(4)]
        assert (same.direction, same.runs, same.error_rate) == ("steady", 4, 0.0)
        assert (silent.direction, silent.p99_ms, silent.error_rate) == ("unknown", None, 0.0)

        (last,) = (await gateway.call(GetTrends(tenant_id="default", suite="slow", runs=1))).suites
        assert [point.run_id for point in last.points] == ["slow-3"]
        other = await gateway.call(GetTrends(tenant_id="other", runs=10))
        assert other.suites == ()


async def test_a_run_that_nobody_tells_of_is_lost_and_may_come_back(
    house: House, tell: Tell
) -> None:
    async with house.running("observability") as started:
        runtime, gateway = started["observability"], await house.act_as("gateway")
        await tell("started")
        await eventually(lambda: _is_known(gateway, "run-1"))
        await Expire(Settings(run_timeout=timedelta(hours=1))).tick(runtime)
        assert (await _runs(gateway))["run-1"].status == "running"
        await Expire(Settings(run_timeout=timedelta(microseconds=1))).tick(runtime)
        assert (await _runs(gateway))["run-1"].status == "lost"
        (suite,) = (await gateway.call(GetTrends(tenant_id="default", runs=9))).suites
        assert (suite.runs, suite.failed) == (1, 1)

        await tell("sampled")
        await eventually(lambda: _has_status(gateway, "run-1", "running"))
        await Expire(Settings(run_timeout=timedelta(microseconds=1))).tick(runtime)
        await tell("ended")
        await eventually(lambda: _has_status(gateway, "run-1", "passed"))


async def test_the_past_is_dropped_but_for_the_last_run_of_a_suite(
    house: House, tell: Tell
) -> None:
    soon = timedelta(microseconds=1)
    async with house.running("observability") as started:
        runtime, gateway = started["observability"], await house.act_as("gateway")
        await tell(
            "ended", "old", ended_at="2026-01-01T00:00:00Z", started_at="2026-01-01T00:00:00Z"
        )
        await tell("ended", "new")
        await tell("sampled", "running", suite="other")
        await eventually(lambda: _are_stored(house, 3))
        await Prune(Settings()).tick(runtime)
        assert set(await _runs(gateway)) == {"new", "running"}  # the last one of each suite
        assert await _are_stored(house, 3)
        await Prune(Settings(run_retention=soon, sample_retention=soon)).tick(runtime)
        rows = await house.rows("observability", "SELECT run_id FROM stress_runs ORDER BY run_id")
        assert [row["run_id"] for row in rows] == ["new", "running"]
        assert await house.rows("observability", "SELECT FROM stress_samples") == []


async def test_many_old_samples_are_dropped_in_more_than_one_go(house: House, tell: Tell) -> None:
    soon = Settings(sample_retention=timedelta(microseconds=1))
    async with house.running("observability") as started:
        runtime = started["observability"]
        await tell("started")
        await eventually(lambda: _are_stored(house, 1))
        await house.rows(
            "observability",
            "INSERT INTO stress_samples (tenant_id, run_id, sequence, at, requests, errors)"
            " SELECT tenant_id, run_id, n, now(), 0, 0"
            " FROM stress_runs, generate_series(1, 10001) AS n",
        )
        assert await Prune(soon).tick(runtime)
        assert len(await house.rows("observability", "SELECT FROM stress_samples")) == 1
        assert not await Prune(soon).tick(runtime)
        assert await house.rows("observability", "SELECT FROM stress_samples") == []


def _collected(name: str, **labels: str) -> float:
    """What Prometheus would collect now."""
    return REGISTRY.get_sample_value(f"grace_observability_{name}", labels) or 0.0


async def _is_known(gateway: Runtime, run_id: str) -> bool:
    return run_id in await _runs(gateway)


async def _has_status(gateway: Runtime, run_id: str, status: str) -> bool:
    return (await _runs(gateway))[run_id].status == status


async def _are_stored(house: House, wanted: int) -> bool:
    return len(await house.rows("observability", "SELECT FROM stress_runs")) == wanted
