"""Schedules on real Postgres: one task for a slot, whoever fires it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from grace.contracts.htm import (
    ChangeSchedule,
    DropSchedule,
    GetSchedule,
    Schedule,
    ScheduleChanged,
    SetSchedule,
)
from grace.htm.handlers.schedules import take_in_slots
from grace.htm.loops import Fire
from grace.htm.settings import Settings
from grace.kit import GraceError
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

FIRE = Fire(Settings(), take_in_slots)
TASKS = "SELECT id, type FROM htm_tasks ORDER BY id"


def _wanted(crew: Crew, **changes: object) -> SetSchedule:
    values: dict[str, object] = {
        "tenant_id": "default", "name": "look", "cron": "* * * * *", "time_zone": "UTC",
        "catch_up": "all", "catch_up_most": 5, "enabled": True,
        "task": crew.spec(key="look", origin="api:ada"), "requested_by": "ada",
    }  # fmt: skip
    return SetSchedule.model_validate({**values, **changes})


async def _set(crew: Crew, **changes: object) -> Schedule:
    gateway = await crew.house.act_as("gateway")
    return await gateway.call(_wanted(crew, **changes))


async def _shown(crew: Crew) -> Schedule:
    gateway = await crew.house.act_as("gateway")
    return await gateway.call(GetSchedule(tenant_id="default", name="look"))


async def _let_pass(crew: Crew, minutes: int) -> None:
    """Let so many slots have come."""
    await crew.house.rows(
        "htm", "UPDATE htm_schedules SET next_at = date_trunc('minute', now()) -"
        " ($1 - 1) * interval '1 minute' RETURNING name", minutes,
    )  # fmt: skip


async def test_a_slot_is_fired_when_it_comes_and_told(crew: Crew) -> None:
    asked_at = datetime.now(UTC)
    made = await _set(crew, catch_up="one")  # the minute may change before the tick
    assert made.next_at
    assert asked_at < made.next_at <= datetime.now(UTC) + timedelta(minutes=1)
    assert await crew.claim() == []
    await _let_pass(crew, 1)
    rest = await FIRE.tick(crew.htm)
    assert isinstance(rest, timedelta)
    assert timedelta() < rest <= timedelta(minutes=1)
    (claimed,) = await crew.claim(2)
    shown = await _shown(crew)
    assert (shown.last_outcome, shown.last_task_id) == ("created", claimed.task_id)
    assert shown.next_at
    assert shown.last_slot_at == shown.next_at - timedelta(minutes=1)
    assert "It fires next at" in shown.sentence


async def test_replicas_that_fire_at_once_submit_each_slot_once(wide_crew: Crew) -> None:
    for name in ("a", "b", "c"):
        await _set(wide_crew, name=name)
    await _let_pass(wide_crew, 3)
    await asyncio.gather(*(FIRE.tick(wide_crew.htm) for _ in range(4)))
    await _let_pass(wide_crew, 3)
    await FIRE.tick(wide_crew.htm)
    assert len(await wide_crew.house.rows("htm", TASKS)) in {9, 12}  # the minute may have changed


async def test_a_slot_that_fired_and_was_forgotten_is_the_same_task(crew: Crew) -> None:
    await _set(crew, cron="0 0 1 1 *", catch_up="one")
    past = "UPDATE htm_schedules SET next_at = '2026-01-01T00:00Z' RETURNING name"
    for _ in range(2):
        await crew.house.rows("htm", past)
        await FIRE.tick(crew.htm)
    (row,) = await crew.house.rows("htm", TASKS)
    shown = await _shown(crew)
    assert (shown.last_outcome, shown.last_task_id) == ("existing", str(row["id"]))


async def test_a_slot_whose_unique_key_is_held_is_refused_and_the_schedule_goes_on(
    crew: Crew,
) -> None:
    await _set(crew, task=crew.spec(key="look", unique_key="look"), catch_up_most=2)
    await _let_pass(crew, 2)
    await FIRE.tick(crew.htm)
    (row,) = await crew.house.rows("htm", TASKS)
    shown = await _shown(crew)
    assert (shown.last_outcome, shown.last_task_id) == ("refused", str(row["id"]))
    assert shown.next_at
    assert shown.next_at > datetime.now(UTC)


async def test_an_order_that_no_longer_fits_stops_no_other_schedule(crew: Crew) -> None:
    await _set(crew)
    await _set(crew, name="other")
    await crew.house.rows(
        "htm", "UPDATE htm_schedules SET spec = jsonb_set(spec, '{step}', '\"destroy\"')"
        " WHERE name = 'look' RETURNING name",
    )  # fmt: skip
    await _let_pass(crew, 1)
    await FIRE.tick(crew.htm)
    assert len(await crew.house.rows("htm", TASKS)) == 1
    shown = await _shown(crew)
    assert (shown.last_task_id, "a step is" in str(shown.last_outcome)) == (None, True)


async def test_a_schedule_for_a_kernel_that_nobody_knows_is_refused_where_that_is_not_to_wait(
    strict_crew: Crew,
) -> None:
    gateway = await strict_crew.house.act_as("gateway")
    with pytest.raises(GraceError, match="no worker has ever asked for tasks of kernel") as caught:
        await _set(strict_crew)
    assert caught.value.kind == "invalid"
    assert await strict_crew.claim() == []  # from now on the kernel is known
    await _set(strict_crew)
    other = strict_crew.spec(key="look", kernel="nobody")
    change = ChangeSchedule(tenant_id="default", name="look", task=other, requested_by="ada")
    with pytest.raises(GraceError, match="no worker has ever asked for tasks of kernel nobody"):
        await gateway.call(change)
    assert (await _shown(strict_crew)).task.kernel != "nobody"


async def test_the_slots_of_a_kernel_that_nobody_knows_do_not_enter_where_they_are_not_to_wait(
    crew: Crew,
) -> None:
    strict = Fire(Settings(unknown_kernels="refuse"), take_in_slots)
    await _set(crew)
    await _let_pass(crew, 1)
    await strict.tick(crew.htm)
    assert await crew.house.rows("htm", TASKS) == []
    shown = await _shown(crew)
    assert (shown.last_task_id, "no worker has ever asked" in str(shown.last_outcome)) == (
        None,
        True,
    )
    assert await crew.claim() == []  # from now on the kernel is known
    await _let_pass(crew, 1)
    await strict.tick(crew.htm)
    assert (await _shown(crew)).last_outcome == "created"


async def test_a_schedule_is_set_changed_and_dropped_and_the_log_hears_of_it(crew: Crew) -> None:
    gateway = await crew.house.act_as("gateway")
    made = await _set(crew)
    again = await _set(crew)
    # How long it is until the next slot, and which that is, may change from one moment to the next.
    assert again.model_copy(update={"sentence": made.sentence, "next_at": made.next_at}) == made
    with pytest.raises(GraceError, match="another schedule of this name") as caught:
        await _set(crew, cron="0 * * * *")
    assert caught.value.kind == "conflict"
    off = await gateway.call(
        ChangeSchedule(tenant_id="default", name="look", enabled=False, requested_by="ada")
    )
    assert (off.enabled, off.next_at, off.cron) == (False, None, made.cron)
    await FIRE.tick(crew.htm)
    assert await crew.house.rows("htm", TASKS) == []
    gone = DropSchedule(tenant_id="default", name="look", requested_by="ada")
    await gateway.call(gone)
    with pytest.raises(GraceError, match="No such schedule"):
        await gateway.call(gone)

    async def told() -> list[str]:
        messages = await crew.house.messages(ScheduleChanged.SUBJECT)
        found = [ScheduleChanged.from_bytes(message.data).change for message in messages]
        return found if len(found) == 3 else []

    assert await eventually(told) == ["set", "changed", "dropped"]


async def test_what_could_not_fire_is_refused_and_nothing_is_stored(crew: Crew) -> None:
    for wrong in (
        {"cron": "61 * * * *"},
        {"time_zone": "Europe/Atlantis"},
        {"catch_up": "some"},
        {"catch_up_most": 1001},
        {"task": crew.spec(step="apply")},
        {"task": crew.spec(kernel="two.words")},
        {"task": crew.spec(depends_on_keys=("another",))},
    ):
        with pytest.raises(GraceError) as caught:
            await _set(crew, **wrong)
        assert caught.value.kind == "invalid", wrong
    assert await crew.house.rows("htm", "SELECT name FROM htm_schedules") == []
