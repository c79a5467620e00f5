"""Takes texts in, and answers what is known: every text is data, whatever it says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from grace.contracts.hunter import secret_in
from grace.contracts.knowledge import (
    Artifact,
    ArtifactCreated,
    GetArtifact,
    GetIndexStats,
    IndexStats,
    IngestArtifact,
    IngestedArtifact,
    KnowledgeIngest,
    SearchHit,
    SearchKnowledge,
    SearchResults,
)
from grace.kit import (
    Called,
    Conflict,
    GraceError,
    Invalid,
    NotFound,
    Received,
    Rpc,
    Runtime,
    Stream,
    TooLarge,
    Unit,
    new_id,
)
from grace.knowledge.domain.artifact import DEFAULT_LANGUAGE, TOO_LARGE, Draft, Refused, refusal_of
from grace.knowledge.domain.finding import Finding, Near
from grace.knowledge.domain.fusion import fuse
from grace.knowledge.domain.question import complaint_of, question_of
from grace.knowledge.embedders import Embedder, EmbeddingError
from grace.knowledge.metrics import QDRANT_FAILED
from grace.knowledge.store import FullText, Kept, QdrantError, Store, Stored, Vectors, has_vectors

if TYPE_CHECKING:
    from grace.knowledge.store.qdrant import Qdrant

_OUTSIDE = "outside"
_WORDS, _VECTORS, _QDRANT = "postgres-fts", "pgvector", "qdrant"
_FOUND_BY_WORDS = "Passages are found by their words, as soon as they are ingested"
_QDRANT_AWAY = " Qdrant does not answer."
_WORDLESS = (
    "Nothing was looked for: the query has only signs, or words that are too common to be kept."
)


class KeyConflict(Conflict):
    """This idempotency key was used for another request; send this one with a new key."""


class UnknownArtifact(NotFound):
    """There is no artifact of this id."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a draft: where its content is stored, and whether that is news."""

    stored: Stored
    created: bool


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


async def on_artifact_created(
    embed: type, messages: Sequence[Received[ArtifactCreated]], unit: Unit
) -> None:
    """Let its passages get their vectors now; what nobody tells of is found in the rows."""
    if messages:
        unit.after_commit(partial(unit.runtime.wake, embed))


async def on_ingest(messages: Sequence[Received[KnowledgeIngest]], unit: Unit) -> None:
    """Take in what came over the bus. Nobody waits for an answer: what is refused is quarantined."""
    admitted: list[tuple[Received[KnowledgeIngest], Draft]] = []
    for message in messages:
        draft = _draft(message.body, message.tenant, message.publisher)
        if refused := _refusal_of(draft):
            unit.refuse(message, reason=refused.reason, detail=refused.detail)
        else:
            admitted.append((message, draft))
    taken = await _take_in([draft for _, draft in admitted], unit)
    for (message, _), each in zip(admitted, taken, strict=True):
        if each is None:
            unit.refuse(message, reason="key_conflict", detail=str(KeyConflict.__doc__))
        elif not each.created:
            unit.count("duplicate", message)


async def on_ingest_artifact(call: Called[IngestArtifact], unit: Unit) -> IngestedArtifact:
    """Take in one text and say where it is."""
    draft = _draft(call.body, call.body.tenant_id, call.caller)
    if refused := _refusal_of(draft):
        raise _error(refused)
    (taken,) = await _take_in([draft], unit)
    if taken is None:
        raise KeyConflict
    return IngestedArtifact(
        artifact_id=str(taken.stored.id),
        content_hash=taken.stored.content_hash,
        data_size_bytes=taken.stored.size,
        chunk_count=taken.stored.chunk_count,
        duplicate=not taken.created,
        created_at=taken.stored.created_at,
    )


async def on_get_artifact(call: Called[GetArtifact], unit: Unit) -> Artifact:
    """Give one artifact of the tenant to the letter."""
    try:
        identity = UUID(call.body.artifact_id)
    except ValueError:
        raise UnknownArtifact from None
    kept = await Store(unit.tx).find_artifact(call.body.tenant_id, identity)
    if kept is None:
        raise UnknownArtifact
    return _artifact(kept)


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
            return SearchResults(backend=_WORDS, hits=(), note=_WORDLESS)
        backend, near = await _near(able, brought, body, unit) if able else (_WORDS, [])
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
        return _QDRANT, await vectors.describe(body.tenant_id, brought, **asked)
    if not await has_vectors(unit.tx):
        return _WORDS, []
    vector = await _vector_of(embedder, body.query, unit.runtime)
    if vector is None:
        return _WORDS, []
    found = await vectors.nearest(body.tenant_id, vector, most=body.top_k, **asked)
    return (_WORDS, []) if found is None else (_VECTORS, found)


async def _vector_of(embedder: Embedder, query: str, runtime: Runtime) -> list[float] | None:
    """Return the vector of a query; None where there is none, or the embedder fails."""
    try:
        (vector,) = await asyncio.to_thread(embedder.embed, [query])
    except EmbeddingError as error:
        runtime.log.warning("search.without_vectors", reason=str(error))
        return None
    return vector


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
        return _QDRANT
    return _VECTORS if able else _WORDS


async def _able(embedder: Embedder | None, unit: Unit) -> Embedder | None:
    """Return the embedder where its vectors can be looked through."""
    return embedder if embedder and await has_vectors(unit.tx) else None


def _note(embedder: Embedder | None, able: Embedder | None) -> str:
    if able:
        return f"{_FOUND_BY_WORDS}, and by their vectors a moment later."
    if embedder:
        return f"{_FOUND_BY_WORDS}. The database has no pgvector, so there are no vectors."
    return f"{_FOUND_BY_WORDS}. Embeddings are turned off, so there are no vectors."


async def _take_in(drafts: Sequence[Draft], unit: Unit) -> list[Taken | None]:
    """Store what is new and tell of it, in the order of the drafts; None where a key is another's.

    Keys come before contents in every transaction, each in their order: nobody waits in a circle.
    """
    store = Store(unit.tx)
    keys = await store.claim_keys(drafts)
    fitting = [draft for draft in drafts if _is_keys_own(draft, keys)]
    created = await store.add_artifacts(fitting)
    stored = await store.find_by_content(fitting)
    for draft in fitting:
        if draft.id in created:
            _tell(draft, stored[draft.tenant, draft.content_hash], unit)
    return [
        Taken(stored[draft.tenant, draft.content_hash], draft.id in created)
        if _is_keys_own(draft, keys)
        else None
        for draft in drafts
    ]


def _is_keys_own(draft: Draft, keys: Mapping[tuple[str, str | None], str]) -> bool:
    """Whether the draft's key, if it has one, stands for this request."""
    return keys.get((draft.tenant, draft.key), draft.request_hash) == draft.request_hash


def _tell(draft: Draft, stored: Stored, unit: Unit) -> None:
    created = ArtifactCreated(
        artifact_id=str(draft.id),
        tenant_id=draft.tenant,
        title=draft.title,
        artifact_type=draft.artifact_type,
        actor=draft.actor,
        content_hash=draft.content_hash,
        data_size_bytes=draft.size,
        origin=draft.origin,
        chunk_count=stored.chunk_count,
        created_at=stored.created_at,
    )
    unit.publish(created, tenant=draft.tenant)


def _draft(body: IngestArtifact | KnowledgeIngest, tenant: str, origin: str | None) -> Draft:
    return Draft(
        id=new_id(),
        tenant=tenant,
        content=body.content,
        title=body.title,
        artifact_type=body.artifact_type,
        actor=body.actor,
        language=DEFAULT_LANGUAGE if body.language is None else body.language,
        origin=origin or _OUTSIDE,
        key=body.idempotency_key,
    )


def _refusal_of(draft: Draft) -> Refused | None:
    """Also where nobody before us looked for secrets: a text is kept to the letter."""
    if refused := refusal_of(draft):
        return refused
    texts = {"content": draft.content, "title": draft.title, "actor": draft.actor}
    if (finding := secret_in(texts, "text")) is None:
        return None
    detail = f"{finding.where} holds a secret ({finding.kind}): take it out, and replace it"
    return Refused("secret", detail)


def _error(refused: Refused) -> GraceError:
    return (TooLarge if refused.reason == TOO_LARGE else Invalid)(refused.detail)


def _artifact(kept: Kept) -> Artifact:
    return Artifact(
        artifact_id=str(kept.id),
        title=kept.title,
        artifact_type=kept.artifact_type,
        actor=kept.actor,
        content=kept.content,
        content_hash=kept.content_hash,
        data_size_bytes=kept.size,
        origin=kept.origin,
        language=kept.language,
        chunk_count=kept.chunk_count,
        version=kept.version,
        created_at=kept.created_at,
    )


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
