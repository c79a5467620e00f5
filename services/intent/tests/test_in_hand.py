"""What is said of a mission while its plan is in hand, or its end on the way, is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg

from grace.contracts.intent import (
    ErrorDetected,
    GetIntent,
    IntentAccepted,
    IntentSubmit,
    PlanningBlocked,
    SubmitIntent,
)
from grace.contracts.verification import MissionClosed
from grace.intent.domain.ending import ends
from grace.intent.domain.freeze import Freeze, Mode
from grace.intent.domain.lifecycle import State
from grace.intent.domain.mission import Mission
from grace.intent.domain.signal import Group, Signal
from grace.intent.store import Captures, Freezes, Holds, Missions, Reporters, Settled
from grace.kit import Runtime, Unit
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
MakeSignal = Callable[..., Signal]
Report = Callable[..., Awaitable[None]]
FREEZE = Freeze(
    freeze_id="freeze-1",
    tenant_id="default",
    reason="fair",
    mode=Mode.WAIT,
    target=None,
    kind=None,
    environment=None,
    starts_at=None,
    ends_at=datetime(9999, 1, 1, tzinfo=UTC),
    weekly=None,
)


async def _report(unit: Unit, signal: Signal) -> None:
    group = Group(signal.fingerprint, (signal,))
    await Captures(unit.tx).capture([group], ["mission-1"], recall_after=timedelta(hours=1))


async def _claim(intent: Runtime) -> Mission:
    async with intent.unit() as unit:
        (claimed,) = await Missions(unit.tx).claim_captured(most=1, lease=timedelta(hours=1))
    return claimed


async def _wait(intent: Runtime, mission: Mission, pause: timedelta) -> bool:
    """Decide that a plan waits; tell whether that stands."""
    async with intent.unit() as unit:
        due = await unit.now() + pause
        decided = Settled(mission, State.CAPTURED, reason="it waits", due=due, hold="loop")
        return bool(await Missions(unit.tx).settle([decided]))


async def _counted(house: House, signals: int) -> list[asyncpg.Record]:
    async def counted() -> list[asyncpg.Record] | None:
        rows = await house.rows("intent", "SELECT * FROM missions ORDER BY captured_at")
        return rows if sum(row["signal_count"] for row in rows) == signals else None

    rows: list[asyncpg.Record] = await eventually(counted)
    return rows


def _end(mission_id: str, status: str, at: datetime) -> MissionClosed:
    return MissionClosed(
        mission_id=mission_id,
        tenant_id="default",
        status=status,
        confidence=float(status == "verified"),
        closed_at=at,
        reason="it has ended",
    )


async def test_what_was_decided_before_the_last_word_does_not_stand(
    house: House, make_signal: MakeSignal
) -> None:
    intent, signal = await house.act_as("intent"), make_signal()

    async def over(unit: Unit) -> None:
        await Reporters(unit.tx).end(ends([replace(signal, over=True)]))

    async def back(unit: Unit) -> None:
        await _report(unit, make_signal(sent=1))

    async def thawed(unit: Unit) -> None:
        assert await Freezes(unit.tx).end("default", FREEZE.freeze_id, "ada")

    async def released(unit: Unit) -> None:
        assert await Holds(unit.tx).release("default", "mission-1", "ada")

    async with intent.unit() as unit:
        await _report(unit, signal)
        await Freezes(unit.tx).declare(FREEZE, "ada")
    for word in (over, back, thawed):
        in_hand = await _claim(intent)
        async with intent.unit() as unit:
            await word(unit)
        assert not await _wait(intent, in_hand, timedelta(days=1))
    assert await _wait(intent, await _claim(intent), timedelta())
    in_hand = await _claim(intent)
    async with intent.unit() as unit:
        await released(unit)
    assert not await _wait(intent, in_hand, timedelta(days=1))
    assert (await _claim(intent)).released_at is not None


async def test_what_comes_back_while_its_end_is_on_the_way_opens_the_next(
    house: House, report: Report, make_error: MakeError
) -> None:
    now = datetime.now(UTC)
    error = make_error(kind="postgres.runaway_query", target="shop")
    async with house.running("intent"):
        verification = await house.act_as("verification")
        await report(error.model_copy(update={"detected_at": now - timedelta(seconds=9)}))
        await report(
            error.model_copy(update={"detected_at": now - timedelta(seconds=5), "resolved": True})
        )
        await eventually(lambda: house.messages(PlanningBlocked.SUBJECT))
        await report(error.model_copy(update={"detected_at": now - timedelta(seconds=6)}))
        await report(error.model_copy(update={"detected_at": now - timedelta(seconds=1)}))
        (first,) = await _counted(house, 3)
        assert first["status"] == "blocked"
        await verification.report(_end(first["mission_id"], "blocked", datetime.now(UTC)))
        first, second = await _counted(house, 4)
    assert (first["status"], second["signal_count"]) == ("closed", 1)
    assert second["detected_at"] == now - timedelta(seconds=1)


async def test_an_intent_that_came_after_the_end_is_not_answered_by_it(
    house: House, make_error: MakeError
) -> None:
    asked = IntentSubmit(
        intent_id="i-1", goal="Mend it", domain="thing", kind="thing.broken", target="t-1",
        sla_ms=60_000,
    )  # fmt: skip
    async with house.running("intent"):
        gateway, verification = await house.act_as("gateway"), await house.act_as("verification")
        first, after = [
            await gateway.call(
                SubmitIntent(
                    tenant_id="default",
                    requested_by=who,
                    intent=asked.model_copy(update={"intent_id": name}),
                )
            )
            for name, who in (("i-1", "maria"), ("i-2", "olaf"))
        ]
        assert first.mission_id == after.mission_id
        await verification.report(_end(first.mission_id, "verified", first.accepted_at))
        (_, mission) = await _counted(house, 3)
        answered, open_ = [
            await gateway.call(GetIntent(tenant_id="default", intent_id=name))
            for name in ("i-1", "i-2")
        ]
        assert (answered.status, answered.sla_met) == ("verified", True)
        assert (open_.mission_id, open_.closed_at) == (mission["mission_id"], None)
        assert mission["requested_by"] == "olaf"

        async def told() -> bool:
            found = await house.messages(IntentAccepted.SUBJECT)
            last = IntentAccepted.from_bytes(found[-1].data)
            return (last.intent_id, last.mission_id) == ("i-2", mission["mission_id"])

        await eventually(told)
