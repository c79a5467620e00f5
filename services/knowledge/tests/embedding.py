"""Knowledge with an embedder of a test's own, and what is asked of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from grace.contracts.knowledge import (
    GetIndexStats,
    IndexStats,
    IngestArtifact,
    SearchKnowledge,
    SearchResults,
)
from grace.kit import Service
from grace.knowledge import handlers, loops
from grace.knowledge.embedders import EmbeddingError, Letters
from grace.knowledge.settings import Settings
from grace.testkit import House

if TYPE_CHECKING:
    from grace.kit import Runtime

MakeIngest = Callable[..., IngestArtifact]


async def ask(gateway: Runtime, query: str, *, tenant: str = "default", most: int = 10) -> Any:
    found: SearchResults = await gateway.call(
        SearchKnowledge(tenant_id=tenant, query=query, top_k=most)
    )
    return found


async def stats(gateway: Runtime, tenant: str = "default") -> IndexStats:
    found: IndexStats = await gateway.call(GetIndexStats(tenant_id=tenant))
    return found


class Whimsical(Letters):
    """An embedder that fails where a text says so, until it is told better."""

    name = "whimsical"

    def __init__(self) -> None:
        self.is_well = False

    def embed(self, texts: Sequence[str]) -> list[list[float] | None]:
        if not self.is_well and any("cursed" in text for text in texts):
            raise EmbeddingError("the model fell over")
        return super().embed(texts)


class Unloadable(Letters):
    """An embedder that cannot be loaded, until it is there."""

    def __init__(self) -> None:
        self.is_there = False

    def load(self) -> None:
        if not self.is_there:
            raise EmbeddingError("its weights are gone")


@asynccontextmanager
async def running(house: House, embedder: Letters, **settings: Any) -> AsyncIterator[Runtime]:
    """Knowledge with an embedder of the test's own; loops tick when the test says so."""
    own = Settings(**house.installation.settings("knowledge", house.database) | settings)
    service = (
        Service("knowledge", own)
        .schema(loops.__file__)
        .handle(handlers.stream(loops.Embed))
        .serve(handlers.rpc(embedder))
    )
    async with house.running():
        started = await house.furnished(service).start()
        try:
            yield started.runtime
        finally:
            await started.stop()


@asynccontextmanager
async def renamed(house: House, name: str) -> AsyncIterator[None]:
    """The index under another name: as in a database without pgvector, there is none."""
    admin = await house.installation.admin(house.database)
    await admin.execute(f"ALTER INDEX knowledge.embeddings_nearest RENAME TO {name}_")
    await admin.execute(f"ALTER INDEX knowledge.{name}_ RENAME TO {name}")
    try:
        yield
    finally:
        await admin.execute(f"ALTER INDEX knowledge.{name} RENAME TO {name}_")
        await admin.execute(f"ALTER INDEX knowledge.{name}_ RENAME TO embeddings_nearest")
        await admin.close()
