"""postgres.terminate_blockers against a real database, with the least rights that do."""

import asyncio
import os
import signal
from dataclasses import replace
from typing import Any

import pytest

from grace.testkit import eventually
from grace.worker.domain.failure import (
    BlockedError,
    UnfinishedError,
    UnusableError,
    may_have_acted,
)
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Role
from grace.worker.kernels.postgres import terminate_blockers
from grace.worker.kernels.postgres.set_database_setting import (
    SetDatabaseSetting,
    SetDatabaseSettingParams,
)
from grace.worker.kernels.postgres.terminate_blockers import (
    TerminateBlockers,
    TerminateBlockersParams,
)

Shop = Any
END = TerminateBlockers()
SET = SetDatabaseSetting()
AT_ONCE = TerminateBlockersParams(min_idle_seconds=0)
FIVE = SetDatabaseSettingParams(name="statement_timeout", value="5ms")


async def observed(shop: Shop, params: TerminateBlockersParams = AT_ONCE) -> State:
    return await END.observe(shop.ctx(), params)


def blockers_of(state: State) -> list[dict[str, Any]]:
    found = state["blockers"]
    assert isinstance(found, list)
    return found


async def test_the_root_blocker_is_ended_and_its_victim_goes_on(shop: Shop) -> None:
    blocker = await shop.connect("careless", application_name="psql")
    async with shop.blocked(blocker) as waiting:
        before = await observed(shop)
        [seen] = blockers_of(before)
        assert seen["pid"] == blocker.get_server_pid()
        assert (seen["usename"], seen["application_name"]) == ("careless", "psql")
        assert (seen["state"], seen["direct"]) == ("idle in transaction", 1)
        assert before["waiting"] == 1
        diff = await END.plan(shop.ctx(), AT_ONCE)
        assert [c.resource for c in diff.changes] == [f"session {blocker.get_server_pid()}"]
        result = await END.apply(shop.ctx(before=before), AT_ONCE)
        assert result["terminated"] == [blocker.get_server_pid()]
        assert await asyncio.wait_for(waiting, 5) == "UPDATE 10"
        assert await observed(shop) == {"blockers": [], "waiting": 0}


async def test_only_the_root_of_a_chain_is_ended(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    middle = await shop.connect("careless")
    await middle.execute("BEGIN; SELECT * FROM items WHERE id = 1 FOR UPDATE")
    await blocker.execute("BEGIN; SELECT * FROM items WHERE id = 2 FOR UPDATE")
    stuck = asyncio.create_task(middle.execute("UPDATE items SET n = 1 WHERE id = 2"))
    await eventually(lambda: shop.waits(middle))
    victim = await shop.connect("shop_app")
    waiting = asyncio.create_task(victim.execute("UPDATE items SET n = 2 WHERE id = 1"))
    await eventually(lambda: shop.waits(victim))
    before = await observed(shop)
    assert [b["pid"] for b in blockers_of(before)] == [blocker.get_server_pid()]
    result = await END.apply(shop.ctx(before=before), AT_ONCE)
    assert result["terminated"] == [blocker.get_server_pid()]
    await asyncio.wait_for(stuck, 5)
    await middle.execute("COMMIT")
    await asyncio.wait_for(waiting, 5)


async def test_a_blocker_that_moved_on_is_left_alone(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    async with shop.blocked(blocker) as waiting:
        before = await observed(shop)
        await blocker.execute("COMMIT")
        await asyncio.wait_for(waiting, 5)
    async with shop.blocked(blocker):
        # The same session blocks again, in another transaction: it is not the one that was seen.
        result = await END.apply(shop.ctx(before=before), AT_ONCE)
        assert (result["terminated"], result["gone"]) == ([], [blocker.get_server_pid()])
        assert await blocker.fetchval("SELECT 1") == 1


async def test_a_blocker_that_is_gone_already_is_a_success(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    async with shop.blocked(blocker) as waiting:
        before = await observed(shop)
        await blocker.close()
        await asyncio.wait_for(waiting, 5)
        result = await END.apply(shop.ctx(before=before), AT_ONCE)
        assert result["terminated"] == []
        again = await END.apply(shop.ctx(before=before, resumed=True), AT_ONCE)
        assert again["terminated"] == []


async def test_an_idle_transaction_that_blocks_nobody_any_more_is_left_alone(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    async with shop.blocked(blocker):
        before = await observed(shop)
    result = await END.apply(shop.ctx(before=before), AT_ONCE)
    assert result["terminated"] == []
    assert await blocker.fetchval("SELECT 1") == 1


async def test_a_transaction_that_was_busy_a_moment_ago_is_left_alone(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    patient = TerminateBlockersParams(min_idle_seconds=60)
    async with shop.blocked(blocker):
        before = await observed(shop, patient)
        assert (await END.plan(shop.ctx(), patient)).changes == ()
        result = await END.apply(shop.ctx(before=before), patient)
        assert result["terminated"] == []
        # What the stored state says of its idle time is not enough: the database asks again.
        [seen] = blockers_of(before)
        older: State = {**before, "blockers": [{**seen, "idle_s": 3600.0}]}
        result = await END.apply(shop.ctx(before=older), patient)
        assert result["gone"] == [blocker.get_server_pid()]
        assert await blocker.fetchval("SELECT 1") == 1


@pytest.mark.parametrize("user", ["grace_ops", "careless"])
async def test_grace_never_ends_its_own_sessions(shop: Shop, user: str) -> None:
    name = "grace-worker" if user == "careless" else "psql"
    blocker = await shop.connect(user, application_name=name)
    async with shop.blocked(blocker):
        before = await observed(shop)
        assert before["blockers"]
        assert (await END.plan(shop.ctx(), AT_ONCE)).changes == ()
        result = await END.apply(shop.ctx(before=before), AT_ONCE)
        assert result["terminated"] == []
        assert await blocker.fetchval("SELECT 1") == 1


async def test_a_blocker_that_the_role_may_not_end_is_no_success(shop: Shop) -> None:
    blocker = await shop.connect()
    async with shop.blocked(blocker):
        before = await observed(shop)
        with pytest.raises(UnusableError):
            await END.apply(shop.ctx(before=before), AT_ONCE)


async def test_a_blocker_that_was_told_to_end_and_has_not_may_still_end(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    pid = blocker.get_server_pid()
    async with shop.blocked(blocker) as waiting:
        before = await observed(shop)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(UnfinishedError) as raised:
                await END.apply(shop.ctx(before=before), AT_ONCE)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert may_have_acted(raised.value)
        assert await asyncio.wait_for(waiting, 5) == "UPDATE 10"


async def test_a_role_that_is_shown_nothing_does_not_take_it_for_health(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    blind = replace(shop.target, act=replace(shop.target.act, user="blind"))
    async with shop.blocked(blocker):
        with pytest.raises(UnusableError, match="pg_read_all_stats"):
            await END.observe(replace(shop.ctx(), target=blind), AT_ONCE)


async def test_more_sessions_than_an_accident_has_are_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminate_blockers, "MAX_SESSIONS", 0)
    blocker = await shop.connect("careless")
    async with shop.blocked(blocker):
        before = await observed(shop)
        with pytest.raises(BlockedError):
            await END.plan(shop.ctx(), AT_ONCE)
        with pytest.raises(BlockedError):
            await END.apply(shop.ctx(before=before), AT_ONCE)


async def test_blockers_can_be_observed_with_the_observers_rights(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    async with shop.blocked(blocker):
        seen = await END.observe(shop.ctx(Role.OBSERVE), AT_ONCE)
        assert seen["waiting"] == 1
        assert seen["blockers"]


@pytest.mark.parametrize("value", ["-1", "1e400", '"1"', "true", "null", "90000"])
def test_the_idle_time_is_a_sensible_number(value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's own
        TerminateBlockersParams.model_validate_json(f'{{"min_idle_seconds": {value}}}')
