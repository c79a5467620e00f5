"""Takes texts in, and answers what is known: every text is data, whatever it says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from grace.contracts.knowledge import (
    ArtifactCreated,
    GetArtifact,
    GetIndexStats,
    IngestArtifact,
    KnowledgeIngest,
    SearchKnowledge,
)
from grace.kit import Rpc, Stream
from grace.knowledge.embedders import Embedder
from grace.knowledge.handlers.artifacts import (
    on_artifact_created,
    on_get_artifact,
    on_ingest,
    on_ingest_artifact,
)
from grace.knowledge.handlers.search import on_search_knowledge
from grace.knowledge.handlers.stats import on_get_index_stats

if TYPE_CHECKING:
    from grace.knowledge.store.qdrant import Qdrant

__all__ = ["rpc", "stream"]


def stream(embed: type) -> Stream:
    """Return what is read from streams; the unique content makes it idempotent. `embed` is the loop to wake."""
    return (
        Stream()
        .on(KnowledgeIngest, on_ingest)
        .on(ArtifactCreated, partial(on_artifact_created, embed))
    )


def rpc(embedder: Embedder | None, qdrant: Qdrant | None = None) -> Rpc:
    """Return what is answered; without an embedder words alone find, without Qdrant PostgreSQL does."""
    return (
        Rpc()
        .on(IngestArtifact, on_ingest_artifact)
        .on(GetArtifact, on_get_artifact)
        .direct(SearchKnowledge, partial(on_search_knowledge, embedder, qdrant))
        .direct(GetIndexStats, partial(on_get_index_stats, embedder, qdrant))
    )
