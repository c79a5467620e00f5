"""Rules in the database shape the intake, and every replica counts on the same rows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from grace.contracts.intent import ErrorDetected, PlanningBlocked
from grace.intent import handlers, loops
from grace.intent.domain.document import parse_playbook
from grace.intent.domain.ending import ends
from grace.intent.domain.signal import Group, Signal
from grace.intent.planner import Rules
from grace.intent.settings import Settings
from grace.intent.store import Captures, Missions, Playbooks, Reporters, Windows
from grace.kit import Received, Runtime, new_id
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
Report = Callable[..., Awaitable[None]]


async def _missions(house: House, counted: int) -> list[asyncpg.Record]:
    async def enough() -> list[asyncpg.Record] | None:
        rows = await house.rows("intent", "SELECT * FROM missions ORDER BY captured_at")
        return rows if sum(row["signal_count"] for row in rows) == counted else None

    rows: list[asyncpg.Record] = await eventually(enough)
    return rows


async def _rule_in_force(house: House) -> None:
    query = "SELECT FROM trigger_rules WHERE shapes"
    await eventually(lambda: house.rows("intent", query))


def _rule(text: str, folder: Path, more: str) -> dict[str, Any]:
    text = text.replace("steps:", f"  {more}\nsteps:", 1)
    (folder / "mine.yaml").write_text(text)
    return {"playbook_dir": folder}


async def test_replicas_together_count_what_makes_a_mission(
    house: House, report: Report, make_error: MakeError, own_playbooks: Path, mend_it: str
) -> None:
    own = _rule(mend_it, own_playbooks, "accumulate: {count: 30, within: 1h}")
    async with house.running("intent", intent=own), house.running("intent"):
        await _rule_in_force(house)
        await report(*(make_error() for _ in range(29)))

        async def remembered() -> bool:
            rows = await house.rows("intent", "SELECT cardinality(times) AS n FROM error_windows")
            return [row["n"] for row in rows] == [29]

        await eventually(remembered)
        assert not await house.rows("intent", "SELECT FROM missions")
        await asyncio.gather(*(report(make_error()) for _ in range(12)))
        (mission,) = await _missions(house, 41)
        assert mission["kind"] == "thing.broken"
        intent = await house.act_as("intent")
        role = await house.role("intent")
        await role.execute("UPDATE intent.error_windows SET expires_at = now() - interval '1 h'")
        await role.close()
        async with intent.unit() as unit:
            assert await Windows(unit.tx).forget() == 1


async def test_a_storm_of_many_kinds_on_one_target_is_one_mission(
    house: House, report: Report, make_error: MakeError, own_playbooks: Path, mend_it: str
) -> None:
    wide = mend_it.replace('kind == "thing.broken"', 'kind.startsWith("thing.")')
    own = _rule(wide, own_playbooks, "group_by: [target]")
    async with house.running("intent", intent=own):
        await _rule_in_force(house)
        await report(*(make_error(kind=f"thing.{n % 7}", target=f"t-{n % 2}") for n in range(60)))
        missions = await _missions(house, 60)
    assert sorted((each["target"], each["signal_count"]) for each in missions) == [
        ("t-0", 30),
        ("t-1", 30),
    ]


async def test_what_is_over_before_it_is_planned_is_not_planned(
    house: House, report: Report, make_error: MakeError
) -> None:
    now = datetime.now(UTC)
    error = {"kind": "postgres.runaway_query", "target": "shop"}
    async with house.running("intent"):
        await report(make_error(**error, detected_at=now - timedelta(seconds=9)))
        await _missions(house, 1)
        early = make_error(**error, detected_at=now - timedelta(seconds=10), resolved=True)
        await report(early)  # it says nothing of what came later
        await report(early.model_copy(update={"detected_at": now - timedelta(seconds=5)}))
        (told,) = await eventually(lambda: house.messages(PlanningBlocked.SUBJECT))
        assert "it was over by itself at" in PlanningBlocked.from_bytes(told.data).reason
        (mission,) = await _missions(house, 1)
        assert (mission["status"], mission["over_at"]) == ("blocked", now - timedelta(seconds=5))


async def test_what_came_back_is_not_over(house: House, make_signal: Callable[..., Signal]) -> None:
    signal = make_signal()
    intent = await house.act_as("intent")
    for sent, over in ((0, True), (-1, True), (1, False)):
        group = Group(signal.fingerprint, (make_signal(sent=sent),))
        async with intent.unit() as unit:
            (mission,), _ = await Captures(unit.tx).capture(
                [group], ["mission-1"], recall_after=timedelta(hours=1)
            )
            assert (mission.over_at is None) is (sent in {0, 1})
            await Reporters(unit.tx).end(ends([replace(signal, over=True)]))
            found = await Missions(unit.tx).find("mission-1")
            assert found is not None
            assert (found.over_at is not None) is over


async def test_a_rule_shapes_the_first_error_after_it_came_and_none_after_it_went(
    house: House, make_error: MakeError, mend_it: str
) -> None:
    intent, rules = await house.act_as("intent"), Rules()
    wide = mend_it.replace('kind == "thing.broken"', 'kind.startsWith("thing.")')
    playbook = parse_playbook(wide.replace("steps:", "  group_by: [target]\nsteps:", 1).encode())

    async def opened(kind: str) -> bool:
        """Report an error of this kind; return whether it opened a mission."""
        before = await house.rows("intent", "SELECT FROM missions")
        await _take_in(intent, rules, make_error(kind=kind))
        return len(await house.rows("intent", "SELECT FROM missions")) > len(before)

    assert [await opened("thing.a"), await opened("thing.b")] == [True, True]
    async with intent.unit() as unit:
        assert await Playbooks(unit.tx).pin(playbook)
    assert [await opened("thing.c"), await opened("thing.d")] == [True, False]
    await house.rows("intent", "UPDATE trigger_rules SET enabled = false RETURNING playbook")
    assert [await opened("thing.e"), await opened("thing.e")] == [True, False]


async def _take_in(intent: Runtime, rules: Rules, error: ErrorDetected) -> None:
    message = Received(
        body=error,
        id=new_id(),
        subject=ErrorDetected.SUBJECT,
        issued_at=error.detected_at,
        publisher=None,
        key_id=None,
        tenant="default",
        correlation_id="c",
        traceparent=None,
    )
    async with intent.unit() as unit:
        await handlers.on_error_detected(Settings(), loops.Plan, rules, [message], unit)
