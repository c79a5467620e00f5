"""Passages found by their words: PostgreSQL's full-text search."""

from grace.kit import Transaction
from grace.kit.sql import Record
from grace.knowledge.domain.finding import Coverage, Finding
from grace.knowledge.domain.question import Question
from grace.knowledge.store.statements import QUERIES


class FullText:
    """PostgreSQL's full-text search. A passage can be found as soon as it is committed."""

    def __init__(self, tx: Transaction) -> None:
        """Search through the transaction."""
        self._tx = tx

    async def search(self, tenant: str, question: Question, *, most: int) -> list[Finding]:
        """Return the tenant's passages that fit best, best first."""
        rows = await self._tx.fetch(
            QUERIES["search_chunks"],
            tenant=tenant,
            every=question.every,
            some=question.some,
            most=most,
        )
        return [finding_of(row) for row in rows]

    async def can_look(self, tenant: str, question: Question) -> bool:
        """Whether a word of the question is one that the index holds; none of "who is the" is."""
        found = await self._tx.fetchval(QUERIES["finds_words"], tenant=tenant, every=question.every)
        return bool(found)

    async def coverage(self, tenant: str) -> Coverage:
        """Return how much of the tenant's knowledge has words that the index holds."""
        row = await self._tx.fetchrow(QUERIES["coverage"], tenant=tenant)
        assert row is not None  # noqa: S101 - counts always come
        return Coverage(row["artifacts"], row["chunks"], row["chunks"] - row["silent"])


def finding_of(row: Record) -> Finding:
    """Return a passage as a statement of a search gives it."""
    return Finding(
        artifact_id=row["artifact_id"],
        title=row["title"],
        artifact_type=row["artifact_type"],
        position=row["position"],
        start=row["start_offset"],
        end=row["end_offset"],
        text=row["text"],
        highlight=row["highlight"],
        similarity=row["similarity"],
    )
