"""What is refused: a full stream tells at once, the log tells of what nobody could read."""

import asyncio
from datetime import timedelta

import pytest
from nats.js.errors import APIError
from structlog.testing import capture_logs

from grace.contracts.verification import ActionClosed
from grace.kit import Runtime, relay
from grace.kit.relay import sending
from grace.testkit import eventually

from .conftest import SUBJECT, Desk, closed, publish


async def test_a_refusal_arrives(still: Runtime) -> None:
    """Who never heard of it would wait for as long as for a server that is gone."""
    answer = await still.stream.publish_async(SUBJECT, b"", stream="INTAKE")
    with pytest.raises(APIError, match="stream"):
        async with asyncio.timeout(3):
            await answer


async def test_a_stream_that_takes_nothing_holds_no_other_up(
    desk: Desk, still: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it is older than all else, and as much as is read at once."""
    monkeypatch.setattr(relay, "_BATCH", 2)
    async with still.unit() as unit:
        refused = [unit.publish(closed("refused")) for _ in range(3)]
    await desk.house.rows("verification", "UPDATE outbox SET stream = 'INTAKE'")
    await publish(still, "behind")
    still.fresh.clear()  # another replica has committed it
    sweep = sending(timedelta(hours=1))[1].loop
    unsent = "SELECT id FROM outbox WHERE sent_at IS NULL"

    async def only_those_wait() -> bool:
        await sweep.tick(still)
        rows = await desk.house.rows("verification", unsent)
        return sorted(row["id"] for row in rows) == sorted(refused)

    await eventually(only_those_wait)
    (stored,) = await desk.house.messages(SUBJECT)
    assert ActionClosed.from_bytes(stored.data).contract_id == "behind"


async def test_the_log_tells_of_a_message_in_quarantine_and_what_is_wrong_with_it(
    desk: Desk, verification: Runtime
) -> None:
    def lines() -> list[tuple[str, ...]]:
        found = [each for each in told if each["event"] == "message.quarantined"]
        return [(each["subject"], each["reason"], each["log_level"]) for each in found]

    with capture_logs() as told:
        await desk.forge(b"bad", signer=verification)
        async with desk.reading():
            await eventually(lambda: lines() == [(SUBJECT, "not_json", "warning")])
