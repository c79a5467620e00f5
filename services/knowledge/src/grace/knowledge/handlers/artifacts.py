"""Takes texts in, each content once for its tenant, and gives them back to the letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from grace.contracts.hunter import secret_in
from grace.contracts.knowledge import (
    Artifact,
    ArtifactCreated,
    GetArtifact,
    IngestArtifact,
    IngestedArtifact,
    KnowledgeIngest,
)
from grace.kit import (
    Called,
    Conflict,
    GraceError,
    Invalid,
    NotFound,
    Received,
    TooLarge,
    Unit,
    new_id,
)
from grace.knowledge.domain.artifact import DEFAULT_LANGUAGE, TOO_LARGE, Draft, Refused, refusal_of
from grace.knowledge.store import Kept, Store, Stored

_OUTSIDE = "outside"


class KeyConflict(Conflict):
    """This idempotency key was used for another request; send this one with a new key."""


class UnknownArtifact(NotFound):
    """There is no artifact of this id."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a draft: where its content is stored, and whether that is news."""

    stored: Stored
    created: bool


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
