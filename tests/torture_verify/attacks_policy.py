"""People who were right to grant a plan until the constitution forbade it."""

from __future__ import annotations

from itertools import product

from torture_verify.attacks_people import break_glass, lend, try_it
from torture_verify.attacks_stage import REQUESTER, Stage

from grace.contracts.governance import Approval, GiveStandingApproval, SetPolicy

_FREEZE = (
    '@id("freeze") @why("the books are closed")\n'
    'forbid (principal, action == Action::"run", resource == Target::"files");'
)
_APPROVERS = ("ada", "bob", "cyd")


async def forbidden_since(stage: Stage) -> None:
    """Plans wait, a policy forbids them, and everybody who may decide tries every door."""
    waiting = [await stage.pending(2), await stage.pending(3), await stage.pending(3)]
    await stage.decide(waiting[2], "ada")
    await _freeze(stage, _FREEZE)
    kind = "forbidden since"
    await try_it(stage, kind, stage.gateway.call(_standing()))
    for approval, who in stage.some(product(waiting, _APPROVERS)):
        now = await stage.read(approval)
        await try_it(stage, kind, stage.decide(now, who))
        await try_it(stage, kind, stage.decide(now, who, if_version=now.version))
        await try_it(stage, kind, break_glass(stage, now, who))
        await try_it(stage, kind, lend(stage, now, who, "friend"))
        await try_it(stage, kind, stage.decide(now, "friend"))
        await try_it(stage, kind, break_glass(stage, now, "friend"))
    for approval in waiting:
        assert (await stage.read(approval)).status == "pending", "granted, and forbidden before"
        await _reject(stage, approval)
    await _freeze(stage, None)


async def _freeze(stage: Stage, text: str | None) -> None:
    await stage.gateway.call(
        SetPolicy(
            tenant_id="default",
            name="freeze",
            kind="constitution",
            text=text,
            principal="eve",
            reason="audit",
        )
    )


async def _reject(stage: Stage, approval: Approval) -> None:
    """What is forbidden may still be rejected: nobody grants it once policies change again."""
    decided = await stage.decide(approval, "cyd", choice="reject")
    assert decided.status == "rejected"


def _standing() -> GiveStandingApproval:
    return GiveStandingApproval(
        tenant_id="default",
        playbook="log-too-large",
        target_class="filesystem",
        budget=9,
        lifetime_s=3600,
        principal="ada",
        reason=f"in the place of {REQUESTER}",
    )
