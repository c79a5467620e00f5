"""Finds passages: by their words, and by vectors where there are some."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from grace.contracts.knowledge import SearchHit, SearchKnowledge, SearchResults
from grace.kit import Called, Invalid, Runtime, Unit
from grace.knowledge.domain.finding import Finding, Near
from grace.knowledge.domain.fusion import fuse
from grace.knowledge.domain.question import complaint_of, question_of
from grace.knowledge.embedders import Embedder, EmbeddingError
from grace.knowledge.metrics import QDRANT_FAILED
from grace.knowledge.store import FullText, QdrantError, Vectors, has_vectors

if TYPE_CHECKING:
    from grace.knowledge.store.qdrant import Qdrant

WORDS: Final = "postgres-fts"
VECTORS: Final = "pgvector"
QDRANT: Final = "qdrant"
_WORDLESS = (
    "Nothing was looked for: the query has only signs, or words that are too common to be kept."
)


async def on_search_knowledge(
    embedder: Embedder | None,
    qdrant: Qdrant | None,
    call: Called[SearchKnowledge],
    runtime: Runtime,
) -> SearchResults:
    """Find the tenant's passages that fit the query; none is no news where nothing was looked for."""
    body = call.body
    if complaint := complaint_of(body.query, body.top_k):
        raise Invalid(complaint)
    question = question_of(body.query)
    # What is joined or left out on purpose is a matter of words.
    able = None if question.is_deliberate else embedder
    brought = await _brought(able, qdrant, body, runtime) if able and qdrant else None
    async with runtime.unit(correlation_id=call.correlation_id) as unit:
        words = FullText(unit.tx)
        found = await words.search(body.tenant_id, question, most=body.top_k)
        if not found and not await words.can_look(body.tenant_id, question):
            return SearchResults(backend=WORDS, hits=(), note=_WORDLESS)
        backend, near = await _near(able, brought, body, unit) if able else (WORDS, [])
    fused = fuse(found, near, most=body.top_k)
    return SearchResults(backend=backend, hits=tuple(_hit(each) for each in fused))


async def _brought(
    embedder: Embedder, qdrant: Qdrant, body: SearchKnowledge, runtime: Runtime
) -> list[Near] | None:
    """Return what Qdrant brings; None where it has nothing of the tenant's, or fails. No transaction waits."""
    vector = await _vector_of(embedder, body.query, runtime)
    if vector is None:
        return None
    try:
        return await qdrant.nearest(embedder.name, body.tenant_id, vector, most=body.top_k)
    except QdrantError as error:
        QDRANT_FAILED.inc()
        runtime.log.warning("search.without_qdrant", reason=str(error))
        return None


async def _near(
    embedder: Embedder, brought: Sequence[Near] | None, body: SearchKnowledge, unit: Unit
) -> tuple[str, list[Finding]]:
    """Return which vectors were looked through, and what they found."""
    vectors = Vectors(unit.tx, embedder.name)
    asked: dict[str, Any] = {"words": body.query, "least": embedder.least}
    if brought is not None:
        return QDRANT, await vectors.describe(body.tenant_id, brought, **asked)
    if not await has_vectors(unit.tx):
        return WORDS, []
    vector = await _vector_of(embedder, body.query, unit.runtime)
    if vector is None:
        return WORDS, []
    found = await vectors.nearest(body.tenant_id, vector, most=body.top_k, **asked)
    return (WORDS, []) if found is None else (VECTORS, found)


async def _vector_of(embedder: Embedder, query: str, runtime: Runtime) -> list[float] | None:
    """Return the vector of a query; None where there is none, or the embedder fails."""
    try:
        (vector,) = await asyncio.to_thread(embedder.embed, [query])
    except EmbeddingError as error:
        runtime.log.warning("search.without_vectors", reason=str(error))
        return None
    return vector


def _hit(found: Finding) -> SearchHit:
    return SearchHit(
        artifact_id=str(found.artifact_id),
        title=found.title,
        artifact_type=found.artifact_type,
        chunk_position=found.position,
        start_offset=found.start,
        end_offset=found.end,
        text=found.text,
        highlight=found.highlight,
        similarity=found.similarity,
    )
