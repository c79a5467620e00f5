"""A person decides where nobody else can; the loop carries it out."""

from functools import partial

from grace.contracts.verification import AttentionDecided, DecideAttention, Mission
from grace.kit import Called, Conflict, Invalid, NotFound, Unit
from grace.verification.domain.attention import objection
from grace.verification.domain.choice import Choice, Chosen
from grace.verification.domain.state import shown_text
from grace.verification.handlers.tasks import Wakes
from grace.verification.store import Attention, Case, Contracts, Missions, Views, opened
from grace.verification.store.orders import revert_until
from grace.verification.store.timeline import LONGEST_REASON, About, tell


class NoSuchMission(NotFound):
    """There is no such mission."""


class UnknownChoice(Invalid):
    """A choice is accept, retry_revert or close."""


class CannotChoose(Conflict):
    """The mission does not stand so that this could be chosen."""


async def on_decide_attention(wakes: Wakes, call: Called[DecideAttention], unit: Unit) -> Mission:
    """Keep what a person chose, tell it, and answer with the mission as it stands."""
    body = call.body
    if body.choice not in {*Choice}:
        raise UnknownChoice
    why = shown_text(body.reason.strip(), LONGEST_REASON)
    if not why:
        raise Invalid("a choice needs its reason")
    await Missions(unit.tx).lock([body.mission_id])
    case = await _attended(body, unit)
    chosen = Chosen(Choice(body.choice), body.principal, why)
    if case.facts.chosen != chosen:
        await _choose(case, chosen, unit)
    unit.after_commit(partial(unit.runtime.wake, wakes.advance))
    return await _mission(body, unit)


async def _attended(body: DecideAttention, unit: Unit) -> Case:
    contract_id = await Attention(unit.tx).attended(body.tenant_id, body.mission_id)
    if contract_id is None:
        mission = await _mission(body, unit)
        raise CannotChoose(f"the mission is {mission.status}: nobody has to decide about it")
    (case,) = await Contracts(unit.tx).cases([contract_id])
    return opened(case, unit.runtime.keys.safe)


async def _choose(case: Case, chosen: Chosen, unit: Unit) -> None:
    now = await unit.now()
    against = objection(case.facts, chosen.choice, revert_until=revert_until(case), now=now)
    if against is not None:
        raise CannotChoose(against)
    if not await Attention(unit.tx).choose(case.contract_id, chosen):
        raise CannotChoose("somebody has decided already")
    contract = case.contract
    message = AttentionDecided(
        mission_id=contract.mission_id,
        tenant_id=contract.tenant_id,
        contract_id=contract.contract_id,
        choice=chosen.choice,
        decided_by=chosen.by,
        reason=chosen.why,
        decided_at=now,
    )
    await tell(unit, message, About.case(case), f"{chosen.choice} by {chosen.by}: {chosen.why}")


async def _mission(body: DecideAttention, unit: Unit) -> Mission:
    found = await Views(unit.tx).mission(body.tenant_id, body.mission_id)
    if found is None:
        raise NoSuchMission
    return found
