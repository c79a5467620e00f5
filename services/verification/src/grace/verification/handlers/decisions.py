"""Governance decides: missions may act, or end."""

from collections.abc import Sequence

from grace.contracts import governance as wire
from grace.kit import Received, Unit
from grace.verification.domain.lifecycle import Event, MissionEvent
from grace.verification.domain.permission import Drafted, grant_flaw
from grace.verification.domain.state import shown_text
from grace.verification.handlers.outcome import Ignored, Outcome, Refused, account, in_order
from grace.verification.handlers.tasks import Begin, Wakes
from grace.verification.store import Contracts, Missions
from grace.verification.store.timeline import LONGEST_REASON, Source, close_mission, hear

# A decision about a mission that is not known here: Recall asks again once it is.
_EARLY = Ignored("early")
_STALE = Ignored("stale")


async def on_approval_requested(
    messages: Sequence[Received[wire.ApprovalRequested]], unit: Unit
) -> None:
    """Show that missions wait for people."""
    for message in in_order(messages):
        account(await ask(message.body, Source.message(message), unit), message, unit)


async def on_approval_granted(
    wakes: Wakes, messages: Sequence[Received[wire.ApprovalGranted]], unit: Unit
) -> None:
    """Let missions act."""
    for message in in_order(messages):
        source = Source.message(message)
        account(await grant(message.body, source, unit, wakes.begin), message, unit)
    wakes.advance_after(unit)


async def on_approval_rejected(
    messages: Sequence[Received[wire.ApprovalRejected]], unit: Unit
) -> None:
    """End missions that may not act."""
    for message in in_order(messages):
        account(await reject(message.body, Source.message(message), unit), message, unit)


async def on_approval_expired(
    messages: Sequence[Received[wire.ApprovalExpired]], unit: Unit
) -> None:
    """End missions that nobody decided on."""
    for message in in_order(messages):
        account(await expire(message.body, Source.message(message), unit), message, unit)


async def ask(body: wire.ApprovalRequested, source: Source, unit: Unit) -> Outcome:
    """A mission waits for people, unless it was decided already."""
    words = f"{body.quorum} to approve, tier {body.tier}, until {body.expires_at:%H:%M:%S} UTC"
    words = f"{words}: {body.because}" if body.because else words
    await hear(unit, source, body.mission_id, words)
    asked = await Missions(unit.tx).ask(body.mission_id, body.approval_id)
    return None if asked else _STALE


async def grant(
    body: wire.ApprovalGranted, source: Source, unit: Unit, begin: Begin | None = None
) -> Outcome:
    """Keep the permissions of a mission's contracts, if they are for what was drafted."""
    missions, contracts = Missions(unit.tx), Contracts(unit.tx)
    standing = await missions.standing(body.mission_id)
    if standing is None or standing.plan_hash is None:
        return _EARLY
    if body.plan_hash != standing.plan_hash:
        return Refused("other_plan", body.plan_hash)
    granted = [Drafted(each.contract_id, each.contract_hash) for each in body.grants]
    wrong = grant_flaw(await contracts.drafts(body.mission_id), granted)
    if wrong is not None:
        return Refused("other_contract", wrong)
    people = ", ".join(body.decided_by) or "policy"
    because = f": {body.because}" if body.because else ""
    await hear(unit, source, body.mission_id, f"granted by {people}{because}")
    if not await missions.allow(
        body.mission_id, approval_id=body.approval_id, plan_hash=body.plan_hash
    ):
        return _STALE
    for each in body.grants:
        revert = each.revert.to_bytes() if each.revert else None
        await contracts.approve(each.contract_id, apply=each.apply.to_bytes(), revert=revert)
    if begin is not None:
        await begin(unit, [each.contract_id for each in body.grants])
    return None


async def reject(body: wire.ApprovalRejected, source: Source, unit: Unit) -> Outcome:
    """End a mission that people do not want."""
    reason = f"rejected by {', '.join(body.decided_by) or 'policy'}: {body.reason}"
    await hear(unit, source, body.mission_id, reason)
    return await _end(body.mission_id, MissionEvent.REJECT, Event.REJECT, reason, unit)


async def expire(body: wire.ApprovalExpired, source: Source, unit: Unit) -> Outcome:
    """End a mission that nobody decided on."""
    reason = "nobody decided in time"
    await hear(unit, source, body.mission_id, reason)
    return await _end(body.mission_id, MissionEvent.LAPSE, Event.EXPIRE, reason, unit)


async def _end(
    mission_id: str, mission_event: MissionEvent, event: Event, reason: str, unit: Unit
) -> Outcome:
    standing = await Missions(unit.tx).standing(mission_id)
    if standing is None:
        return _EARLY
    reason = shown_text(reason, LONGEST_REASON)
    closed = await close_mission(unit, mission_id, mission_event, confidence=0.0, reason=reason)
    if not closed:
        return _STALE
    await Contracts(unit.tx).end_unbegun(mission_id, event, reason=reason)
    return None
