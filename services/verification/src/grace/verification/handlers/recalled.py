"""What owners say again when they are asked: handled like the messages that did not come."""

from grace.contracts.governance import RecalledDecision
from grace.contracts.intent import RecalledMission
from grace.kit import Unit
from grace.verification.handlers import decisions, plans
from grace.verification.handlers.blocked import block
from grace.verification.handlers.outcome import Outcome
from grace.verification.settings import Settings
from grace.verification.store.timeline import Source


async def retell_mission(
    settings: Settings, answer: RecalledMission, mission_id: str, unit: Unit
) -> list[Outcome]:
    """Handle what intent says of a mission."""
    correlation = unit.correlation_id
    done: list[Outcome] = []
    if answer.captured is not None:
        source = Source.recalled(answer.captured, mission_id, correlation)
        await plans.capture(settings, [(answer.captured, source)], unit)
    if answer.planned is not None:
        source = Source.recalled(answer.planned, mission_id, correlation)
        done += await plans.plan(settings, [(answer.planned, source)], unit)
    if answer.blocked is not None:
        source = Source.recalled(answer.blocked, mission_id, correlation)
        done += await block(settings, [(answer.blocked, source)], unit)
    return done


async def retell_decision(answer: RecalledDecision, mission_id: str, unit: Unit) -> list[Outcome]:
    """Handle what governance says of a mission."""
    correlation = unit.correlation_id
    done: list[Outcome] = []
    if answer.requested is not None:
        source = Source.recalled(answer.requested, mission_id, correlation)
        done.append(await decisions.ask(answer.requested, source, unit))
    if answer.granted is not None:
        source = Source.recalled(answer.granted, mission_id, correlation)
        done += await decisions.grant([(answer.granted, source)], unit)
    if answer.rejected is not None:
        source = Source.recalled(answer.rejected, mission_id, correlation)
        done.append(await decisions.reject(answer.rejected, source, unit))
    if answer.expired is not None:
        source = Source.recalled(answer.expired, mission_id, correlation)
        done.append(await decisions.expire(answer.expired, source, unit))
    return done
