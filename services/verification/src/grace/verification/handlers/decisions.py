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
from grace.verification.store.contracts import Draft
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
    ordered = in_order(messages)
    granted = [(message.body, Source.message(message)) for message in ordered]
    for outcome, message in zip(await grant(granted, unit, wakes.begin), ordered, strict=True):
        account(outcome, message, unit)
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
    granted: Sequence[tuple[wire.ApprovalGranted, Source]], unit: Unit, begin: Begin | None = None
) -> list[Outcome]:
    """Keep the permissions of missions' contracts, if they are for what was drafted."""
    drafts = await Contracts(unit.tx).drafts([body.mission_id for body, _ in granted])
    objections = [_objection(body, drafts.get(body.mission_id)) for body, _ in granted]
    first: dict[str, wire.ApprovalGranted] = {}
    for (body, source), objection in zip(granted, objections, strict=True):
        if objection is None:
            people = ", ".join(body.decided_by) or "policy"
            because = f": {body.because}" if body.because else ""
            await hear(unit, source, body.mission_id, f"granted by {people}{because}")
            first.setdefault(body.mission_id, body)
    allowed = await _allow(list(first.values()), unit, begin) if first else set()
    return [
        objection
        or (None if body.mission_id in allowed and body is first[body.mission_id] else _STALE)
        for (body, _), objection in zip(granted, objections, strict=True)
    ]


def _objection(body: wire.ApprovalGranted, draft: Draft | None) -> Outcome:
    if draft is None or draft.plan_hash is None:
        return _EARLY
    if body.plan_hash != draft.plan_hash:
        return Refused("other_plan", body.plan_hash)
    wrong = grant_flaw(draft.shown, [Drafted(g.contract_id, g.contract_hash) for g in body.grants])
    return Refused("other_contract", wrong) if wrong is not None else None


async def _allow(
    bodies: Sequence[wire.ApprovalGranted], unit: Unit, begin: Begin | None
) -> set[str]:
    """Let missions act that were not decided already."""
    decided = [(body.mission_id, body.approval_id, body.plan_hash) for body in bodies]
    allowed = await Missions(unit.tx).allow(decided)
    grants = [each for body in bodies if body.mission_id in allowed for each in body.grants]
    if grants:
        await Contracts(unit.tx).approve(
            [
                (
                    each.contract_id,
                    each.apply.to_bytes(),
                    each.revert.to_bytes() if each.revert else None,
                )
                for each in grants
            ]
        )
    if grants and begin is not None:
        await begin(unit, [each.contract_id for each in grants])
    return allowed


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
