"""Gives passages their vectors, and forgets the keys of requests that nobody repeats any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from grace.contracts.knowledge import ArtifactIndexed
from grace.kit import Runtime, Unit
from grace.knowledge.embedders import Embedder, EmbeddingError
from grace.knowledge.metrics import EMBEDDED, FAILED, QDRANT_FAILED, UNCOPIED, WAITING
from grace.knowledge.settings import Settings
from grace.knowledge.store import Indexed, QdrantError, Store, Vectors, Waiting, has_vectors

if TYPE_CHECKING:
    from grace.knowledge.store.qdrant import Qdrant

_AT_ONCE = 1000
_WORDLESS = "it has no word that a vector could be made of"
_LONGEST_FAILURE = 500  # characters, of what an embedder says


class Prune:
    """A request that comes again after that is a new one; its content is stored once all the same."""

    def __init__(self, keep: timedelta) -> None:
        """`keep`: longer than anybody tries again, and than streams deliver again."""
        self._keep = keep

    async def tick(self, runtime: Runtime) -> bool:
        """Forget some; True where more may be."""
        async with runtime.unit() as unit:
            gone = await Store(unit.tx).forget_keys(keep=self._keep, most=_AT_ONCE)
        return gone == _AT_ONCE


class Renew:
    """Lets passages that another embedder has read wait for the one of today."""

    def __init__(self, embedder: Embedder | None, *, is_copied: bool = False) -> None:
        """None: nobody reads them. `is_copied`: vectors are compared elsewhere, whatever this database has."""
        self._embedder = embedder
        self._is_copied = is_copied

    async def tick(self, runtime: Runtime) -> bool:
        """Let some wait; True where more may."""
        if self._embedder is None:
            return False
        async with runtime.unit() as unit:
            if not (self._is_copied or await has_vectors(unit.tx)):
                return False
            begun = await Vectors(unit.tx, self._embedder.name).begin_anew(most=_AT_ONCE)
            if begun:
                unit.after_commit(lambda: runtime.wake(Embed))
        return begun >= _AT_ONCE


class Embed:
    """Level-based: what waits is in rows; who dies over a passage leaves it to the next one."""

    def __init__(
        self, settings: Settings, embedder: Embedder | None, *, is_copied: bool = False
    ) -> None:
        """None: no passage gets a vector. `is_copied`: they are compared elsewhere, whatever this database has."""
        self._settings = settings
        self._embedder = embedder
        self._is_copied = is_copied
        self._has_begun = False

    async def tick(self, runtime: Runtime) -> bool:
        """Embed what waits; True where more may."""
        if self._embedder is None:
            return False
        most = self._settings.embed_most
        async with runtime.unit() as unit:
            if not await self._may_begin(runtime, unit, self._embedder):
                return False
            vectors = Vectors(unit.tx, self._embedder.name)
            waiting = await vectors.claim(most=most, claim_for=self._settings.embed_within)
            WAITING.set(await vectors.waiting())
        if waiting:
            await _Batch(runtime, self._settings, self._embedder).embed(waiting)
        return len(waiting) == most

    async def _may_begin(self, runtime: Runtime, unit: Unit, embedder: Embedder) -> bool:
        if self._has_begun or not (self._is_copied or await has_vectors(unit.tx)):
            return self._has_begun
        self._has_begun = True
        runtime.log.info("Vector/embedding services started", embedder=embedder.name)
        runtime.log.info("[VECTOR INTEGRATION] Started - auto-embedding enabled")
        return True


class Copy:
    """Takes vectors to Qdrant. Replicas may take the same ones at once: a second copy replaces the first."""

    def __init__(self, settings: Settings, embedder: Embedder, qdrant: Qdrant) -> None:
        """Those of this embedder: the others' are made anew first."""
        self._most = settings.embed_most
        self._embedder = embedder
        self._qdrant = qdrant
        self._is_indexed = False

    async def tick(self, runtime: Runtime) -> bool:
        """Copy some; True where more may be. What fails is told, and tried at the next tick."""
        try:
            copied = await self._copy(runtime)
        except QdrantError as error:
            QDRANT_FAILED.inc()
            runtime.complaints["qdrant"] = [f"Qdrant: {error}"]
            runtime.log.warning("qdrant.failed", reason=str(error))
            copied = 0
        else:
            runtime.complaints.pop("qdrant", None)
        async with runtime.unit() as unit:
            UNCOPIED.set(await self._vectors(unit).count_uncopied(self._qdrant.place))
        return copied == self._most

    async def _copy(self, runtime: Runtime) -> int:
        if not await self._qdrant.exists():
            await self._begin_anew(runtime)
        if not self._is_indexed:
            await self._qdrant.index()
            self._is_indexed = True
        place = self._qdrant.place
        async with runtime.unit() as unit:
            found = await self._vectors(unit).uncopied(place, most=self._most)
        if found:
            await self._qdrant.put(self._embedder.name, found)
            async with runtime.unit() as unit:
                await self._vectors(unit).mark_copied(place, found)
        return len(found)

    async def _begin_anew(self, runtime: Runtime) -> None:
        """Forget first: who dies in between finds no collection again, and nothing is taken for copied."""
        forgotten = _AT_ONCE
        while forgotten >= _AT_ONCE:
            async with runtime.unit() as unit:
                forgotten = await self._vectors(unit).forget_copies(
                    self._qdrant.place, most=_AT_ONCE
                )
        await self._qdrant.create()
        self._is_indexed = False

    def _vectors(self, unit: Unit) -> Vectors:
        return Vectors(unit.tx, self._embedder.name)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Passages that were claimed together."""

    runtime: Runtime
    settings: Settings
    embedder: Embedder

    async def embed(self, waiting: Sequence[Waiting]) -> None:
        """Embed together; where that fails one by one, so that none stands in the others' way."""
        try:
            vectors = await self._vectors_of(waiting)
        except EmbeddingError as error:
            if len(waiting) > 1:
                for each in waiting:
                    await self.embed([each])
                return
            async with self.runtime.unit() as unit:
                await self._fail(unit, waiting[0], str(error))
            return
        async with self.runtime.unit() as unit:
            await self._keep(unit, list(zip(waiting, vectors, strict=True)))

    async def _vectors_of(self, waiting: Sequence[Waiting]) -> list[list[float] | None]:
        return await asyncio.to_thread(self.embedder.embed, [each.words for each in waiting])

    async def _keep(self, unit: Unit, found: Sequence[tuple[Waiting, list[float] | None]]) -> None:
        store = Vectors(unit.tx, self.embedder.name)
        made = [(waiting, vector) for waiting, vector in found if vector is not None]
        kept = await store.keep(made)
        unit.after_commit(lambda: EMBEDDED.inc(kept))
        unit.after_commit(lambda: self.runtime.wake(Copy))
        for waiting, vector in found:
            if vector is None:
                await self._fail(unit, waiting, _WORDLESS, for_good=True)
        for artifact in await store.finished([waiting.artifact_id for waiting, _ in made]):
            self._tell(unit, artifact)

    async def _fail(
        self, unit: Unit, waiting: Waiting, why: str, *, for_good: bool = False
    ) -> None:
        over = for_good or waiting.attempts >= self.settings.embed_attempts
        await Vectors(unit.tx, self.embedder.name).fail(
            waiting,
            why[:_LONGEST_FAILURE],
            again_in=None if over else timedelta(seconds=2**waiting.attempts),
        )
        unit.after_commit(FAILED.inc)

    def _tell(self, unit: Unit, artifact: Indexed) -> None:
        indexed = ArtifactIndexed(
            artifact_id=str(artifact.artifact_id),
            tenant_id=artifact.tenant,
            embedder=self.embedder.name,
            chunk_count=artifact.chunk_count,
        )
        unit.publish(indexed, tenant=artifact.tenant)
