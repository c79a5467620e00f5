"""Puts streams and consumers where the contracts say they are. No service makes any of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)  # fmt: skip
from nats.js.errors import NotFoundError

from grace.contracts.permissions import INSTALLER, durable, inbox_prefix
from grace.contracts.subject import Stream, Subject
from grace.contracts.subjects import SERVICES, STREAMS, SUBJECTS
from grace.kit import GraceError, logs
from grace.kit.settings import ACK_WAIT
from grace.stack.room import Room

_DEDUPLICATION_SECONDS = 600.0
_MAX_ACK_PENDING = 1024
RECONCILE_SECONDS = 5.0
_RETRY_SECONDS = 0.5
_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 2.0


async def connect(url: str, seed_file: str) -> Client:
    """Connect as the installer; it never gives up."""
    return await nats.connect(
        url,
        name="grace-installer",
        nkeys_seed=seed_file,
        inbox_prefix=inbox_prefix(INSTALLER).encode(),
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,
        error_cb=_ignore,
        closed_cb=None,
    )


async def _ignore(_: Exception) -> None:
    """Reconnecting is told by what does not work meanwhile."""


async def apply(
    client: Client, names: Collection[str] = tuple(STREAMS), *, purgeable: Collection[str] = ()
) -> list[str]:
    """Make what is missing, change what differs, of the streams so named.

    What is purgeable may be emptied, which tests do: nothing of an installation is.
    Returns what was done, empty when all was right.
    """
    jetstream = client.jetstream(timeout=_ANSWER_SECONDS)
    found = {n: await _stream(jetstream, STREAMS[n], sealed=n not in purgeable) for n in names}
    done = [line for lines in found.values() for line in lines]
    for name in names:
        # A stream that was just made has no consumer to ask about.
        ask = _made(name) not in found[name]
        for service, subject in consumers_of(name):
            done += await _consumer(jetstream, service, subject, ask=ask)
    return done


async def keep(
    client: Client, stopping: asyncio.Event, log: logs.Logger, room: Room | None = None
) -> None:
    """Apply again and again, so that a wiped server gets its streams back within seconds, and make room."""
    room = room or Room(client)
    while not stopping.is_set():
        reconnects, pause = client.stats["reconnects"], RECONCILE_SECONDS
        try:
            for line in await apply(client):
                log.warning("nats.repaired", what=line)
            for line in await make_room(room):
                log.info("nats.trimmed", what=line)
        except (NatsError, OSError, GraceError) as error:
            log.warning("nats.not_applied", error=str(error) or repr(error))
            pause = _RETRY_SECONDS
        await _rest(client, stopping, pause, reconnects)


async def make_room(room: Room) -> list[str]:
    """Let go of what was read in streams that would refuse what is new; returns what was done."""
    refusing = [_stream_config(s, sealed=True) for s in STREAMS.values() if s.discard == "new"]
    return [done for config in refusing if (done := await room.make(config)) is not None]


async def _rest(client: Client, stopping: asyncio.Event, pause: float, reconnects: int) -> None:
    """Wait, but not behind a reconnect: the server may have come back empty."""
    until = time.monotonic() + pause
    while time.monotonic() < until and client.stats["reconnects"] == reconnects:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await stopping.wait()
                return


def consumers_of(stream: str) -> list[tuple[str, Subject]]:
    """The services that read a stream, each with a subject of it."""
    subjects = [subject for subject in SUBJECTS.values() if subject.stream == stream]
    return [
        (name, subject) for name in SERVICES for subject in subjects if name in subject.consumers
    ]


async def _stream(jetstream: JetStreamContext, stream: Stream, *, sealed: bool) -> list[str]:
    wanted = _stream_config(stream, sealed=sealed)
    try:
        found = (await jetstream.stream_info(stream.name)).config
    except NotFoundError:
        await jetstream.add_stream(wanted)
        return [_made(stream.name)]
    if _same(found, wanted, _STREAM_FIELDS):
        return []
    await jetstream.update_stream(wanted)
    return [f"stream {stream.name} changed"]


def _made(stream: str) -> str:
    return f"stream {stream} made"


async def _consumer(
    jetstream: JetStreamContext, service: str, subject: Subject, *, ask: bool
) -> list[str]:
    wanted = _consumer_config(service, subject)
    assert wanted.durable_name is not None  # noqa: S101 - set right above
    found = await _consumer_found(jetstream, subject.stream, wanted.durable_name) if ask else None
    if found is None:
        await jetstream.add_consumer(subject.stream, wanted)
        return [f"consumer {wanted.durable_name} made"]
    if _same(found, wanted, _CONSUMER_FIELDS):
        return []
    await jetstream.add_consumer(subject.stream, wanted)
    return [f"consumer {wanted.durable_name} changed"]


async def _consumer_found(
    jetstream: JetStreamContext, stream: str, name: str
) -> ConsumerConfig | None:
    try:
        found: ConsumerConfig | None = (await jetstream.consumer_info(stream, name)).config
    except NotFoundError:
        return None
    return found


_STREAM_FIELDS = (
    "max_age", "max_bytes", "discard", "duplicate_window", "subjects", "allow_direct",
)  # fmt: skip
_CONSUMER_FIELDS = ("filter_subject", "ack_wait", "max_ack_pending", "max_deliver", "ack_policy")


def _same(found: object, wanted: object, fields: tuple[str, ...]) -> bool:
    return all(_plain(getattr(found, f)) == _plain(getattr(wanted, f)) for f in fields)


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, list) else value


def _stream_config(stream: Stream, *, sealed: bool) -> StreamConfig:
    return StreamConfig(
        name=stream.name,
        description=stream.description,
        subjects=sorted(stream.subjects),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy(stream.discard),
        max_age=stream.max_age_hours * 3600.0,
        max_bytes=stream.max_mib * 1024 * 1024,
        max_msg_size=1024 * 1024,
        duplicate_window=_DEDUPLICATION_SECONDS,
        deny_delete=True,
        deny_purge=sealed,
        allow_rollup_hdrs=False,
        # What a watcher reads, any replica answers.
        allow_direct=bool(stream.watchers),
    )


def _consumer_config(service: str, subject: Subject) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=durable(service, subject.name),
        # The filter is half of the answer to a forged reply subject; the signature is the other.
        filter_subject=subject.pattern,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT.total_seconds(),
        max_ack_pending=_MAX_ACK_PENDING,
        max_deliver=-1,
    )
