"""Passages as vectors: which wait for theirs, and which are near to a question's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from grace.kit import Record, Transaction
from grace.knowledge.domain.finding import Finding, Near
from grace.knowledge.store.statements import QUERIES
from grace.knowledge.store.words import finding_of

DIMENSIONS: Final = 384
"""Of every vector: what the index is made for (migration 0003)."""
# So many of one tenant are compared one by one, exactly, at 50 us each; of more the index finds nearly all that
# are nearest.
_COMPARED = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """A passage without a vector, and how often that was tried before."""

    artifact_id: UUID
    position: int
    heading: str
    text: str
    attempts: int

    @property
    def words(self) -> str:
        """What its vector is made of: the title is part of the first passage."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class Uncopied:
    """A vector that another place has no copy of."""

    artifact_id: UUID
    position: int
    tenant_id: str
    embedding: Sequence[float]


@dataclass(frozen=True, slots=True)
class Indexed:
    """An artifact all of whose passages have their vectors."""

    artifact_id: UUID
    tenant: str
    chunk_count: int


async def has_vectors(tx: Transaction) -> bool:
    """Whether the database has pgvector and the index: both came with the migration, or never."""
    found: bool = await tx.fetchval(QUERIES["has_vectors"])
    return found


class Vectors:
    """The vectors of one embedder, inside one transaction."""

    def __init__(self, tx: Transaction, embedder: str) -> None:
        """Those that this embedder made: others are of another space."""
        self._tx = tx
        self._embedder = embedder

    async def claim(self, *, most: int, claim_for: timedelta) -> list[Waiting]:
        """Take passages that wait for a vector, and keep other replicas off them for a while."""
        rows = await self._tx.fetch(QUERIES["claim_waiting"], most=most, claim_for=claim_for)
        return [Waiting(**dict(row)) for row in rows]

    async def keep(self, found: Sequence[tuple[Waiting, Sequence[float]]]) -> int:
        """Store vectors; return of how many passages. What another replica has stored stays."""
        return await self._tx.execute(
            QUERIES["keep_embeddings"],
            artifacts=[waiting.artifact_id for waiting, _ in found],
            positions=[waiting.position for waiting, _ in found],
            embeddings=[_written(vector) for _, vector in found],
            embedder=self._embedder,
        )

    async def fail(
        self, waiting: Waiting, why: str, *, again_in: timedelta | None, is_wordless: bool = False
    ) -> None:
        """Note why a passage got no vector; None: it is given up, or has nothing that one could be made of."""
        await self._tx.execute(
            QUERIES["note_failure"],
            artifact_id=waiting.artifact_id,
            position=waiting.position,
            failure=why,
            embedder=self._embedder,
            again_in=again_in,
            is_wordless=is_wordless,
        )

    async def finished(self, artifacts: Sequence[UUID]) -> list[Indexed]:
        """Return which of these have all of their vectors; who asks at once waits its turn."""
        ordered = sorted(set(artifacts))
        await self._tx.execute(QUERIES["lock_artifacts"], artifacts=ordered)
        rows = await self._tx.fetch(
            QUERIES["finished_artifacts"], artifacts=ordered, embedder=self._embedder
        )
        return [Indexed(row["artifact_id"], row["tenant_id"], row["chunk_count"]) for row in rows]

    async def begin_anew(self, *, most: int) -> int:
        """Let passages that another embedder has read, or given up, wait for ours; return how many."""
        return await self._tx.execute(QUERIES["begin_anew"], embedder=self._embedder, most=most)

    async def are_alone(self) -> bool:
        """Whether no passage has a vector of another embedder any more."""
        found: bool = await self._tx.fetchval(QUERIES["are_alone"], embedder=self._embedder)
        return found

    async def try_again(self, *, after: timedelta, most: int) -> int:
        """Let passages wait that ours gave up so long ago; return how many."""
        return await self._tx.execute(
            QUERIES["try_again"], embedder=self._embedder, after=after, most=most
        )

    async def waiting(self) -> int:
        """Return how many passages of all tenants wait for a vector."""
        found: int = await self._tx.fetchval(QUERIES["count_waiting"])
        return found

    async def given_up(self) -> int:
        """Return how many passages of all tenants our embedder failed on too often."""
        found: int = await self._tx.fetchval(QUERIES["count_given_up"], embedder=self._embedder)
        return found

    async def count(self, tenant: str, *, most: int | None = None) -> int:
        """Return how many passages of a tenant have a vector; `most`: nobody needs to know of more."""
        found: int = await self._tx.fetchval(
            QUERIES["count_embeddings"], tenant=tenant, embedder=self._embedder, most=most
        )
        return found

    async def nearest(
        self, tenant: str, vector: Sequence[float], *, words: str, least: float, most: int
    ) -> list[Finding] | None:
        """Return the tenant's passages nearest to a vector, nearest first; None where none has one.

        `similarity` is the cosine, at least `least`; `words` are what highlights speak of.
        """
        there = await self.count(tenant, most=_COMPARED + 1)
        if there == 0:
            return None
        asked = {
            "tenant": tenant,
            "embedder": self._embedder,
            "vector": _written(vector),
            "words": words,
            "most": most,
        }
        rows = await self._by_index(**asked) if there > _COMPARED else []
        if len(rows) < min(most, there):
            rows = await self._tx.fetch(QUERIES["nearest_of_all"], **asked)
        found = map(finding_of, rows)
        return [each for each in found if each.similarity >= least]

    async def describe(
        self, tenant: str, near: Sequence[Near], *, words: str, most: int
    ) -> list[Finding]:
        """Return the passages that another index has brought, nearest first.

        What is not this tenant's, of another embedder or gone is left out.
        """
        rows = await self._tx.fetch(
            QUERIES["describe_near"],
            tenant=tenant,
            embedder=self._embedder,
            artifacts=[each.artifact_id for each in near],
            positions=[each.position for each in near],
            similarities=[each.similarity for each in near],
            words=words,
            most=most,
        )
        return [finding_of(row) for row in rows]

    async def uncopied(self, place: str, *, most: int) -> list[Uncopied]:
        """Return vectors that a place has no copy of."""
        rows = await self._tx.fetch(
            QUERIES["find_uncopied"], place=place, embedder=self._embedder, most=most
        )
        return [Uncopied(**dict(row)) for row in rows[:most]]

    async def count_uncopied(self, place: str) -> int:
        """Return of how many vectors, of all tenants, a place has no copy."""
        found: int = await self._tx.fetchval(
            QUERIES["count_uncopied"], place=place, embedder=self._embedder
        )
        return found

    async def mark_copied(self, place: str, copied: Sequence[Uncopied]) -> int:
        """Note that a place has these; return how many."""
        return await self._tx.execute(
            QUERIES["mark_copied"],
            place=place,
            embedder=self._embedder,
            artifacts=[each.artifact_id for each in copied],
            positions=[each.position for each in copied],
        )

    async def forget_copies(self, place: str, *, most: int) -> int:
        """Note that a place has lost what it had, at most so many; return how many."""
        return await self._tx.execute(QUERIES["forget_copies"], place=place, most=most)

    async def _by_index(self, **asked: object) -> list[Record]:
        """Return the nearest; fewer where the index gave up among other tenants' (hnsw.max_scan_tuples)."""
        await self._tx.execute(QUERIES["look_further"])
        return await self._tx.fetch(QUERIES["nearest_by_index"], **asked)


def _written(vector: Sequence[float]) -> str:
    return "{" + ",".join(f"{each:.7g}" for each in vector) + "}"
