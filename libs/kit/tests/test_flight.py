import asyncio
from types import SimpleNamespace

import pytest
from nats.js.api import PubAck

from grace.kit import flight as kit_flight
from grace.kit import new_id
from grace.kit.flight import Ack, Flight
from grace.kit.outgoing import Outgoing

TAKEN = PubAck(stream="EVENTS", seq=1)


def a_row(stream: str = "EVENTS") -> Outgoing:
    return Outgoing(new_id(), "subject", stream, {}, b"")


def sent(flight: Flight, row: Outgoing) -> Ack:
    ack: Ack = asyncio.get_running_loop().create_future()
    flight.add(row, ack)
    return ack


async def test_a_row_is_under_way_until_the_table_says_that_it_was_sent() -> None:
    flight, row = Flight(), a_row()
    room = flight.room
    ack = sent(flight, row)
    assert (row.id in flight, flight.stored, flight.room) == (True, [], room - 1)
    ack.set_result(TAKEN)
    await flight.landed()
    assert (row.id in flight, flight.stored, flight.room) == (True, [row.id], room)
    flight.marked([row.id])
    assert row.id not in flight


async def test_what_a_stream_said_before_it_lost_all_counts_for_nothing() -> None:
    flight, rows = Flight(), [a_row(), a_row(), a_row("INTAKE")]
    stored, waiting, other = [sent(flight, row) for row in rows]
    stored.set_result(TAKEN)
    other.set_result(TAKEN)
    await flight.landed(first=True)
    flight.lose("EVENTS")
    assert waiting.cancelled()
    assert flight.stored == [rows[2].id]
    assert flight.failures() == []
    again = sent(flight, rows[1])
    again.set_result(TAKEN)
    await flight.landed()
    assert set(flight.stored) == {rows[1].id, rows[2].id}


async def test_who_sends_no_more_remembers_nothing() -> None:
    flight, rows = Flight(), [a_row(), a_row()]
    sent(flight, rows[0]).set_result(TAKEN)
    waiting = sent(flight, rows[1])
    await flight.landed(first=True)
    flight.clear()
    assert (flight.stored, waiting.cancelled()) == ([], True)
    assert rows[1].id not in flight


async def test_a_refusal_is_told_once_and_the_row_may_go_again() -> None:
    flight, row = Flight(), a_row()
    sent(flight, row).set_exception(OSError("full"))
    await asyncio.sleep(0)
    assert row.id not in flight
    assert flight.failures() == ["OSError('full')"]
    assert flight.failures() == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(kit_flight, "time", clock)
    return clock


async def test_who_does_not_answer_is_waited_for_no_longer(clock: SimpleNamespace) -> None:
    flight, row = Flight(), a_row()
    sent(flight, row)
    clock.now = 6.0
    assert flight.failures() == []
    await asyncio.sleep(0)
    assert flight.failures() == ["no answer in time"]
    assert row.id not in flight


async def test_what_was_refused_is_not_read_again_for_a_while(clock: SimpleNamespace) -> None:
    flight, row = Flight(), a_row()
    sent(flight, row).set_exception(OSError("full"))
    await asyncio.sleep(0)
    flight.failures()
    assert flight.under_way == [row.id]
    clock.now = 6.0
    flight.failures()
    assert flight.under_way == []


async def test_what_was_refused_is_read_at_once_where_a_stream_was_lost() -> None:
    flight, row = Flight(), a_row()
    sent(flight, row).set_exception(OSError("full"))
    await asyncio.sleep(0)
    flight.lose("EVENTS")
    assert flight.under_way == []
