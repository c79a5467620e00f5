"""Room in a stream that is nearly full: what all its readers have read is let go before its time.

What somebody may not have read is never dropped, so a full stream refuses what is new, and whatever would tell it
waits. Most of what it holds was read by everybody long ago. Streams may not be purged (`deny_purge`), but the
age up to which they keep messages may change: it is lowered for a moment, so that what goes ends at a mark
behind all readers. Marks are of the server's clock alone, by which it tells how old a message is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nats.aio.client import Client
from nats.js.api import ConsumerInfo, StreamConfig

from grace.kit import Unavailable

_ANSWER_SECONDS = 2.0
# Full enough to be trimmed; at a hundred repairs a second the last quarter takes more than a minute.
_FULL = 0.75
# Marks lie so much of the limit apart: half of a stream is found by them well enough.
_STEP = 1 / 64
# What comes while the age is low is younger than this, also where a clock is set back by a little.
_SPARE = timedelta(seconds=30)
_PAGE = 256  # consumers in one answer of NATS


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, the newest message that a stream had then, and its bytes."""

    at: datetime
    sequence: int
    stored: int


@dataclass(frozen=True, slots=True)
class Level:
    """A stream now: its oldest message and that one's time, a mark at its newest, how many read it."""

    first: int
    oldest: datetime
    newest: Mark
    readers: int

    @property
    def middle(self) -> int:
        """The message in the middle."""
        return (self.first + self.newest.sequence) // 2


class Room:
    """The marks of each stream, as one process has seen them."""

    def __init__(self, client: Client, *, spare: timedelta = _SPARE) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=_ANSWER_SECONDS)
        self._spare = spare
        self._marks: dict[str, list[Mark]] = {}

    async def make(self, config: StreamConfig) -> str | None:
        """Let go of the older half of a stream that is nearly full, as far as it was read.

        `config` is what the stream is to be, and is again afterwards. Says what was done; None where there is
        room, or a reader is far behind. Raises GraceError and nats.errors.Error.
        """
        name, most = str(config.name), config.max_bytes or 0
        level = await self._level(name)
        self._note(name, level, most)
        if level.newest.stored < most * _FULL:
            return None
        read = read_by_all(level, await self._readers(name))
        mark = mark_to_cut_at([*self._marks[name], level.newest], level, read, self._spare)
        if mark is None:
            return None
        await self._cut(config, level.newest.at - mark.at + self._spare)
        return f"{name} lets go of what everybody has read, up to message {mark.sequence}"

    async def _level(self, name: str) -> Level:
        """Ask the server itself: nats-py leaves the times out."""
        answer = await self._client.request(
            f"$JS.API.STREAM.INFO.{name}", b"", timeout=_ANSWER_SECONDS
        )
        info = json.loads(answer.data)
        if "state" not in info:
            raise Unavailable(f"{name}: {info.get('error')}")
        state = info["state"]
        newest = Mark(datetime.fromisoformat(info["ts"]), state["last_seq"], state["bytes"])
        oldest = datetime.fromisoformat(state["first_ts"])
        return Level(state["first_seq"], oldest, newest, state["consumer_count"])

    def _note(self, name: str, level: Level, most: int) -> None:
        kept = [mark for mark in self._marks.get(name, ()) if mark.sequence >= level.first]
        if not kept or abs(level.newest.stored - kept[-1].stored) >= most * _STEP:
            kept.append(level.newest)
        self._marks[name] = kept

    async def _readers(self, name: str) -> list[ConsumerInfo]:
        found: list[ConsumerInfo] = []
        while len(page := await self._jetstream.consumers_info(name, offset=len(found))) == _PAGE:
            found += page
        return found + page

    async def _cut(self, config: StreamConfig, age: timedelta) -> None:
        seconds = age.total_seconds()
        if seconds >= (config.max_age or 0):
            return
        # NATS remembers no id for longer than a message; who reads one twice knows it by the inbox.
        window = min(config.duplicate_window or 0, seconds)
        low = replace(config, max_age=seconds, duplicate_window=window)
        try:
            await self._jetstream.update_stream(low)
        finally:
            await self._jetstream.update_stream(config)


def read_by_all(level: Level, readers: Sequence[ConsumerInfo]) -> int:
    """The last message up to which every reader has read all that is for it.

    `level` is older than what the readers say: who has nothing left has read all of it. 0 where nobody reads,
    or where a reader is not among them: a cluster leaves out those whose server does not answer.
    """
    if len(readers) < level.readers:
        return 0
    return min((_read_by(reader, level.newest.sequence) for reader in readers), default=0)


def _read_by(reader: ConsumerInfo, newest: int) -> int:
    if reader.num_pending == 0 and reader.num_ack_pending == 0:
        return newest
    return 0 if reader.ack_floor is None else reader.ack_floor.stream_seq


def mark_to_cut_at(marks: Sequence[Mark], level: Level, read: int, spare: timedelta) -> Mark | None:
    """The last mark in the older half, or else the first, of those that free something.

    None where none lies behind all readers, or everything is too young.
    """
    useful = [m for m in marks if m.sequence <= read and m.at - spare > level.oldest]
    older = [mark for mark in useful if mark.sequence <= level.middle]
    return older[-1] if older else next(iter(useful), None)
