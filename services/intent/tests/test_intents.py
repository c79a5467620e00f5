"""Intents come in, become missions, and end with them."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from grace.contracts.governance import ApprovalRequested
from grace.contracts.intent import (
    ErrorCaptured,
    ErrorDetected,
    GetIntent,
    Intent,
    IntentAccepted,
    IntentSubmit,
    ListIntents,
    SubmitIntent,
)
from grace.contracts.verification import Contract, ContractDrafted, MissionClosed
from grace.intent import handlers, loops
from grace.intent.domain.lifecycle import State
from grace.intent.domain.signal import Group, Signal
from grace.intent.settings import Settings
from grace.intent.store import Captures, Missions, Settled
from grace.kit import Conflict, Invalid, NotFound, Runtime
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
MakeSignal = Callable[..., Signal]


def _intent(intent_id: str = "i-1", **other: object) -> IntentSubmit:
    facts = {
        "goal": "Let orders be written again",
        "domain": "thing",
        "kind": "thing.broken",
        "target": "t-1",
        "sla_ms": 60_000,
    }
    return IntentSubmit(**({"intent_id": intent_id} | facts | other))


async def _submit(
    gateway: Runtime,
    intent: IntentSubmit,
    *,
    by: str = "maria",
    key: str | None = None,
    within: float = 5,
) -> Intent:
    return await gateway.call(
        SubmitIntent(tenant_id="default", requested_by=by, intent=intent, idempotency_key=key),
        timeout=within,
    )


async def _get(gateway: Runtime, intent_id: str = "i-1") -> Intent:
    return await gateway.call(GetIntent(tenant_id="default", intent_id=intent_id))


async def _standing(gateway: Runtime, status: str, intent_id: str = "i-1") -> Intent:
    """Wait until an intent has this status."""

    async def there() -> Intent | None:
        intent = await _get(gateway, intent_id)
        return intent if intent.status == status else None

    found: Intent = await eventually(there)
    return found


async def _captured(house: House) -> list[ErrorCaptured]:
    told = await house.messages(ErrorCaptured.SUBJECT)
    return [ErrorCaptured.from_bytes(each.data) for each in told]


async def _told(house: House, wanted: int) -> list[IntentAccepted] | None:
    told = await house.messages(IntentAccepted.SUBJECT)
    found = [IntentAccepted.from_bytes(each.data) for each in told]
    return found if len(found) == wanted else None


async def _accepted(house: House, wanted: int) -> list[asyncpg.Record]:
    async def there() -> list[asyncpg.Record] | None:
        rows = await house.rows("intent", "SELECT * FROM intents ORDER BY intent_id")
        return rows if len(rows) == wanted else None

    found: list[asyncpg.Record] = await eventually(there, timeout=60)
    return found


def _closed(mission_id: str, status: str = "verified") -> MissionClosed:
    return MissionClosed(
        mission_id=mission_id,
        tenant_id="default",
        status=status,
        confidence=1.0,
        closed_at=datetime.now(UTC),
        reason=f"it is {status}",
    )


def _ignored(subject: str) -> float:
    labels = {"service": "intent", "subject": subject, "reason": "duplicate"}
    return REGISTRY.get_sample_value("grace_messages_ignored_total", labels) or 0


async def test_an_intent_is_accepted_once_and_contradictions_are_refused(house: House) -> None:
    async with house.running("intent"):
        gateway = await house.act_as("gateway")
        intent = _intent(details={"ticket": "T-1"}, priority="high")
        answers = await asyncio.gather(*(_submit(gateway, intent, key="k-1") for _ in range(10)))
        assert len({(each.mission_id, each.accepted_at) for each in answers}) == 1
        first = answers[0]
        for refused, by, key in (
            (_intent(goal="Another goal"), "maria", None),
            (intent, "olaf", None),
            (_intent("i-2"), "maria", "k-1"),
        ):
            with pytest.raises(Conflict, match="take another"):
                await _submit(gateway, refused, by=by, key=key)
        for wrong, why in ((" \n ", "goal: 1 to 2000"), ("g" * 2001, "goal: 1 to 2000")):
            with pytest.raises(Invalid, match=why):
                await _submit(gateway, _intent("i-3", goal=wrong))
        with pytest.raises(Invalid, match="details: 20"):
            await _submit(gateway, _intent("i-3", details={"log": "x" * 20_000}))
        assert (await _submit(gateway, _intent("i-2"), by="olaf", key="k-1")).intent_id == "i-2"
        (captured,) = await eventually(lambda: _captured(house))
    assert first.status == "accepted"
    assert first.sla_deadline - first.accepted_at == timedelta(minutes=1)
    assert (first.requested_by, first.priority, first.sla_met) == ("maria", "high", None)
    assert first.details == {"ticket": "T-1"}
    assert (captured.mission_id, captured.intent_id) == (first.mission_id, "i-1")
    assert (captured.source, captured.severity, captured.requested_by) == (
        "intent", "error", "maria",
    )  # fmt: skip
    assert [each["intent_id"] for each in await _accepted(house, 2)] == ["i-1", "i-2"]


async def test_intents_follow_the_open_mission_of_their_fingerprint_to_its_end(
    house: House, make_error: MakeError
) -> None:
    async with house.running("intent"):
        gateway, verification = await house.act_as("gateway"), await house.act_as("verification")
        await gateway.report(make_error())
        await eventually(lambda: _captured(house))
        one = await _submit(gateway, _intent())
        two = await _submit(gateway, _intent("i-2", sla_ms=1), by="olaf")
        (captured,) = await _captured(house)
        assert one.mission_id == two.mission_id == captured.mission_id
        told = await eventually(lambda: _told(house, 2))
        assert [(each.intent_id, each.mission_id, each.requested_by) for each in told] == [
            ("i-1", one.mission_id, "maria"),
            ("i-2", one.mission_id, "olaf"),
        ]
        assert captured.intent_id is None
        await verification.report(_closed(one.mission_id))
        one, two = await _standing(gateway, "verified"), await _standing(gateway, "verified", "i-2")
        assert (one.sla_met, two.sla_met) == (True, False)
        assert one.closed_at is not None
        assert one.reason == "it is verified"
        again = await _submit(gateway, _intent())
        assert again == one
        third = await _submit(gateway, _intent("i-3"))
        assert third.mission_id != one.mission_id
        await verification.report(_closed(third.mission_id, "rejected"))
        third = await _standing(gateway, "rejected", "i-3")
        assert third.sla_met is False


async def test_what_comes_over_the_bus_is_asked_for_by_whoever_sent_it(house: House) -> None:
    duplicates = _ignored(IntentSubmit.SUBJECT)
    async with house.running("intent", intent={"outside_principal": "watcher"}):
        gateway = await house.act_as("gateway")
        await gateway.report(_intent("by-gateway"))
        await gateway.report(_intent("on-behalf", requested_by="maria"))
        forged = _intent("outside", requested_by="maria")
        bodies = [
            forged.to_bytes(),
            forged.to_bytes(),
            _intent("outside", goal="Another goal").to_bytes(),
            _intent("blank", goal=" ").to_bytes(),
            forged.to_bytes().replace(b"60000", b"0"),
            b'{"intent_id": "no-goal"}',
            b"[" * 100_000,
        ]
        for body in bodies:
            headers = {"Grace-Tenant": "somebody-else"}
            subject = IntentSubmit.SUBJECT
            await house.publish_raw(user="outside", subject=subject, body=body, headers=headers)
        rows = await _accepted(house, 3)
        refused = await eventually(lambda: _quarantined(house, 5))
        await eventually(lambda: _ignored(IntentSubmit.SUBJECT) > duplicates)
    assert {(each["intent_id"], each["requested_by"], each["tenant_id"]) for each in rows} == {
        ("by-gateway", "gateway", "default"),
        ("on-behalf", "maria", "default"),
        ("outside", "watcher", "default"),
    }
    reasons = sorted(each["reason"] for each in refused)
    assert reasons == ["cannot_accept", "intent_conflict", "not_json", "schema", "schema"]


@pytest.mark.timeout(240)
async def test_a_storm_of_2_000_intents_over_three_replicas_is_one_mission(house: House) -> None:
    client = await house.connect("outside")
    jetstream = client.jetstream(timeout=30)
    bodies = [_intent(f"i-{n % 500:03}").to_bytes() for n in range(2_000)]
    async with AsyncExitStack() as replicas:
        await replicas.enter_async_context(house.running("intent"))
        await replicas.enter_async_context(house.running("intent"))
        await replicas.enter_async_context(house.running("intent"))
        gateway = await house.act_as("gateway")
        answers = []
        for start in range(0, len(bodies), 250):
            sent = [
                jetstream.publish(IntentSubmit.SUBJECT, body)
                for body in bodies[start : start + 250]
            ]
            # The same one by every replica at once: none may fail because another was faster.
            asked = [_submit(gateway, _intent(f"r-{start}"), within=30) for _ in range(12)]
            answers += (await asyncio.gather(*asked, *sent))[: len(asked)]
        rows = await _accepted(house, 508)
        (captured,) = await _captured(house)
    assert {row["mission_id"] for row in rows} == {captured.mission_id}
    assert {each.mission_id for each in answers} == {captured.mission_id}


async def test_what_cannot_be_planned_ends_blocked_and_says_what_could(house: House) -> None:
    async with house.running("intent", "verification"):
        gateway = await house.act_as("gateway")
        # Names a rule's kind, and no target to act on.
        await _submit(gateway, _intent(kind="postgres.runaway_query", target=None))
        await _submit(gateway, _intent("i-2", domain="postgres", kind=None))

        async def ended(intent_id: str) -> Intent | None:
            intent = await _get(gateway, intent_id)
            return intent if intent.closed_at is not None else None

        aimless, vague = (
            await eventually(lambda: ended("i-1")),
            await eventually(lambda: ended("i-2")),
        )
        captured = {each.intent_id: each.target for each in await _captured(house)}
    assert (aimless.status, vague.status) == ("blocked", "blocked")
    assert aimless.reason.startswith("it names no target")
    assert vague.reason == (
        "no playbook answers postgres; domain postgres has one for "
        "postgres.autovacuum_off, postgres.blocked_sessions, postgres.runaway_query; "
        "domain sqlite has one for sqlite.log_grows"
    )
    assert (aimless.kind, vague.kind, aimless.sla_met) == (
        "postgres.runaway_query", "postgres", False,
    )  # fmt: skip
    assert captured == {"i-1": "-", "i-2": "t-1"}


async def test_an_intent_takes_the_path_of_an_error_up_to_the_question_for_approval(
    house: House, tmp_path: Path
) -> None:
    targets = tmp_path / "targets.toml"
    targets.write_text(
        '[targets.shop]\nkind = "postgres"\nenvironment = "test"\nhost = "127.0.0.1"\n'
        'database = "shop"\n'
        '[targets.shop.act]\nuser = "ops"\npassword_file = "/nowhere/ops"\n'
        '[targets.shop.observe]\nuser = "eyes"\npassword_file = "/nowhere/eyes"\n'
    )
    services: dict[str, Any] = {"worker": {"targets_file": targets}}
    names = ("intent", "worker", "verification", "governance")
    async with house.running(*names, **services):
        gateway = await house.act_as("gateway")
        intent = _intent(
            domain="postgres", kind="postgres.runaway_query", target="shop", priority="critical"
        )
        accepted = await _submit(gateway, intent)
        running = await _standing(gateway, "running")
        (asked,) = await eventually(lambda: house.messages(ApprovalRequested.SUBJECT))
        (drafted,) = await house.messages(ContractDrafted.SUBJECT)
        page = await gateway.call(ListIntents(tenant_id="default", limit=10, status="running"))
    asked = ApprovalRequested.from_bytes(asked.data)
    assert (asked.mission_id, asked.requested_by) == (accepted.mission_id, "maria")
    contracts = ContractDrafted.from_bytes(drafted.data).contracts
    assert {Contract.from_bytes(each.contract).severity for each in contracts} == {"critical"}
    assert running.playbook == "postgres-runaway-queries"
    assert running.planned_at is not None
    assert [each.intent_id for each in page.intents] == ["i-1"]


async def test_intents_are_listed_newest_first_page_by_page_within_their_tenant(
    house: House,
) -> None:
    async with house.running("intent"):
        gateway = await house.act_as("gateway")
        for n in range(5):
            await _submit(gateway, _intent(f"i-{n}", goal="g" * 2000, target=f"t-{n}"))
        pages, before = [], None
        for _ in range(3):
            page = await gateway.call(ListIntents(tenant_id="default", limit=2, before=before))
            pages.append([each.intent_id for each in page.intents])
            before = page.intents[-1].intent_id
            assert all(len(each.goal) == 500 for each in page.intents)
        assert pages == [["i-4", "i-3"], ["i-2", "i-1"], ["i-0"]]
        elsewhere = await gateway.call(ListIntents(tenant_id="elsewhere", limit=2))
        assert elsewhere.intents == ()
        with pytest.raises(Invalid, match="before: there is no intent"):
            await gateway.call(ListIntents(tenant_id="default", limit=2, before="nobody"))
        with pytest.raises(Invalid, match="status: one of accepted, blocked"):
            await gateway.call(ListIntents(tenant_id="default", limit=2, status="done"))
        with pytest.raises(NotFound, match="No such intent"):
            await gateway.call(GetIntent(tenant_id="elsewhere", intent_id="i-0"))


async def test_an_end_that_was_lost_is_asked_for_and_a_mission_nobody_heard_of_is_told_again(
    house: House, make_signal: MakeSignal
) -> None:
    at_once = {"recall_after": timedelta(0), "recall_at_most": timedelta(0)}
    settings = house.build("intent", **at_once).settings
    assert isinstance(settings, Settings)
    recall = loops.Recall(settings, partial(handlers.close_missions, settings, loops.Plan))
    # Nothing reads the streams for this one: whatever verification tells it is lost.
    intent = await house.act_as("intent")
    await recall.tick(intent)
    mission_id = await _captured_in_silence(intent, make_signal())
    # Verification is away: the mission waits.
    assert not await recall.tick(intent)
    async with house.running("verification"):
        await recall.tick(intent)
        await eventually(lambda: house.messages(MissionClosed.SUBJECT))
        assert await _status(house, mission_id) == "blocked"
        await recall.tick(intent)
        assert await _status(house, mission_id) == "closed"


async def _captured_in_silence(intent: Runtime, signal: Signal) -> str:
    """Capture and block a mission without a word to anybody."""
    async with intent.unit() as unit:
        store, group = Missions(unit.tx), Group(signal.fingerprint, (signal,))
        await Captures(unit.tx).capture([group], ["mission-1"], recall_after=timedelta(0))
        (claimed,) = await store.claim_captured(most=1, lease=timedelta(hours=1))
        assert await store.settle([Settled(claimed, State.BLOCKED, reason="no playbook answers")])
    return claimed.mission_id


async def _status(house: House, mission_id: str) -> str:
    query = "SELECT status FROM missions WHERE mission_id = $1"
    ((status,),) = await house.rows("intent", query, mission_id)
    return str(status)


async def _quarantined(house: House, wanted: int) -> list[asyncpg.Record] | None:
    rows = await house.rows("intent", "SELECT reason FROM quarantine")
    return rows if len(rows) == wanted else None
