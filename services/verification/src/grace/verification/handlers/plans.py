"""Errors were captured and plans made: missions open, and their contracts are drafted."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

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
from grace.verification.store import (
    Benchmarks,
    Contracts,
    MissionFacts,
    MissionPlan,
    Missions,
    Sought,
)
from grace.verification.store.shapes import contract_bytes, plan_of
from grace.verification.store.takes import Takes
from grace.verification.store.timeline import About, Source, close_mission, hear, tell

_BEFORE = timedelta(microseconds=1)  # times of messages are whole milliseconds


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan that was read, with the contracts that were drafted of it and their bytes."""

    body: wire.ActionPlanned
    plan: Plan
    source: Source
    flaw: str | None  # why it can never be contracted
    drafted: tuple[tuple[Contract, bytes], ...] = ()

    def with_contracts(self, contracts: Sequence[Contract]) -> "Draft":
        """Return it with its contracts."""
        return replace(self, drafted=tuple((each, contract_bytes(each)) for each in contracts))

    @property
    def wrong(self) -> str | None:
        """Why it is not contracted."""
        return self.flaw or size_flaw([data for _, data in self.drafted])

    @property
    def about(self) -> About:
        """Whose story it belongs to."""
        return About(self.plan.mission_id, self.plan.tenant_id, self.source.correlation_id)

    @property
    def facts(self) -> MissionFacts:
        """What it says of its mission."""
        return MissionFacts(
            mission_id=self.plan.mission_id,
            tenant_id=self.plan.tenant_id,
            correlation_id=self.source.correlation_id,
            kind=self.plan.kind,
            target=self.plan.target,
            requested_by=self.plan.requested_by,
        )

    @property
    def mission_plan(self) -> MissionPlan:
        """It as it is stored."""
        body, found = self.body, self.plan
        return MissionPlan(
            self.facts, body.plan, body.plan_hash, found.playbook, found.playbook_version
        )


async def on_error_captured(
    settings: Settings, messages: Sequence[Received[wire.ErrorCaptured]], unit: Unit
) -> None:
    """Open a mission for each captured error."""
    captured = [(message.body, Source.message(message)) for message in in_order(messages)]
    await capture(settings, captured, unit)


async def on_action_planned(
    settings: Settings, messages: Sequence[Received[wire.ActionPlanned]], unit: Unit
) -> None:
    """Draft the contracts of each plan."""
    ordered = in_order(messages)
    planned = [(message.body, Source.message(message)) for message in ordered]
    outcomes = await plan(settings, planned, unit)
    for outcome, message in zip(outcomes, ordered, strict=True):
        account(outcome, message, unit)


async def capture(
    settings: Settings, captured: Sequence[tuple[wire.ErrorCaptured, Source]], unit: Unit
) -> None:
    """Open the missions of errors, or fill in what plans that came first did not say."""
    facts = {body.mission_id: _captured_facts(body, source) for body, source in reversed(captured)}
    ordered = sorted(facts.values(), key=lambda each: each.mission_id)
    await Missions(unit.tx).upsert(ordered, recall_after=settings.recall_after)
    for body, source in captured:
        summary = f"{body.severity}: {body.kind} on {body.target}, seen by {body.source}"
        if body.intent_id is None:
            await hear(unit, _detected(body, source), body.mission_id, f"{summary}: {body.message}")
        await hear(unit, source, body.mission_id, f"{summary}: {body.message}")


def _captured_facts(body: wire.ErrorCaptured, source: Source) -> MissionFacts:
    return MissionFacts(
        mission_id=body.mission_id,
        tenant_id=body.tenant_id,
        correlation_id=source.correlation_id,
        kind=body.kind,
        target=body.target,
        requested_by=body.requested_by,
        opened_at=body.captured_at,
    )


def _detected(body: wire.ErrorCaptured, source: Source) -> Source:
    """The report that opened the mission, and is older than that whatever its clock said."""
    return Source(
        event_id=derived_id("error.detected", body.signal_id),
        service="outside",
        subject="error.detected",
        correlation_id=source.correlation_id,
        at=min(body.detected_at, min(source.at or body.captured_at, body.captured_at) - _BEFORE),
    )


async def plan(
    settings: Settings, planned: Sequence[tuple[wire.ActionPlanned, Source]], unit: Unit
) -> list[Outcome]:
    """Draft a contract per action, or close the missions of plans that cannot be contracted.

    Of several plans of one mission the first counts.
    """
    read = [(body, source, _read(body)) for body, source in planned]
    first: dict[str, Draft] = {}
    for body, source, found in read:
        if isinstance(found, Plan):
            names = ", ".join(action.operation for action in found.actions)
            words = f"{found.playbook} plans {names or 'nothing'}"
            await hear(unit, source, found.mission_id, words)
            first.setdefault(found.mission_id, Draft(body, found, source, flaw(found)))
    stored = await _store(settings, await _draft(list(first.values()), unit), unit)
    outcomes: list[Outcome] = []
    for _, _, found in read:
        if isinstance(found, Refused):
            outcomes.append(found)
        else:
            outcomes.append(None if found.mission_id in stored else Ignored("stale"))
            stored.discard(found.mission_id)
    return outcomes


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


async def _draft(plans: Sequence[Draft], unit: Unit) -> list[Draft]:
    """Draft the contracts of plans that have no flaw."""
    wanted = [(each, action) for each in plans if each.flaw is None for action in each.plan.actions]
    if not wanted:
        return list(plans)
    now, newest = await Benchmarks(unit.tx).newest_before(
        [
            Sought(
                each.plan.tenant_id,
                action.measurement,
                each.plan.detected_at,
                action.definition_of(action.measurement.target),
            )
            for each, action in wanted
        ]
    )
    contracts: defaultdict[str, list[Contract]] = defaultdict(list)
    for (each, action), baseline in zip(wanted, newest, strict=True):
        contracts[each.plan.mission_id].append(
            draft(
                each.plan,
                action,
                plan_hash=each.body.plan_hash,
                baseline=baseline,
                now=now,
                baselines=await _baselines(each.plan, action, unit),
            )
        )
    return [each.with_contracts(contracts[each.plan.mission_id]) for each in plans]


async def _baselines(found: Plan, action: Action, unit: Unit) -> dict[str, Baseline]:
    """Return what the measures of an action showed before the incident."""
    takes = Takes(unit.tx)
    known = {
        measure.name: await takes.baseline(
            measure,
            tenant_id=found.tenant_id,
            before=found.detected_at,
            definition=action.definition_of(measure.measurement.target),
        )
        for measure in action.measures
    }
    return {name: each for name, each in known.items() if each is not None}


async def _store(settings: Settings, drafts: Sequence[Draft], unit: Unit) -> set[str]:
    """Store plans with their contracts, and end what cannot be contracted; those that it changed."""
    sound = [each for each in drafts if each.wrong is None]
    after = settings.recall_after
    plans = [each.mission_plan for each in sound]
    changed = await Missions(unit.tx).plan(plans, recall_after=after) if plans else set()
    new = [each for each in sound if each.plan.mission_id in changed]
    if new:
        await Contracts(unit.tx).insert([pair for each in new for pair in each.drafted])
    for each in new:
        found, about = each.plan, each.about
        message = _drafted(found, each.body.plan_hash, each.drafted)
        await tell(unit, message, about, _drafted_in_words(each.drafted))
    for each in drafts:
        if each.wrong is not None:
            await Missions(unit.tx).upsert([each.facts], recall_after=after)
            blocked = await _close_as_blocked(each.plan.mission_id, each.wrong, unit)
            changed |= {each.plan.mission_id} if blocked is None else set()
    return changed


async def _close_as_blocked(mission_id: str, reason: str, unit: Unit) -> Outcome:
    closed = await close_mission(
        unit, mission_id, MissionEvent.FIND_NO_PLAN, confidence=0.0, reason=reason
    )
    return None if closed else Ignored("stale")


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
