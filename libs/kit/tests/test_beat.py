"""The beat on real servers: it tells the truth, and goes on when there is nothing good to tell."""

import asyncio
from datetime import timedelta

from grace.contracts.observability import HealthBeat
from grace.kit import Received, Runtime
from grace.kit.beat import Beat

from .conftest import Desk

OUTBOX = """
INSERT INTO outbox (id, subject, stream, schema, tenant_id, correlation_id, body, key_id, signature,
                    audited, audit_no, sent_at, created_at)
VALUES (gen_random_uuid(), 's', '{}', 'x', 'default', 'c', '', 'k', '', {})
"""
QUARANTINED = "gen_random_uuid(), 's', 'm', 'c', 'r', '', '{}', ''"


async def test_a_service_says_by_itself_how_it_is(desk: Desk) -> None:
    heard: asyncio.Queue[Received[HealthBeat]] = asyncio.Queue()

    async def hear(message: Received[HealthBeat], _: Runtime) -> None:
        if message.body.service == "intent":
            heard.put_nowait(message)

    async def next_beat() -> HealthBeat:
        message = await asyncio.wait_for(heard.get(), 10)
        assert message.publisher == "intent"
        return message.body

    async with desk.up(desk.house.blank("observability").listen(HealthBeat, hear)):
        service = desk.house.blank("intent", beat_interval=timedelta(hours=1))
        async with desk.up(service) as running:
            first = await next_beat()
            assert (first.ready, first.problems, first.quarantined) == (True, (), 0)
            assert (first.outbox_lag_ms, first.interval_ms) == (0, 3_600_000)

            await desk.house.rows("intent", f"INSERT INTO quarantine VALUES ({QUARANTINED})")
            # A stream that is not there takes no row.
            unsent = OUTBOX.format("NOWHERE", "false, NULL, NULL, now() - interval '1 minute'")
            await desk.house.rows("intent", unsent)
            beat = Beat()
            await beat.tick(running.runtime)
            second = await next_beat()
            assert second.quarantined == 1
            assert 60_000 <= second.outbox_lag_ms < 600_000
            assert second.instance != first.instance

            # And nobody is there who would take it into the log.
            unlogged = OUTBOX.format("EVENTS", "true, 1, now(), now() - interval '2 minutes'")
            await desk.house.rows("intent", unlogged)
            await beat.tick(running.runtime)
            behind = await next_beat()
            lacked = "the log has lacked what it told for more than a minute"
            assert (behind.ready, behind.problems) == (True, (lacked,))
            await desk.house.rows("intent", "UPDATE relay_audit SET acknowledged = 1")

            running.runtime.complaints["files"] = ["a.yaml: line 1"]
            await beat.tick(running.runtime)
            unwell = await next_beat()
            assert (unwell.ready, unwell.problems) == (True, ("a.yaml: line 1",))
            running.runtime.complaints.clear()
            running.runtime.problems = lambda: ["something"]
            await beat.tick(running.runtime)
            third = await next_beat()
            assert (third.ready, third.problems) == (False, ("something",))
            assert third.instance == second.instance


async def test_a_service_without_its_database_says_so(desk: Desk) -> None:
    heard: asyncio.Queue[Received[HealthBeat]] = asyncio.Queue()

    async def hear(message: Received[HealthBeat], _: Runtime) -> None:
        heard.put_nowait(message)

    service = desk.house.blank("observability", beat_interval=timedelta(hours=1))
    async with desk.up(service.listen(HealthBeat, hear)) as running:
        await asyncio.wait_for(heard.get(), 10)
        await desk.house.rows("observability", f"INSERT INTO quarantine VALUES ({QUARANTINED})")
        beat = Beat()
        await beat.tick(running.runtime)
        assert (await asyncio.wait_for(heard.get(), 10)).body.quarantined == 1
        await running.runtime.pool.close()
        await beat.tick(running.runtime)
        message = await asyncio.wait_for(heard.get(), 10)
        assert not message.body.ready
        assert message.body.problems[0].startswith("postgres: ")
        # Nobody could count them: that is no reason to say that they are gone.
        assert message.body.quarantined == 1
