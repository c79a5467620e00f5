"""Intent has no plan: missions end as blocked."""

from collections.abc import Sequence

from grace.contracts.intent import PlanningBlocked
from grace.kit import Received, Unit
from grace.verification.domain.lifecycle import MissionEvent
from grace.verification.handlers.outcome import Ignored, Outcome, account, in_order
from grace.verification.settings import Settings
from grace.verification.store import MissionEnd, MissionFacts, Missions
from grace.verification.store.timeline import Source, close_missions, hear


async def on_planning_blocked(
    settings: Settings, messages: Sequence[Received[PlanningBlocked]], unit: Unit
) -> None:
    """Close each mission that intent has no plan for."""
    ordered = in_order(messages)
    blocked = [(message.body, Source.message(message)) for message in ordered]
    outcomes = await block(settings, blocked, unit)
    for outcome, message in zip(outcomes, ordered, strict=True):
        account(outcome, message, unit)


async def block(
    settings: Settings, blocked: Sequence[tuple[PlanningBlocked, Source]], unit: Unit
) -> list[Outcome]:
    """Close missions that nothing can be done about; of several reasons of one the first counts."""
    first: dict[str, tuple[PlanningBlocked, Source]] = {}
    for body, source in blocked:
        first.setdefault(body.mission_id, (body, source))
        await hear(unit, source, body.mission_id, f"no plan: {body.reason}")
    facts = [_facts(body, source) for body, source in first.values()]
    await Missions(unit.tx).upsert(facts, recall_after=settings.recall_after)
    ends = [MissionEnd(body.mission_id, 0.0, body.reason) for body, _ in first.values()]
    closed = await close_missions(unit, MissionEvent.FIND_NO_PLAN, ends)
    return [
        None
        if first[body.mission_id][0] is body and body.mission_id in closed
        else Ignored("stale")
        for body, _ in blocked
    ]


def _facts(body: PlanningBlocked, source: Source) -> MissionFacts:
    return MissionFacts(body.mission_id, body.tenant_id, source.correlation_id)
