"""People ask what would be done: for an intent, for a recorded mission, for many of them."""

from grace.contracts import intent as wire
from grace.intent.domain.freeze import NOBODY_KNOWS, freeze_hold
from grace.intent.domain.intent import SEVERITIES, SOURCE
from grace.intent.domain.playbook import Playbook, PlaybookError
from grace.intent.domain.signal import plain_text
from grace.intent.handlers.capture import written
from grace.intent.planner import Library, Tried, Workers, imagined, instead, preview, try_out
from grace.intent.planner.reading import read_playbook
from grace.intent.store import Freezes, Playbooks, RecordedMission, Records
from grace.kit import Called, Invalid, NotFound, Runtime

_MOST = 500


class NotRecorded(NotFound):
    """No such mission was ever captured here."""


class CannotTry(Invalid):
    """The playbook is not sound."""


async def on_preview_intent(
    workers: Workers, call: Called[wire.PreviewIntent], runtime: Runtime
) -> wire.Preview:
    """Answer what an intent would bring about, and what each operation would change.

    What waits for a change freeze is told as waiting, with the plan that would come of it.
    """
    body, wanted = call.body, call.body.intent
    priority = (wanted.priority or wire.IntentSubmitPriority.normal).value
    mission = imagined(
        tenant=body.tenant_id,
        kind=wanted.kind or wanted.domain,
        target=wanted.target,
        source=SOURCE,
        severity=SEVERITIES.get(priority, SEVERITIES["normal"]),
        requested_by=body.requested_by,
    )
    work = [(mission, written(wanted.details))]
    (tried,) = await try_out(runtime, workers, work, await _in_force(runtime))
    found = await preview(runtime, tried, look=True)
    hold = await _frozen(workers, tried, runtime)
    return found if hold is None else found.model_copy(update={"decision": "wait", "reason": hold})


async def on_replay_mission(
    workers: Workers, call: Called[wire.ReplayMission], runtime: Runtime
) -> wire.Replayed:
    """Answer how today's rules, or a playbook, would decide about a recorded mission."""
    body = call.body
    async with runtime.reading() as tx:
        recorded = await Records(tx).find(body.tenant_id, body.mission_id)
    if recorded is None:
        raise NotRecorded
    playbooks = instead(await _in_force(runtime), _playbook(body.playbook))
    work = [(recorded.mission, recorded.details)]
    (tried,) = await try_out(runtime, workers, work, playbooks)
    return wire.Replayed(
        recorded=_recorded(recorded),
        preview=await preview(runtime, tried, look=False),
        differs=_differs(recorded, tried),
    )


async def on_run_shadow(
    workers: Workers, call: Called[wire.RunShadow], runtime: Runtime
) -> wire.ShadowReport:
    """Run the planner over recorded missions; nothing is stored and nothing acts."""
    body = call.body
    async with runtime.reading() as tx:
        found = await Records(tx).since(body.tenant_id, body.since, most=min(body.limit, _MOST))
    playbooks = instead(await _in_force(runtime), _playbook(body.playbook))
    work = [(one.mission, one.details) for one in found]
    tried = await try_out(runtime, workers, work, playbooks)
    items = tuple(map(_shadowed, found, tried))
    words = [one.decision for one in items]
    return wire.ShadowReport(
        missions=len(items),
        planned=words.count("plan"),
        blocked=words.count("block"),
        doubtful=words.count("doubt"),
        differing=sum(one.differs for one in items),
        items=items,
    )


async def _frozen(workers: Workers, tried: Tried, runtime: Runtime) -> str | None:
    """Say which change freeze the plan would wait for; None where there is no plan, or no freeze."""
    mission = tried.mission
    if tried.playbook is None:
        return None
    async with runtime.reading() as tx:
        freezes = await Freezes(tx).current([mission.tenant_id])
    by_class = any(freeze.needs_class for freeze in freezes)
    hold = freeze_hold(
        freezes,
        tenant=mission.tenant_id,
        target=mission.target or "",
        classes=await workers.classes(runtime) if by_class else NOBODY_KNOWS,
        now=mission.captured_at,
    )
    return None if hold is None else hold.reason


async def _in_force(runtime: Runtime) -> list[Playbook]:
    async with runtime.reading() as tx:
        return Library().compile(await Playbooks(tx).active())


def _playbook(source: str | None) -> Playbook | None:
    if source is None:
        return None
    try:
        return read_playbook(source.encode())
    except PlaybookError as failure:
        raise CannotTry(plain_text(str(failure))) from failure


def _differs(recorded: RecordedMission, tried: Tried) -> bool:
    """In doubt nothing is known to differ. A text that is tried may have the version of another one."""
    if tried.word == "doubt":
        return False
    now = tried.playbook and (tried.playbook.name, tried.playbook.content_hash)
    then = recorded.planned and (recorded.playbook, recorded.content_hash)
    return (now or None) != (then or None)


def _recorded(recorded: RecordedMission) -> wire.Recorded:
    mission = recorded.mission
    return wire.Recorded(
        mission_id=mission.mission_id,
        kind=mission.kind,
        target=mission.target,
        status=mission.state.value,
        playbook=recorded.playbook,
        playbook_version=recorded.version,
        outcome=recorded.outcome,
        captured_at=mission.captured_at,
        reopened_at=recorded.reopened_at,
    )


def _shadowed(recorded: RecordedMission, tried: Tried) -> wire.Shadowed:
    playbook = tried.playbook
    return wire.Shadowed(
        recorded=_recorded(recorded),
        decision=tried.word,
        playbook=playbook.name if playbook else None,
        reason=tried.reason[:300] if tried.reason else None,
        differs=_differs(recorded, tried),
    )
