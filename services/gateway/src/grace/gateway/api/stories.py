"""What the chat tells of one thing: how it stands, and why it waits."""

from fastapi import Response

from grace.contracts.governance import Approval
from grace.contracts.htm import TaskReason
from grace.contracts.intent import Explanation
from grace.contracts.verification import Mission
from grace.gateway.api import approvals, contracts, intents, missions, targets, tasks
from grace.gateway.api.approvals import ApprovalsPage
from grace.gateway.api.asking import Asker, Told
from grace.gateway.api.envelope import Page
from grace.gateway.domain.access import Scope
from grace.gateway.domain.questions import Kind, Look, Name
from grace.gateway.domain.quoting import moment, named, quoted
from grace.gateway.domain.wording import counted, listed, stands
from grace.kit import NotFound

_MOST = 5
_ALL = 100


async def mission(asker: Asker, look: Look) -> Told:
    """How a mission stands, with its contracts."""
    identity = _id(look)
    found = await asker.ask(missions.read_mission, identity, mission_id=identity)
    lines = [
        f"- {each.operation} on {each.target} ({each.contract_id}): {stands(each.status)}, confidence {each.confidence:g}."
        + _because(each.reason)
        for each in found.contracts
    ]
    return Told(listed(lines, _of_mission(found), _MOST), (Name(Kind.MISSION, identity),))


def _of_mission(found: Mission) -> str:
    stood = stands(found.status, is_back=found.reopened_at is not None)
    by = f" by {named(found.playbook)}" if found.playbook else ""
    until = f", closed {moment(found.closed_at)}" if found.closed_at else ""
    return (
        f"{found.mission_id} ({found.kind} on {found.target}){by}: {stood}. "
        f"Opened {moment(found.opened_at)}{until}." + _because(found.reason)
    )


async def plan(asker: Asker, look: Look) -> Told:
    """Why a mission has its plan, has none, or waits for one."""
    identity = _id(look)
    found = await asker.ask(missions.read_plan, identity, mission_id=identity)
    lines = [
        f"- {quoted(each.playbook) if each.playbook else 'a rule'} was "
        f"{'taken' if each.chosen else 'not taken'}: {quoted(each.reason)}"
        for each in found.considered
    ]
    return Told(listed(lines, _of_plan(found), _MOST), (Name(Kind.MISSION, identity),))


def _of_plan(found: Explanation) -> str:
    taken = f", by {named(found.playbook)}" if found.playbook else ""
    until = (
        f" until {moment(found.held_until)}" if found.held_until else " until somebody releases it"
    )
    held = f" It is held ({named(found.hold)}){until}." if found.hold else ""
    considered = "" if found.considered else " No playbook was considered."
    return f"Its planning: {stands(found.status)}{taken}.{_because(found.reason)}{held}{considered}"


async def decision(asker: Asker, look: Look) -> Told:
    """For whose approval a mission waits."""
    identity = _id(look)
    page = ApprovalsPage(mission_id=identity, limit=_MOST)
    found = await asker.ask(approvals.list_approvals, page=page)
    head = "Its approvals:" if found else "It has no approval, asked for or given."
    lines = [f"- {_of_approval(each)}" for each in found]
    names = tuple(Name(Kind.APPROVAL, each.approval_id) for each in found[:1])
    return Told(listed(lines, head, _MOST), names)


async def line(asker: Asker, look: Look) -> Told:
    """Whether a mission holds a target, or stands in line for one."""
    identity = _id(look)
    found = await asker.ask(targets.list_target_holds, page=Page(limit=_ALL))
    lines = [
        f"- It holds {hold.target} since {moment(hold.taken_at)}."
        for hold in found
        if hold.mission_id == identity
    ]
    for hold in found:
        for place, each in enumerate(hold.waiting, 1):
            if each.mission_id == identity:
                lines.append(
                    f"- It waits for {hold.target}, number {place} in line, until {moment(each.waits_until)}: "
                    f"{hold.mission_id} holds that since {moment(hold.taken_at)}."
                )
    none = "It holds no target and waits for none."
    if len(found) == _ALL:
        none += f" Only the first {_ALL} held targets were looked at."
    return Told(listed(lines, "Targets:" if lines else none, _MOST))


async def task(asker: Asker, look: Look) -> Told:
    """Where a task stands, and what keeps it."""
    identity = _id(look)
    found = await asker.ask(tasks.explain_task, identity, task_id=identity)
    return Told(f"Task {identity} is {_of_task(found)}", (Name(Kind.TASK, identity),))


def _of_task(found: TaskReason) -> str:
    error = f" Its error: {quoted(found.error_message)}" if found.error_message else ""
    worker = f" Worker: {named(found.worker)}." if found.worker else ""
    deadline = f" Its deadline is {moment(found.sla_deadline_at)} ({stands(found.sla_state)})."
    return f"{stands(found.status)}. {quoted(found.sentence)}{worker}{deadline}{error}"


async def intent(asker: Asker, look: Look) -> Told:
    """How an intent stands, and its mission."""
    identity = _id(look)
    found = await asker.ask(intents.read_intent, identity, intent_id=identity)
    stood = stands(found.status, is_back=found.reopened_at is not None)
    late = {None: "", True: " It ended in time.", False: " It is or was late."}[found.sla_met]
    text = (
        f"Intent {found.intent_id}, {quoted(found.goal)} ({found.kind}"
        f"{f' on {found.target}' if found.target else ''}), asked by {found.requested_by}: {stood}. "
        f"Its mission is {found.mission_id}.{late}" + _because(found.reason)
    )
    names = Name(Kind.INTENT, identity), Name(Kind.MISSION, found.mission_id)
    return Told(text, names)


async def approval(asker: Asker, look: Look) -> Told:
    """How an approval stands, and what it still needs."""
    identity = _id(look)
    found = await asker.ask(
        approvals.read_approval, identity, approval_id=identity, response=Response()
    )
    text = _of_approval(found) + _what_it_needs(asker, found)
    return Told(text, (Name(Kind.APPROVAL, identity), Name(Kind.MISSION, found.mission_id)))


def _of_approval(found: Approval) -> str:
    votes = ", ".join(f"{vote.principal} {vote.choice}s" for vote in found.votes)
    return (
        f"{found.approval_id} (tier {found.tier}, {found.playbook}, for {found.mission_id}): {stands(found.status)}, "
        f"{len([vote for vote in found.votes if vote.choice == 'approve'])} of {found.quorum} approve"
        f"{f' ({votes})' if votes else ''}, asked by {found.requested_by}, until {moment(found.expires_at)}."
        + (f" Noted: {quoted(found.note)}" if found.note else "")
    )


def _what_it_needs(asker: Asker, found: Approval) -> str:
    if found.status != "pending":
        return ""
    if why := why_not(asker, found):
        return f" You cannot decide on it: {why}."
    return (
        f" You may decide on it, as far as your key tells: read it by GET /api/approvals/{found.approval_id}, "
        f"then `grace approvals approve {found.approval_id}` or `reject`."
    )


def why_not(asker: Asker, found: Approval) -> str:
    """Why the asker cannot decide on an approval; empty where nothing of it is known here."""
    key = asker.caller.key
    if found.requested_by == key.principal or key.principal in found.joined_by:
        return "you asked for it, or answer for a report behind it"
    if any(vote.principal == key.principal for vote in found.votes):
        return "you have voted"
    if Scope.APPROVALS_DECIDE not in key.scopes:
        return f"your key lacks the scope {Scope.APPROVALS_DECIDE.value}"
    return ""


async def contract(asker: Asker, look: Look) -> Told:
    """What became of the action of a contract."""
    identity = _id(look)
    found = await asker.ask(contracts.read_contract, identity, contract_id=identity)
    view = found.contract
    text = (
        f"{identity}: {view.operation} on {view.target}, tier {view.tier}: {stands(view.status)}, "
        f"confidence {view.confidence:g}; {counted(len(found.takes), 'measurement')}."
        + _because(view.reason)
    )
    if view.revised_verdict:
        text += f" A later look: {stands(view.revised_verdict)}.{_because(view.revised_reason)}"
    return Told(text, (Name(Kind.CONTRACT, identity), Name(Kind.MISSION, found.mission_id)))


def _because(reason: str | None) -> str:
    return f" The reason: {quoted(reason)}" if reason else ""


def _id(look: Look) -> str:
    if look.name is None:
        raise NotFound("Nothing was named.")
    return look.name.id
