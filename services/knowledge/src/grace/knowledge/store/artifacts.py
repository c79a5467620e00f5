"""Texts and their passages, and the keys of requests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from grace.kit import Transaction
from grace.kit.sql import Record
from grace.knowledge.domain.artifact import Draft
from grace.knowledge.domain.chunks import cut
from grace.knowledge.store.statements import QUERIES

_ROWS = 1_000  # of one statement, so that no batch makes one that runs into its timeout


@dataclass(frozen=True, slots=True)
class Stored:
    """An artifact as it is told of, without its content."""

    id: UUID
    tenant: str
    content_hash: str
    size: int
    chunk_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Kept(Stored):
    """An artifact with everything."""

    title: str
    artifact_type: str
    actor: str
    content: str
    origin: str
    language: str
    version: int


class Store:
    """Knowledge's tables, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def claim_keys(self, drafts: Sequence[Draft]) -> dict[tuple[str, str | None], str]:
        """Claim the keys of these drafts; return the hash of the request that each stands for."""
        keyed = [(draft.tenant, draft.key, draft.request_hash) for draft in drafts if draft.key]
        if not keyed:
            return {}
        tenants, keys = [tenant for tenant, _, _ in keyed], [key for _, key, _ in keyed]
        await self._tx.execute(
            QUERIES["claim_keys"], tenants=tenants, keys=keys, requests=[each[2] for each in keyed]
        )
        rows = await self._tx.fetch(QUERIES["find_keys"], tenants=tenants, keys=keys)
        return {(row["tenant_id"], row["key"]): row["request_hash"] for row in rows}

    async def forget_keys(self, *, keep: timedelta, most: int) -> int:
        """Forget at most so many keys that are older; return how many."""
        return len(await self._tx.fetch(QUERIES["forget_keys"], keep=keep, most=most))

    async def add_artifacts(self, drafts: Sequence[Draft]) -> set[UUID]:
        """Store what is new to its tenant, with its passages; return the ids of the new ones."""
        rows = await self._tx.fetch(
            QUERIES["add_artifacts"],
            ids=[draft.id for draft in drafts],
            tenants=[draft.tenant for draft in drafts],
            titles=[draft.title for draft in drafts],
            types=[draft.artifact_type for draft in drafts],
            actors=[draft.actor for draft in drafts],
            contents=[draft.content for draft in drafts],
            hashes=[draft.content_hash for draft in drafts],
            sizes=[draft.size for draft in drafts],
            origins=[draft.origin for draft in drafts],
            languages=[draft.language for draft in drafts],
        )
        created = {row["id"] for row in rows}
        await self._add_chunks(draft for draft in drafts if draft.id in created)
        return created

    async def _add_chunks(self, drafts: Iterable[Draft]) -> None:
        passages = ((draft, chunk) for draft in drafts for chunk in cut(draft.content))
        while some := list(islice(passages, _ROWS)):
            await self._tx.execute(
                QUERIES["add_chunks"],
                artifacts=[draft.id for draft, _ in some],
                positions=[chunk.position for _, chunk in some],
                tenants=[draft.tenant for draft, _ in some],
                languages=[draft.language for draft, _ in some],
                # The title finds the artifact once, not every passage of it.
                headings=["" if chunk.position else draft.title for draft, chunk in some],
                starts=[chunk.start for _, chunk in some],
                ends=[chunk.end for _, chunk in some],
                texts=[chunk.text for _, chunk in some],
            )

    async def find_by_content(self, drafts: Sequence[Draft]) -> dict[tuple[str, str], Stored]:
        """Return the artifacts that hold what these drafts hold, by tenant and content hash."""
        rows = await self._tx.fetch(
            QUERIES["find_by_content"],
            tenants=[draft.tenant for draft in drafts],
            hashes=[draft.content_hash for draft in drafts],
        )
        return {(row["tenant_id"], row["content_hash"]): _stored(row) for row in rows}

    async def find_artifact(self, tenant: str, identity: UUID) -> Kept | None:
        """Return one artifact of the tenant."""
        row = await self._tx.fetchrow(QUERIES["find_artifact"], tenant=tenant, id=identity)
        return None if row is None else _kept(row, tenant)


def _stored(row: Record) -> Stored:
    return Stored(
        id=row["id"],
        tenant=row["tenant_id"],
        content_hash=row["content_hash"],
        size=row["data_size_bytes"],
        chunk_count=row["chunk_count"],
        created_at=row["created_at"],
    )


def _kept(row: Record, tenant: str) -> Kept:
    return Kept(
        id=row["id"],
        tenant=tenant,
        content_hash=row["content_hash"],
        size=row["data_size_bytes"],
        chunk_count=row["chunk_count"],
        created_at=row["created_at"],
        title=row["title"],
        artifact_type=row["artifact_type"],
        actor=row["actor"],
        content=row["content"],
        origin=row["origin"],
        language=row["language"],
        version=row["version"],
    )
