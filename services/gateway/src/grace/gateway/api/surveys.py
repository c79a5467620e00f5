"""What the chat tells of many: what is open, who waits, how everything is, and what is known."""

from typing import get_args

from grace.contracts.governance import Approval
from grace.contracts.verification import Mission
from grace.gateway.api import (
    approvals,
    brake,
    freezes,
    health,
    holds,
    intents,
    kill_switch,
    knowledge,
    learning,
    missions,
    observability,
    queues,
    steering,
    targets,
    tasks,
)
from grace.gateway.api.asking import Asker, Source, Told
from grace.gateway.api.envelope import Page
from grace.gateway.api.stories import why_not
from grace.gateway.domain.questions import MOST_NAMES, Kind, Look, Name
from grace.gateway.domain.quoting import moment, named, quoted
from grace.gateway.domain.wording import counted, listed, stands

# Lines of a list; the route that it is from has all of them.
_MOST = 10
_PAGE = 50
_ALL = 100
_PASSAGES = 3
_LONGEST_PASSAGE = 500
_LONGEST_REASON = 160
_TASK_STATES = frozenset(get_args(tasks.Status))
_INTENT_STATES = frozenset({*get_args(intents.Status), "reopened"})


async def many_missions(asker: Asker, look: Look) -> Told:
    """Missions that stand so."""
    page = missions.MissionsPage.model_validate({"status": look.status, "limit": _PAGE})
    found = await asker.ask(missions.list_missions, page=page)
    head = f"{_so_many(len(found), 'mission')}{_so(look.status)}"
    names = tuple(Name(Kind.MISSION, each.mission_id) for each in found[:MOST_NAMES])
    return Told(_list(head, [_of_mission(each) for each in found]), names)


def _of_mission(each: Mission) -> str:
    stood = stands(each.status, is_back=each.reopened_at is not None)
    why = f"; {quoted(each.reason, _LONGEST_REASON)}" if each.reason else ""
    since = moment(each.opened_at)
    return f"{each.mission_id} ({each.kind} on {each.target}): {stood}, opened {since}{why}"


async def many_intents(asker: Asker, look: Look) -> Told:
    """The newest intents, or those that stand so."""
    status = look.status if look.status in _INTENT_STATES else None
    page = intents.IntentsPage.model_validate({"status": status, "limit": _PAGE})
    found = await asker.ask(intents.list_intents, page=page)
    lines = [
        f"{each.intent_id}: {stands(each.status, is_back=each.reopened_at is not None)}, {quoted(each.goal)}"
        for each in found
    ]
    names = tuple(Name(Kind.INTENT, each.intent_id) for each in found[:MOST_NAMES])
    return Told(_list(f"{_so_many(len(found), 'intent')}{_so(status)}", lines), names)


async def many_tasks(asker: Asker, look: Look) -> Told:
    """The newest tasks, or those that stand so."""
    status = look.status if look.status in _TASK_STATES else None
    page = tasks.TasksPage.model_validate({"status": status, "limit": _PAGE})
    found = await asker.ask(tasks.list_tasks, page=page)
    lines = [f"{each.task_id} ({each.type}): {stands(each.status)}" for each in found]
    names = tuple(Name(Kind.TASK, each.task_id) for each in found[:MOST_NAMES])
    head = f"{_so_many(len(found), 'task')}{_so(status)}, among the newest"
    return Told(_list(head, lines), names)


async def many_approvals(asker: Asker, _: Look) -> Told:
    """What waits for people, that for the asker first."""
    page = approvals.ApprovalsPage(status="pending", limit=_ALL)
    found = await asker.ask(approvals.list_approvals, page=page)
    mine = [each for each in found if not why_not(asker, each)]
    lines = [_of_approval(each) for each in mine]
    lines += [f"{_of_approval(e)}; not for you: {why}" for e in found if (why := why_not(asker, e))]
    head = (
        f"{_so_many(len(found), 'approval', page=_ALL)} pending, "
        f"{len(mine)} of these for you, as far as your key tells"
    )
    names = [Name(Kind.APPROVAL, each.approval_id) for each in (mine or found)]
    return Told(_list(head, lines), tuple(names[:MOST_NAMES]))


def _of_approval(each: Approval) -> str:
    return (
        f"{each.approval_id} (tier {each.tier}, {each.playbook}, asked by {each.requested_by}), "
        f"until {moment(each.expires_at)}"
    )


async def held_targets(asker: Asker, look: Look) -> Told:
    """Who holds a target and who waits for it; or all that are held."""
    found = await asker.ask(targets.list_target_holds, page=Page(limit=_ALL))
    chosen = [each for each in found if look.name is None or each.target == look.name.id]
    lines = [
        f"{each.target}: {each.mission_id} ({stands(each.status)}) since {moment(each.taken_at)}, "
        f"{counted(len(each.waiting), 'contract')} in line"
        for each in chosen
    ]
    head = f"{_so_many(len(chosen), 'held target', page=_ALL)}"
    if look.name is not None:
        head = f"{look.name.id} is held" if chosen else f"Nobody holds {look.name.id}"
    if look.name is not None and not chosen and len(found) == _ALL:
        head += ", as far as the first 100 held targets tell"
    names = [Name(Kind.MISSION, each.mission_id) for each in chosen]
    return Told(_list(head, lines), tuple(names[:MOST_NAMES]))


async def many_queues(asker: Asker, look: Look) -> Told:
    """What waits for each kernel, or for one."""
    found = await asker.ask(queues.list_queues, page=Page(limit=_ALL))
    chosen = [each for each in found if look.name is None or each.kernel == look.name.id]
    lines = [
        f"{each.kernel}: {each.queued} queued, {each.held} in workers' hands"
        + (f", paused by {named(each.paused_by or 'somebody')} at {moment(each.paused_at)}" if each.paused_at else "")
        + (f", a worker asked at {moment(each.asked_at)}" if each.asked_at else ", no worker ever asked")
        for each in chosen
    ]  # fmt: skip
    return Told(
        _list(f"{_so_many(len(chosen), 'kernel', page=_ALL)} with tasks of yours, or paused", lines)
    )


async def whole_health(asker: Asker, _: Look) -> Told:
    """Which services answer."""
    found = await asker.ask(health.read_health)
    silent = [name for name, answer in found.services.items() if answer == "down"]
    if silent:
        return Told(f"Grace is degraded: no answer from {', '.join(silent)}.")
    return Told(f"Every service answers: {', '.join(found.services)}.")


async def many_playbooks(asker: Asker, look: Look) -> Told:
    """How well playbooks did."""
    found = (await asker.ask(learning.read_summary)).playbooks
    chosen = [each for each in found if look.name is None or each.playbook == look.name.id]
    lines = [
        f"{each.playbook}: {each.successful_executions} of {counted(each.total_executions, 'execution')} "
        f"verified and kept, confidence {each.confidence:.2f} (with 95 % certainty above {each.lower_bound:.2f})"
        for each in chosen
    ]
    head = (
        f"{_so_many(len(chosen), 'playbook', page=0)} with a record (one that never acted has none)"
    )
    return Told(_list(head, lines))


async def held_plans(asker: Asker, _: Look) -> Told:
    """Missions whose plan waits, and why."""
    found = await asker.ask(holds.list_holds, page=Page(limit=_PAGE))
    lines = [
        f"{each.mission_id} ({each.kind} on {each.target or 'no target'}), held for {each.cause} "
        f"{f'until {moment(each.held_until)}' if each.held_until else 'until somebody releases it'}: {quoted(each.reason)}"
        for each in found
    ]
    names = tuple(Name(Kind.MISSION, each.mission_id) for each in found[:MOST_NAMES])
    return Told(_list(f"{_so_many(len(found), 'mission')} held", lines), names)


async def many_freezes(asker: Asker, _: Look) -> Told:
    """Change freezes."""
    found = await asker.ask(freezes.list_freezes, page=Page(limit=_PAGE))
    lines = [f"{each.freeze_id}: {quoted(each.reason)}" for each in found]
    return Told(_list(f"{_so_many(len(found), 'freeze')}, ended ones among them", lines))


async def switch(asker: Asker, _: Look) -> Told:
    """Whether anything may act."""
    found = await asker.ask(kill_switch.read_kill_switch)
    hard = ", and nothing is undone either" if found.hard else ""
    stood = f"on: nothing acts{hard}" if found.is_on else "off"
    by = f"turned by {found.changed_by} at {moment(found.changed_at)}: {quoted(found.reason)}"
    return Told(f"The kill switch is {stood}; {by}")


async def braked(asker: Asker, _: Look) -> Told:
    """Whether anything runs without people."""
    found = await asker.ask(brake.read_brake)
    stood = "on: nothing runs without people" if found.is_on else "off"
    counted = f"{found.failures} of {found.pulled_after} effects that did not hold count against it"
    if found.changed_at is None:
        return Told(f"The brake is {stood}; {counted}")
    by = f"turned by {found.changed_by} at {moment(found.changed_at)}: {quoted(found.reason)}"
    return Told(f"The brake is {stood}; {by}; {counted}")


async def many_alerts(asker: Asker, _: Look) -> Told:
    """Alerts that are open."""
    page = observability.AlertsPage(limit=_PAGE)
    found = await asker.ask(observability.list_alerts, page=page)
    lines = [
        f"{each.severity}, {each.kind} of {each.subject} since {moment(each.raised_at)}: {quoted(each.message)}"
        for each in found
    ]
    return Told(_list(f"{_so_many(len(found), 'open alert')}", lines))


async def dead_letters(asker: Asker, _: Look) -> Told:
    """Tasks that used up their attempts."""
    found = await asker.ask(steering.list_dead_letters, page=Page(limit=_PAGE))
    lines = [
        f"{each.task_id} ({each.type}), {counted(each.attempts, 'attempt')}"
        + (f": {quoted(each.error_message)}" if each.error_message else "")
        for each in found
    ]
    names = tuple(Name(Kind.TASK, each.task_id) for each in found[:MOST_NAMES])
    return Told(_list(f"{_so_many(len(found), 'dead letter')}", lines), names)


async def passages(asker: Asker, look: Look) -> Told:
    """What Grace was told to know, quoted and cited. Whatever it says is read by nobody but people."""
    question = knowledge.Question(query=look.words, top_k=_PASSAGES)
    found = (await asker.ask(knowledge.search, asked=question)).hits
    if not found:
        return Told(
            "I do not know: nothing in what Grace was told to know fits these words. `help` tells what I can be asked."
        )
    for hit in found:
        asker.cite(
            Source(
                route="GET /api/knowledge/artifacts/{artifact_id}",
                ids=(hit.artifact_id,),
                title=hit.title,
                start_offset=hit.start_offset,
                end_offset=hit.end_offset,
            )
        )
    lines = [
        f"[{number}] {quoted(hit.title)}, characters {hit.start_offset} to {hit.end_offset} of {hit.artifact_id}: "
        f"{quoted(hit.text, _LONGEST_PASSAGE)}"
        for number, hit in enumerate(found, 1)
    ]
    return Told("\n".join(["These passages fit best; nobody checked what they say:", *lines]))


def _so_many(number: int, noun: str, *, page: int = _PAGE) -> str:
    words = counted(number, noun, more=bool(page) and number >= page)
    return words[0].upper() + words[1:]


def _so(status: str | None) -> str:
    return "" if status is None else f" ({status.replace('_', ' ')})"


def _list(head: str, lines: list[str]) -> str:
    end = ":" if lines else "."
    return listed([f"- {each}" for each in lines], head + end, _MOST)
