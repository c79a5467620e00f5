"""The verification plan on real servers: takes by sources and by workers, and what becomes of both."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from grace.contracts.verification import (
    GetBaseline,
    GetContract,
    TakeBaseline,
    ValidateMeasurement,
)
from grace.kit import GraceError, Kind
from grace.testkit import eventually
from grace.verification.domain.contract import (
    Comparison,
    Direction,
    DistributionTest,
    Expectation,
    Measure,
    Measurement,
)

if TYPE_CHECKING:
    from conftest import Play

    from grace.testkit.prometheus import PrometheusStandIn

ERRORS = "sum(rate(shop_errors_total[1m]))"
HOUR = timedelta(minutes=50)


def promql(**changes: Any) -> Measure:
    whole = {
        "name": "errors",
        "measurement": Measurement(
            "promql.query", "metrics", json.dumps({"query": ERRORS}), 10_000
        ),
        "expectations": (Expectation("value", Comparison.AT_MOST, 0.5),),
    }
    return Measure(**whole | changes)


def http(**changes: Any) -> Measure:
    params = '{"fields":{"queue":"/queue"},"path":"/health"}'
    whole = {
        "name": "web",
        "measurement": Measurement("http.get", "web", params, 10_000),
        "expectations": (
            Expectation("ok", Comparison.AT_LEAST, 1.0),
            Expectation("queue", Comparison.AT_MOST, 10.0),
        ),
        "count": 3,
        "interval": timedelta(milliseconds=10),
        "successes_at_least": 3,
    }
    return Measure(**whole | changes)


async def test_a_plan_of_prometheus_and_a_page_is_verified_when_all_of_it_holds(
    play: Play, shop: PrometheusStandIn, settings: dict[str, Any]
) -> None:
    async with play.open(**settings):
        mission_id = await play.start(play.make.action(measures=(promql(), http())))
        await play.apply()
        await play.work("observe", play.make.good)
        mission = await play.mission_until(mission_id, "verified")
        (contract,) = mission.contracts
        assert contract.confidence == 1.0
        assert contract.actual_state["errors.value"] == 0.0
        assert contract.actual_state["web.queue"] == 3.0
        assert contract.expected_state["web.queue"] == 10.0
        assert len(shop.asked) == 4
        shown = await (await play.actor("gateway")).call(
            GetContract(tenant_id="default", contract_id=contract.contract_id)
        )
        takes = [(take.measure, take.number, take.status) for take in shown.takes]
        assert sorted(takes) == [
            ("errors", 1, "measured"),
            *[("web", number, "measured") for number in (1, 2, 3)],
        ]
        assert {"ok": 1.0, "queue": 3.0}.items() <= {
            value.field: value.value for value in shown.takes[-1].values
        }.items()
        assert [watch.status for watch in shown.watches] == ["due", "due"]
        assert (shown.mission_id, shown.contract.status) == (mission_id, "verified")
        with pytest.raises(GraceError) as foreign:
            await (await play.actor("gateway")).call(
                GetContract(tenant_id="shop", contract_id=contract.contract_id)
            )
        assert foreign.value.kind is Kind.NOT_FOUND
        told = [line.summary for line in await play.timeline(mission_id)]
        assert "web: holds (3 success of 3)" in told


async def test_what_prometheus_shows_to_be_wrong_is_undone(
    play: Play, shop: PrometheusStandIn, settings: dict[str, Any]
) -> None:
    shop.values[ERRORS] = [7.0]
    async with play.open(**settings):
        mission_id = await play.start(play.make.action(measures=(promql(), http(warmup=HOUR))))
        await play.apply()
        await play.work("observe", play.make.good)
        await play.work("revert", {"after": {}})
        await play.work("observe", play.make.before)
        await play.work("observe", play.make.good)
        mission = await play.mission_until(mission_id, "rolled_back")
        assert "errors: failed (1 failure of 1); value measured 7, expected at most 0.5" in (
            mission.contracts[0].reason or ""
        )
        assert not [each for each in shop.asked if each.startswith("/health")]


async def test_a_source_without_a_number_is_inconclusive_and_nothing_is_undone(
    play: Play, shop: PrometheusStandIn, settings: dict[str, Any]
) -> None:
    without: list[tuple[dict[str, list[float]], str]] = [
        ({ERRORS: []}, "no number"),
        ({ERRORS: [float("nan")]}, "no number"),
        ({}, "invalid parameter query"),
    ]
    async with play.open(**settings):
        await play.baseline()
        for values, words in without:
            shop.values = values
            mission_id = await play.start(play.make.action(measures=(promql(),)), baseline=False)
            await play.apply()
            await play.work("observe", play.make.good)
            mission = await play.mission_until(mission_id, "inconclusive")
            assert words in (mission.contracts[0].reason or ""), values
            assert 0 < mission.confidence < 1, values
            assert await play.told("agentic.problem_resolved") == []


async def test_a_worker_makes_its_takes_as_tasks_of_their_own_without_a_capability(
    play: Play, settings: dict[str, Any]
) -> None:
    watch = Measure(
        "locks",
        Measurement("postgres.activity", "other-db", '{"seconds":1}', 5000),
        (Expectation("waiting", Comparison.AT_MOST, 0.0),),
        count=2,
        warmup=timedelta(milliseconds=100),
        interval=timedelta(milliseconds=10),
        errors_at_most=1,
    )
    async with play.open(**settings):
        mission_id = await play.start(play.make.action(measures=(watch,)))
        await play.apply()
        tasks = [await play.claim("observe") for _ in range(3)]
        assert {task.spec.target for task in tasks} == {"shop-db", "other-db"}
        assert all(task.spec.capability is None for task in tasks)
        takes = [task for task in tasks if task.spec.target == "other-db"]
        for task in tasks:
            if task not in takes:
                await play.report(task, play.make.good)
        await play.report(takes[0], failure="no statistics", error_class="user")
        await play.report(takes[1], {"waiting": 0})
        mission = await play.mission_until(mission_id, "verified")
        assert mission.confidence == pytest.approx(2 / 3)


async def test_two_replicas_make_each_take_once(
    play: Play, shop: PrometheusStandIn, settings: dict[str, Any]
) -> None:
    locks = Measurement("postgres.activity", "other-db", '{"seconds":1}', 5000)
    watch = Measure("locks", locks, (Expectation("waiting", Comparison.AT_MOST, 0.0),))
    async with play.open(**settings), play.verification(**settings):
        mission_id = await play.start(play.make.action(measures=(http(), watch)))
        await play.apply()
        for _ in range(2):
            await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "verified")
        assert len(shop.asked) == 3
        tasks = await play.house.rows(
            "htm",
            "select spec::json->>'target' as target from htm_tasks where mission_id = $1",
            mission_id,
        )
        assert sorted(row["target"] for row in tasks) == ["other-db", "shop-db", "shop-db"]


async def test_takes_that_nobody_makes_end_late_and_never_verify(
    play: Play, settings: dict[str, Any]
) -> None:
    lost = Measure(
        "locks",
        Measurement("docker.ps", "host-1", "{}", 1000),
        (Expectation("up", Comparison.AT_LEAST, 1.0),),
    )
    async with play.open(**settings):
        mission_id = await play.start(play.make.action(measures=(lost,)))
        await play.apply()
        await play.work("observe", play.make.good)

        async def late() -> bool:
            """Its time has passed; a tick that is under way has looked at another version."""
            takes = await play.house.rows(
                "verification",
                "UPDATE takes SET deadline = now(), next_at = now(), version = version + 1"
                " WHERE status = 'due' RETURNING take_id",
            )
            return len(takes) == 1

        await eventually(late)
        mission = await play.mission_until(mission_id, "inconclusive")
        assert "locks: inconclusive (1 error of 1)" in (mission.contracts[0].reason or "")


async def test_a_distribution_is_held_against_the_baseline_from_before_the_incident(
    play: Play, shop: PrometheusStandIn, settings: dict[str, Any]
) -> None:
    test = DistributionTest("series", Direction.NOT_HIGHER, 0.01)
    shop.values[ERRORS] = [float(each) for each in range(8)]
    async with play.open(**settings):
        gateway = await play.actor("gateway")
        wanted = promql().measurement
        begun = await gateway.call(
            TakeBaseline(
                tenant_id="default",
                target=wanted.target,
                operation=wanted.operation,
                params=wanted.params,
                timeout_ms=wanted.timeout_ms,
                requested_by="admin",
            )
        )
        await eventually(lambda: play.baseline_is(begun.baseline_id, "stored"))
        shop.values[ERRORS] = [100.0 + each for each in range(8)]
        moved = promql(expectations=(), distributions=(test,))
        mission_id = await play.start(play.make.action(measures=(moved,), reversible=False))
        await play.apply()
        await play.work("observe", play.make.good)
        mission = await play.mission_until(mission_id, "failed")
        assert "series has moved: p 7.77e-05 over 8 against 8" in (mission.reason or "")


async def test_what_no_source_can_be_asked_is_refused_with_what_to_change(
    play: Play, settings: dict[str, Any]
) -> None:
    async with play.open(**settings):
        intent, gateway = await play.actor("intent"), await play.actor("gateway")
        fine = ValidateMeasurement(operation="http.get", source="web", params='{"path":"/health"}')
        assert (await intent.call(fine)).valid
        for change, words in (
            ({"source": "metadata"}, "metadata is not a source"),
            ({"params": '{"path":"http://169.254.169.254/"}'}, "params.path"),
            ({"operation": "promql.query"}, "kind http"),
        ):
            answer = await intent.call(fine.model_copy(update=change))
            assert not answer.valid
            assert words in answer.problems[0]
        with pytest.raises(GraceError, match="is not a source") as refused:
            await gateway.call(
                TakeBaseline(
                    tenant_id="default",
                    target="elsewhere",
                    operation="http.get",
                    params='{"path":"/"}',
                    timeout_ms=1000,
                    requested_by="admin",
                )
            )
        assert refused.value.kind is Kind.INVALID
        with pytest.raises(GraceError):
            await gateway.call(GetBaseline(tenant_id="default", baseline_id="elsewhere"))


async def test_a_take_that_can_never_be_made_is_lost_alone(
    play: Play, settings: dict[str, Any]
) -> None:
    params = json.dumps({"path": "/health", "fields": {"queue": "/list/" + "9" * 4400}})
    odd = http(name="odd", measurement=Measurement("http.get", "web", params, 10_000))
    async with play.open(**settings):
        mission_id = await play.start(play.make.action(measures=(http(), odd)))
        await play.apply()
        await play.work("observe", play.make.good)
        told = (await play.mission_until(mission_id, "inconclusive")).reason or ""
        assert "web: holds (3 success of 3); odd: inconclusive (3 error of 3); params" in told
