"""Finds passages: by their words, and by vectors where there are some."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from grace.contracts.knowledge import SearchHit, SearchKnowledge, SearchResults
from grace.kit import Called, Invalid, Runtime, Unit
from grace.knowledge.domain.finding import Brought, Finding
from grace.knowledge.domain.fusion import fuse
from grace.knowledge.domain.question import Question, complaint_of, question_of
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
# So many are asked of Qdrant where those of passages that are gone, as after a restore, stand before all others.
_DEEP = 1000


@dataclass(frozen=True, slots=True)
class _Near:
    """What vectors found, and whose. `is_short`: passages that are gone may have hidden some."""

    backend: str
    found: Sequence[Finding]
    is_short: bool = False


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
    return await _search(able, qdrant, question, call, runtime, asked=body.top_k)


async def _search(
    able: Embedder | None,
    qdrant: Qdrant | None,
    question: Question,
    call: Called[SearchKnowledge],
    runtime: Runtime,
    *,
    asked: int,
) -> SearchResults:
    """Find by words and by vectors; once more, with more asked of Qdrant, where passages that are gone hid others."""
    body = call.body
    brought = await _brought(able, qdrant, body, runtime, asked) if able and qdrant else None
    async with runtime.unit(correlation_id=call.correlation_id) as unit:
        words = FullText(unit.tx)
        found = await words.search(body.tenant_id, question, most=body.top_k)
        if not found and not await words.can_look(body.tenant_id, question):
            return SearchResults(backend=WORDS, hits=(), note=_WORDLESS)
        near = await _near(able, brought, body, unit) if able else _Near(WORDS, ())
    if near.is_short and asked < _DEEP:
        return await _search(able, qdrant, question, call, runtime, asked=_DEEP)
    fused = fuse(found, near.found, most=body.top_k)
    return SearchResults(backend=near.backend, hits=tuple(_hit(each) for each in fused))


async def _brought(
    embedder: Embedder, qdrant: Qdrant, body: SearchKnowledge, runtime: Runtime, asked: int
) -> Brought | None:
    """Return what Qdrant brings; None where it has nothing of the tenant's, or fails. No transaction waits."""
    vector = await _vector_of(embedder, body.query, runtime)
    if vector is None:
        return None
    try:
        near = await qdrant.nearest(embedder.name, body.tenant_id, vector, most=asked)
    except QdrantError as error:
        QDRANT_FAILED.inc()
        runtime.log.warning("search.without_qdrant", reason=str(error))
        return None
    return None if near is None else Brought(near, asked)


async def _near(
    embedder: Embedder, brought: Brought | None, body: SearchKnowledge, unit: Unit
) -> _Near:
    """Look through vectors: PostgreSQL's where Qdrant brings none, or passages that are gone."""
    by_qdrant = await _by_qdrant(embedder, brought, body, unit) if brought else None
    if by_qdrant and not by_qdrant.is_short:
        return by_qdrant
    return await _by_postgres(embedder, body, unit) or by_qdrant or _Near(WORDS, ())


async def _by_qdrant(
    embedder: Embedder, brought: Brought, body: SearchKnowledge, unit: Unit
) -> _Near:
    """Read what Qdrant has brought out of the rows."""
    living = await Vectors(unit.tx, embedder.name).describe(
        body.tenant_id, brought.near, words=body.query, most=body.top_k
    )
    is_short = brought.hides_some(len(living), most=body.top_k, least=embedder.least)
    if is_short:
        unit.runtime.log.warning(
            "search.gone_in_qdrant", brought=len(brought.near), living=len(living)
        )
    return _Near(QDRANT, [each for each in living if each.similarity >= embedder.least], is_short)


async def _by_postgres(embedder: Embedder, body: SearchKnowledge, unit: Unit) -> _Near | None:
    """Have pgvector compare them; None where there are none, or no pgvector."""
    if not await has_vectors(unit.tx):
        return None
    vector = await _vector_of(embedder, body.query, unit.runtime)
    if vector is None:
        return None
    found = await Vectors(unit.tx, embedder.name).nearest(
        body.tenant_id, vector, words=body.query, least=embedder.least, most=body.top_k
    )
    return None if found is None else _Near(VECTORS, found)


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
