"""One batch, one transaction; what fails is told apart from what only stood beside it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

import pytest

from grace.contracts.verification import ActionClosed
from grace.kit import Query, Received, Runtime, TimedOut, Unavailable, Unit, envelope, new_id
from grace.kit.bisection import dispatch
from grace.kit.metrics import MESSAGES_IGNORED, MESSAGES_REJECTED
from grace.kit.stream import BatchHandler
from grace.testkit import eventually

from .conftest import CONSUMER, SUBJECT, Desk, closed, note, publish

Messages = Sequence[Received[ActionClosed]]
_IMPATIENT = Query.parse("impatient", "SET LOCAL lock_timeout = '10ms'")


def _fails_on(text: str, error: BaseException, sizes: list[int]) -> BatchHandler:
    """Note every message, then fail where one of them has this text."""

    async def handle(messages: Messages, unit: Unit) -> None:
        sizes.append(len(messages))
        await note(messages, unit)
        if any(message.body.contract_id == text for message in messages):
            raise error

    return handle


async def test_what_has_arrived_is_one_batch_and_one_transaction(
    desk: Desk, verification: Runtime
) -> None:
    sizes: list[int] = []
    await publish(verification, *(str(n) for n in range(300)))
    await eventually(lambda: _stored(desk, 300))
    async with desk.reading(_fails_on("none", ValueError(), sizes)):
        await desk.noted(*(str(n) for n in range(300)))
    assert sum(sizes) == 300
    assert len(sizes) < 30
    assert max(sizes) <= 256


async def _stored(desk: Desk, count: int) -> bool:
    jetstream = (await desk.house.connect("tester")).jetstream()
    info = await jetstream.consumer_info("EVENTS", CONSUMER)
    return info.num_pending == count


async def test_a_batch_is_handled_in_halves_until_the_offender_stands_alone(
    desk: Desk, verification: Runtime
) -> None:
    sizes: list[int] = []
    await publish(verification, *(str(n) for n in range(64)))
    await eventually(lambda: _stored(desk, 64))
    before = _rejected()
    handler = _fails_on("17", ValueError("no seventeen"), sizes)
    async with desk.reading(handler, max_deliveries=1):
        await desk.noted(*(str(n) for n in range(64) if n != 17))
        (row,) = await desk.quarantined()
    assert (row["reason"], row["detail"]) == ("handler_failed", "ValueError")
    assert ActionClosed.from_bytes(_bytes(row["body"])).contract_id == "17"
    assert _rejected() == before + 1
    assert len(sizes) < 64


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


def _rejected() -> float:
    value: float = MESSAGES_REJECTED.labels("learning", SUBJECT, "handler_failed")._value.get()
    return value


async def test_an_offender_is_tried_again_before_it_is_given_up(
    desk: Desk, verification: Runtime
) -> None:
    sizes: list[int] = []
    await publish(verification, "bad")
    async with desk.reading(_fails_on("bad", ValueError(), sizes), max_deliveries=2):
        await desk.quarantined()
    assert len(sizes) == 2
    assert await desk.notes() == []


async def test_what_failed_once_for_a_reason_that_passed_is_handled(
    desk: Desk, verification: Runtime
) -> None:
    tries: list[UUID] = []

    async def fails_at_first(messages: Messages, unit: Unit) -> None:
        await note(messages, unit)
        tries.append(messages[0].id)
        if len(tries) == 1:
            raise ValueError

    await publish(verification, "in-the-end")
    async with desk.reading(fails_at_first):
        await desk.noted("in-the-end")
    assert len(tries) == 2


async def test_an_outage_is_nobodys_fault(desk: Desk, verification: Runtime) -> None:
    """However often it is delivered, a message that an outage held up is not given up."""
    outages: list[Exception] = [Unavailable(), TimedOut(), ConnectionResetError()]

    async def away(messages: Messages, unit: Unit) -> None:
        await note(messages, unit)
        if outages:
            raise outages.pop()

    await publish(verification, "a", "b")
    async with desk.reading(away, max_deliveries=1):
        await desk.noted("a", "b", timeout=10)
        assert await desk.house.rows("learning", "SELECT 1 FROM quarantine") == []
    assert outages == []


async def test_a_value_that_postgres_cannot_take_is_the_messages_fault(
    desk: Desk, verification: Runtime
) -> None:
    query = Query.parse("q", "SELECT CAST(:x AS int)")

    async def cannot(messages: Messages, unit: Unit) -> None:
        await note(messages, unit)
        if any(message.body.contract_id == "bad" for message in messages):
            await unit.tx.fetchval(query, x=2**40)

    await publish(verification, "good", "bad")
    async with desk.reading(cannot, max_deliveries=1):
        await desk.noted("good")
        (row,) = await desk.quarantined()
    assert row["detail"] == "DataError"


async def test_a_misuse_of_the_driver_is_a_bug_and_no_outage(
    desk: Desk, verification: Runtime
) -> None:
    """asyncpg has one type for it and for a lost connection: it must not be tried for ever."""
    now = Query.parse("q", "SELECT now()")

    async def at_once(messages: Messages, unit: Unit) -> None:
        await asyncio.gather(*(unit.tx.fetchval(now) for _ in messages), unit.tx.fetchval(now))

    await publish(verification, "bad")
    async with desk.reading(at_once, max_deliveries=1):
        (row,) = await desk.quarantined()
    assert row["detail"] == "InterfaceError"


async def test_a_message_that_makes_a_statement_too_slow_does_not_hold_others_up(
    desk: Desk, verification: Runtime
) -> None:
    sleep = Query.parse("q", "SELECT pg_sleep(60)")
    limit = Query.parse("q", "SET LOCAL statement_timeout = '50ms'")

    async def slow(messages: Messages, unit: Unit) -> None:
        await note(messages, unit)
        await unit.tx.execute(limit)
        if any(message.body.contract_id == "slow" for message in messages):
            await unit.tx.execute(sleep)

    await publish(verification, "a", "slow", "b")
    await eventually(lambda: _stored(desk, 3))
    async with desk.reading(slow, max_deliveries=1):
        await desk.noted("a", "b")
        (row,) = await desk.quarantined()
    assert row["detail"] == "QueryCanceledError"


async def test_a_killed_backend_loses_nothing(desk: Desk, verification: Runtime) -> None:
    """The connection goes in the middle of the transaction: all of it comes again."""
    killed: list[int] = []
    backend = Query.parse("q", "SELECT pg_backend_pid()")

    async def dies_once(messages: Messages, unit: Unit) -> None:
        await note(messages, unit)
        if not killed:
            killed.append(await unit.tx.fetchval(backend))
            await _terminate(desk, killed[0])
        await unit.tx.fetchval(backend)

    await publish(verification, "a", "b")
    async with desk.reading(dies_once, max_deliveries=1):
        await desk.noted("a", "b")
        assert await desk.house.rows("learning", "SELECT 1 FROM quarantine") == []


async def _terminate(desk: Desk, backend: int) -> None:
    await desk.house.rows("public", "SELECT pg_terminate_backend($1, 5000)", backend)


async def test_a_restart_of_postgres_loses_nothing(desk: Desk, verification: Runtime) -> None:
    started = asyncio.Event()

    async def tells(messages: Messages, unit: Unit) -> None:
        await note(messages, unit)
        started.set()
        await unit.tx.execute(Query.parse("q", "SELECT pg_sleep(0.2)"))

    await publish(verification, "a", "b")
    async with desk.reading(tells, max_deliveries=1):
        await asyncio.wait_for(started.wait(), 5)
        await asyncio.to_thread(desk.house.installation.postgres.restart)
        await desk.noted("a", "b", timeout=10)


async def test_a_lock_of_somebody_else_quarantines_nothing(
    desk: Desk, verification: Runtime
) -> None:
    """A table that is rebuilt is locked for minutes; what waits for it is handled then."""
    tried = 0

    async def impatient(messages: Messages, unit: Unit) -> None:
        nonlocal tried
        tried += 1
        await unit.tx.execute(_IMPATIENT)
        await note(messages, unit)

    admin = await desk.house.installation.admin(desk.house.database)
    try:
        async with desk.reading(impatient, max_deliveries=2):
            async with admin.transaction():
                await admin.execute("LOCK TABLE learning.notes")
                await publish(verification, "a")
                await eventually(lambda: tried >= 4)
            await desk.noted("a")
        assert not await desk.house.rows("learning", "SELECT FROM quarantine")
    finally:
        await admin.close()


async def test_with_an_inbox_a_message_is_handled_once(desk: Desk, verification: Runtime) -> None:
    """Deduplication in the stream ends with the stream; the inbox goes on."""
    before = _duplicates()
    await publish(verification, "once")
    async with desk.up(desk.reader(inbox=True)):
        await desk.noted("once")
        admin = (await desk.house.connect("tester")).jetstream()
        await admin.delete_consumer("EVENTS", CONSUMER)
        await desk.house.installation.apply_streams()
        await eventually(lambda: _duplicates() == before + 1, timeout=10)
        await publish(verification, "another")
        await desk.noted("another", "once")


def _duplicates() -> float:
    value: float = MESSAGES_IGNORED.labels("learning", SUBJECT, "duplicate")._value.get()
    return value


async def test_with_an_inbox_the_same_id_twice_in_one_batch_is_handled_once(desk: Desk) -> None:
    """A message that was delivered again before it was handled."""
    before = _duplicates()
    fresh: list[Received[ActionClosed]] = []

    async def remember(messages: Messages, _: Unit) -> None:
        fresh.extend(messages)

    async with desk.up(desk.reader(remember, inbox=True)) as running:
        (route,) = running.service.parts().stream.routes
        async with running.runtime.unit(consumer=CONSUMER) as unit:
            one, other = [await _received(unit) for _ in range(2)]
            await dispatch(route, [one, other, one, other, one], unit)
    assert fresh == [one, other]
    assert _duplicates() == before + 3


async def _received(unit: Unit) -> Received[ActionClosed]:
    now = await unit.now()
    return Received(closed(), new_id(), SUBJECT, now, "verification", None, "default", "c-1", None)


async def test_a_handler_refuses_one_message_and_the_others_go_on(
    desk: Desk, verification: Runtime
) -> None:
    async def picky(messages: Messages, unit: Unit) -> None:
        for message in messages:
            if message.body.contract_id == "strange":
                unit.refuse(message, reason="unknown_contract", detail="never heard of it")
        await note([m for m in messages if m.body.contract_id != "strange"], unit)

    await publish(verification, "a", "strange", "b")
    async with desk.reading(picky):
        await desk.noted("a", "b")
        (row,) = await desk.quarantined()
    assert (row["reason"], row["detail"]) == ("unknown_contract", "never heard of it")
    assert "Grace-Signature" in str(row["headers"])


class _Slow(datetime):
    """The clock of a machine that has slept for an hour and has not asked anybody yet."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) - timedelta(hours=1)


async def test_a_reader_whose_clock_is_slow_handles_what_others_send(
    desk: Desk, verification: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it would be from the future, and in quarantine for good."""
    monkeypatch.setattr(envelope, "datetime", _Slow)
    await publish(verification, "a")
    async with desk.reading():
        await desk.noted("a")
