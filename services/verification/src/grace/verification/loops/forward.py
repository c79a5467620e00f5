"""The way forward, for many contracts at once: their targets are taken, they act, they are measured."""

import json
from collections.abc import Sequence

from grace.contracts.verification import ActionExecuting
from grace.kit import Unit
from grace.verification.domain.decision import Measure, TakeHold
from grace.verification.domain.lifecycle import Event, Status, after
from grace.verification.domain.state import Json, State
from grace.verification.domain.task import Mode, Step
from grace.verification.loops.queue import Taken
from grace.verification.loops.schedule import schedule_takes
from grace.verification.settings import Settings
from grace.verification.store import Acted, Batch, Case, Contracts, Holds, Submitted, sealed
from grace.verification.store.orders import contract_order
from grace.verification.store.timeline import About, note, tell

_MODES = {Step.APPLY: Mode.APPLY, Step.REVERT: Mode.REVERT}


async def take_targets(
    unit: Unit, wanted: Sequence[tuple[Case, TakeHold]], settings: Settings
) -> list[Case]:
    """Take the targets of contracts whose missions are locked; those that want to act now."""
    if not wanted:
        return []
    taken = await Holds(unit.tx).take([case.contract_id for case, _ in wanted])
    await _wait([case for case, _ in wanted if case.contract_id not in taken], unit, settings)
    orders = [
        (case, contract_order(settings, decision.wanted, case).to_bytes())
        for case, decision in wanted
        if case.contract_id in taken
    ]
    held = await Batch(unit.tx).hold(orders, claim_for=settings.claim_for) if orders else set()
    if taken - held:
        await Holds(unit.tx).release(sorted(taken - held))
    acting = [
        case.wanting(after(case.facts.status, Event.HOLD), Step.APPLY, task_spec)
        for case, task_spec in orders
        if case.contract_id in held
    ]
    for case in acting:
        words = f"{case.contract.action.target} is held"
        await note(unit, "verification.hold.taken", About.case(case), words)
    return acting


async def _wait(cases: Sequence[Case], unit: Unit, settings: Settings) -> None:
    """Let contracts wait for whoever holds their targets."""
    pause = settings.poll_interval
    waiting = [case for case in cases if case.facts.status is Status.WAITING]
    if waiting:
        await Batch(unit.tx).rest([(case, pause) for case in waiting])
    for case in cases:
        if case.facts.status is Status.WAITING:
            continue
        holder = await Holds(unit.tx).holder(case.contract)
        reason = f"waits for {case.contract.action.target}, held by {holder or 'nobody now'}"
        status = after(case.facts.status, Event.WAIT)
        if await Contracts(unit.tx).wait(case, status, reason=reason, pause=pause):
            await note(unit, "verification.hold.awaited", About.case(case), reason)


async def note_submitted(
    unit: Unit, submitted: Sequence[tuple[Case, Taken]], settings: Settings
) -> None:
    """Note that htm has tasks: what changes the world is announced, what looks is noted."""
    if not submitted:
        return
    noted = await Batch(unit.tx).submit(
        [
            Submitted(case, _status(case), taken.task_id, pause=taken.pause(settings))
            for case, taken in submitted
        ]
    )
    for case, taken in submitted:
        if case.contract_id in noted:
            await _tell_submitted(unit, case, case.facts.step, taken)


def _status(case: Case) -> Status:
    status = case.facts.status
    return after(status, Event.EXECUTE) if status is Status.HOLDING else status


async def _tell_submitted(unit: Unit, case: Case, step: Step | None, taken: Taken) -> None:
    action, about = case.contract.action, About.case(case)
    mode = _MODES.get(step) if step else None
    if mode is None:
        words = f"{step} is task {taken.task_id}"
        await note(unit, "verification.task.submitted", about, words)
    else:
        words = f"{mode} of {action.operation} on {action.target}"
        await tell(unit, _executing(case, mode, taken.task_id), about, words)


async def begin_measuring(
    unit: Unit, acted: Sequence[tuple[Case, Measure, Taken | None]], settings: Settings
) -> list[Case]:
    """Store what actions found before them; those whose measurement htm does not have yet."""
    if not acted:
        return []
    changes = [_acted(unit, *each, settings) for each in acted]
    moved = await Batch(unit.tx).measure(changes)
    wanting = []
    for change, (case, decision, taken) in zip(changes, acted, strict=True):
        if case.contract_id not in moved:
            continue
        await schedule_takes(unit, case, settings)
        await _tell_acted(unit, change, decision)
        if taken is None:
            status = after(case.facts.status, decision.event)
            wanting.append(case.wanting(status, Step.MEASURE, change.task_spec))
        else:
            await _tell_submitted(unit, case, Step.MEASURE, taken)
    return wanting


def _acted(
    unit: Unit, case: Case, decision: Measure, taken: Taken | None, settings: Settings
) -> Acted:
    applied = decision.applied
    return Acted(
        case,
        task_spec=contract_order(settings, decision.wanted, case).to_bytes(),
        task_id=taken.task_id if taken else None,
        pause=taken.pause(settings) if taken else settings.claim_for,
        execution=applied.result,
        snapshot=sealed(case, unit.runtime.keys.safe, before=applied.before, after=applied.after),
    )


async def _tell_acted(unit: Unit, change: Acted, decision: Measure) -> None:
    about = About.case(change.case)
    words = f"before-state sha256 {change.snapshot.content_hash}"
    await note(unit, "verification.snapshot.stored", about, words)
    words = f"the kernel reports {brief(decision.applied.result)}"
    await note(unit, "verification.action.applied", about, words)


def _executing(case: Case, mode: Mode, task_id: str) -> ActionExecuting:
    contract = case.contract
    return ActionExecuting(
        mission_id=contract.mission_id,
        tenant_id=contract.tenant_id,
        contract_id=contract.contract_id,
        action_id=contract.action.action_id,
        step=mode,
        task_id=task_id,
        target=contract.action.target,
    )


def brief(state: State | dict[str, Json]) -> str:
    """Return a state in one line, as far as a line goes."""
    return json.dumps(state)[:300]
