"""A stream that is nearly full lets go of what all its readers have read, and of nothing else."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, ConsumerInfo, DiscardPolicy, SequenceInfo, StreamConfig

from grace.stack.room import Level, Mark, Room, mark_to_cut_at, read_by_all
from grace.testkit import House, eventually

NAME, DAY = "ROOM", 24 * 3600.0
SPARE, OLD = timedelta(milliseconds=300), 30
CONFIG = StreamConfig(
    name=NAME, subjects=["room.>"], max_bytes=100_000, max_age=DAY, duplicate_window=600.0,
    discard=DiscardPolicy.NEW, deny_delete=True, deny_purge=True,
)  # fmt: skip
BODY = b"x" * 970  # a message is about 1 kB in the stream
START, DAYS = datetime(2026, 11, 20, tzinfo=UTC), timedelta(days=3)


@pytest.fixture
async def admin(house: House) -> AsyncIterator[JetStreamContext]:
    jetstream = (await house.connect("tester")).jetstream()
    await jetstream.add_stream(CONFIG)
    for reader in ("fast", "slow"):
        await jetstream.add_consumer(
            NAME, ConsumerConfig(durable_name=reader, filter_subject="room.all")
        )
    yield jetstream
    await jetstream.delete_stream(NAME)


@pytest.fixture
async def room(house: House) -> Room:
    return Room(await house.connect("tester"), spare=SPARE)


async def write(admin: JetStreamContext, room: Room, count: int) -> None:
    """Message after message, with a look at the stream after each, as a watcher has it now and then."""
    for _ in range(count):
        await admin.publish("room.all", BODY)
        await room.make(CONFIG)


async def fill(admin: JetStreamContext, room: Room) -> None:
    """Thirty old messages, and ten that are younger by more than what is spared, three quarters in all with the rest."""
    await write(admin, room, OLD)
    oldest = time.monotonic()
    await eventually(lambda: time.monotonic() - oldest > 2 * SPARE.total_seconds())
    await write(admin, room, 10)
    for _ in range(40):
        await admin.publish("room.all", BODY)


async def read(admin: JetStreamContext, reader: str, count: int) -> None:
    pull = await admin.pull_subscribe("room.all", reader, NAME)
    for message in await pull.fetch(count, timeout=5):
        await message.ack_sync()


async def first(admin: JetStreamContext) -> int:
    return (await admin.stream_info(NAME)).state.first_seq


async def test_what_everybody_has_read_is_let_go(admin: JetStreamContext, room: Room) -> None:
    await fill(admin, room)
    for each in ("fast", "slow"):
        await read(admin, each, 80)
    assert "ROOM lets go of what everybody has read" in str(await room.make(CONFIG))
    state = (await admin.stream_info(NAME)).state
    assert (state.first_seq, state.last_seq) == (OLD + 1, 80)  # the ten younger ones are spared
    assert await room.make(CONFIG) is None, "there is room"


async def test_it_keeps_messages_for_as_long_as_before(admin: JetStreamContext, room: Room) -> None:
    await fill(admin, room)
    for each in ("fast", "slow"):
        await read(admin, each, 80)
    await room.make(CONFIG)
    config = (await admin.stream_info(NAME)).config
    assert (config.max_age, config.deny_purge) == (DAY, True)
    assert (config.max_bytes, config.duplicate_window) == (CONFIG.max_bytes, 600.0)


async def test_what_somebody_has_not_read_stays(admin: JetStreamContext, room: Room) -> None:
    await fill(admin, room)
    await read(admin, "fast", 80)
    await read(admin, "slow", OLD - 1)
    await room.make(CONFIG)
    assert await first(admin) == 1
    await read(admin, "slow", 80 - OLD + 1)


async def test_where_there_is_room_nothing_goes(admin: JetStreamContext, room: Room) -> None:
    await write(admin, room, 60)
    for each in ("fast", "slow"):
        await read(admin, each, 60)
    assert await room.make(CONFIG) is None
    assert await first(admin) == 1


def reader(*, floor: int, pending: int, unacknowledged: int) -> ConsumerInfo:
    return ConsumerInfo(
        name="r", stream_name=NAME, config=ConsumerConfig(), created=START,
        ack_floor=SequenceInfo(consumer_seq=floor, stream_seq=floor),
        num_pending=pending, num_ack_pending=unacknowledged,
    )  # fmt: skip


READERS = st.builds(
    reader,
    floor=st.integers(0, 200), pending=st.integers(0, 3), unacknowledged=st.integers(0, 3),
)  # fmt: skip


@given(st.lists(READERS), st.lists(st.integers(1, 200)), st.integers(1, 100))
def test_no_cut_passes_a_reader(
    readers: list[ConsumerInfo], sequences: list[int], oldest: int
) -> None:
    marks = [Mark(START, sequence, sequence) for sequence in sorted(sequences)]
    level = Level(oldest, START - DAYS, Mark(START, 200, 200), len(readers))
    cut = mark_to_cut_at([*marks, level.newest], level, read_by_all(level, readers), SPARE)
    behind = [r for r in readers if r.num_pending or r.num_ack_pending]
    assert cut is None or all(cut.sequence <= r.ack_floor.stream_seq for r in behind if r.ack_floor)


def test_nothing_goes_while_a_reader_is_not_heard_of() -> None:
    level = Level(1, START - DAYS, Mark(START, 200, 200), 2)
    done = reader(floor=200, pending=0, unacknowledged=0)
    assert read_by_all(level, [done, done]) == 200
    assert read_by_all(level, [done]) == 0
    assert mark_to_cut_at([level.newest], level, 0, SPARE) is None


def test_a_stream_that_nobody_reads_keeps_everything() -> None:
    level = Level(1, START - DAYS, Mark(START, 200, 200), 0)
    assert read_by_all(level, []) == 0
