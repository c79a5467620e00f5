"""Approvals with their contracts and votes."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from grace.governance.domain.approvals import Request
from grace.governance.domain.lifecycle import State
from grace.governance.domain.quorum import Choice, Decided, Vote
from grace.governance.domain.ruling import Judged
from grace.governance.domain.tiers import Tier
from grace.governance.store.statements import QUERIES
from grace.kit import Query, Record, Transaction


@dataclass(frozen=True, slots=True)
class StoredContract:
    """A contract as it was handed over, byte for byte."""

    contract_id: str
    action_id: str
    contract_hash: str
    contract: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """A request that is about to be stored, with the contracts it is for."""

    request: Request
    event_id: UUID
    contracts: Sequence[StoredContract]
    granted: str | None
    judged: Judged


@dataclass(frozen=True, slots=True)
class Which:
    """Which requests of a tenant; None where it does not matter."""

    status: State | None = None
    mission_id: str | None = None
    tier: int | None = None
    requested_by: str | None = None


def page_of(which: Which) -> Query:
    """Return the statement that finds a page without passing over all others; all take the same."""
    if which.mission_id is not None:
        return QUERIES["list_requests_of_mission"]
    if which.status is not None:
        return QUERIES["list_requests_of_status"]
    return QUERIES["list_requests"]


class Store:
    """The tables of approvals, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def insert_requests(self, openings: Sequence[Opening]) -> frozenset[str]:
        """Store the requests that are new, with their contracts. Returns their ids."""
        rows = await self._tx.fetch(
            QUERIES["insert_requests"], **_request_columns(openings), **_contract_columns(openings)
        )
        return frozenset(row["approval_id"] for row in rows)

    async def find_request(self, tenant_id: str, approval_id: str) -> Request | None:
        """Return one request of a tenant."""
        row = await self._tx.fetchrow(
            QUERIES["find_request"], tenant_id=tenant_id, approval_id=approval_id
        )
        return None if row is None else _request(row)

    async def lock_request(self, tenant_id: str, approval_id: str) -> Request | None:
        """Return one request of a tenant, locked until the transaction ends."""
        row = await self._tx.fetchrow(
            QUERIES["lock_request"], tenant_id=tenant_id, approval_id=approval_id
        )
        return None if row is None else _request(row)

    async def list_requests(
        self, tenant_id: str, which: Which, *, before: str | None, limit: int
    ) -> list[Request]:
        """Return a page, newest first."""
        rows = await self._tx.fetch(
            page_of(which),
            tenant_id=tenant_id,
            status=which.status,
            mission_id=which.mission_id,
            tier=which.tier,
            requested_by=which.requested_by,
            before=before,
            limit=limit,
        )
        return [_request(row) for row in rows]

    async def latest_of_mission(self, mission_id: str) -> tuple[Request, str | None] | None:
        """Return the newest request of a mission with the grant that was published on it."""
        row = await self._tx.fetchrow(QUERIES["latest_of_mission"], mission_id=mission_id)
        return None if row is None else (_request(row), row["granted"])

    async def list_contracts(self, approval_id: str) -> list[StoredContract]:
        """Return the contracts of a request in the order of the plan."""
        rows = await self._tx.fetch(QUERIES["list_contracts"], approval_id=approval_id)
        return [StoredContract(**row) for row in rows]

    async def list_votes(self, approval_ids: Collection[str]) -> dict[str, list[Vote]]:
        """Return the votes on each of the requests, oldest first."""
        votes: dict[str, list[Vote]] = {approval_id: [] for approval_id in approval_ids}
        rows = await self._tx.fetch(QUERIES["list_votes"], approval_ids=list(approval_ids))
        for row in rows:
            votes[row["approval_id"]].append(_vote(row))
        return votes

    async def insert_vote(self, approval_id: str, vote: Vote) -> None:
        """Keep a vote for good."""
        await self._tx.execute(
            QUERIES["insert_vote"],
            approval_id=approval_id,
            principal=vote.principal,
            choice=vote.choice,
            reason=vote.reason,
            voted_at=vote.at,
            seat=vote.seat,
        )

    async def count_vote(self, request: Request) -> bool:
        """Make a new version of a pending request. False when it moved on."""
        rows = await self._tx.execute(
            QUERIES["count_vote"], approval_id=request.approval_id, version=request.version
        )
        return rows == 1

    async def close_request(
        self,
        request: Request,
        decided: Decided,
        *,
        at: datetime,
        reason: str | None,
        granted: str | None,
    ) -> bool:
        """Decide a pending request. False when it moved on."""
        rows = await self._tx.execute(
            QUERIES["close_request"],
            approval_id=request.approval_id,
            version=request.version,
            status=decided.status,
            decided_at=at,
            decided_by=list(decided.decided_by),
            reason=reason,
            granted=granted,
        )
        return rows == 1

    async def expire_requests(self, *, now: datetime, limit: int) -> list[Request]:
        """Close requests that are due and return them."""
        rows = await self._tx.fetch(QUERIES["expire_requests"], now=now, limit=limit)
        return [_request(row) for row in rows]


def _request_columns(openings: Sequence[Opening]) -> dict[str, list[object]]:
    requests = [opening.request for opening in openings]
    columns = (
        "approval_id", "tenant_id", "mission_id", "plan_hash", "shown_hash", "playbook",
        "requested_by", "correlation_id", "tier", "quorum", "status", "requested_at", "expires_at",
        "decided_at", "reason",
    )  # fmt: skip
    return {
        "event_id": [opening.event_id for opening in openings],
        "granted": [opening.granted for opening in openings],
        **{column: [getattr(request, column) for request in requests] for column in columns},
    }


def _contract_columns(openings: Iterable[Opening]) -> dict[str, list[object]]:
    rows = [
        (opening.request.approval_id, position, contract)
        for opening in openings
        for position, contract in enumerate(opening.contracts)
    ]
    return {
        "contract_of": [approval_id for approval_id, _, _ in rows],
        "position": [position for _, position, _ in rows],
        "contract_id": [contract.contract_id for _, _, contract in rows],
        "action_id": [contract.action_id for _, _, contract in rows],
        "contract_hash": [contract.contract_hash for _, _, contract in rows],
        "contract": [contract.contract for _, _, contract in rows],
    }


def _request(row: Record) -> Request:
    columns = dict(row)
    columns.pop("granted", None)
    columns["tier"] = Tier(columns["tier"])
    columns["status"] = State(columns["status"])
    columns["decided_by"] = tuple(columns["decided_by"])
    return Request(**columns)


def _vote(row: Record) -> Vote:
    return Vote(
        principal=row["principal"],
        choice=Choice(row["choice"]),
        at=row["voted_at"],
        reason=row["reason"],
        seat=row["seat"],
    )
