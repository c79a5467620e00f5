"""What goes over a whole outbox does so in pieces, of which each is there once it is done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from grace.kit import Runtime, pieces, relay
from grace.kit.flight import Flight
from grace.kit.watch import StreamWatch
from grace.testkit import eventually

from .conftest import Desk

_SENT = """
    INSERT INTO verification.outbox (id, subject, stream, schema, tenant_id, correlation_id, body, key_id,
                                     signature, audited, audit_no, created_at, sent_at)
    SELECT uuidv7(), 's', 'EVENTS', 's/1', 'default', 'c', '', 'k', '', $2, CASE WHEN $2 THEN n END,
           now() - $1::interval, now() - $1::interval
      FROM generate_series(1, 5) AS n ORDER BY n
"""

_IDS = """
    INSERT INTO inbox (consumer, message_id, received_at)
    SELECT 'some', gen_random_uuid(), now() - days * interval '1 day' FROM unnest(ARRAY[2, 9]) AS days
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece is two rows."""
    monkeypatch.setattr(pieces, "_ROWS", 2)


@asynccontextmanager
async def _third_held(desk: Desk, work: Awaitable[Any]) -> AsyncIterator[None]:
    """The work is under way, and cannot get beyond its third row during the block."""
    admin = await desk.house.installation.admin(desk.house.database)
    try:
        async with admin.transaction():
            await admin.execute(
                "SELECT FROM verification.outbox WHERE position ="
                " (SELECT position FROM verification.outbox ORDER BY position OFFSET 2 LIMIT 1) FOR UPDATE"
            )
            doing = asyncio.ensure_future(work)
            yield
        await doing
    finally:
        await admin.close()


async def _fill(desk: Desk, age: timedelta, *, audited: bool = False) -> None:
    admin = await desk.house.installation.admin(desk.house.database)
    try:
        await admin.execute(_SENT, age, audited)
    finally:
        await admin.close()


async def _count(desk: Desk, which: str = "true") -> int:
    rows = await desk.house.rows("verification", f"SELECT FROM outbox WHERE {which}")
    return len(rows)


async def test_what_a_stream_lost_goes_out_again_in_pieces(desk: Desk, still: Runtime) -> None:
    """A week of rows takes longer than a statement may, and nothing would go out ever again."""
    watch = StreamWatch()
    await watch.look(still, Flight())
    await _fill(desk, timedelta(hours=1))
    await desk.house.rows("verification", "UPDATE relay_streams SET created = 'another one'")
    watch._due_at = 0
    known = "SELECT FROM relay_streams WHERE created = 'another one' AND stream = 'EVENTS'"

    async with _third_held(desk, watch.look(still, Flight())):
        await eventually(lambda: _are(desk, 2, "sent_at IS NULL"))
        # Until all is done it counts for nothing: whoever takes over begins anew.
        assert len(await desk.house.rows("verification", known)) == 1

    assert await _count(desk, "sent_at IS NULL") == 5
    assert not await desk.house.rows("verification", known)


async def _are(desk: Desk, count: int, which: str = "true") -> bool:
    return await _count(desk, which) == count


async def test_what_was_sent_long_ago_is_dropped_in_pieces(desk: Desk, still: Runtime) -> None:
    await desk.house.rows("verification", "UPDATE relay_audit SET last_no = 5, acknowledged = 5")
    await _fill(desk, timedelta(days=8), audited=True)

    async with _third_held(desk, relay.Prune().tick(still)):
        await eventually(lambda: _are(desk, 3))

    assert await _count(desk) == 0


async def test_what_may_be_asked_for_is_kept(desk: Desk, still: Runtime) -> None:
    """The log has four; one is on its way; and all of yesterday's are young."""
    await desk.house.rows("verification", "UPDATE relay_audit SET last_no = 5, acknowledged = 4")
    await _fill(desk, timedelta(days=8), audited=True)
    await _fill(desk, timedelta(days=8))
    await desk.house.rows("verification", "UPDATE outbox SET sent_at = NULL WHERE position = (SELECT max(position) FROM outbox)")  # fmt: skip
    await _fill(desk, timedelta(days=1))

    await relay.Prune().tick(still)

    kept = "audit_no = 5 OR sent_at IS NULL OR created_at > now() - interval '2 days'"
    assert await _count(desk) == await _count(desk, kept) == 7


async def test_an_id_is_remembered_for_as_long_as_it_may_come_again(
    desk: Desk, still: Runtime
) -> None:
    """However little its service keeps of what it has sent itself."""
    await desk.house.rows("verification", _IDS)
    still.settings = still.settings.model_copy(update={"outbox_retention": timedelta(hours=1)})

    await relay.Prune().tick(still)

    left = "SELECT received_at > now() - interval '7 days' AS is_young FROM inbox"
    rows = await desk.house.rows("verification", left)
    assert [row["is_young"] for row in rows] == [True]
