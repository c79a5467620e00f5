"""Who uses Grace's doors: one who answers for the watcher, and one who may decide."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from grace.client import Forbidden, Grace, GraceClientError, hash_shown
from grace.contracts.governance import Approval
from grace.stack.demo.report import Decision
from grace.stack.demo.waiting import until
from grace.stack.errors import StackError

ADMIN, APPROVER = "admin", "bob"

# What an approver needs and nothing more.
_SCOPES = ("approvals:decide", "approvals:read", "missions:read")
_OPENS = 20.0  # seconds
_KEY_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class People:
    """Two persons, each at Grace's doors with a key of their own."""

    admin: Grace
    approver: Grace


@asynccontextmanager
async def people(url: str, admin_token: str) -> AsyncIterator[People]:
    """The admin, and a second person whose key the admin makes for the length of the block."""
    async with Grace(url, admin_token) as admin:
        await _open(admin)
        expires_at = datetime.now(UTC) + _KEY_LIFETIME
        key = await admin.make_key(APPROVER, _SCOPES, name="grace demo", expires_at=expires_at)
        try:
            async with Grace(url, key.token) as approver:
                yield People(admin, approver)
        finally:
            with suppress(GraceClientError):  # it expires by itself, too
                await admin.revoke_key(key.key_id)


async def _open(admin: Grace) -> None:
    """Wait until every service answers: the doors open a moment after the house is up."""

    async def healthy() -> bool:
        return (await admin.health()).status == "up"

    await until(healthy, within=_OPENS, what="every service of Grace answers")


async def refused(admin: Grace, approval: Approval) -> str:
    """Let the requester try to approve; return how Grace refused. StackError if it did not."""
    try:
        await admin.approve(approval.approval_id, approval.shown_hash, reason="my own request")
    except Forbidden as refusal:
        return f"{refusal.status} {refusal.detail}"
    raise StackError(f"{approval.requested_by} could approve their own request")


async def approve(approver: Grace, approval_id: str) -> Approval:
    """Read what would be done, and approve the hash of exactly that.

    PlanAltered when the hash that Grace names is not the hash of what it shows.
    """
    shown = await approver.approval(approval_id)
    return await approver.approve(
        approval_id, hash_shown(shown), reason="looked at the target: go ahead"
    )


def decision_of(approval: Approval, how_refused: str) -> Decision:
    """What is kept of a decision."""
    return Decision(
        shown_hash=approval.shown_hash,
        requested_by=approval.requested_by,
        refused=how_refused,
        approved_by=[vote.principal for vote in approval.votes],
    )
