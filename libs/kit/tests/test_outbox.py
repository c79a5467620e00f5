import asyncio
import random
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from grace.contracts.verification import ActionClosed
from grace.kit import Query, Received, Runtime, Transaction, Unit, new_id, outgoing
from grace.kit.flight import Flight
from grace.kit.metrics import OUTBOX_RESENT
from grace.kit.outgoing import Outgoing
from grace.kit.relay import QUERIES, sending
from grace.kit.watch import StreamWatch
from grace.testkit import eventually
from grace.testkit.actor import Actor

from .conftest import SUBJECT, Desk, closed, publish

_IDS_AGAINST_POSITIONS = """
    INSERT INTO outbox (id, subject, stream, schema, tenant_id, correlation_id, body, key_id,
                        signature, audited)
    SELECT CAST(lpad(CAST(9000 - n AS text), 32, '0') AS uuid),
           's', 'EVENTS', 's/1', 'default', 'c', '', 'k', '', true
      FROM generate_series(1, 5000) AS n ORDER BY n
"""
_LAST_POSITIONS_FIRST = """
    INSERT INTO outbox (position, id, subject, stream, schema, tenant_id, correlation_id, body, key_id,
                        signature, audited, sent_at)
    OVERRIDING SYSTEM VALUE
    SELECT 9000 - n, uuidv7(), 's', 'EVENTS', 's/1', 'default', 'c', '', 'k', '', true, now()
      FROM generate_series(1, 20) AS n ORDER BY n
"""
_WAIT = Query.parse("wait", "SELECT pg_sleep(:seconds)")


async def _texts(desk: Desk) -> list[str]:
    stored = await desk.house.messages(SUBJECT)
    return [ActionClosed.from_bytes(each.data).contract_id for each in stored]


async def _unsent(desk: Desk) -> list[Any]:
    return await desk.house.rows("verification", "SELECT id FROM outbox WHERE sent_at IS NULL")


async def _all_sent(desk: Desk) -> bool:
    return not await _unsent(desk)


async def test_nothing_is_lost_while_nats_is_down(desk: Desk, verification: Runtime) -> None:
    nats = desk.house.installation.nats
    await publish(verification, "before")
    await eventually(lambda: _all_sent(desk))
    await asyncio.to_thread(nats.kill)
    try:
        await eventually(lambda: not verification.client.is_connected)
        await publish(verification, "meanwhile-1")
        await publish(verification, "meanwhile-2")
        assert len(await _unsent(desk)) == 2
    finally:
        await asyncio.to_thread(nats.start)

    async def all_there() -> bool:
        return await _texts(desk) == ["before", "meanwhile-1", "meanwhile-2"]

    await eventually(all_there, timeout=10)


async def test_what_a_stream_has_is_marked_long_before_the_table_is_read_again(desk: Desk) -> None:
    settings = desk.house.blank("verification", outbox_interval=timedelta(hours=1)).settings
    made = Actor("verification", settings, rpc=None, logged=False)
    async with desk.up(desk.house.furnished(made)) as running:
        for text in ("first", "second"):
            await publish(running.runtime, text)
            await eventually(lambda: _all_sent(desk))


class _ChangedItsMind(Exception):
    pass


async def test_no_row_of_concurrent_writers_is_missed(desk: Desk, verification: Runtime) -> None:
    """Positions are drawn before commits: a relay that remembers the last one misses rows."""
    dice = random.Random(20261120)
    committed: set[str] = set()

    async def write(writer: int) -> None:
        for number in range(25):
            text = f"{writer}-{number}"
            with suppress(_ChangedItsMind):
                await _write_slowly(verification, text, dice)
                committed.add(text)

    await asyncio.gather(*(write(writer) for writer in range(4)))
    await eventually(lambda: _all_sent(desk), timeout=10)
    assert len(committed) < 100
    assert sorted(await _texts(desk)) == sorted(committed)


async def _write_slowly(verification: Runtime, text: str, dice: random.Random) -> None:
    async with verification.unit() as unit:
        unit.publish(closed(text))
        await unit.flush()  # its position is drawn here
        unit._outbox.clear()
        await unit.tx.execute(_WAIT, seconds=dice.random() / 50)
        if dice.random() < 0.2:
            raise _ChangedItsMind
    verification.outbox_grew()


async def test_a_row_whose_answer_got_lost_is_stored_once(
    desk: Desk, verification: Runtime
) -> None:
    await publish(verification, "once")
    await eventually(lambda: _all_sent(desk))
    admin = await desk.house.installation.admin(desk.house.database)
    await admin.execute("UPDATE verification.outbox SET sent_at = NULL")
    await admin.close()
    verification.outbox_grew()
    await eventually(lambda: _all_sent(desk))
    assert await _texts(desk) == ["once"]


async def test_a_wiped_nats_gets_everything_again(desk: Desk, verification: Runtime) -> None:
    await publish(verification, *"abc")
    await eventually(lambda: _all_sent(desk))
    before = OUTBOX_RESENT.labels("verification", "EVENTS")._value.get()
    async with desk.reading():
        await desk.noted(*"abc")
        await asyncio.to_thread(desk.house.installation.nats.wipe)
        await desk.house.installation.apply_streams()
        await publish(verification, "d")

        async def again() -> bool:
            return sorted(await _texts(desk)) == [*"abcd"]

        await eventually(again, timeout=15)
        # The consumers were lost, too: every message is delivered again, and the note is doubled.
        await desk.noted(*"aabbccd", timeout=15)
    assert OUTBOX_RESENT.labels("verification", "EVENTS")._value.get() == before + 3


async def test_marking_and_numbering_the_same_rows_never_deadlock(desk: Desk) -> None:
    """Both wait at the middle row, having come from both ends, where each took what it finds."""
    relay, audit, other = [await desk.house.role("verification") for _ in range(3)]
    try:
        for connection in (relay, audit, other):
            await connection.execute("SET search_path TO verification")
        await relay.execute(_IDS_AGAINST_POSITIONS)
        # Among many, a few are found by their ids, and so in the order of these.
        await desk.house.rows("verification", "ANALYZE outbox")
        first = await relay.fetch("SELECT id FROM outbox ORDER BY position LIMIT 20")
        ids = sorted(row["id"] for row in first)
        async with other.transaction():
            await other.execute("SELECT FROM outbox WHERE id = $1 FOR UPDATE", ids[len(ids) // 2])
            both = [asyncio.create_task(_mark(relay, ids))]
            await eventually(lambda: _waiting(desk, 1))
            both.append(asyncio.create_task(_number(audit)))
            await eventually(lambda: _waiting(desk, 2))
        await asyncio.gather(*both)
        marked = "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL AND audit_no IS NOT NULL"
        assert await relay.fetchval(marked) == len(ids)
    finally:
        for connection in (relay, audit, other):
            await connection.close()


async def test_marks_and_numberings_at_once_leave_no_gap_and_number_nothing_twice(
    desk: Desk,
) -> None:
    """The unique index refuses a number twice; a gap would keep the log from going on."""
    hands = [await desk.house.role("verification") for _ in range(3)]
    try:
        for connection in hands:
            await connection.execute("SET search_path TO verification")
        await hands[0].execute(_IDS_AGAINST_POSITIONS)
        await hands[0].execute("UPDATE outbox SET audited = false WHERE position % 3 = 0")
        rows = await hands[0].fetch("SELECT id FROM outbox LIMIT 1200")
        cut = [[row["id"] for row in rows[at : at + 100]] for at in range(0, len(rows), 100)]

        async def mark(connection: Any, batches: list[list[UUID]]) -> None:
            for batch in batches:
                await _mark(connection, batch)

        async def number() -> None:
            for _ in range(8):
                await _number(hands[2])

        await asyncio.gather(mark(hands[0], cut[::2]), mark(hands[1], cut[1::2]), number())
        numbers = [row["audit_no"] for row in await hands[0].fetch(
            "SELECT audit_no FROM outbox WHERE audit_no IS NOT NULL ORDER BY audit_no")]  # fmt: skip
        assert numbers == list(range(1, len(numbers) + 1))
        assert await hands[0].fetchval("SELECT last_no FROM relay_audit") == len(numbers)
        left = (
            "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL AND audited AND audit_no IS NULL"
        )
        assert await hands[0].fetchval(left) == 0
        assert not await hands[0].fetchval(
            "SELECT count(*) FROM outbox WHERE NOT audited AND audit_no IS NOT NULL")  # fmt: skip
    finally:
        for connection in hands:
            await connection.close()


async def test_sending_again_and_numbering_the_same_rows_never_deadlock(desk: Desk) -> None:
    """A scan of the table meets the last positions first, the numbering the first ones."""
    relay, audit, other = [await desk.house.role("verification") for _ in range(3)]
    try:
        for connection in (relay, audit, other):
            await connection.execute("SET search_path TO verification")
        await relay.execute(_LAST_POSITIONS_FIRST)
        async with other.transaction():
            await other.execute("SELECT FROM outbox WHERE position = 8990 FOR UPDATE")
            again = Transaction(relay).execute(
                QUERIES["send_again"], stream="EVENTS", after=0, upto=9000
            )
            both = [asyncio.ensure_future(again)]
            await eventually(lambda: _waiting(desk, 1))
            both.append(asyncio.create_task(_number(audit)))
            await eventually(lambda: _waiting(desk, 2))
        await asyncio.gather(*both)
        done = "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND audit_no IS NOT NULL"
        assert await relay.fetchval(done) == 20
    finally:
        for connection in (relay, audit, other):
            await connection.close()


async def _waiting(desk: Desk, count: int) -> bool:
    query = (
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'verification'"
    )
    return len(await desk.house.rows("public", query)) == count


async def _mark(connection: Any, ids: list[UUID]) -> None:
    await Transaction(connection).execute(QUERIES["mark_sent"], ids=ids)


async def _number(connection: Any) -> None:
    async with connection.transaction():
        tx = Transaction(connection)
        await tx.execute(QUERIES["lock_audit"])
        await tx.execute(QUERIES["number_audited"], most=256)


async def test_a_stream_that_is_missing_holds_nobody_else_up(
    desk: Desk, verification: Runtime
) -> None:
    admin = (await desk.house.connect("tester")).jetstream()
    await admin.delete_stream("EVENTS")
    await publish(verification, "waits")
    async with verification.unit() as unit:
        message = await _some_received(unit)
        unit.refuse(message, reason="refused")
    await eventually(lambda: desk.house.messages("quarantine.verification"), timeout=10)

    async def only_that_waits() -> bool:
        return len(await _unsent(desk)) == 1

    await eventually(only_that_waits)
    await desk.house.installation.apply_streams()
    await eventually(lambda: _all_sent(desk), timeout=10)


async def test_nothing_goes_to_a_stream_that_did_not_answer_until_it_was_compared(
    desk: Desk, verification: Runtime
) -> None:
    """It may come back empty, and a row sent before that is noticed would be sent twice."""
    admin, watch = (await desk.house.connect("tester")).jetstream(), StreamWatch()
    assert "EVENTS" in await watch.look(verification, Flight())
    await admin.delete_stream("EVENTS")

    watch._due_at = 0
    assert "EVENTS" not in await watch.look(verification, Flight())

    async def taken_in() -> bool:
        return "EVENTS" in await watch.look(verification, Flight())

    await desk.house.installation.apply_streams()
    await eventually(taken_in)


async def _some_received(unit: Unit) -> Received[ActionClosed]:
    now = await unit.now()
    return Received(closed(), new_id(), SUBJECT, now, "verification", None, "default", "c-1", None)


async def test_a_restarted_postgres_loses_nothing(desk: Desk, verification: Runtime) -> None:
    await publish(verification, "before")
    await asyncio.to_thread(desk.house.installation.postgres.restart)

    async def published() -> bool:
        try:
            await publish(verification, "behind")
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    await eventually(published)

    async def both() -> bool:
        return set(await _texts(desk)) == {"before", "behind"}

    await eventually(both, timeout=10)


async def test_what_is_committed_goes_out_without_being_read_back(
    desk: Desk, still: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[UUID] = []
    stored = Outgoing.stored

    def count(row: Any) -> Outgoing:
        read.append(row["id"])
        return stored(row)

    monkeypatch.setattr(Outgoing, "stored", count)
    monkeypatch.setattr(outgoing, "_MOST_BYTES", 1000)
    at_once, sweep = (duty.loop for duty in sending(timedelta(hours=1)))
    await sweep.tick(still)  # it knows its streams now
    await publish(still, "a", "b")
    async with still.unit() as unit:
        large = unit.publish(closed("large").model_copy(update={"reason": "x" * 2000}))
    await at_once.tick(still)
    await sweep.tick(still)
    assert read == [large]  # what is large is not kept in memory

    async def all_there() -> bool:
        return sorted(await _texts(desk)) == ["a", "b", "large"]

    await eventually(all_there)


async def test_what_went_out_makes_room_for_what_is_committed_next(
    still: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "_MOST_BYTES", 1000)
    at_once, sweep = (duty.loop for duty in sending(timedelta(hours=1)))
    await sweep.tick(still)  # it knows its streams now
    for name in ("a", "b", "c"):
        async with still.unit() as unit:
            unit.publish(closed(name).model_copy(update={"reason": "x" * 700}))
        assert len(still.fresh) == 1
        await at_once.tick(still)
    assert not still.fresh.left_out


async def test_what_is_under_way_is_not_read_again(still: Runtime) -> None:
    first, second = await publish(still, "a", "b")
    async with still.reading() as tx:
        rows = await tx.fetch(QUERIES["unsent"], streams=["EVENTS"], under_way=[first], most=9)
    assert [row["id"] for row in rows] == [second]


async def test_what_is_committed_waits_for_no_mark_of_what_went_before(
    desk: Desk, verification: Runtime
) -> None:
    """A mark is a commit of its own: no event of others waits for its disk, or for its lock."""
    await publish(verification, "before")
    await eventually(lambda: _all_sent(desk))
    admin = await desk.house.installation.admin(desk.house.database)
    try:
        async with admin.transaction():
            await admin.execute("SELECT FROM verification.relay_audit FOR UPDATE")
            await publish(verification, "held")
            await eventually(lambda: _waiting(desk, 1))
            await publish(verification, "behind")

            async def both() -> bool:
                return await _texts(desk) == ["before", "held", "behind"]

            await eventually(both, timeout=3)
            assert len(await _unsent(desk)) == 2
    finally:
        await admin.close()
    await eventually(lambda: _all_sent(desk))


async def test_the_same_id_again_is_sent_by_the_first_alone(
    desk: Desk, verification: Runtime
) -> None:
    identity = new_id()
    for text in ("first", "second"):
        async with verification.unit() as unit:
            unit.publish(closed(text), identity=identity)
        if text == "second":
            assert not unit._outbox
    await eventually(lambda: _all_sent(desk))
    assert await _texts(desk) == ["first"]
