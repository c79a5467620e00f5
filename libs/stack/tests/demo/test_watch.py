"""The watcher reports what it sees as anybody outside would."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from grace.contracts.intent import ErrorDetected, ErrorDetectedSeverity
from grace.stack.demo import faults, loads, watch
from grace.stack.demo.target import Target
from grace.stack.demo.waiting import beside, until
from grace.stack.demo.watch import Sighting, Watcher
from grace.testkit import House


@pytest.fixture
async def watcher(house: House, target: Target) -> AsyncIterator[Watcher]:
    nats = house.installation.nats
    async with (
        watch.watching(target, nats.url, nats.seed_file("outside")) as watcher,
        beside(watcher.run()) as running,
    ):
        yield watcher
        running.check()


async def reported(watcher: Watcher, kind: str, *, times: int) -> list[watch.Report]:
    async def seen() -> list[watch.Report] | None:
        found = [report for report in watcher.reports if report.sighting.kind == kind]
        return found if len(found) >= times else None

    return await until(seen, within=20, what=f"{times} reports of {kind}")


async def published(house: House) -> list[ErrorDetected]:
    messages = await house.messages("error.detected")
    return [ErrorDetected.from_untrusted_bytes(message.data) for message in messages]


async def test_blocked_sessions_are_reported_while_they_last_each_time_in_a_message_of_its_own(
    house: House, target: Target, watcher: Watcher
) -> None:
    async with loads.pgbench(target):
        async with faults.forgotten_transaction(target):
            before = datetime.now(UTC)
            reports = await reported(watcher, watch.BLOCKED, times=3)
        messages = await house.messages("error.detected")
    ids = {(message.headers or {})["Nats-Msg-Id"] for message in messages}
    assert len(ids) == len(messages) >= 3  # most say nothing new: that is what is deduplicated
    assert [report.sequence for report in reports] == sorted({r.sequence for r in reports})
    errors = [ErrorDetected.from_untrusted_bytes(message.data) for message in messages]
    assert {(e.kind, e.source, e.target) for e in errors} == {
        ("postgres.blocked_sessions", "pg-watch", "shop-db")
    }
    assert errors[0].severity is ErrorDetectedSeverity.error
    assert before <= errors[0].detected_at <= datetime.now(UTC)
    assert "careless (careless-shell)" in errors[0].message
    assert errors[0].details is not None
    assert errors[0].details["waiting"]


async def test_a_statement_that_runs_away_again_is_reported(
    house: House, target: Target, watcher: Watcher
) -> None:
    async with faults.runaway_report(target) as report:
        reports = await reported(watcher, watch.RUNAWAY, times=1)
    assert reports[0].detected_at - datetime.now(UTC) < timedelta(seconds=20)
    (error, *_) = await published(house)
    assert error.kind == "postgres.runaway_query"
    assert "careless (careless-report)" in error.message
    assert report.failure is None


async def test_one_long_statement_is_no_pattern(target: Target, watcher: Watcher) -> None:
    async with faults.runaway_report(target):

        async def seen() -> bool:
            return len(watcher._long) == 1

        await until(seen, within=20, what="the first long statement is seen")
        assert not watcher.reports


async def test_a_report_that_was_not_stored_is_sent_again(
    house: House, target: Target, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_PUBLISH_SECONDS", 0.5)
    nats = house.installation.nats
    async with loads.pgbench(target):
        try:
            await asyncio.to_thread(nats.stop)
            async with faults.forgotten_transaction(target):

                async def failed() -> bool:
                    return watcher.problem is not None

                await until(failed, within=20, what="a report fails")
                assert not watcher.reports
                await asyncio.to_thread(nats.start)
                await reported(watcher, watch.BLOCKED, times=1)
        finally:
            await asyncio.to_thread(nats.start)
    assert await published(house)


async def test_a_healthy_target_is_not_reported(house: House, target: Target) -> None:
    nats = house.installation.nats
    async with (
        watch.watching(target, nats.url, nats.seed_file("outside")) as watcher,
        loads.pgbench(target),
    ):
        for _ in range(20):
            assert await watcher.look() == []


def test_the_body_is_what_the_contract_asks_for() -> None:
    detected_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    body = watch.body_of(Sighting(watch.BLOCKED, "4 wait", {"waiting": 4}), detected_at)
    error = ErrorDetected.from_untrusted_bytes(body)
    assert error.detected_at == detected_at
    assert json.loads(body)["details"] == {"waiting": 4}
