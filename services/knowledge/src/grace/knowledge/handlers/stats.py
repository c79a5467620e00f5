"""Tells how much can be found, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grace.contracts.knowledge import GetIndexStats, IndexStats
from grace.kit import Called, Runtime, Unit
from grace.knowledge.embedders import Embedder
from grace.knowledge.handlers.search import QDRANT, VECTORS, WORDS
from grace.knowledge.metrics import QDRANT_FAILED
from grace.knowledge.store import FullText, QdrantError, Vectors, has_vectors

if TYPE_CHECKING:
    from grace.knowledge.store.qdrant import Qdrant

_FOUND_BY_WORDS = "Passages are found by their words, as soon as they are ingested"
_QDRANT_AWAY = " Qdrant does not answer."


async def on_get_index_stats(
    embedder: Embedder | None, qdrant: Qdrant | None, call: Called[GetIndexStats], runtime: Runtime
) -> IndexStats:
    """Tell how much of the tenant's knowledge can be found, and by what."""
    tenant = call.body.tenant_id
    copied = await _copied(embedder, qdrant, tenant, runtime) if embedder and qdrant else None
    async with runtime.unit(correlation_id=call.correlation_id) as unit:
        coverage = await FullText(unit.tx).coverage(tenant)
        able = await _able(embedder, unit)
        indexed = await Vectors(unit.tx, able.name).count(tenant) if able else 0
    if embedder and copied is not None:
        able, indexed = embedder, copied
    return IndexStats(
        backend=_backend(able, copied),
        total_vectors=indexed,
        indexed_embeddings=indexed,
        total_embeddings=coverage.chunks if able else 0,
        index_coverage=coverage.share,
        total_artifacts=coverage.artifacts,
        total_chunks=coverage.chunks,
        searchable_chunks=coverage.searchable,
        embedder=able.name if able else None,
        note=_note(embedder, able)
        + (_QDRANT_AWAY if embedder and qdrant and copied is None else ""),
    )


async def _copied(embedder: Embedder, qdrant: Qdrant, tenant: str, runtime: Runtime) -> int | None:
    """Return how many of the tenant's vectors Qdrant has; None where it does not say."""
    try:
        return await qdrant.count(embedder.name, tenant)
    except QdrantError as error:
        QDRANT_FAILED.inc()
        runtime.log.warning("stats.without_qdrant", reason=str(error))
        return None


def _backend(able: Embedder | None, copied: int | None) -> str:
    if copied is not None:
        return QDRANT
    return VECTORS if able else WORDS


async def _able(embedder: Embedder | None, unit: Unit) -> Embedder | None:
    """Return the embedder where its vectors can be looked through."""
    return embedder if embedder and await has_vectors(unit.tx) else None


def _note(embedder: Embedder | None, able: Embedder | None) -> str:
    if able:
        return f"{_FOUND_BY_WORDS}, and by their vectors a moment later."
    if embedder:
        return f"{_FOUND_BY_WORDS}. The database has no pgvector, so there are no vectors."
    return f"{_FOUND_BY_WORDS}. Embeddings are turned off, so there are no vectors."
