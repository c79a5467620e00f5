"""The standing pull on a real server: quick when idle, and back after everything that ends it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from grace.contracts.verification import ActionClosed
from grace.kit import Received, Runtime, Unit
from grace.kit.flushing import flush
from grace.kit.life import Running
from grace.kit.pull import MOST, StandingPull
from grace.testkit import eventually

from .conftest import CONSUMER, Desk, closed, note, publish

Messages = Sequence[Received[ActionClosed]]


async def test_a_message_is_delivered_at_once_after_a_quiet_time(
    desk: Desk, verification: Runtime
) -> None:
    """Nobody waits for a batch to fill. The relay's own way to the stream is in the time, too."""
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def tell(messages: Messages, _: Unit) -> None:
        arrived.put_nowait(time.monotonic())

    took = []
    async with desk.reading(tell):
        for number in range(20):
            sent = time.monotonic()
            await publish(verification, str(number))
            took.append(await asyncio.wait_for(arrived.get(), 5) - sent)
    assert sorted(took)[10] < 0.1


async def test_it_survives_a_restart_of_the_server(desk: Desk, verification: Runtime) -> None:
    nats = desk.house.installation.nats
    async with desk.reading() as running:
        await publish(verification, "before")
        await desk.noted("before")
        await asyncio.to_thread(nats.kill)
        await eventually(lambda: "nats is unreachable" in running.problems())
        await asyncio.to_thread(nats.start)
        await publish(verification, "behind")
        await desk.noted("before", "behind", timeout=10)
        await eventually(lambda: running.problems() == [])


async def test_it_goes_on_when_its_consumer_was_deleted_and_made_again(
    desk: Desk, verification: Runtime
) -> None:
    async with desk.reading():
        admin = (await desk.house.connect("tester")).jetstream()
        await admin.delete_consumer("EVENTS", CONSUMER)
        await publish(verification, "while-it-was-gone")
        await desk.house.installation.apply_streams()
        await desk.noted("while-it-was-gone", timeout=10)


async def test_it_waits_for_a_consumer_that_is_not_there_yet(
    desk: Desk, verification: Runtime
) -> None:
    admin = (await desk.house.connect("tester")).jetstream()
    await admin.delete_consumer("EVENTS", CONSUMER)
    async with desk.reading():
        await publish(verification, "early")
        await desk.house.installation.apply_streams()
        await desk.noted("early", timeout=10)


async def test_a_request_that_ran_out_is_followed_by_another(
    desk: Desk, verification: Runtime
) -> None:
    """What the server says when a request expires, in place of thirty seconds of waiting."""
    async with desk.reading() as running:
        pull = await _asking(running)
        asked = pull._wanted
        await _tell(desk, pull._inbox, f"408 Request Timeout\r\nNats-Pending-Messages: {asked}")
        await publish(verification, "next")
        await desk.noted("next")
        await eventually(lambda: 0 < pull._wanted <= MOST)


async def test_a_lost_request_is_renewed_when_no_heartbeat_comes(
    desk: Desk, verification: Runtime
) -> None:
    async with desk.reading() as running:
        pull = await _asking(running)
        # The request ends at the server, and the end of it gets lost on the way.
        admin = (await desk.house.connect("tester")).jetstream()
        await pull._subscription.unsubscribe()  # type: ignore[union-attr]
        await admin.delete_consumer("EVENTS", CONSUMER)
        pull._subscription = await running.runtime.client.subscribe(
            pull._inbox, cb=pull._on_message
        )
        await desk.house.installation.apply_streams()
        pull._last_sign -= 60
        pull._asked_at -= 60
        await publish(verification, "after-it")
        await desk.noted("after-it", timeout=10)


async def _asking(running: Running) -> StandingPull:
    """Its pull, once it has asked for messages: it is made before it is open."""
    pull = running._intakes[0].pull
    await eventually(lambda: pull._wanted > 0)
    return pull


async def _tell(desk: Desk, inbox: str, status: str) -> None:
    """A status as only the server sends it."""
    client = await desk.house.connect("tester")
    block = f"NATS/1.0 {status}\r\n\r\n".encode()
    size = len(block)
    await client._send_command(f"HPUB {inbox} {size} {size}\r\n".encode() + block + b"\r\n")
    await flush(client)


async def test_large_messages_come_in_small_helpings(desk: Desk, verification: Runtime) -> None:
    """A flood of the largest messages must not fill the memory of their reader."""
    go_on = asyncio.Event()

    async def slow(messages: Messages, unit: Unit) -> None:
        await go_on.wait()
        await note(messages, unit)

    padding = b" " * 900_000
    for number in range(60):
        await desk.forge(closed(str(number)).to_bytes() + padding, signer=verification)
    async with desk.reading(slow) as running:
        pull = running._intakes[0].pull
        await eventually(lambda: pull.held and pull._wanted == 0, timeout=10)
        assert 20 < len(pull.held) < 40
        go_on.set()
        await desk.noted(*(str(number) for number in range(60)), timeout=20)


async def test_what_a_stopped_service_had_not_begun_is_delivered_at_once(
    desk: Desk, verification: Runtime
) -> None:
    """Not only after the ack wait: half a minute would be lost at every restart."""
    begun = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(messages: Messages, unit: Unit) -> None:
        begun.set()
        await go_on.wait()
        await note(messages, unit)

    running = await desk.reader(slow).start()
    await publish(verification, "begun")
    await asyncio.wait_for(begun.wait(), 5)
    await publish(verification, "waiting-1", "waiting-2")
    await eventually(lambda: len(running._intakes[0].pull.held) == 2)
    stopping = asyncio.ensure_future(running.stop())
    await eventually(running.runtime.stopping.is_set)
    go_on.set()
    await stopping
    assert await desk.notes() == ["begun"]
    async with desk.reading():
        await desk.noted("begun", "waiting-1", "waiting-2")


async def test_what_a_killed_service_had_in_hand_is_delivered_again(
    desk: Desk, verification: Runtime
) -> None:
    begun = asyncio.Event()

    async def dies(messages: Messages, unit: Unit) -> None:
        await note(messages, unit)
        begun.set()
        await asyncio.Event().wait()

    async with _short_ack_wait(desk, 0.3):
        running = await desk.reader(dies, nats_ack_wait=60).start()
        await publish(verification, "in-hand")
        await asyncio.wait_for(begun.wait(), 5)
        for task in running._tasks:  # a kill -9: nothing is said to anybody
            task.cancel()
        running.runtime.pool.terminate()
        await running.runtime.client.close()
        async with desk.reading():
            await desk.noted("in-hand", timeout=10)
        await running.stop()


@asynccontextmanager
async def _short_ack_wait(desk: Desk, seconds: float) -> AsyncIterator[None]:
    """The stream outlives the test, and its consumers with it: this one is put back as it was."""
    admin = (await desk.house.connect("tester")).jetstream()
    config = (await admin.consumer_info("EVENTS", CONSUMER)).config
    usual, config.ack_wait = config.ack_wait, seconds
    await admin.add_consumer("EVENTS", config)
    try:
        yield
    finally:
        config.ack_wait = usual
        await admin.add_consumer("EVENTS", config)


async def test_a_slow_batch_stays_in_hand(desk: Desk, verification: Runtime) -> None:
    """The server would deliver it to somebody else meanwhile."""
    batches: list[int] = []
    go_on = asyncio.Event()

    async def slow(messages: Messages, unit: Unit) -> None:
        batches.append(len(messages))
        await go_on.wait()
        await note(messages, unit)

    async with _short_ack_wait(desk, 1.0), desk.reading(slow, nats_ack_wait=0.6):
        await publish(verification, "slow")
        await eventually(lambda: batches)
        kept = time.monotonic()
        await eventually(lambda: time.monotonic() - kept > 1.5)
        go_on.set()
        await desk.noted("slow")
    assert batches == [1]
