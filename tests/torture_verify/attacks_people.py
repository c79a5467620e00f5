"""People who may not decide, ballots that may not count, and tokens that open nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import httpx
from torture_verify.attacks_stage import REQUESTER, Stage, sha256

from grace.contracts.governance import (
    Approval,
    BreakGlass,
    Delegate,
    RemoveApprover,
    SeatApprover,
)
from grace.contracts.htm import GetTasks, SteerQueue, SteerTask
from grace.contracts.intent import IntentAccepted
from grace.contracts.verification import Contract, ContractDrafted, DraftContract
from grace.kit import GraceError, new_id
from grace.testkit import eventually

# Who sits where. bob speaks for ada's group: where ada has spoken, he adds nothing.
SEATS = {"ada": "dba", "bob": "dba", "cyd": "leads", "rex": "ops", "lou": "ops"}
REMOVED = ("rex", "lou")
# The requester in two spellings, who joined by an intent, nobody's approver, who was removed, and
# delegates whose delegation came from somebody removed, or is over.
NOBODIES = (REQUESTER, "Admin", "joe", "JOE", "eve", "rex", "dee", "old")
CHOICES = ("Approve", "APPROVE", "approved", "grant", "yes")


async def seat_everybody(stage: Stage) -> None:
    """Give the approvers of the stage their seats."""
    for who, group in SEATS.items():
        await stage.gateway.call(
            SeatApprover(tenant_id="default", principal=who, group=group, actor=REQUESTER)
        )


async def situations(stage: Stage) -> dict[str, Approval]:
    """Approvals in every state in which somebody might try something."""
    made = {
        "tier 2": await stage.pending(2),
        "tier 3": await stage.pending(3),
        "one voice of two": await stage.pending(3),
        "rejected": await stage.pending(2),
        "expired": await stage.pending(2),
        "drafted again": await _drafted_again(stage),
    }
    for approval in made.values():
        await _join(stage, approval, "joe")
        await lend(stage, approval, "lou", "dee")
        await lend(stage, approval, "cyd", "old")
    for who in REMOVED:
        await stage.gateway.call(
            RemoveApprover(tenant_id="default", principal=who, actor=REQUESTER)
        )
    await stage.house.rows(
        "governance",
        "UPDATE approval_delegations SET ends_at = delegated_at + interval '1 microsecond'"
        " WHERE delegated_to = 'old'",
    )
    await stage.decide(made["one voice of two"], "ada")
    await stage.decide(made["rejected"], "ada", choice="reject")
    await stage.house.rows(
        "governance",
        "UPDATE approval_requests SET expires_at = now() WHERE approval_id = $1",
        made["expired"].approval_id,
    )
    await eventually(lambda: _is(stage, made["expired"], "expired"))
    return {name: await stage.read(approval) for name, approval in made.items()}


async def who_may_not(stage: Stage, stands: Mapping[str, Approval]) -> None:
    """Everybody who may not decide tries every door of every approval."""
    for (situation, approval), who in stage.some(product(stands.items(), NOBODIES)):
        nobodies = f"{situation}, by who may not"
        await try_it(stage, nobodies, stage.decide(approval, who))
        await try_it(stage, nobodies, stage.decide(approval, who, if_version=approval.version))
        await try_it(stage, nobodies, break_glass(stage, approval, who))
        await try_it(stage, nobodies, lend(stage, approval, who, "friend"))
        await try_it(stage, nobodies, stage.decide(approval, "friend"))


async def what_may_not(stage: Stage, stands: Mapping[str, Approval]) -> None:
    """Those who may decide hand in what does not fit, and decide on what is decided."""
    other = sha256(b"another plan")
    for (situation, approval), who in stage.some(product(stands.items(), ("ada", "cyd"))):
        shown, kind = approval.shown_hash, f"{situation}, with what does not fit"
        for seen in (other, shown.upper(), shown[:-1], shown[::-1], "0" * 64):
            await try_it(stage, kind, stage.decide(approval, who, shown_hash=seen))
            await try_it(stage, kind, break_glass(stage, approval, who, shown_hash=seen))
        for version in (0, approval.version + 1, 4_000_000_000):
            await try_it(stage, kind, stage.decide(approval, who, if_version=version))
        for choice in CHOICES:
            await try_it(stage, kind, stage.decide(approval, who, choice=choice))
        await try_it(stage, kind, stage.decide(approval, who, tenant_id="shop"))
        await try_it(stage, kind, lend(stage, approval, who, REQUESTER))
        if approval.status in {"rejected", "expired"}:
            await try_it(stage, situation, stage.decide(approval, who))
            await try_it(stage, situation, break_glass(stage, approval, who))
    half = stands["one voice of two"]
    for who in ("ada", "ADA", "bob", "Bob"):
        await try_it(stage, "one voice twice", stage.decide(half, who))


async def changed_plan(stage: Stage, again: Approval) -> None:
    """People approve what governance shows them; nobody has drafted that, so nobody runs it."""
    for who in ("ada", "cyd"):
        await try_it(stage, "changed plan", stage.decide(again, who))


async def loops_of_delegates(stage: Stage, approval: Approval) -> None:
    """ada lends to eve, and everybody tries to pass the seat round, or to hold two."""
    await lend(stage, approval, "ada", "eve")
    chain = (("eve", "ada"), ("eve", "friend"), ("ada", "bob"), ("bob", "ada"), ("cyd", "eve"),
             ("bob", "eve"), ("ada", "ada"), ("ada", "joe"), ("cyd", REQUESTER))  # fmt: skip
    for by, to in chain:
        await try_it(stage, "loop of delegates", lend(stage, approval, by, to))


async def at_once(stage: Stage, many: int) -> None:
    """Many parallel grants of one plan: one counts, and the action is done once."""
    approval = await stage.pending(2)
    stage.honest.add(approval.mission_id)
    people = [("ada", "bob", "cyd")[number % 3] for number in range(many)]
    answers = await asyncio.gather(
        *(stage.decide(approval, who) for who in people), return_exceptions=True
    )
    for answer in answers:
        word = type(answer).__name__ if isinstance(answer, GraceError) else "counted"
        stage.books.note("parallel grants", word)
    assert await stage.ended(approval) == "verified"


async def after_cancel(stage: Stage) -> None:
    """A granted task is cancelled before it began; nothing that was right before starts it again."""
    await _steer_queue(stage, "pause")
    approval = await stage.pending(2)
    await stage.decide(approval, "ada")
    task = await eventually(lambda: _task_of(stage, approval.mission_id), timeout=15)
    await stage.gateway.call(
        SteerTask(tenant_id="default", task_id=task, act="cancel", principal=REQUESTER)
    )
    await _steer_queue(stage, "resume")
    for who in ("ada", "cyd", *NOBODIES):
        await try_it(stage, "after cancel", stage.decide(approval, who))
        await try_it(stage, "after cancel", break_glass(stage, approval, who))
    assert await stage.ended(approval) != "verified"


async def with_tokens(stage: Stage, stands: Mapping[str, Approval]) -> None:
    """Tokens of one person, of nobody, and such as open other doors, against every path."""
    async with httpx.AsyncClient(base_url=stage.url, timeout=10, trust_env=False) as door:
        tokens = await _tokens(stage, door)
        for (name, token), situation in stage.some(product(tokens.items(), ("tier 2", "tier 3"))):
            approval = stands[situation]
            base = f"/api/approvals/{approval.approval_id}"
            body = {"shown_hash": approval.shown_hash, "reason": "because I can"}
            lend = {"delegated_to": "friend", "ends_at": _soon().isoformat(), "reason": "please"}
            headers = {"If-Match": "*", **token}
            for path, said in (("approve", body), ("break-glass", body), ("delegate", lend)):
                answer = await door.post(f"{base}/{path}", json=said, headers=headers)
                stage.books.note(f"token {name}", str(answer.status_code))


async def _tokens(stage: Stage, door: httpx.AsyncClient) -> dict[str, dict[str, str]]:
    deciding = ["approvals:read", "approvals:decide", "approvals:break-glass"]
    admin = _bearer(stage.house.installation.admin_key_file.read_text().strip())

    async def made(principal: str, scopes: list[str]) -> tuple[dict[str, str], str]:
        body = {"principal": principal, "scopes": scopes}
        answer = (await door.post("/api/keys", json=body, headers=admin)).json()["data"]
        return _bearer(answer["token"]), answer["key_id"]

    gone, key_id = await made("ada", deciding)
    await door.delete(f"/api/keys/{key_id}", headers=admin)
    return {
        "of the requester": admin,
        "of the requester, a second one": (await made(REQUESTER, deciding))[0],
        "of nobody's approver": (await made("eve", deciding))[0],
        "of who was removed": (await made("rex", deciding))[0],
        "without the scope": (await made("ada", ["approvals:read", "events:read"]))[0],
        "that is none": _bearer("grace_" + "x" * 43),
        "that was revoked": gone,
        "that is missing": {},
    }


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def try_it(stage: Stage, kind: str, attempt: Any) -> None:
    """An attempt may be refused or change nothing; what it did is judged by the world."""
    try:
        await attempt
    except GraceError as error:
        stage.books.note(kind, type(error).__name__)
    else:
        stage.books.note(kind, "answered")


async def break_glass(stage: Stage, approval: Approval, who: str, **how: Any) -> None:
    question = {
        "tenant_id": "default",
        "approval_id": approval.approval_id,
        "principal": who,
        "shown_hash": approval.shown_hash,
        "reason": "because I can",
    }
    await stage.gateway.call(BreakGlass(**question | how))


async def lend(stage: Stage, approval: Approval, by: str, to: str) -> None:
    await stage.gateway.call(
        Delegate(
            tenant_id="default",
            approval_id=approval.approval_id,
            principal=by,
            delegated_to=to,
            ends_at=_soon(),
            reason="please",
        )
    )


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=20)


async def _join(stage: Stage, approval: Approval, who: str) -> None:
    """Somebody submits an intent that follows the mission."""
    await stage.intent.report(
        IntentAccepted(
            intent_id=f"intent-{new_id()}",
            tenant_id="default",
            mission_id=approval.mission_id,
            requested_by=who,
            goal="less log",
            domain="log",
            kind="log.too_large",
            priority="normal",
            sla_ms=1000,
            body_hash="0" * 64,
            accepted_at=datetime.now(UTC),
        )
    )

    async def joined() -> bool:
        return who in (await stage.read(approval)).joined_by

    await eventually(joined)


async def _drafted_again(stage: Stage) -> Approval:
    """The plan changed after it was drafted: the first approval is for what nobody runs any more."""
    approval = await stage.pending(2)
    contract = Contract.from_bytes(approval.contracts[0].encode())
    params = '{"path":"mission-of-somebody-else.log"}'
    action = contract.action.model_copy(
        update={"params": params, "params_hash": sha256(params.encode())}
    )
    body = contract.model_copy(update={"action": action}).to_bytes()
    async with stage.services["verification"].unit() as unit:
        unit.publish(
            ContractDrafted(
                mission_id=contract.mission_id,
                tenant_id="default",
                plan_hash=contract.plan_hash,
                playbook=contract.playbook,
                requested_by=contract.requested_by,
                contracts=(
                    DraftContract(
                        contract_id=contract.contract_id,
                        action_id=action.action_id,
                        contract_hash=sha256(body),
                        contract=body,
                    ),
                ),
            )
        )

    async def asked_again() -> Approval | None:
        newest = await stage.approval_of(approval.mission_id)
        return newest if newest.approval_id != approval.approval_id else None

    newest: Approval = await eventually(asked_again)
    for who in ("ada", "cyd"):  # what they saw is the plan of before
        await try_it(
            stage,
            "changed plan",
            stage.decide(newest, who, shown_hash=approval.shown_hash),
        )
    return newest


async def _is(stage: Stage, approval: Approval, status: str) -> bool:
    return (await stage.read(approval)).status == status


async def _steer_queue(stage: Stage, act: str) -> None:
    await stage.gateway.call(
        SteerQueue(tenant_id="default", kernel="filesystem", act=act, principal=REQUESTER)
    )


async def _task_of(stage: Stage, mission: str) -> str | None:
    rows = await stage.house.rows(
        "verification",
        "SELECT task_id FROM action_contracts WHERE mission_id = $1 AND task_id IS NOT NULL",
        mission,
    )
    if not rows:
        return None
    found = await stage.services["verification"].call(GetTasks(task_ids=(str(rows[0]["task_id"]),)))
    return found.tasks[0].task_id if found.tasks else None
