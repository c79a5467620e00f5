"""The messages of grace.knowledge.v1. Generated from proto/ by proto/generate.py: do not edit."""

from typing import Annotated, ClassVar

from pydantic import Field

from grace.contracts.message import Message
from grace.contracts.scalars import Bool, Double, Id, LongText, Text, Timestamp, UInt32

__all__ = [
    "Artifact",
    "ArtifactCreated",
    "ArtifactIndexed",
    "GetArtifact",
    "GetIndexStats",
    "IndexStats",
    "IngestArtifact",
    "IngestedArtifact",
    "KnowledgeIngest",
    "SearchHit",
    "SearchKnowledge",
    "SearchResults",
]


class IngestedArtifact(Message):
    """The answer on `rpc.knowledge.ingest`."""

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.IngestedArtifact"

    artifact_id: Id
    content_hash: Id = Field(description="sha256 of the content in UTF-8, lower-case hex.")
    data_size_bytes: UInt32
    chunk_count: UInt32
    duplicate: Bool = Field(
        description="The tenant had this content or this request already; title and type are the first one's."
    )
    created_at: Timestamp


class IngestArtifact(Message):
    """Takes a text into the knowledge base; answered after the commit, when it can be found.

    The content is at most 512 KiB of UTF-8 and not blank: more is `too_large`, blank is `invalid`.
    """

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.IngestArtifact"
    SUBJECT: ClassVar[str] = "rpc.knowledge.ingest"
    REPLY: ClassVar[type[IngestedArtifact]] = IngestedArtifact

    tenant_id: Id
    content: Annotated[LongText, Field(max_length=524288)] = Field(
        description="Kept to the letter. Data only: never run, never a parameter."
    )
    title: Annotated[LongText, Field(max_length=500)] = Field(description="Not blank.")
    artifact_type: Id = Field(description="document, runbook, postmortem ..")
    actor: Annotated[LongText, Field(max_length=128)] = Field(
        description="Who is said to bring it; not blank."
    )
    language: Annotated[LongText, Field(max_length=32)] | None = Field(
        default=None,
        description="How words are stemmed: english where nothing is said, simple for none.",
    )
    idempotency_key: Annotated[LongText, Field(max_length=128)] | None = Field(
        default=None,
        description="The same key and request is the same artifact; another request is a conflict.",
    )


class KnowledgeIngest(Message):
    """The same over the bus, from anyone.

    What nobody signed belongs to the default tenant.
    """

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.KnowledgeIngest"
    SUBJECT: ClassVar[str] = "knowledge.ingest"

    content: Annotated[LongText, Field(max_length=524288)]
    title: Annotated[LongText, Field(max_length=500)]
    artifact_type: Id
    actor: Annotated[LongText, Field(max_length=128)]
    language: Annotated[LongText, Field(max_length=32)] | None = None
    idempotency_key: Annotated[LongText, Field(max_length=128)] | None = None


class ArtifactCreated(Message):
    """An artifact is stored and can be found by its words.

    A duplicate makes none.
    """

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.ArtifactCreated"
    SUBJECT: ClassVar[str] = "knowledge.artifact.created"

    artifact_id: Id
    tenant_id: Id
    title: Annotated[LongText, Field(max_length=500)]
    artifact_type: Id
    actor: Annotated[LongText, Field(max_length=128)]
    content_hash: Id
    data_size_bytes: UInt32
    origin: Id = Field(description="The user that brought it: gateway, outside ..")
    chunk_count: UInt32
    created_at: Timestamp


class ArtifactIndexed(Message):
    """Every passage of an artifact has its vector, and can be found by it.

    Told again when another embedder has read all of them.
    """

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.ArtifactIndexed"
    SUBJECT: ClassVar[str] = "knowledge.artifact.indexed"

    artifact_id: Id
    tenant_id: Id
    embedder: Id
    chunk_count: UInt32


class Artifact(Message):
    """The answer on `rpc.knowledge.artifact`."""

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.Artifact"

    artifact_id: Id
    title: Annotated[LongText, Field(max_length=500)]
    artifact_type: Id
    actor: Annotated[LongText, Field(max_length=128)]
    content: Annotated[LongText, Field(max_length=524288)]
    content_hash: Id
    data_size_bytes: UInt32
    origin: Id
    language: Id
    chunk_count: UInt32
    version: UInt32 = Field(description="Counts from 1.")
    created_at: Timestamp


class GetArtifact(Message):
    """Reads one artifact of the tenant; `not_found` where there is none."""

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.GetArtifact"
    SUBJECT: ClassVar[str] = "rpc.knowledge.artifact"
    REPLY: ClassVar[type[Artifact]] = Artifact

    tenant_id: Id
    artifact_id: Id


class SearchHit(Message):
    """A passage, with what is needed to cite it."""

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.SearchHit"

    artifact_id: Id
    title: Annotated[LongText, Field(max_length=500)]
    artifact_type: Id
    chunk_position: UInt32 = Field(description="Counts from 0.")
    start_offset: UInt32 = Field(
        description="The passage is content[start_offset:end_offset], in Unicode code points."
    )
    end_offset: UInt32
    text: Text = Field(description="The passage to the letter.")
    highlight: Text = Field(
        description="Plain text, escape it for HTML: an excerpt with ** around the words that matched."
    )
    similarity: Double = Field(
        description="0 to 1. Above 0.5 the passage has every word of the query; below it some, or a vector that is near to the query's."
    )


class SearchResults(Message):
    """The answer on `rpc.knowledge.search`."""

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.SearchResults"

    backend: Id = Field(
        description="What searched: pgvector or qdrant (vectors and words), or postgres-fts (words alone)."
    )
    hits: tuple[SearchHit, ...] = Field(default=(), max_length=50, description="Best first.")
    note: Text | None = Field(
        default=None,
        description="Where no word of the query could be looked for: why. No hits mean nothing then.",
    )


class SearchKnowledge(Message):
    """Finds the passages of the tenant's artifacts that fit a query best.

    The query knows "a phrase", or, and -without.
    """

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.SearchKnowledge"
    SUBJECT: ClassVar[str] = "rpc.knowledge.search"
    REPLY: ClassVar[type[SearchResults]] = SearchResults

    tenant_id: Id
    query: Annotated[LongText, Field(max_length=1000)] = Field(description="Not blank.")
    top_k: Annotated[UInt32, Field(ge=1)] = Field(description="1 to 50.")


class IndexStats(Message):
    """The answer on `rpc.knowledge.stats`."""

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.IndexStats"

    backend: Id = Field(
        description="The one that really searches: pgvector or qdrant (vectors and words), or postgres-fts (words alone)."
    )
    total_vectors: UInt32 = Field(
        description="Passages that have a vector of today's embedder, as the backend counts them."
    )
    indexed_embeddings: UInt32 = Field(
        description="The same: of those that the backend has, each is in its index."
    )
    total_embeddings: UInt32 = Field(
        description="Passages that have a vector or wait for one; 0 where none will have one."
    )
    index_coverage: Double = Field(
        description="Searchable chunks per chunk; 0 where there is no chunk."
    )
    total_artifacts: UInt32
    total_chunks: UInt32
    searchable_chunks: UInt32 = Field(
        description="Chunks with at least one word that the index holds."
    )
    note: Text = Field(description="What is not there yet, in plain words.")
    embedder: Id | None = Field(default=None, description="What makes the vectors.")


class GetIndexStats(Message):
    """How much of the tenant's knowledge can be found, and by what."""

    SCHEMA: ClassVar[str] = "grace.knowledge.v1.GetIndexStats"
    SUBJECT: ClassVar[str] = "rpc.knowledge.stats"
    REPLY: ClassVar[type[IndexStats]] = IndexStats

    tenant_id: Id
