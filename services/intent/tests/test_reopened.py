"""A later look finds the fault back: the end stays as it was told, and counts as no success."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from grace.contracts.intent import (
    ErrorDetected,
    GetIntent,
    Intent,
    IntentSubmit,
    ListIntents,
    ReporterJoined,
    SubmitIntent,
)
from grace.contracts.verification import GetMission, Mission, MissionClosed, MissionReopened
from grace.intent import handlers, loops
from grace.intent.domain.signal import Group, Signal
from grace.intent.settings import Settings
from grace.intent.store import Captures, Ended, Holds, Missions, Reopenings
from grace.kit import Called, Rpc, Runtime
from grace.testkit import House, eventually


async def _submit(gateway: Runtime, target: str) -> Intent:
    wanted = IntentSubmit(
        intent_id=f"intent-{target}", goal="It works again", domain="thing", target=target,
        sla_ms=60_000,
    )  # fmt: skip
    return await gateway.call(
        SubmitIntent(tenant_id="default", requested_by="maria", intent=wanted)
    )


def _closed(mission_id: str) -> MissionClosed:
    return MissionClosed(
        mission_id=mission_id, tenant_id="default", status="verified", confidence=1.0,
        closed_at=datetime.now(UTC),
    )  # fmt: skip


def _reopened(mission_id: str, at: datetime, *, revision: int = 2) -> MissionReopened:
    return MissionReopened(
        mission_id=mission_id, tenant_id="default", contract_id=f"contract-{revision}",
        revision=revision, reason="the fault is back 5 min later", reopened_at=at,
    )  # fmt: skip


async def _taken_back(gateway: Runtime, intent: Intent, at: datetime) -> Intent | None:
    asked = GetIntent(tenant_id="default", intent_id=intent.intent_id)
    found = await gateway.call(asked)
    return found if found.closed_at is not None and found.reopened_at == at else None


async def test_a_reopening_counts_before_and_after_the_end_twice_and_for_nobody(
    house: House,
) -> None:
    async with house.running("intent"):
        gateway, verification = await house.act_as("gateway"), await house.act_as("verification")
        early, late = await _submit(gateway, "t-1"), await _submit(gateway, "t-2")
        first = datetime.now(UTC)
        last = first + timedelta(seconds=9)
        await verification.report(_reopened("mission-of-nobody", first))
        await verification.report(_reopened(early.mission_id, last))
        await verification.report(_closed(late.mission_id))
        for at in (first, last, first, last):
            await verification.report(_reopened(late.mission_id, at))
        await verification.report(_closed(early.mission_id))
        for intent in (early, late):
            found = await eventually(lambda one=intent: _taken_back(gateway, one, last))
            assert (found.status, found.sla_met) == ("verified", False)
        page = await gateway.call(ListIntents(tenant_id="default", limit=10))
        assert [each.reopened_at for each in page.intents] == [last, last]
        for status, count in (("verified", 0), ("reopened", 2)):
            asked = ListIntents(tenant_id="default", limit=10, status=status)
            assert len((await gateway.call(asked)).intents) == count
        assert await house.rows("intent", "SELECT FROM missions WHERE outcome <> 'verified'") == []


async def test_the_history_of_a_fingerprint_tells_what_did_not_hold(
    house: House, make_signal: Callable[..., Signal]
) -> None:
    intent = await house.act_as("intent")
    signal, look = make_signal(), make_signal(source="verification")
    async with intent.unit() as unit:
        missions, at = Missions(unit.tx), await unit.now()
        await Captures(unit.tx).capture(
            [Group(signal.fingerprint, (signal,))], ["mission-1"], recall_after=timedelta(1)
        )
        await missions.close([Ended("mission-1", "verified", at)])
        assert await Reopenings(unit.tx).note({"mission-1": at}) == {"mission-1"}
        assert await Reopenings(unit.tx).note({"mission-1": at}) == frozenset()
    async with intent.unit() as unit:
        await Captures(unit.tx).capture(
            [Group(look.fingerprint, (look,))], ["mission-2"], recall_after=timedelta(1)
        )
        past = await Holds(unit.tx).histories(["mission-2"], within=timedelta(1), most=9)
    now, before = past["mission-2"].missions
    assert (now.outcome, now.reopened, now.by_look) == (None, False, True)
    assert (before.outcome, before.reopened, before.by_look) == ("verified", True, False)


async def test_who_asked_for_what_did_not_hold_asks_for_what_follows(
    house: House, make_error: Callable[..., ErrorDetected]
) -> None:
    async with house.running("intent"):
        gateway, verification = await house.act_as("gateway"), await house.act_as("verification")

        async def mission(where: str) -> str | None:
            rows = await house.rows("intent", f"SELECT mission_id FROM missions WHERE {where}")
            return rows[0]["mission_id"] if rows else None

        async def both_told() -> bool:
            sent = await house.messages(ReporterJoined.SUBJECT)
            told = [ReporterJoined.from_bytes(each.data) for each in sent]
            who = [(each.mission_id, each.principal) for each in told]
            return who == [(first, "olaf"), (second, "olaf")]

        for principal in ("maria", "olaf"):
            await gateway.report(make_error(requested_by=principal))
        first = await eventually(lambda: mission("signal_count = 2"))
        await verification.report(_closed(first))
        await eventually(lambda: mission("status = 'closed'"))
        again = make_error(source="verification", requested_by="maria", follows=first)
        await gateway.report(again.model_copy(update={"target": "elsewhere"}))  # not its to say
        await verification.report(again)
        second = await eventually(lambda: mission("source = 'verification' AND target = 't-1'"))
        await eventually(lambda: mission("target = 'elsewhere'"))
        await eventually(both_told)


async def test_an_end_that_is_asked_for_comes_with_its_reopening_and_answers_nothing_later(
    house: House, make_signal: Callable[..., Signal]
) -> None:
    signal, now = make_signal(), datetime.now(UTC)

    async def answer(call: Called[GetMission], _: Runtime) -> Mission:
        return Mission(
            mission_id=call.body.mission_id, tenant_id="default", kind="thing.broken",
            target="t-1", status="verified", confidence=1.0, requested_by="admin", opened_at=now,
            closed_at=now, reopened_at=now,
        )  # fmt: skip

    await house.act_as("verification", Rpc().direct(GetMission, answer))
    intent = await house.act_as("intent")
    async with intent.unit() as unit:
        later = make_signal(issued_at=now + timedelta(seconds=1), requested_by="bob")
        for each in (signal, later):
            await Captures(unit.tx).capture(
                [Group(signal.fingerprint, (each,))],
                ["mission-1"],
                recall_after=timedelta(0),
                kept=2,
            )
    settings = Settings()
    close = partial(handlers.close_missions, settings, loops.Plan)
    await loops.Recall(settings, close).tick(intent)
    query = "SELECT outcome, reopened_at, requested_by FROM missions ORDER BY captured_at"
    ended, opened = await house.rows("intent", query)
    assert tuple(ended) == ("verified", now, "admin")
    assert tuple(opened) == (None, None, "bob")
