"""Automation stops itself: a brake that failures pull, and so many actions on a target."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from grace.contracts.governance import Approval, Brake, BrakeTurned, GetBrake, TurnBrake
from grace.contracts.verification import ActionClosed
from grace.governance.domain.bounds import turns_before
from grace.governance.domain.brake import Failure, Tolerance, after, never_pulled, turned
from grace.testkit import eventually

from . import test_ladder
from .conftest import NOW

OpenOffice = Callable[..., Any]
TWO = Tolerance(2, timedelta(minutes=10))


def closed(verdict: str, **how: Any) -> ActionClosed:
    """An end of this moment."""
    return test_ladder.closed(verdict, **how).model_copy(update={"closed_at": datetime.now(UTC)})


def release(**how: Any) -> TurnBrake:
    told = {"tenant_id": "default", "is_on": False, "principal": "ada", "reason": "seen"}
    return TurnBrake(**(told | how))


async def brake_of(office: Any, tenant_id: str = "default") -> Brake:
    found: Brake = await office.gateway.call(GetBrake(tenant_id=tenant_id))
    return found


async def until_failures(office: Any, count: int) -> Brake:
    async def counted() -> Brake | None:
        found = await brake_of(office)
        return found if found.failures == count else None

    found: Brake = await eventually(counted)
    return found


def failures(*minutes: int) -> list[Failure]:
    return [Failure(f"contract-{each}", NOW + timedelta(minutes=each)) for each in minutes]


def test_failures_count_within_the_window_and_pull_once() -> None:
    first = after(never_pulled("shop"), failures(0), TWO, now=NOW)
    assert (first.is_on, first.version, len(first.failed_at)) == (False, 0, 1)
    late = after(first, failures(10), TWO, now=NOW + TWO.window)
    assert (late.is_on, late.failed_at) == (False, (NOW + TWO.window,))
    pulled = after(first, failures(9), TWO, now=NOW + timedelta(minutes=9))
    assert (pulled.is_on, pulled.version, pulled.changed_by) == (True, 1, "evidence")
    assert pulled.reason.endswith("the last was that of contract contract-9")
    more = after(pulled, failures(9, 9, 9), TWO, now=NOW + timedelta(minutes=9))
    assert (more.version, len(more.failed_at)) == (1, 2)
    free = turned(more, is_on=False, by="ada", reason="seen", now=NOW)
    assert (free.is_on, free.version, free.failed_at) == (False, 2, ())
    assert turned(free, is_on=False, by="bob", reason="again", now=NOW) is free


def test_what_is_heard_of_late_counts_from_when_it_was_found() -> None:
    now = NOW + timedelta(minutes=60)
    apart = after(never_pulled("shop"), failures(20, 0, 40), TWO, now=now)
    assert (apart.is_on, apart.failed_at) == (False, ())
    together = after(never_pulled("shop"), failures(55, 0, 58), TWO, now=now)
    assert together.is_on
    assert together.reason.endswith("contract contract-58")
    ahead = after(never_pulled("shop"), failures(90), TWO, now=now)
    assert ahead.failed_at == (now,)


def test_what_one_plan_takes_of_a_target_the_next_does_not_have() -> None:
    plans = [Counter({"a": 2}), Counter({"a": 1, "b": 1}), Counter({"a": 1})]
    found = turns_before(plans, {"a": 3, "other": 9})
    assert found == [Counter({"a": 3}), Counter({"a": 5, "b": 0}), Counter({"a": 6, "b": 0})]


async def test_effects_that_do_not_hold_pull_the_brake_and_only_a_person_lets_it_go(
    open_office: OpenOffice,
) -> None:
    async with open_office(brake_after=3) as office:
        assert (await office.hand_in(1)).status == "granted"
        failed = closed("failed")
        for _ in range(3):
            await office.verification.report(failed)
        assert (await until_failures(office, 1)).is_on is False
        resting = test_ladder.needed(undoing=False).model_copy(
            update={"needed_at": datetime.now(UTC)}
        )
        await office.verification.report(resting)
        await until_failures(office, 2)
        # Its end is no second failure, and neither is what was never executed or held.
        ended = closed("failed", contract_id=resting.contract_id)
        idle = closed("failed").model_copy(update={"executed": False})
        for told in (ended, idle, closed("verified"), closed("inconclusive")):
            await office.verification.report(told)
        pulled = await until_failures(office, 3)
        assert (pulled.is_on, pulled.version, pulled.changed_by) == (True, 1, "evidence")
        assert pulled.reason.startswith("3 effects within 60 min did not hold")
        asked = await office.hand_in(1)
        assert (asked.status, asked.quorum) == ("pending", 1)
        assert (await office.decide(asked)).status == "granted"
        assert (await office.hand_in(1, tenant_id="shop")).status == "granted"
        free = await office.gateway.call(release())
        assert (free.is_on, free.failures, free.changed_by) == (False, 0, "ada")
        assert [(t.version, t.is_on, t.turned_by) for t in free.turns] == [
            (2, False, "ada"),
            (1, True, "evidence"),
        ]
        assert (await office.gateway.call(release(principal="bob"))).version == 2
        assert (await office.hand_in(1)).status == "granted"
        told = await office.told(BrakeTurned, count=2)
        assert [(each.is_on, each.actor) for each in told] == [(True, "evidence"), (False, "ada")]


async def test_what_held_and_comes_back_counts_and_the_reason_is_told(
    open_office: OpenOffice,
) -> None:
    async with open_office(brake_after=1) as office:
        held = closed("verified")
        back = closed("failed", contract_id=held.contract_id, revision=2)
        for told in (held, back):
            await office.verification.report(told)
        pulled = await until_failures(office, 1)
        assert pulled.is_on
        asked = await office.hand_in(1)
        (ruling,) = await office.house.rows(
            "governance",
            f"SELECT because FROM rulings WHERE approval_id = '{asked.approval_id}'",
        )
        assert "the brake is on: nothing runs without people until a person lets it go" in str(
            ruling["because"]
        )


async def test_a_person_pulls_the_brake_and_nobody_takes_a_turn_out_of_the_record(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        untouched = await brake_of(office)
        assert (untouched.is_on, untouched.version, untouched.changed_by) == (False, 0, "grace")
        pulled = await office.gateway.call(release(is_on=True, reason="a release"))
        assert (pulled.is_on, pulled.version, pulled.reason) == (True, 1, "a release")
        assert (await office.hand_in(1)).status == "pending"
        assert (await brake_of(office, "shop")).is_on is False
        role = await office.house.role("governance")
        await role.execute("SET search_path TO governance")
        for statement in (
            "DELETE FROM brake_turns",
            "DELETE FROM brakes",
            "DELETE FROM target_turns",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)
        await role.close()


async def test_so_much_runs_without_people_on_a_target_whoever_asks(
    open_office: OpenOffice,
) -> None:
    async with open_office(target_budget=4) as office:
        tenants = ("default", "shop")
        mixed: list[Approval] = await asyncio.gather(
            *(office.hand_in(1, tenant_id=tenants[n % 2]) for n in range(10))
        )
        assert Counter(each.status for each in mixed) == {"granted": 4, "pending": 6}
        asked = next(each for each in mixed if each.status == "pending")
        assert (await office.decide(asked)).status == "granted"
        assert (await office.hand_in(1, target="other-db")).status == "granted"
        assert (await office.hand_in(1, 1, 1, target="third-db")).status == "granted"
        assert (await office.hand_in(1, 1, target="third-db")).status == "pending"
        rows = await office.house.rows(
            "governance", "SELECT target, cardinality(granted_at) AS turns FROM target_turns"
        )
        assert {row["target"]: row["turns"] for row in rows} == {
            "shop-db": 4,
            "other-db": 1,
            "third-db": 3,
        }


async def test_replicas_together_grant_no_more_than_the_budget(open_office: OpenOffice) -> None:
    async with (
        open_office(target_budget=5) as office,
        office.house.running("governance", governance={"target_budget": 5}),
    ):
        plans = await asyncio.gather(*(office.hand_in(1) for _ in range(30)))
        assert Counter(each.status for each in plans) == {"granted": 5, "pending": 25}


async def test_a_window_passes(open_office: OpenOffice) -> None:
    async with open_office(target_budget=1, change_window=timedelta(hours=1)) as office:
        assert (await office.hand_in(1)).status == "granted"
        assert (await office.hand_in(1)).status == "pending"
        await office.house.rows(
            "governance",
            "UPDATE target_turns SET granted_at = ARRAY[now() - interval '61 minutes']",
        )
        assert (await office.hand_in(1)).status == "granted"
        rows = await office.house.rows(
            "governance", "SELECT cardinality(granted_at) AS turns FROM target_turns"
        )
        assert [row["turns"] for row in rows] == [1]
