"""Streams and consumers are as the contracts say, whatever happened to them."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError

from grace.contracts.permissions import durables
from grace.contracts.subjects import SERVICES, STREAMS
from grace.kit import logs
from grace.kit.settings import ACK_WAIT
from grace.stack import streams
from grace.stack.room import Room
from grace.testkit import House, eventually

CONSUMER = "learning-verification-action-closed"
READ_BY_NOBODY_HERE = "intent.freeze.declared"


async def _admin(house: House) -> JetStreamContext:
    return (await house.connect("tester")).jetstream()


async def test_what_is_right_is_left_alone(house: House) -> None:
    assert await house.installation.apply_streams() == []


async def test_what_is_missing_is_made(house: House) -> None:
    admin = await _admin(house)
    await admin.delete_stream("EVENTS")
    await admin.delete_consumer("INTAKE", "intent-error-detected")
    done = await house.installation.apply_streams()
    assert "stream EVENTS made" in done
    assert "consumer intent-error-detected made" in done
    assert f"consumer {CONSUMER} made" in done
    assert await house.installation.apply_streams() == []


async def test_what_differs_is_changed(house: House) -> None:
    admin = await _admin(house)
    stream = (await admin.stream_info("EVENTS")).config
    stream.max_age = 3600.0
    stream.subjects = [*(stream.subjects or []), "somebody.elses"]
    await admin.update_stream(stream)
    consumer = (await admin.consumer_info("EVENTS", CONSUMER)).config
    consumer.ack_wait, consumer.max_ack_pending = 1.0, 1
    await admin.add_consumer("EVENTS", consumer)
    done = await house.installation.apply_streams()
    assert sorted(done) == [f"consumer {CONSUMER} changed", "stream EVENTS changed"]
    assert (await admin.stream_info("EVENTS")).config.max_age == STREAMS[
        "EVENTS"
    ].max_age_hours * 3600
    assert (
        await admin.consumer_info("EVENTS", CONSUMER)
    ).config.ack_wait == ACK_WAIT.total_seconds()


async def test_a_stream_takes_only_its_own_subjects_and_forgets_nothing(house: House) -> None:
    admin = await _admin(house)
    found = {str(info.config.name): info.config for info in await admin.streams_info()}
    assert found.keys() == STREAMS.keys()
    for name, stream in STREAMS.items():
        assert sorted(found[name].subjects or []) == sorted(stream.subjects)
        assert found[name].deny_delete
        assert found[name].deny_purge
        assert not found[name].allow_rollup_hdrs


async def test_more_is_taken_than_a_stream_holds_where_everybody_reads(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {**STREAMS, "EVENTS": replace(STREAMS["EVENTS"], max_mib=1)}
    monkeypatch.setattr(streams, "STREAMS", small)
    monkeypatch.setattr(streams, "RECONCILE_SECONDS", 0.1)
    url, seed = house.installation.nats.url, house.installation.nats.seed_file("installer")
    client, stopping = await streams.connect(url, str(seed)), asyncio.Event()
    room = Room(client, spare=timedelta(milliseconds=100))
    keeping = asyncio.ensure_future(streams.keep(client, stopping, logs.logger("test"), room))
    admin = await _admin(house)

    async def taken() -> bool:
        with suppress(APIError):  # it is full for a moment
            await admin.publish(READ_BY_NOBODY_HERE, b"x" * 8192)
            return True
        return False

    try:
        await eventually(lambda: _holds(admin, 1024 * 1024), timeout=15)
        for _ in range(300):
            await eventually(taken, timeout=15)
        assert (await admin.stream_info("EVENTS")).state.last_seq == 300
    finally:
        stopping.set()
        await asyncio.wait_for(keeping, 10)
        await client.close()
        monkeypatch.undo()
        await house.installation.apply_streams()


async def _holds(admin: JetStreamContext, most: int) -> bool:
    return (await admin.stream_info("EVENTS")).config.max_bytes == most


async def test_a_wiped_server_gets_them_back_on_its_own(house: House) -> None:
    url, seed = house.installation.nats.url, house.installation.nats.seed_file("installer")
    client, stopping = await streams.connect(url, str(seed)), asyncio.Event()
    keeping = asyncio.ensure_future(streams.keep(client, stopping, logs.logger("test")))
    try:
        await asyncio.to_thread(house.installation.nats.wipe)
        admin = await _admin(house)

        async def all_are_back() -> bool:
            with suppress(NatsError):
                found = [await admin.consumers_info(name) for name in STREAMS]
                return sum(map(len, found)) == sum(len(durables(name)) for name in SERVICES)
            return False

        await eventually(all_are_back, timeout=15)
    finally:
        stopping.set()
        await asyncio.wait_for(keeping, 10)
        await client.close()
