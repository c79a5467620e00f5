"""Policies are tried before they are in force: on cases that somebody wrote, and on what was."""

import json
from collections.abc import Mapping, Sequence

from grace.contracts.governance import (
    PolicyCandidate,
    PolicyCase,
    SimulatedMove,
    SimulatedPolicies,
    SimulatePolicies,
    TriedCase,
    TriedPolicies,
    TryPolicies,
)
from grace.governance.domain.facts import Facts, FactsError, facts_from
from grace.governance.domain.rulebook import Document, Kind, PolicyError, Rulebook
from grace.governance.domain.ruling import Ruling, rule
from grace.governance.domain.tiers import Limits
from grace.governance.handlers.operators import refuse_strangers
from grace.governance.handlers.policies import ShippedConstitution, UnknownKind
from grace.governance.handlers.rulebooks import CONSTITUTION, Rulebooks, documents_of
from grace.governance.settings import Settings
from grace.governance.store import Policies, Recorded, Rulings
from grace.kit import Called, Unit

# The beacon goes out beside: a part takes some tens of milliseconds.
AT_ONCE = 500
_ROOM = 500  # characters for the reasons of one of them: all of them are one answer


async def on_try_policies(
    settings: Settings, rulebooks: Rulebooks, call: Called[TryPolicies], unit: Unit
) -> TriedPolicies:
    """Answer what each case would end as."""
    refuse_strangers(call.body.tenant_id)
    try:
        rulebook = await rulebook_with(rulebooks, call.body.candidate, Policies(unit.tx))
    except PolicyError as error:
        return TriedPolicies(problems=error.problems, cases=())
    return TriedPolicies(
        problems=(),
        cases=tuple(_tried(rulebook, case, settings.limits) for case in call.body.cases),
    )


async def on_simulate_policies(
    rulebooks: Rulebooks, call: Called[SimulatePolicies], unit: Unit
) -> SimulatedPolicies:
    """Judge the next part of what was recorded, and answer with what would end otherwise."""
    body = call.body
    refuse_strangers(body.tenant_id)
    try:
        rulebook = await rulebook_with(rulebooks, body.candidate, Policies(unit.tx))
    except PolicyError as error:
        return SimulatedPolicies(problems=error.problems, judged=0, moves=())
    part = await Rulings(unit.tx).since(
        body.after_at, body.after_id, until=body.until, limit=AT_ONCE
    )
    rulings = rule(rulebook, [each.judged.facts for each in part])
    last = part[-1] if len(part) == AT_ONCE else None
    return SimulatedPolicies(
        problems=(),
        judged=len(part),
        moves=tuple(_moves(part, rulings)),
        last_at=last.ruled_at if last else None,
        last_id=last.approval_id if last else None,
    )


async def rulebook_with(
    rulebooks: Rulebooks, candidate: PolicyCandidate | None, store: Policies
) -> Rulebook:
    """What would be in force with a candidate in the place of the document of its name."""
    if candidate is None:
        return await rulebooks.current(store)
    if candidate.name == CONSTITUTION:
        raise ShippedConstitution
    if candidate.kind not in {*Kind}:
        raise UnknownKind
    tried = Document(candidate.name, Kind(candidate.kind), candidate.text)
    stored = {each.name: each for each in documents_of(await store.current())}
    return rulebooks.compiled((stored | {tried.name: tried}).values())


def _tried(rulebook: Rulebook, case: PolicyCase, limits: Limits) -> TriedCase:
    try:
        facts = _facts(case.facts, limits)
    except FactsError as error:
        return TriedCase(
            name=case.name, outcome="invalid", tier=0, quorum=0, because=(str(error),), rules=()
        )
    (ruling,) = rule(rulebook, [[facts]])
    return TriedCase(
        name=case.name,
        outcome=ruling.outcome,
        tier=ruling.tier,
        quorum=ruling.quorum,
        because=ruling.because,
        rules=ruling.rules,
    )


def _facts(text: str, limits: Limits) -> Facts:
    try:
        given = json.loads(text)
    except ValueError:
        raise FactsError("the facts are no JSON") from None
    if not isinstance(given, Mapping):
        raise FactsError("the facts are an object, each fact by its name")
    return facts_from(given, limits)


def _moves(part: Sequence[Recorded], rulings: Sequence[Ruling]) -> list[SimulatedMove]:
    return [
        SimulatedMove(
            approval_id=each.approval_id,
            mission_id=each.mission_id,
            ruled_at=each.ruled_at,
            was=ended(each.judged.ruling),
            would_be=ended(ruling),
            because=_in_short(ruling.because),
        )
        for each, ruling in zip(part, rulings, strict=True)
        if ended(each.judged.ruling) != ended(ruling)
    ]


def _in_short(because: Sequence[str]) -> tuple[str, ...]:
    """The first reasons, as far as there is room."""
    kept, room = [], _ROOM
    for line in because:
        kept.append(line[:room])
        room -= len(line)
        if room <= 0:
            break
    return tuple(kept)


def ended(ruling: Ruling) -> str:
    """One word for an end; other numbers of people are other ends."""
    return f"asked:{ruling.quorum}" if ruling.outcome == "asked" else str(ruling.outcome)
