"""What the kit's tests share: a small service that keeps notes, and those who write to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from grace.contracts.message import Message
from grace.contracts.verification import ActionClosed
from grace.kit import (
    Query,
    Received,
    Running,
    Runtime,
    Service,
    Stream,
    Unit,
    bisection,
    envelope,
    intake,
    life,
    new_id,
    pull,
    watch,
)
from grace.kit.life import Parts
from grace.kit.stream import BatchHandler
from grace.testkit import House, eventually
from grace.testkit.actor import Actor

SUBJECT = ActionClosed.SUBJECT
CONSUMER = "learning-verification-action-closed"
_WRITE = Query.parse("write", "INSERT INTO notes (message_id, text) VALUES (:id, :text)")


def closed(text: str = "contract-1", **other: object) -> ActionClosed:
    """Some message; `text` is the part of it that is noted."""
    return ActionClosed(
        mission_id="mission-1",
        tenant_id="default",
        contract_id=text,
        revision=1,
        playbook="mend-it",
        playbook_version=1,
        operation="thing.mend",
        target="t-1",
        verdict="verified",
        confidence=1.0,
        executed=True,
        closed_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
        **other,
    )


async def note(messages: Sequence[Received[ActionClosed]], unit: Unit) -> None:
    """The handler: one row for each message."""
    for message in messages:
        await unit.tx.execute(_WRITE, id=message.id, text=message.body.contract_id)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gives the world a second to mend gives it a tenth of one."""
    monkeypatch.setattr(bisection, "_RETRY_SECONDS", 0.1)
    monkeypatch.setattr(intake, "_RETRY_SECONDS", 0.1)
    monkeypatch.setattr(pull, "_HEARTBEAT", 0.2)
    monkeypatch.setattr(watch, "_UNREACHABLE_PAUSE", 0.05)
    monkeypatch.setattr(life, "_CLOSE_SECONDS", 0.1)


class Desk:
    """One test's house, the notes, and the message's rightful publisher."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.service = "learning"

    async def make_notes(self) -> None:
        """The table that the handler writes; a second note of the same message is seen."""
        await self.house.rows("learning", "CREATE TABLE notes (message_id uuid, text text)")
        await self.house.rows("learning", "GRANT ALL ON notes TO learning")

    def reader(
        self,
        handler: BatchHandler = note,
        *,
        inbox: bool = False,
        every: timedelta | None = None,
        **changes: object,
    ) -> Service:
        """The small service."""
        blank = self.house.blank(self.service, **changes)
        return blank.handle(Stream().on(ActionClosed, handler, inbox=inbox, every=every))

    @asynccontextmanager
    async def reading(
        self, handler: BatchHandler = note, **changes: object
    ) -> AsyncIterator[Running]:
        """The small service, running."""
        async with self.up(self.reader(handler, **changes)) as running:
            yield running

    @asynccontextmanager
    async def up(self, service: Service) -> AsyncIterator[Running]:
        """A service, running."""
        running = await service.start()
        try:
            yield running
        finally:
            await running.stop()

    async def notes(self) -> list[str]:
        """What was noted, in order."""
        rows = await self.house.rows("learning", "SELECT text FROM notes ORDER BY text")
        return [row["text"] for row in rows]

    async def noted(self, *texts: str, timeout: float = 5.0) -> None:
        """Wait until exactly these were noted."""

        async def are_there() -> bool:
            return await self.notes() == sorted(texts)

        await eventually(are_there, timeout=timeout)

    async def quarantined(self, count: int = 1, timeout: float = 5.0) -> list[dict[str, object]]:
        """Wait for this many rows in the quarantine and return them."""

        async def are_there() -> list[dict[str, object]] | None:
            rows = await self.house.rows(
                "learning", "SELECT * FROM quarantine ORDER BY received_at"
            )
            return [dict(row) for row in rows] if len(rows) == count else None

        rows: list[dict[str, object]] = await eventually(are_there, timeout=timeout)
        return rows

    async def forge(
        self,
        message: Message | bytes,
        *,
        signer: Runtime | None = None,
        subject: str = SUBJECT,
        identity: UUID | None = None,
        **headers: str,
    ) -> None:
        """Publish what no honest service would, as a user that NATS allows everything."""
        data = message if isinstance(message, bytes) else message.to_bytes()
        name = identity or new_id()
        made = envelope.headers_of(
            signer.keys if signer else None,
            closed(),
            subject=subject,
            identity=name,
            data=data,
        )
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        await self.house.publish_raw(
            user="tester", subject=subject, body=data, headers={**made, **given}
        )


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    await house.empty_streams()  # some kill the server, which may come back without a purge
    made = Desk(house)
    await made.make_notes()
    yield made
    await house.dismiss()
    await house.rows("learning", "DROP TABLE notes")


@pytest.fixture
async def verification(desk: Desk) -> Runtime:
    """The rightful publisher of what the small service reads."""
    return await desk.house.act_as("verification")


class _Still(Actor):
    """A service whose relay moves only where a test has it move."""

    def parts(self) -> Parts:
        return Parts()


@pytest.fixture
async def still(desk: Desk) -> AsyncIterator[Runtime]:
    """The publisher, with its relay at rest."""
    settings = desk.house.blank("verification").settings
    made = _Still("verification", settings, rpc=None, logged=False)
    async with desk.up(desk.house.furnished(made)) as running:
        yield running.runtime


async def publish(publisher: Runtime, *texts: str) -> list[UUID]:
    """Publish one message for each text, in one transaction."""
    async with publisher.unit() as unit:
        return [unit.publish(closed(text)) for text in texts]
