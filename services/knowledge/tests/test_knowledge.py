"""Texts on real servers: each content once, each key one request, and nobody else's tenant."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import asyncpg
import pytest

from grace.contracts.knowledge import (
    Artifact,
    ArtifactCreated,
    GetArtifact,
    GetIndexStats,
    IngestArtifact,
    IngestedArtifact,
    KnowledgeIngest,
)
from grace.kit import Conflict, Invalid, NotFound, Runtime, TooLarge
from grace.kit.metrics import MESSAGES_IGNORED
from grace.knowledge.domain.artifact import LANGUAGES
from grace.testkit import House, eventually

MakeIngest = Callable[..., IngestArtifact]


async def _created(house: House, wanted: int) -> list[ArtifactCreated]:
    async def enough() -> bool:
        return len(await house.messages(ArtifactCreated.SUBJECT)) >= wanted

    await eventually(enough)
    found = await house.messages(ArtifactCreated.SUBJECT)
    return [ArtifactCreated.from_bytes(message.data) for message in found]


async def _artifact(gateway: Runtime, told: IngestedArtifact, tenant: str = "default") -> Artifact:
    return await gateway.call(GetArtifact(tenant_id=tenant, artifact_id=told.artifact_id))


async def test_a_text_is_stored_to_the_letter_cut_counted_and_told(
    house: House, make_ingest: MakeIngest
) -> None:
    content = (
        "Line one.\r\n\r\n\u5b57 e\u0301 \U0001f469\u200d\U0001f467 'quoted' \\ $1 :name\t" * 100
    )
    async with house.running("knowledge", knowledge={"embedder": "off"}):
        gateway = await house.act_as("gateway")
        empty = await gateway.call(GetIndexStats(tenant_id="default"))
        told = await gateway.call(make_ingest(content, language="simple"))
        kept = await _artifact(gateway, told)
        stats = await gateway.call(GetIndexStats(tenant_id="default"))
        (event,) = await _created(house, 1)
        chunks = await house.rows("knowledge", "SELECT * FROM chunks ORDER BY position")
    size = len(content.encode())
    assert (empty.index_coverage, empty.total_chunks, empty.total_artifacts) == (0, 0, 0)
    assert (told.duplicate, told.data_size_bytes) == (False, size)
    assert told.content_hash == sha256(content.encode()).hexdigest()
    assert told.chunk_count == kept.chunk_count == event.chunk_count == len(chunks) > 3
    assert (kept.content, kept.title, kept.artifact_type) == (
        content,
        "Waiting for locks",
        "runbook",
    )
    assert (kept.actor, kept.origin, kept.language, kept.version) == (
        "alice",
        "gateway",
        "simple",
        1,
    )
    assert kept.created_at == told.created_at == event.created_at
    assert (event.artifact_id, event.data_size_bytes) == (told.artifact_id, size)
    assert (event.origin, event.tenant_id, event.title) == ("gateway", "default", kept.title)
    for chunk in chunks:
        assert chunk["text"] == content[chunk["start_offset"] : chunk["end_offset"]]
    assert (stats.backend, stats.index_coverage) == ("postgres-fts", 1.0)
    assert (stats.total_vectors, stats.indexed_embeddings, stats.total_embeddings) == (0, 0, 0)
    assert (stats.total_artifacts, stats.total_chunks) == (1, told.chunk_count)
    assert stats.searchable_chunks == told.chunk_count
    assert "no vectors" in stats.note


async def test_a_passage_without_a_word_lowers_the_coverage(
    house: House, make_ingest: MakeIngest
) -> None:
    async with house.running("knowledge"):
        gateway = await house.act_as("gateway")
        # The words stand in the first passage; the others are marks.
        await gateway.call(make_ingest("Some words here. " + "?! " * 600))
        stats = await gateway.call(GetIndexStats(tenant_id="default"))
    assert stats.searchable_chunks == 1
    assert stats.index_coverage == 1 / stats.total_chunks < 1


async def test_equal_contents_and_repeated_keys_are_one_artifact_and_another_request_is_a_conflict(
    house: House, make_ingest: MakeIngest
) -> None:
    async with house.running("knowledge"):
        gateway = await house.act_as("gateway")
        first = await gateway.call(make_ingest(idempotency_key="k-1"))
        again = await gateway.call(make_ingest(idempotency_key="k-1"))
        # Equal content under another title: the first one's stays.
        twin = await gateway.call(make_ingest(title="Another", idempotency_key="k-2"))
        assert (await _artifact(gateway, twin)).title == "Waiting for locks"
        for other in ({"content": "Something else."}, {"title": "Another"}):
            with pytest.raises(Conflict, match="new key"):
                await gateway.call(make_ingest(**other, idempotency_key="k-1"))
        # The key of a tenant is another tenant's too, and so is the content.
        abroad = await gateway.call(make_ingest(tenant_id="other", idempotency_key="k-1"))
        with pytest.raises(NotFound):
            await _artifact(gateway, first, tenant="other")
        with pytest.raises(NotFound):
            await _artifact(gateway, first.model_copy(update={"artifact_id": "no-uuid"}))
        events = await _created(house, 2)
        rows = await house.rows("knowledge", "SELECT content FROM artifacts")
    assert (first.duplicate, again.duplicate, twin.duplicate) == (False, True, True)
    assert first.artifact_id == again.artifact_id == twin.artifact_id
    assert again.created_at == first.created_at
    assert again.chunk_count == 1
    assert not abroad.duplicate
    assert [event.tenant_id for event in events] == ["default", "other"]
    assert len(rows) == 2


async def test_requests_at_once_on_two_replicas_store_each_content_once(
    house: House, make_ingest: MakeIngest
) -> None:
    requests = [
        make_ingest(f"Content {n % 5}.", title=f"Title {n % 10}", idempotency_key=f"k-{n % 5}")
        for n in range(30)
    ]
    async with house.running("knowledge"), house.running("knowledge"):
        gateway = await house.act_as("gateway")
        answers = await asyncio.gather(*map(gateway.call, requests), return_exceptions=True)
        events = await _created(house, 5)
        keys = await house.rows("knowledge", "SELECT * FROM ingest_keys")
        rows = await house.rows("knowledge", "SELECT * FROM artifacts")
    taken = [answer for answer in answers if isinstance(answer, IngestedArtifact)]
    refused = [answer for answer in answers if not isinstance(answer, IngestedArtifact)]
    assert len(taken) == len(refused) == 15  # of two titles under a key, one came first
    assert all(isinstance(answer, Conflict) for answer in refused)
    assert sum(not answer.duplicate for answer in taken) == 5
    assert len(rows) == len(keys) == len(events) == 5


async def test_keys_are_forgotten_after_their_time_and_contents_are_not(
    house: House, make_ingest: MakeIngest
) -> None:
    often = {"prune_interval": timedelta(milliseconds=50), "keep_keys": timedelta(days=1)}
    async with house.running("knowledge", knowledge=often):
        gateway = await house.act_as("gateway")
        for key in ("old", "new"):
            await gateway.call(make_ingest(f"Content {key}.", idempotency_key=key))
        await house.rows(
            "knowledge",
            "UPDATE ingest_keys SET created_at = now() - interval '25 h' WHERE key = 'old'",
        )

        async def kept() -> list[str]:
            rows = await house.rows("knowledge", "SELECT key FROM ingest_keys")
            return [row["key"] for row in rows]

        async def is_forgotten() -> bool:
            return await kept() == ["new"]

        await eventually(is_forgotten)
        again = await gateway.call(make_ingest("Content old.", idempotency_key="old"))
        assert again.duplicate
        assert len(await house.rows("knowledge", "SELECT FROM artifacts")) == 2


async def test_a_request_that_may_not_enter_changes_nothing(
    house: House, make_ingest: MakeIngest
) -> None:
    async with house.running("knowledge"):
        gateway = await house.act_as("gateway")
        for change in ({"content": " \n"}, {"title": " "}, {"actor": " "}, {"language": "klingon"}):
            with pytest.raises(Invalid, match=next(iter(change))):
                await gateway.call(make_ingest(**change, idempotency_key="k-1"))
        with pytest.raises(TooLarge, match="split the text"):
            await gateway.call(make_ingest("\u5b57" * 180_000))
        for raw in (b'"content": "a\\u0000b"', b'"content": "\\ud800"', b'"content": 7'):
            body = make_ingest().to_bytes().replace(b'"content":', raw + b', "was":')
            with pytest.raises(Invalid, match="content|JSON"):
                await gateway.call(_Raw(body))
        largest = await gateway.call(make_ingest("word " * (512 * 1024 // 5)))
        # What could be taken in can be read again, also where every character is written as six.
        marks = await gateway.call(make_ingest("\x01" * 166_000 + " end", title="\x01" * 500))
        assert (await _artifact(gateway, marks)).content.endswith("\x01 end")
        tables = [
            await house.rows("knowledge", f"SELECT FROM {t}") for t in ("artifacts", "ingest_keys")
        ]
    assert largest.chunk_count > 500
    assert [len(rows) for rows in tables] == [2, 0]


class _Raw:
    """A request with bytes that no model would write."""

    SUBJECT = IngestArtifact.SUBJECT
    SCHEMA = IngestArtifact.SCHEMA
    REPLY = IngestedArtifact

    def __init__(self, body: bytes) -> None:
        self.to_bytes = lambda: body


async def test_what_comes_over_the_bus_is_taken_in_once_and_nonsense_is_quarantined(
    house: House, make_ingest: MakeIngest
) -> None:
    def message(content: str, **other: object) -> KnowledgeIngest:
        body = make_ingest(content, **other).model_dump(exclude={"tenant_id"})
        return KnowledgeIngest(**body)

    async def send(body: KnowledgeIngest) -> None:
        await house.publish_raw(
            user="outside",
            subject=KnowledgeIngest.SUBJECT,
            body=body.to_bytes(),
            headers={"Grace-Tenant": "other"},
        )

    duplicates = MESSAGES_IGNORED.labels("knowledge", KnowledgeIngest.SUBJECT, "duplicate")._value
    before = duplicates.get()
    gateway = await house.act_as("gateway")
    # All of it waits before knowledge starts, so that good and bad come in one batch.
    await send(message("From outside.", idempotency_key="k-1"))
    await send(message("From outside.", idempotency_key="k-1"))
    await send(message("Another text.", idempotency_key="k-1"))
    await send(message("  "))
    await send(message("Text.", language="klingon"))
    await send(message("postgres://shop:hunter2@db/shop"))
    await gateway.report(message("From a service."), tenant="acme")
    async with house.running("knowledge"):
        events = await _created(house, 2)
        refused = await eventually(lambda: _quarantined(house, 4))
    assert [(each.origin, each.tenant_id) for each in events] == [
        ("outside", "default"),
        ("gateway", "acme"),
    ]
    assert refused == ["blank", "key_conflict", "secret", "unknown_language"]
    assert duplicates.get() - before == 1


async def _quarantined(house: House, wanted: int) -> list[str] | None:
    rows = await house.rows("knowledge", "SELECT reason FROM quarantine ORDER BY reason")
    return [row["reason"] for row in rows] if len(rows) >= wanted else None


async def test_the_database_itself_refuses_a_change_of_what_was_ingested(
    house: House, make_ingest: MakeIngest
) -> None:
    async with house.running("knowledge"):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(idempotency_key="k-1"))
        # No language that a text may have is one that the server does not know.
        configured = await house.rows("knowledge", "SELECT cfgname FROM pg_ts_config")
    assert {row["cfgname"] for row in configured} >= LANGUAGES
    role = await house.role("knowledge")
    try:
        await role.execute("SET search_path TO knowledge")
        for statement in (
            "UPDATE artifacts SET content = 'x'",
            "DELETE FROM chunks",
            "TRUNCATE ingest_keys",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)
    finally:
        await role.close()
