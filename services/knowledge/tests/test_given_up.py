"""Passages that an embedder fails on, and embedders that are not there: what is tried again, when, and by whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY

from grace.knowledge import loops
from grace.knowledge.embedders import Letters
from grace.knowledge.settings import Settings
from grace.testkit import House

from .embedding import MakeIngest, Unloadable, Whimsical, ask, running, stats

if TYPE_CHECKING:
    from grace.kit import Runtime

ORDERS = "A session is idle in transaction and blocks all others that want the row."


async def give_up(house: House, loop: loops.Embed, knowledge: Runtime) -> None:
    """Let the embedder try what waits as often as it may."""
    for _ in range(2):
        await loop.tick(knowledge)
        await house.rows("knowledge", "UPDATE embeddings SET next_at = now() WHERE next_at > now()")
    await loop.tick(knowledge)


async def given_up(house: House) -> list[tuple[int, bool, str]]:
    rows = await house.rows(
        "knowledge", "SELECT attempts, next_at IS NULL AS over, tried_by FROM embeddings"
    )
    return [(row["attempts"], row["over"], row["tried_by"]) for row in rows]


async def test_after_so_many_tries_a_passage_is_given_up_and_tried_at_each_start_and_every_day(
    house: House, make_ingest: MakeIngest
) -> None:
    embedder = Whimsical()
    async with running(house, embedder, embed_attempts=2) as knowledge:
        gateway = await house.act_as("gateway")
        loop, settings = loops.Embed(knowledge.settings, embedder), Settings()
        running_on = loops.Renew(settings, embedder)
        await gateway.call(make_ingest("A cursed text."))
        await give_up(house, loop, knowledge)
        assert await given_up(house) == [(2, True, "whimsical")]
        assert REGISTRY.get_sample_value("grace_knowledge_passages_given_up") == 1
        found = await ask(gateway, "a cursed question")
        assert (found.backend, len(found.hits)) == ("postgres-fts", 1)

        started = loops.Renew(settings, embedder)
        for renew, attempts in ((running_on, 2), (started, 3), (started, 3)):
            await renew.tick(knowledge)
            await loop.tick(knowledge)
            assert await given_up(house) == [(attempts, True, "whimsical")]
        a_day_later = loops.Renew(Settings(embed_again=timedelta(microseconds=1)), embedder)
        await a_day_later.tick(knowledge)
        embedder.is_well = True
        await loop.tick(knowledge)
        assert (await stats(gateway)).indexed_embeddings == 1
        await loop.tick(knowledge)
        assert REGISTRY.get_sample_value("grace_knowledge_passages_given_up") == 0


@pytest.mark.parametrize("by", ["an older release", "another embedder"])
async def test_what_others_gave_up_or_got_nothing_of_is_tried_by_another_embedder(
    house: House, make_ingest: MakeIngest, by: str
) -> None:
    embedder = Whimsical()
    async with running(house, embedder, embed_attempts=1) as knowledge:
        gateway = await house.act_as("gateway")
        told = await gateway.call(make_ingest("A cursed text." * 70 + "?! " * 200))
        assert told.chunk_count == 2  # the second has no word
        await loops.Embed(knowledge.settings, embedder).tick(knowledge)
        assert await given_up(house) == [(1, True, "whimsical")] * 2
        if by == "an older release":
            await house.rows("knowledge", "UPDATE embeddings SET tried_by = '', given_up_at = NULL")
    other = Letters()
    async with running(house, other) as knowledge:
        loop = loops.Embed(knowledge.settings, other)
        await loops.Renew(Settings(), other).tick(knowledge)
        await loop.tick(knowledge)
        rows = await house.rows("knowledge", "SELECT embedder FROM embeddings ORDER BY position")
        assert [row["embedder"] for row in rows] == ["letters-384-1", None]
        # Of what has no word nobody tries to make anything a second time.
        await loops.Renew(Settings(), other).tick(knowledge)
        await loop.tick(knowledge)
        assert sorted(await given_up(house)) == [(1, True, ""), (1, True, "letters-384-1")]


async def test_an_embedder_that_cannot_be_loaded_has_tried_nothing_and_says_so(
    house: House, make_ingest: MakeIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "_REST_SECONDS", 0.0)
    embedder = Unloadable()
    async with running(house, embedder, embed_attempts=1) as knowledge:
        gateway = await house.act_as("gateway")
        loop = loops.Embed(knowledge.settings, embedder)
        assert await loop.tick(knowledge) is False
        assert "embedder" not in knowledge.complaints  # nothing waits: nothing is loaded
        await gateway.call(make_ingest(ORDERS))
        for _ in range(2):
            assert await loop.tick(knowledge) is False
            assert await given_up(house) == [(0, False, "")]
        said = ["letters-384-1 cannot be loaded: its weights are gone"]
        assert knowledge.complaints["embedder"] == said
        assert REGISTRY.get_sample_value("grace_knowledge_passages_waiting") == 1

        embedder.is_there = True
        await loop.tick(knowledge)
        assert "embedder" not in knowledge.complaints
        assert (await stats(gateway)).indexed_embeddings == 1
