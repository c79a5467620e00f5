"""Vectors on real servers: made by themselves, near what is alike, each tenant's own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from grace.contracts.knowledge import ArtifactIndexed, IndexStats
from grace.kit.sql import Query
from grace.knowledge import loops
from grace.knowledge.embedders import Letters
from grace.knowledge.settings import Settings
from grace.knowledge.store import Vectors, vectors
from grace.knowledge.store.statements import QUERIES
from grace.testkit import House, eventually

from .embedding import MakeIngest, Whimsical, ask, renamed, running, stats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grace.kit import Runtime, Unit

# What is ingested wakes the loop: by its interval alone nothing would come in a test's time.
WOKEN = {"embed_interval": timedelta(hours=1)}
ORDERS = "Hängende Bestellungen: eine Verbindung hat ihre Transaktion nicht beendet."
DISK = "A full disk is freed by removing rotated log files."


async def embedded(gateway: Runtime, count: int, tenant: str = "default") -> IndexStats:
    async def there() -> IndexStats | None:
        found = await stats(gateway, tenant)
        return found if found.indexed_embeddings == count else None

    found: IndexStats = await eventually(there, timeout=10)
    return found


async def test_what_is_ingested_gets_its_vectors_by_itself_and_is_found_by_them(
    house: House, make_ingest: MakeIngest
) -> None:
    before = REGISTRY.get_sample_value("grace_knowledge_embedded_total") or 0
    async with house.running("knowledge", knowledge=WOKEN):
        gateway = await house.act_as("gateway")
        empty = await stats(gateway)
        assert (empty.backend, empty.embedder) == ("pgvector", "letters-384-1")
        assert (empty.total_vectors, empty.total_embeddings) == (0, 0)
        told = await gateway.call(make_ingest(ORDERS, title="Orders", language="german"))
        await gateway.call(make_ingest(DISK, title="Disk"))
        found = await embedded(gateway, 2)
        assert (found.total_vectors, found.total_embeddings, found.index_coverage) == (2, 2, 1.0)
        assert "by their vectors" in found.note
        assert REGISTRY.get_sample_value("grace_knowledge_embedded_total") == before + 2
        indexed = [
            ArtifactIndexed.from_bytes(each.data)
            for each in await house.messages("knowledge.artifact.indexed")
        ]
        assert {each.artifact_id for each in indexed} >= {told.artifact_id}
        assert {(each.embedder, each.chunk_count) for each in indexed} == {("letters-384-1", 1)}

        # No word of it is a word of the text: the letters are alike.
        misspelt = await ask(gateway, "Bestelungen Transaktionn")
        assert misspelt.backend == "pgvector"
        (hit,) = misspelt.hits
        assert (hit.title, hit.text) == ("Orders", ORDERS)
        assert 0.15 < hit.similarity < 0.5
        assert hit.highlight.startswith("Hängende Bestellungen")
        # Words still count above all else.
        exact = await ask(gateway, "rotated log files")
        assert [each.title for each in exact.hits] == ["Disk"]
        assert exact.hits[0].similarity > 0.5
        # What is joined or left out on purpose is a matter of words.
        assert (await ask(gateway, "Bestelungen -disk")).backend == "postgres-fts"
        assert (await ask(gateway, "Bestelungen -disk")).hits == ()


@pytest.mark.parametrize(("index", "times"), [("embeddings_nearest", 1), ("elsewhere", 0)])
async def test_the_log_says_to_the_letter_that_vectors_are_made_and_nothing_where_they_are_not(
    house: House, index: str, times: int
) -> None:
    async with running(house, Letters()) as knowledge, renamed(house, index):
        loop = loops.Embed(knowledge.settings, Letters())
        with capture_logs() as told:
            for _ in range(2):
                await loop.tick(knowledge)
        events = [each["event"] for each in told]
        for line in (
            "Vector/embedding services started",
            "[VECTOR INTEGRATION] Started - auto-embedding enabled",
        ):
            assert events.count(line) == times


async def test_a_tenant_finds_nothing_of_anothers_by_vectors_either(
    house: House, make_ingest: MakeIngest
) -> None:
    async with house.running("knowledge"):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        await gateway.call(make_ingest(DISK, tenant_id="other"))
        await embedded(gateway, 1)
        await embedded(gateway, 1, "other")
        assert len((await ask(gateway, "Bestelungen Transaktionn")).hits) == 1
        assert (await ask(gateway, "Bestelungen Transaktionn", tenant="other")).hits == ()
        # Where nothing has a vector yet, vectors were not looked at.
        assert (await ask(gateway, "Bestelungen", tenant="third")).backend == "postgres-fts"


async def test_a_passage_that_an_embedder_fails_on_stands_in_nobodys_way(
    house: House, make_ingest: MakeIngest
) -> None:
    embedder = Whimsical()
    async with running(house, embedder, embed_attempts=2) as knowledge:
        gateway = await house.act_as("gateway")
        loop = loops.Embed(knowledge.settings, embedder)
        for text in ("A cursed text.", ORDERS):
            await gateway.call(make_ingest(text))
        told = await gateway.call(make_ingest("Words. " * 100 + "?! " * 200))
        assert told.chunk_count == 2  # the title is part of the first; the second has no word
        await loop.tick(knowledge)
        assert (await stats(gateway)).indexed_embeddings == 2
        rows = await house.rows(
            "knowledge", "SELECT failure, next_at > now() AS waits FROM embeddings e JOIN chunks c"
            " USING (artifact_id, position) WHERE embedding IS NULL ORDER BY c.text",
        )  # fmt: skip
        wordless, cursed = sorted([(row["failure"], row["waits"]) for row in rows])
        assert wordless == ("it has no word that a vector could be made of", None)
        assert cursed == ("the model fell over", True)
        assert (await stats(gateway)).total_embeddings == 4
        assert len((await ask(gateway, "Bestelungen Transaktionn")).hits) == 1

        embedder.is_well = True
        await house.rows("knowledge", "UPDATE embeddings SET next_at = now() WHERE next_at > now()")
        await loop.tick(knowledge)
        assert (await stats(gateway)).indexed_embeddings == 3


async def test_another_embedder_reads_everything_anew_and_spaces_are_never_mixed(
    house: House, make_ingest: MakeIngest
) -> None:
    async with running(house, Letters()) as knowledge:
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        await loops.Embed(knowledge.settings, Letters()).tick(knowledge)
    other = Whimsical()
    async with running(house, other) as knowledge:
        gateway = await house.act_as("gateway")
        assert (await stats(gateway)).indexed_embeddings == 0
        assert (await ask(gateway, "Bestelungen Transaktionn")).backend == "postgres-fts"
        renew = loops.Renew(Settings(), other)
        await renew.tick(knowledge)
        await loops.Embed(knowledge.settings, other).tick(knowledge)
        assert (await stats(gateway)).embedder == "whimsical"
        assert len((await ask(gateway, "Bestelungen Transaktionn")).hits) == 1
        assert await renew.tick(knowledge) is False
        (row,) = await house.rows("knowledge", "SELECT embedder FROM embeddings")
        assert row["embedder"] == "whimsical"


async def test_many_replicas_embed_each_passage_once_and_tell_of_each_text_once(
    house: House, make_ingest: MakeIngest
) -> None:
    text = "".join(f"Paragraph {number} about locks and sessions. " * 20 for number in range(12))
    async with running(house, Letters(), embed_most=2) as knowledge:
        gateway = await house.act_as("gateway")
        told = await gateway.call(make_ingest(text))
        assert told.chunk_count > 6
        both = [loops.Embed(knowledge.settings, Letters()) for _ in range(2)]
        while any(await asyncio.gather(*(each.tick(knowledge) for each in both))):
            pass
        assert (await embedded(gateway, told.chunk_count)).total_vectors == told.chunk_count
        assert len(await eventually(lambda: house.messages("knowledge.artifact.indexed"))) == 1
        rows = await house.rows("knowledge", "SELECT DISTINCT attempts FROM embeddings")
        assert [row["attempts"] for row in rows] == [1]


async def fill(gateway: Runtime, knowledge: Runtime, make_ingest: MakeIngest) -> None:
    """Twenty passages of the tenant's, among forty of another one's."""
    for number in range(60):
        tenant = "default" if number % 3 == 0 else "other"
        text = f"Runbook {number}: " + ("Bestellung " if number % 2 else "Festplatte ") * 5
        await gateway.call(make_ingest(text, tenant_id=tenant))
    loop = loops.Embed(knowledge.settings, Letters())
    while await loop.tick(knowledge):
        pass


@asynccontextmanager
async def by_index(knowledge: Runtime, **settings: str) -> AsyncIterator[Unit]:
    """A transaction in which this few rows are read by the index at all."""
    async with knowledge.unit() as unit:
        given = {name.replace("__", "."): value for name, value in settings.items()}
        for name, value in ({"enable_sort": "off"} | given).items():
            setting = f"SELECT set_config('{name}', '{value}', true)"
            await unit.tx.execute(Query(name, setting, ()))
        yield unit


def asked(most: int) -> dict[str, Any]:
    """What is asked of a statement that finds what is near."""
    (vector,) = Letters().embed(["Bestelung Runbok"])
    assert vector
    return {
        "tenant": "default", "embedder": Letters.name, "vector": vectors._written(vector),
        "words": "x", "most": most,
    }  # fmt: skip


async def test_among_anothers_the_index_finds_what_all_comparisons_find(
    house: House, make_ingest: MakeIngest
) -> None:
    async with running(house, Letters()) as knowledge:
        await fill(await house.act_as("gateway"), knowledge, make_ingest)
        statement = QUERIES["nearest_by_index"]
        explained = Query("explained", f"EXPLAIN {statement.text}", statement.parameters)
        async with by_index(knowledge, hnsw__ef_search="200") as unit:  # more than there are
            plan = [row[0] for row in await unit.tx.fetch(explained, **asked(15))]
            assert any("Index Scan using embeddings_nearest" in line for line in plan)
            found = await Vectors(unit.tx, Letters.name)._by_index(**asked(15))
            exact = await unit.tx.fetch(QUERIES["nearest_of_all"], **asked(15))
        assert len(found) == 15  # of two that are as near as each other either may come
        assert [row["similarity"] for row in found] == [row["similarity"] for row in exact]


async def test_an_index_that_gives_up_among_anothers_is_not_the_last_word(
    house: House, make_ingest: MakeIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_COMPARED", 15)
    # How many it would go on to find depends on a graph that is built by chance.
    stops = Query("stops", "SELECT set_config('hnsw.iterative_scan', 'off', true)", ())
    monkeypatch.setattr(vectors, "QUERIES", {**QUERIES, "look_further": stops})
    async with running(house, Letters()) as knowledge:
        await fill(await house.act_as("gateway"), knowledge, make_ingest)
        (vector,) = Letters().embed(["Bestelung Runbok"])
        assert vector
        async with by_index(knowledge, hnsw__ef_search="1") as unit:
            own = Vectors(unit.tx, Letters.name)
            assert len(await own._by_index(**asked(16))) < 16
            found = await own.nearest("default", vector, words="x", least=-1.0, most=16)
            exact = await unit.tx.fetch(QUERIES["nearest_of_all"], **asked(16))
        assert found
        assert [each.artifact_id for each in found] == [row["artifact_id"] for row in exact]


async def test_without_pgvector_words_find_and_nothing_else_is_claimed(
    house: House, make_ingest: MakeIngest
) -> None:
    async with renamed(house, "elsewhere"), house.running("knowledge"):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS, language="german"))
        found = await stats(gateway)
        assert (found.backend, found.total_embeddings) == ("postgres-fts", 0)
        assert found.embedder is None
        assert "no pgvector" in found.note
        assert (await ask(gateway, "Bestellungen Transaktion")).backend == "postgres-fts"
        rows = await house.rows("knowledge", "SELECT embedding FROM embeddings")
        assert [row["embedding"] for row in rows] == [None]
