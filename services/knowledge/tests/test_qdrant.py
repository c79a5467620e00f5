"""Vectors in Qdrant, over the protocol of its client: what is copied, what is found, what a failure changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from grace.contracts.knowledge import (
    GetIndexStats,
    IndexStats,
    SearchKnowledge,
    SearchResults,
)
from grace.kit import Runtime, Service, SettingsError
from grace.knowledge import handlers, loops
from grace.knowledge.embedders import Letters
from grace.knowledge.settings import Settings
from grace.knowledge.store import QdrantError, Vectors, qdrant_of
from grace.testkit import House, eventually
from grace.testkit.certificates import certify

from . import qdrant as stand_ins
from .embedding import MakeIngest, renamed
from .qdrant import StandIn, library

ORDERS = "Hängende Bestellungen: eine Verbindung hat ihre Transaktion nicht beendet."
MISSPELT = "Bestelungen Transaktionn"


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    async with stand_ins.running() as running:
        yield running


async def ask(gateway: Runtime, query: str = MISSPELT, *, tenant: str = "default") -> SearchResults:
    asked = SearchKnowledge(tenant_id=tenant, query=query, top_k=10)
    found: SearchResults = await gateway.call(asked)
    return found


async def stats(gateway: Runtime, tenant: str = "default") -> IndexStats:
    found: IndexStats = await gateway.call(GetIndexStats(tenant_id=tenant))
    return found


@asynccontextmanager
async def ticking(
    house: House, server: StandIn, **other: Any
) -> AsyncIterator[tuple[Runtime, loops.Embed, loops.Copy]]:
    """Knowledge on the stand-in; loops tick when the test says so."""
    given = {"qdrant_url": server.url} | other
    own = Settings(**house.installation.settings("knowledge", house.database) | given)
    qdrant, letters = qdrant_of(own), Letters()
    assert qdrant
    service = (
        Service("knowledge", own)
        .schema(loops.__file__)
        .handle(handlers.stream(loops.Embed))
        .serve(handlers.rpc(letters, qdrant))
    )
    async with house.running():
        started = await house.furnished(service).start()
        try:
            embed = loops.Embed(own, letters, is_copied=True)
            yield started.runtime, embed, loops.Copy(own, letters, qdrant)
        finally:
            await started.stop()


async def test_what_is_ingested_gets_to_qdrant_by_itself_and_is_found_by_it(
    house: House, make_ingest: MakeIngest, server: StandIn
) -> None:
    async with house.running("knowledge", knowledge={"qdrant_url": server.url}):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS, title="Orders", language="german"))
        await gateway.call(make_ingest("A full disk.", title="Disk", tenant_id="other"))

        async def copied() -> bool:
            return server.count() == 2

        await eventually(copied, timeout=10)
        found = await stats(gateway)
        assert (found.backend, found.embedder) == ("qdrant", "letters-384-1")
        assert (found.total_vectors, found.indexed_embeddings, found.total_embeddings) == (1, 1, 1)
        answer = await ask(gateway)
        assert answer.backend == "qdrant"
        assert [(each.title, each.text) for each in answer.hits] == [("Orders", ORDERS)]
        assert 0.15 < answer.hits[0].similarity < 0.5
        assert answer.hits[0].highlight.startswith("Hängende Bestellungen")
        # Another tenant's is never found, and what is joined on purpose is a matter of words.
        elsewhere = await ask(gateway, tenant="other")
        assert (elsewhere.backend, elsewhere.hits) == ("qdrant", ())
        assert (await ask(gateway, "Bestelungen -disk")).backend == "postgres-fts"
        assert server.indexed == {"tenant", "space"}


async def test_anothers_nearer_passages_take_no_place_from_ones_own(
    house: House, make_ingest: MakeIngest, server: StandIn
) -> None:
    async with ticking(house, server) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        for number in range(12):  # more than anybody asks for here
            text = f"{MISSPELT} {number}"
            await gateway.call(make_ingest(text, title=text, tenant_id="other"))
        await embed.tick(knowledge)
        await copy.tick(knowledge)
        assert [each.text for each in (await ask(gateway)).hits] == [ORDERS]
        assert len((await ask(gateway, tenant="other")).hits) == 10


async def test_points_that_lie_about_their_tenant_show_nobody_anothers_passage(
    house: House, make_ingest: MakeIngest, server: StandIn
) -> None:
    async with ticking(house, server) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        await embed.tick(knowledge)
        await copy.tick(knowledge)
        server.local.set_payload("grace", {"tenant": "other"}, library().models.Filter())
        answer = await ask(gateway, tenant="other")
        assert (answer.backend, answer.hits) == ("qdrant", ())


@pytest.mark.parametrize("mood", ["busy", "odd", "silent"])
async def test_where_qdrant_fails_postgres_answers_and_says_so_until_it_is_back(
    house: House, make_ingest: MakeIngest, server: StandIn, mood: str
) -> None:
    before = REGISTRY.get_sample_value("grace_knowledge_qdrant_failures_total") or 0
    async with ticking(house, server, qdrant_timeout=0.5, qdrant_copy_timeout=0.5) as (
        knowledge,
        embed,
        copy,
    ):
        gateway = await house.act_as("gateway")
        server.mood = mood
        await gateway.call(make_ingest(ORDERS))
        await embed.tick(knowledge)
        assert await copy.tick(knowledge) is False
        assert knowledge.complaints["qdrant"][0].startswith("Qdrant: ")
        assert REGISTRY.get_sample_value("grace_knowledge_qdrant_failures_total") == before + 1
        assert REGISTRY.get_sample_value("grace_knowledge_passages_uncopied") == 1
        answer = await ask(gateway)
        assert (answer.backend, len(answer.hits)) == ("pgvector", 1)
        asked = server.asked
        found = await stats(gateway)  # nobody waits again for what has just failed
        assert server.asked == asked
        assert (found.backend, found.total_vectors) == ("pgvector", 1)
        assert found.note.endswith("Qdrant does not answer.")

        server.mood = "well"
        await copy.tick(knowledge)
        assert server.count() == 1
        assert "qdrant" not in knowledge.complaints
        assert REGISTRY.get_sample_value("grace_knowledge_passages_uncopied") == 0


async def test_a_copy_may_take_longer_than_anybody_waits_for_an_answer(
    house: House, make_ingest: MakeIngest, server: StandIn
) -> None:
    async with ticking(house, server, qdrant_timeout=0.3) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        await embed.tick(knowledge)
        server.mood = "slow"
        copying = asyncio.create_task(copy.tick(knowledge))
        await eventually(lambda: server.asked)
        # Asked later, and Qdrant is too slow for it: so it is for the copy.
        assert (await ask(gateway)).backend == "pgvector"
        server.may_answer.set()
        await copying
        assert "qdrant" not in knowledge.complaints
        assert server.count() == 1


async def test_a_collection_that_is_lost_is_filled_again_from_the_rows(
    house: House, make_ingest: MakeIngest, server: StandIn
) -> None:
    async with ticking(house, server, embed_most=2) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        for number in range(5):
            await gateway.call(make_ingest(f"Paragraph {number} about locks."))
        while await embed.tick(knowledge):
            pass
        for _ in range(2):
            assert [await copy.tick(knowledge) for _ in range(4)] == [True, True, False, False]
            assert server.count() == 5
            assert (await ask(gateway, "Paragraf lokcs")).backend == "qdrant"
            server.local.delete_collection("grace")


async def test_another_server_gets_everything_and_a_crash_before_the_mark_copies_twice(
    house: House, make_ingest: MakeIngest, server: StandIn
) -> None:
    async with ticking(house, server) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        await embed.tick(knowledge)
        await copy.tick(knowledge)
        await house.rows("knowledge", "UPDATE embeddings SET copied_to = ''")
        await copy.tick(knowledge)
        assert server.count() == 1
    async with stand_ins.running() as another, ticking(house, another) as (knowledge, _, copy):
        await copy.tick(knowledge)
        assert another.count() == 1


async def test_another_embedders_points_are_never_compared_and_replace_nothing_however_late(
    house: House, make_ingest: MakeIngest, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ticking(house, server) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        await embed.tick(knowledge)
        async with knowledge.unit() as unit:
            late = await Vectors(unit.tx, Letters.name).uncopied("nowhere", most=10)
        await copy.tick(knowledge)
    old = Letters.name
    monkeypatch.setattr(Letters, "name", "letters-of-tomorrow")
    async with ticking(house, server) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        assert (await ask(gateway)).backend == "postgres-fts"
        assert (await stats(gateway)).total_vectors == 0
        await loops.Renew(Settings(), Letters(), is_copied=True).tick(knowledge)
        await embed.tick(knowledge)
        await copy.tick(knowledge)
        qdrant = qdrant_of(Settings(qdrant_url=server.url))
        assert qdrant
        assert len(late) == 1
        await qdrant.put(old, late)
        answer = await ask(gateway)
        assert (answer.backend, len(answer.hits)) == ("qdrant", 1)


async def test_what_another_embedder_has_put_is_deleted_once_nothing_is_of_it(
    house: House, make_ingest: MakeIngest, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ticking(house, server) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        await loops.Weed(Letters(), copy._qdrant).tick(knowledge)  # there is no collection yet
        await embed.tick(knowledge)
        await copy.tick(knowledge)
    # A point as releases made them that knew one for each passage.
    older = {"tenant": "default", "embedder": Letters.name}
    point = library().models.PointStruct(id=7, vector=[1.0] * 384, payload=older)
    server.local.upsert("grace", [point])
    monkeypatch.setattr(Letters, "name", "letters-of-tomorrow")
    async with ticking(house, server) as (knowledge, embed, copy):
        weed = loops.Weed(Letters(), copy._qdrant)
        with monkeypatch.context() as later:
            later.setattr(loops, "_JUST_NOW", timedelta(0))
            await weed.tick(knowledge)
            assert server.count() == 2  # there are rows of it
        await loops.Renew(Settings(), Letters(), is_copied=True).tick(knowledge)
        await embed.tick(knowledge)
        await copy.tick(knowledge)
        await weed.tick(knowledge)
        assert server.count() == 2  # it was put just now; that of the older release was not
        monkeypatch.setattr(loops, "_JUST_NOW", timedelta(0))
        await weed.tick(knowledge)
        assert server.count() == 1
        gateway = await house.act_as("gateway")
        assert (await ask(gateway)).backend == "qdrant"


async def test_without_pgvector_vectors_are_made_for_qdrant_all_the_same(
    house: House, make_ingest: MakeIngest, server: StandIn
) -> None:
    async with (
        renamed(house, "elsewhere"),
        ticking(house, server) as (knowledge, embed, copy),
    ):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        await embed.tick(knowledge)
        await copy.tick(knowledge)
        assert (await ask(gateway)).backend == "qdrant"
        server.mood = "busy"
        assert (await ask(gateway)).backend == "postgres-fts"


@pytest.mark.parametrize(
    ("index", "backend"), [("embeddings_nearest", "pgvector"), ("elsewhere", "qdrant")]
)
async def test_passages_that_a_restore_has_taken_away_hide_none_that_are_there(
    house: House, make_ingest: MakeIngest, server: StandIn, index: str, backend: str
) -> None:
    async with renamed(house, index), ticking(house, server) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS, title="Orders"))
        for number in range(12):  # more than anybody asks for here, and all of them nearer
            text = f"{MISSPELT} {number}"
            await gateway.call(make_ingest(text, title=text))
        await embed.tick(knowledge)
        await copy.tick(knowledge)
        for table, artifact in (
            ("embeddings", "artifact_id"),
            ("chunks", "artifact_id"),
            ("artifacts", "id"),
        ):
            kept = "SELECT id FROM artifacts WHERE title = 'Orders'"
            await house.rows("knowledge", f"DELETE FROM {table} WHERE {artifact} NOT IN ({kept})")
        assert server.count() == 13
        answer = await ask(gateway)
        assert [each.title for each in answer.hits] == ["Orders"]
        assert answer.backend == backend


async def test_a_collection_of_another_form_is_refused_and_left_alone(
    house: House, make_ingest: MakeIngest, server: StandIn
) -> None:
    dots = library().models.VectorParams(size=384, distance=library().models.Distance.DOT)
    server.local.create_collection("grace", vectors_config=dots)
    async with ticking(house, server) as (knowledge, embed, copy):
        gateway = await house.act_as("gateway")
        await gateway.call(make_ingest(ORDERS))
        await embed.tick(knowledge)
        await copy.tick(knowledge)
        assert "not of 384 cosines" in knowledge.complaints["qdrant"][0]
        assert server.count() == 0


async def test_the_key_is_sent_to_this_machine_or_over_https_alone(
    server: StandIn, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text("made-up\n")
    asked = qdrant_of(Settings(qdrant_url=server.url, qdrant_key_file=key))
    assert asked
    assert await asked.exists() is False
    assert server.keys == {"made-up"}
    with pytest.raises(SettingsError, match="over https alone"):
        qdrant_of(Settings(qdrant_url="http://qdrant.example:6333", qdrant_key_file=key))
    assert qdrant_of(Settings(qdrant_url="https://qdrant.example", qdrant_key_file=key))
    key.chmod(0o644)
    with pytest.raises(SettingsError, match="others can read"):
        qdrant_of(Settings(qdrant_url=server.url, qdrant_key_file=key))
    with pytest.raises(SettingsError, match="cannot read"):
        qdrant_of(Settings(qdrant_url=server.url, qdrant_key_file=tmp_path / "none"))
    assert qdrant_of(Settings()) is None
    with pytest.raises(SettingsError, match="QDRANT_URL"):
        qdrant_of(Settings(qdrant_url="http://127.0.0.1:port"))


async def test_qdrant_is_trusted_where_an_authority_of_this_machine_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certify(tmp_path / "house.pem")
    async with stand_ins.running(certificate) as server:
        stranger = qdrant_of(Settings(qdrant_url=server.url))
        assert stranger
        with pytest.raises(QdrantError, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.exists()
        assert server.asked == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        vouched_for = qdrant_of(Settings(qdrant_url=server.url))
        assert vouched_for
        assert await vouched_for.exists() is False


async def test_where_nobody_listens_it_is_an_error_of_qdrants() -> None:
    nobody = qdrant_of(Settings(qdrant_url="http://127.0.0.1:1"))
    assert nobody
    with pytest.raises(QdrantError):
        await nobody.exists()
