"""A plan inside a change freeze waits, says so, and goes on when it ends."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from grace.contracts.intent import (
    DeclareFreeze,
    EndFreeze,
    ErrorDetected,
    FreezeDeclared,
    FreezeEnded,
    HoldPlaced,
    ListFreezes,
    PlanningBlocked,
    ReleaseHold,
)
from grace.kit import Invalid, NotFound
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
Report = Callable[..., Awaitable[None]]
FREEZE = DeclareFreeze(tenant_id="default", principal="ada", reason="fair", mode="wait", days=())


async def _stands(house: House, target: str, status: str, hold: str | None) -> asyncpg.Record:
    async def there() -> asyncpg.Record | None:
        rows = await house.rows("intent", "SELECT * FROM missions WHERE target = $1", target)
        found = rows and (rows[0]["status"], rows[0]["hold"]) == (status, hold)
        return rows[0] if found else None

    row: asyncpg.Record = await eventually(there)
    return row


async def test_only_plans_for_frozen_targets_wait_until_the_freeze_ends(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    file = with_target["targets_file"]
    file.write_text(file.read_text() + file.read_text().replace("shop]", "toy]").replace(
        "targets.shop.", "targets.toy.").replace('environment = "test"', 'environment = "toys"'))  # fmt: skip
    until = datetime.now(UTC) + timedelta(hours=1)
    async with house.running("intent", "worker", worker=with_target):
        gateway = await house.act_as("gateway")
        wanted = FREEZE.model_copy(update={"environment": "test", "ends_at": until})
        declared = await gateway.call(wanted)
        kind = "postgres.runaway_query"
        await report(make_error(kind=kind, target="shop"), make_error(kind=kind, target="toy"))
        held = await _stands(house, "shop", "captured", "freeze")
        await _stands(house, "toy", "planned", None)
        assert held["held_until"] == until == declared.ends_at
        assert held["reason"].startswith(f"change freeze {declared.freeze_id} (fair): planned at")
        (told,) = await eventually(lambda: house.messages(HoldPlaced.SUBJECT))
        assert HoldPlaced.from_bytes(told.data).cause == "freeze"
        end = EndFreeze(tenant_id="default", freeze_id=declared.freeze_id, principal="bob")
        with pytest.raises(NotFound):
            await gateway.call(end.model_copy(update={"tenant_id": "other"}))
        ended = await gateway.call(end)
        assert (ended.ended_by, ended.declared_by) == ("bob", "ada")
        with pytest.raises(NotFound, match="in force"):
            await gateway.call(end)
        await _stands(house, "shop", "planned", None)
        page = await gateway.call(ListFreezes(tenant_id="default", limit=10))
        assert page.freezes == (ended,)
        for subject in (FreezeDeclared.SUBJECT, FreezeEnded.SUBJECT):
            assert len(await eventually(lambda: house.messages(subject))) == 1  # noqa: B023


async def _frozen_for_days(house: House, report: Report, error: Any, *, reports: int) -> None:
    """An error of two days ago that waited for a freeze, which is lifted."""
    gateway = await house.act_as("gateway")
    until = datetime.now(UTC) + timedelta(hours=1)
    declared = await gateway.call(FREEZE.model_copy(update={"ends_at": until}))
    await report(error)
    await _stands(house, "shop", "captured", "freeze")
    await house.rows(
        "intent",
        "UPDATE missions SET signal_count = $1, last_issued_at = now() - interval '50 hours'",
        reports,
    )
    await gateway.call(
        EndFreeze(tenant_id="default", freeze_id=declared.freeze_id, principal="bob")
    )


async def test_what_was_reported_often_and_lately_no_more_is_given_up_when_the_freeze_ends(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    async with house.running("intent", "worker", worker=with_target):
        error = make_error(kind="postgres.runaway_query", target="shop")
        await _frozen_for_days(house, report, error, reports=3)
        blocked = await _stands(house, "shop", "blocked", None)
        assert blocked["plan"] is None
        assert blocked["reason"].startswith("its last report is 50 hours old")


async def test_what_was_reported_once_and_long_ago_waits_for_a_person(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    async with house.running("intent", "worker", worker=with_target):
        error = make_error(kind="postgres.runaway_query", target="shop")
        await _frozen_for_days(house, report, error, reports=1)
        held = await _stands(house, "shop", "captured", "stale")
        assert "nobody reports it again by himself" in held["reason"]
        assert held["held_until"] > datetime.now(UTC) + timedelta(hours=23)
        placed = await eventually(lambda: house.messages(HoldPlaced.SUBJECT))
        assert "stale" in [HoldPlaced.from_bytes(each.data).cause for each in placed]
        gateway = await house.act_as("gateway")
        await gateway.call(
            ReleaseHold(tenant_id="default", mission_id=held["mission_id"], principal="ada")
        )
        await _stands(house, "shop", "planned", None)


async def test_another_report_has_what_waits_for_a_person_planned(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    async with house.running("intent", "worker", worker=with_target):
        error = make_error(kind="postgres.runaway_query", target="shop")
        await _frozen_for_days(house, report, error, reports=1)
        await _stands(house, "shop", "captured", "stale")
        await report(make_error(kind="postgres.runaway_query", target="shop"))
        await _stands(house, "shop", "planned", None)


async def test_what_nobody_releases_is_given_up_and_told(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    async with house.running("intent", "worker", worker=with_target):
        error = make_error(kind="postgres.runaway_query", target="shop")
        await _frozen_for_days(house, report, error, reports=1)
        await _stands(house, "shop", "captured", "stale")
        await house.rows("intent", "UPDATE missions SET held_until = now(), plan_after = now()")
        blocked = await _stands(house, "shop", "blocked", None)
        assert "nobody has released it" in blocked["reason"]
        (told,) = await eventually(lambda: house.messages(PlanningBlocked.SUBJECT))
        assert PlanningBlocked.from_bytes(told.data).reason == blocked["reason"]


async def test_a_freeze_of_later_holds_what_was_released_before_and_the_cool_down_does_not(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    error = make_error(kind="postgres.runaway_query", target="shop")
    quick = {"target_cooldown": timedelta(hours=1), "answers_kept": timedelta(milliseconds=1)}
    async with house.running("intent", intent=quick):
        gateway = await house.act_as("gateway")
        async with house.running("worker", worker=with_target):
            await report(error)
            first = await _stands(house, "shop", "planned", None)
            sql = "UPDATE missions SET status = 'closed', outcome = 'verified', closed_at = now()"
            await house.rows("intent", sql)
            await report(make_error(kind="postgres.runaway_query", target="shop"))
            held = await _follows(house, first, "captured", "cooldown")
        # The workers are away when it is released: nothing is planned before the freeze is there.
        await gateway.call(
            ReleaseHold(tenant_id="default", mission_id=held["mission_id"], principal="ada")
        )
        await _follows(house, first, "captured", None)
        until = datetime.now(UTC) + timedelta(hours=1)
        wanted = FREEZE.model_copy(update={"target": "shop", "ends_at": until})
        declared = await gateway.call(wanted)
        async with house.running("worker", worker=with_target):
            again = await _follows(house, first, "captured", "freeze")
            assert declared.freeze_id in again["reason"]
            end = EndFreeze(tenant_id="default", freeze_id=declared.freeze_id, principal="bob")
            await gateway.call(end)
            await _follows(house, first, "planned", None)


async def _follows(
    house: House, first: asyncpg.Record, status: str, hold: str | None
) -> asyncpg.Record:
    async def there() -> asyncpg.Record | None:
        sql = "SELECT * FROM missions WHERE mission_id <> $1 AND status = $2"
        rows = await house.rows("intent", sql, first["mission_id"], status)
        return rows[0] if rows and rows[0]["hold"] == hold else None

    row: asyncpg.Record = await eventually(there)
    return row


WEEK = {"timezone": "Europe/Berlin", "days": ("mon",), "from_time": "22:00", "until_time": "06:00"}


async def test_a_window_that_cannot_be_is_refused_and_not_kept(house: House) -> None:
    later, day = datetime.now(UTC) + timedelta(hours=1), timedelta(days=1)
    wrong: list[tuple[dict[str, object], str]] = [
        ({}, "ends_at: a freeze without days needs an end"),
        ({"ends_at": later - timedelta(hours=2)}, "ends_at: it has to be later"),
        ({"ends_at": later, "starts_at": later}, "ends_at: it has to be later"),
        ({"ends_at": later - day, "starts_at": later - 2 * day}, "ends_at: it has to be later"),
        (
            {"ends_at": later, "starts_at": datetime.min.replace(tzinfo=UTC) + day},
            "starts_at: a time",
        ),
        ({"ends_at": datetime.max.replace(tzinfo=UTC) - day}, "ends_at: a time between"),
        ({"ends_at": later, "reason": " "}, "reason: say why"),
        ({"ends_at": later, "mode": "often"}, "mode: one of wait, ask is needed"),
        (WEEK | {"timezone": "Europe/Nowhere"}, "timezone: a name such as"),
        (WEEK | {"timezone": "../../etc/passwd"}, "timezone: a name such as"),
        (WEEK | {"days": ("monday",)}, "days: some of mon, tue"),
        (WEEK | {"days": ()}, "all of them or none"),
        (WEEK | {"from_time": "25:00"}, "from_time: a time of day"),
        (WEEK | {"until_time": "06:00+01:00"}, "until_time: a time of day"),
    ]
    async with house.running("intent"):
        gateway = await house.act_as("gateway")
        for change, reason in wrong:
            with pytest.raises(Invalid, match=reason):
                await gateway.call(FREEZE.model_copy(update=change))
        assert not await house.rows("intent", "SELECT FROM freezes")
        kept = await gateway.call(FREEZE.model_copy(update=WEEK))
        assert (kept.days, kept.from_time, kept.until_time) == (("mon",), "22:00", "06:00")
