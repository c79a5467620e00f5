"""Errors were captured and plans made: missions open, and their contracts are drafted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from grace.contracts import intent as wire
from grace.contracts.message import ContractError
from grace.contracts.verification import ContractDrafted, DraftContract
from grace.kit import Received, Unit, derived_id
from grace.verification.domain.contract import (
    Action,
    Baseline,
    Contract,
    Plan,
    draft,
    flaw,
    size_flaw,
)
from grace.verification.domain.lifecycle import MissionEvent
from grace.verification.domain.state import digest
from grace.verification.handlers.outcome import Ignored, Outcome, Refused, account, in_order
from grace.verification.settings import Settings
from grace.verification.store import Benchmarks, Contracts, MissionFacts, Missions
from grace.verification.store.shapes import contract_bytes, plan_of
from grace.verification.store.takes import Takes
from grace.verification.store.timeline import About, Source, close_mission, hear, tell

_BEFORE = timedelta(microseconds=1)  # times of messages are whole milliseconds


async def on_error_captured(
    settings: Settings, messages: Sequence[Received[wire.ErrorCaptured]], unit: Unit
) -> None:
    """Open a mission for each captured error."""
    for message in in_order(messages):
        await capture(settings, message.body, Source.message(message), unit)


async def on_action_planned(
    settings: Settings, messages: Sequence[Received[wire.ActionPlanned]], unit: Unit
) -> None:
    """Draft the contracts of each plan."""
    for message in in_order(messages):
        outcome = await plan(settings, message.body, Source.message(message), unit)
        account(outcome, message, unit)


async def on_planning_blocked(
    settings: Settings, messages: Sequence[Received[wire.PlanningBlocked]], unit: Unit
) -> None:
    """Close each mission that intent has no plan for."""
    for message in in_order(messages):
        outcome = await block(settings, message.body, Source.message(message), unit)
        account(outcome, message, unit)


async def capture(settings: Settings, body: wire.ErrorCaptured, source: Source, unit: Unit) -> None:
    """Open the mission of an error, or fill in what a plan that came first did not say."""
    facts = MissionFacts(
        mission_id=body.mission_id,
        tenant_id=body.tenant_id,
        correlation_id=source.correlation_id,
        kind=body.kind,
        target=body.target,
        requested_by=body.requested_by,
        opened_at=body.captured_at,
    )
    await Missions(unit.tx).upsert(facts, recall_after=settings.recall_after)
    summary = f"{body.severity}: {body.kind} on {body.target}, seen by {body.source}"
    if body.intent_id is None:
        await hear(unit, _detected(body, source), body.mission_id, f"{summary}: {body.message}")
    await hear(unit, source, body.mission_id, f"{summary}: {body.message}")


def _detected(body: wire.ErrorCaptured, source: Source) -> Source:
    """The report that opened the mission, and is older than that whatever its clock said."""
    return Source(
        event_id=derived_id("error.detected", body.signal_id),
        service="outside",
        subject="error.detected",
        correlation_id=source.correlation_id,
        at=min(body.detected_at, (source.at or body.captured_at) - _BEFORE),
    )


async def plan(settings: Settings, body: wire.ActionPlanned, source: Source, unit: Unit) -> Outcome:
    """Draft a contract per action, or close the mission of a plan that cannot be contracted."""
    found = _read(body)
    if isinstance(found, Refused):
        return found
    await Missions(unit.tx).upsert(_facts(found, source), recall_after=settings.recall_after)
    names = ", ".join(action.operation for action in found.actions)
    await hear(unit, source, found.mission_id, f"{found.playbook} plans {names or 'nothing'}")
    contracts = await _draft(found, body.plan_hash, unit) if flaw(found) is None else []
    data = [contract_bytes(contract) for contract in contracts]
    wrong = flaw(found) or size_flaw(data)
    if wrong is not None:
        return await _close_as_blocked(found.mission_id, wrong, unit)
    stored = await Missions(unit.tx).plan(
        found.mission_id,
        plan=body.plan,
        plan_hash=body.plan_hash,
        playbook=found.playbook,
        playbook_version=found.playbook_version,
        recall_after=settings.recall_after,
    )
    if not stored:
        return Ignored("stale")
    await _store(body, found, list(zip(contracts, data, strict=True)), source, unit)
    return None


async def block(
    settings: Settings, body: wire.PlanningBlocked, source: Source, unit: Unit
) -> Outcome:
    """Close a mission that nothing can be done about."""
    facts = MissionFacts(body.mission_id, body.tenant_id, source.correlation_id)
    await Missions(unit.tx).upsert(facts, recall_after=settings.recall_after)
    await hear(unit, source, body.mission_id, f"no plan: {body.reason}")
    return await _close_as_blocked(body.mission_id, body.reason, unit)


def _read(body: wire.ActionPlanned) -> Plan | Refused:
    """Read a plan out of its bytes, if they are the ones that were hashed."""
    if digest(body.plan) != body.plan_hash:
        return Refused("plan_hash_differs", body.mission_id)
    try:
        found = plan_of(wire.Plan.from_bytes(body.plan))
    except ContractError as error:
        return Refused("plan_unreadable", str(error))
    if (found.mission_id, found.tenant_id) != (body.mission_id, body.tenant_id):
        return Refused("plan_of_another_mission", found.mission_id)
    return found


async def _draft(found: Plan, plan_hash: str, unit: Unit) -> list[Contract]:
    now: datetime = await unit.now()
    benchmarks = Benchmarks(unit.tx)
    return [
        draft(
            found,
            action,
            plan_hash=plan_hash,
            baseline=await benchmarks.newest_before(
                tenant_id=found.tenant_id,
                measurement=action.measurement,
                before=found.detected_at,
            ),
            now=now,
            baselines=await _baselines(found, action, unit),
        )
        for action in found.actions
    ]


async def _baselines(found: Plan, action: Action, unit: Unit) -> dict[str, Baseline]:
    """Return what the measures of an action showed before the incident."""
    takes = Takes(unit.tx)
    known = {
        measure.name: await takes.baseline(
            measure, tenant_id=found.tenant_id, before=found.detected_at
        )
        for measure in action.measures
    }
    return {name: each for name, each in known.items() if each is not None}


async def _store(
    body: wire.ActionPlanned,
    found: Plan,
    drafted: Sequence[tuple[Contract, bytes]],
    source: Source,
    unit: Unit,
) -> None:
    contracts = Contracts(unit.tx)
    for contract, data in drafted:
        await contracts.insert(contract, data)
    about = About(found.mission_id, found.tenant_id, source.correlation_id)
    await tell(unit, _drafted(found, body.plan_hash, drafted), about, _drafted_in_words(drafted))


async def _close_as_blocked(mission_id: str, reason: str, unit: Unit) -> Outcome:
    closed = await close_mission(
        unit, mission_id, MissionEvent.FIND_NO_PLAN, confidence=0.0, reason=reason
    )
    return None if closed else Ignored("stale")


def _facts(found: Plan, source: Source) -> MissionFacts:
    return MissionFacts(
        mission_id=found.mission_id,
        tenant_id=found.tenant_id,
        correlation_id=source.correlation_id,
        kind=found.kind,
        target=found.target,
        requested_by=found.requested_by,
    )


def _drafted(
    found: Plan, plan_hash: str, drafted: Sequence[tuple[Contract, bytes]]
) -> ContractDrafted:
    return ContractDrafted(
        mission_id=found.mission_id,
        tenant_id=found.tenant_id,
        plan_hash=plan_hash,
        playbook=found.playbook,
        requested_by=found.requested_by,
        contracts=tuple(
            DraftContract(
                contract_id=contract.contract_id,
                action_id=contract.action.action_id,
                contract_hash=digest(data),
                contract=data,
            )
            for contract, data in drafted
        ),
    )


def _drafted_in_words(drafted: Sequence[tuple[Contract, bytes]]) -> str:
    without = sum(contract.baseline is None for contract, _ in drafted)
    words = f"{len(drafted)} contract" if len(drafted) == 1 else f"{len(drafted)} contracts"
    return f"{words} drafted" + (f", {without} without a baseline" if without else "")
