import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from grace.contracts.governance import Permit
from grace.contracts.learning import GetSummary
from grace.contracts.verification import ActionClosed
from grace.kit import Received, Runtime, TooLarge, Unit
from grace.testkit import eventually

from .conftest import SUBJECT, Desk, closed, publish


class _RolledBack(Exception):
    pass


async def test_what_a_unit_publishes_goes_out_when_it_commits(
    desk: Desk, verification: Runtime
) -> None:
    (identity,) = await publish(verification, "c-1")
    (stored,) = await eventually(lambda: desk.house.messages(SUBJECT))
    assert stored.headers["Nats-Msg-Id"] == str(identity)
    assert stored.headers["Grace-Key-Id"] == verification.keys.key_id
    assert ActionClosed.from_bytes(stored.data).contract_id == "c-1"


async def test_what_is_rolled_back_is_never_published(desk: Desk, verification: Runtime) -> None:
    acts: list[str] = []
    with suppress(_RolledBack):
        async with verification.unit() as unit:
            unit.publish(closed("never"))
            unit.after_commit(lambda: acts.append("never"))
            await unit.flush()
            raise _RolledBack
    await publish(verification, "after-it")
    (stored,) = await eventually(lambda: desk.house.messages(SUBJECT))
    assert ActionClosed.from_bytes(stored.data).contract_id == "after-it"
    assert acts == []


async def test_what_was_collected_is_written_once_and_at_the_end(
    desk: Desk, verification: Runtime
) -> None:
    written: list[tuple[str, ...]] = []

    async def write(unit: Unit, items: Sequence[str]) -> None:
        written.append(tuple(items))
        unit.publish(closed(f"{len(items)}-items"))

    async with verification.unit() as unit:
        unit.collect(write, "first")
        unit.collect(write, "second")
        assert written == []
    assert written == [("first", "second")]
    (stored,) = await eventually(lambda: desk.house.messages(SUBJECT))
    assert ActionClosed.from_bytes(stored.data).contract_id == "2-items"


async def test_acts_come_after_the_commit(desk: Desk, verification: Runtime) -> None:
    seen: list[int] = []

    async def look() -> None:
        rows = await desk.house.rows("verification", "SELECT id FROM outbox WHERE NOT audited")
        rows += await desk.house.rows("verification", "SELECT id FROM outbox WHERE audited")
        seen.append(len(rows))

    async with verification.unit() as unit:
        unit.publish(closed())
        unit.after_commit(lambda: verification.soon(look()))
        assert seen == []
    await eventually(lambda: seen == [1])


async def test_acts_do_not_wait_until_the_connection_is_back(verification: Runtime) -> None:
    free: list[int] = []
    async with verification.unit() as unit:
        await unit.now()
        unit.after_commit(lambda: free.append(verification.pool.get_idle_size()))
    assert free == [verification.pool.get_idle_size() - 1]


async def test_an_act_that_fails_undoes_nothing(desk: Desk, verification: Runtime) -> None:
    acts: list[str] = []
    async with verification.unit() as unit:
        unit.publish(closed())
        unit.after_commit(lambda: acts.append("before"))
        unit.after_commit(lambda: acts.remove("not there"))
        unit.after_commit(lambda: acts.append("behind"))
    assert acts == ["before", "behind"]
    await eventually(lambda: desk.house.messages(SUBJECT))


async def test_a_hint_is_heard_after_the_commit_only(desk: Desk) -> None:
    heard: asyncio.Queue[int] = asyncio.Queue()

    async def hear(message: Received[Permit], _: Runtime) -> None:
        heard.put_nowait(message.body.version)

    governance = await desk.house.act_as("governance")
    async with desk.up(desk.house.blank("worker").listen(Permit, hear)):
        with suppress(_RolledBack):
            async with governance.unit() as unit:
                unit.hint(await _permit(unit, 1))
                raise _RolledBack
        async with governance.unit() as unit:
            unit.hint(await _permit(unit, 2))
        assert await asyncio.wait_for(heard.get(), 5) == 2


async def _permit(unit: Unit, version: int) -> Permit:
    return Permit(version=version, allowed=True, reverts_allowed=True, issued_at=await unit.now())


async def test_now_is_the_databases_and_stands_still(desk: Desk, verification: Runtime) -> None:
    async with verification.unit() as unit:
        first = await unit.now()
        assert await unit.now() == first
        assert first.tzinfo is not None


async def test_a_message_that_the_log_could_not_carry_is_refused_at_once(
    desk: Desk, verification: Runtime
) -> None:
    long = closed().model_copy(update={"reason": "x" * 600_000})
    async with verification.unit() as unit:
        with pytest.raises(TooLarge, match="more than 524288"):
            unit.publish(long)


async def test_what_is_in_no_stream_cannot_be_published(desk: Desk, verification: Runtime) -> None:
    async with verification.unit() as unit:
        with pytest.raises(ValueError, match="in no stream"):
            unit.publish(GetSummary(tenant_id="default"))


async def test_two_messages_keep_their_order(desk: Desk, verification: Runtime) -> None:
    await publish(verification, *(f"{n:03}" for n in range(200)))

    async def all_there() -> list[str]:
        stored = await desk.house.messages(SUBJECT)
        texts = [ActionClosed.from_bytes(each.data).contract_id for each in stored]
        return texts if len(texts) == 200 else []

    texts = await eventually(all_there)
    assert texts == sorted(texts)
