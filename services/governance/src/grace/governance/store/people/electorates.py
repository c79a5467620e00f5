"""Who may decide on requests, read together: requesters, seats, delegations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from grace.governance.domain.approvals import Request
from grace.governance.domain.electorate import Delegation, Electorate, person
from grace.governance.store.people.statements import QUERIES
from grace.kit import Transaction


@dataclass(frozen=True, slots=True)
class Joining:
    """Somebody submitted an intent that a mission answers, or reported its error, too."""

    tenant_id: str
    mission_id: str
    principal: str
    intent_id: str | None
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What people read beside a request."""

    joined_by: tuple[str, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    review_id: str | None = None
    reminders: int = 0
    escalated_to: str | None = None


class Electorates:
    """What is known about people around requests, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def join(self, joinings: Sequence[Joining]) -> None:
        """Keep who asks for missions; a repeat changes nothing."""
        await self._tx.execute(
            QUERIES["insert_requesters"],
            tenant_ids=[each.tenant_id for each in joinings],
            mission_ids=[each.mission_id for each in joinings],
            principals=[person(each.principal) for each in joinings],
            intent_ids=[each.intent_id for each in joinings],
            joined_at=[each.joined_at for each in joinings],
        )

    async def of(self, request: Request) -> Electorate:
        """Return who may decide on a request."""
        joined = await self._joined(request.tenant_id, [request.mission_id])
        delegations = await self._delegations([request.approval_id])
        return Electorate(
            requesters=frozenset(
                {person(request.requested_by), *joined.get(request.mission_id, ())}
            ),
            groups=await self._groups(request.tenant_id),
            delegations=tuple(delegations.get(request.approval_id, ())),
        )

    async def around(self, requests: Sequence[Request]) -> dict[str, Surroundings]:
        """Return what people read beside each of a tenant's requests."""
        if not requests:
            return {}
        ids = [request.approval_id for request in requests]
        joined = await self._joined(requests[0].tenant_id, [r.mission_id for r in requests])
        delegations = await self._delegations(ids)
        noted = await self._tx.fetch(QUERIES["list_notes"], approval_ids=ids)
        notes = {row["approval_id"]: row for row in noted}
        return {
            request.approval_id: Surroundings(
                joined_by=tuple(joined.get(request.mission_id, ())),
                delegations=tuple(delegations.get(request.approval_id, ())),
                review_id=notes[request.approval_id]["review_id"],
                reminders=notes[request.approval_id]["reminders"],
                escalated_to=notes[request.approval_id]["escalated_to"],
            )
            for request in requests
        }

    async def delegate(self, approval_id: str, delegation: Delegation) -> None:
        """Keep a delegation for good."""
        await self._tx.execute(
            QUERIES["insert_delegation"],
            approval_id=approval_id,
            delegated_by=delegation.delegated_by,
            delegated_to=delegation.delegated_to,
            delegated_at=delegation.delegated_at,
            ends_at=delegation.ends_at,
            reason=delegation.reason,
        )

    async def _groups(self, tenant_id: str) -> dict[str, str] | None:
        rows = await self._tx.fetch(QUERIES["list_groups"], tenant_id=tenant_id)
        if not rows:
            return None
        return {row["principal"]: row["group_name"] for row in rows if row["group_name"]}

    async def _joined(self, tenant_id: str, mission_ids: Sequence[str]) -> dict[str, list[str]]:
        rows = await self._tx.fetch(
            QUERIES["list_requesters"], tenant_id=tenant_id, mission_ids=list(mission_ids)
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["mission_id"], []).append(row["principal"])
        return found

    async def _delegations(self, approval_ids: Sequence[str]) -> dict[str, list[Delegation]]:
        rows = await self._tx.fetch(QUERIES["list_delegations"], approval_ids=list(approval_ids))
        found: dict[str, list[Delegation]] = {}
        for row in rows:
            columns = dict(row)
            found.setdefault(columns.pop("approval_id"), []).append(Delegation(**columns))
        return found
