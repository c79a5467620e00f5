"""The policies are asked again by whoever grants: what they forbid by now, no approval lifts."""

from collections.abc import Callable
from typing import Any

import pytest

from grace.contracts.governance import (
    ApprovalForbidden,
    ApprovalGranted,
    BreakGlass,
    GlassBroken,
    SetPolicy,
)
from grace.kit import Forbidden

OpenOffice = Callable[..., Any]
FREEZE = (
    '@id("freeze") @why("the books are closed")\n'
    'forbid (principal, action == Action::"run", resource);'
)
FORBIDDEN = "no approval lifts that.*freeze: the books are closed"


def policy(text: str | None) -> SetPolicy:
    return SetPolicy(
        tenant_id="default", name="freeze", kind="constitution", text=text, principal="eve",
        reason="audit",
    )  # fmt: skip


async def break_glass(office: Any, approval: Any, who: str) -> Any:
    question = BreakGlass(
        tenant_id="default",
        approval_id=approval.approval_id,
        principal=who,
        shown_hash=approval.shown_hash,
        reason="the shop is down",
    )
    return await office.gateway.call(question)


async def test_what_was_forbidden_since_the_plan_is_granted_by_nobody_until_it_is_allowed(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        approval = await office.hand_in(3)
        await office.decide(approval, "ada")
        await office.gateway.call(policy(FREEZE))
        with pytest.raises(Forbidden, match=FORBIDDEN):
            await office.decide(approval, "bob")
        with pytest.raises(Forbidden, match=FORBIDDEN):
            await break_glass(office, approval, "bob")
        told = await office.told(ApprovalForbidden, count=2)
        assert [(each.actor, each.break_glass, each.rules) for each in told] == [
            ("bob", False, ("freeze",)),
            ("bob", True, ("freeze",)),
        ]
        now = await office.read(approval)
        assert (now.status, now.version, [v.principal for v in now.votes]) == (
            "pending",
            2,
            ["ada"],
        )
        assert await office.house.messages(ApprovalGranted.SUBJECT) == []
        assert await office.house.messages(GlassBroken.SUBJECT) == []
        await office.gateway.call(policy(None))
        assert (await office.decide(approval, "bob")).status == "granted"


async def test_where_the_policies_cannot_be_read_any_more_nobody_grants(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2)
        await office.house.rows(
            "governance",
            "INSERT INTO policies (name, version, kind, text, made_by, made_at, reason)"
            " VALUES ('old', 1, 'policy', 'permit when before', 'eve', now(), 'x')",
        )
        with pytest.raises(Forbidden, match="cannot be read: old: "):
            await office.decide(approval, "ada")
        assert (await office.decide(approval, "bob", "reject")).status == "rejected"
        (told,) = await office.told(ApprovalForbidden)
        assert (told.actor, told.rules, told.rulebook_hash) == ("ada", (), "")
