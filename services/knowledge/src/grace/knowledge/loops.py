"""Gives passages their vectors, and forgets the keys of requests that nobody repeats any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from grace.contracts.knowledge import ArtifactIndexed
from grace.kit import Runtime, Unit
from grace.knowledge.embedders import Embedder, EmbeddingError
from grace.knowledge.metrics import EMBEDDED, FAILED, GIVEN_UP, QDRANT_FAILED, UNCOPIED, WAITING
from grace.knowledge.settings import Settings
from grace.knowledge.store import Indexed, QdrantError, Store, Vectors, Waiting, has_vectors

if TYPE_CHECKING:
    from grace.knowledge.store.qdrant import Qdrant

_AT_ONCE = 1000
_WORDLESS = "it has no word that a vector could be made of"
_REST_SECONDS = 30.0  # between two tries to load an embedder
_JUST_NOW = timedelta(hours=1)  # by the clocks of all replicas
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
    """Lets passages wait for the embedder of today: those that another one has read, and those that were given up."""

    def __init__(
        self, settings: Settings, embedder: Embedder | None, *, is_copied: bool = False
    ) -> None:
        """None: nobody reads them. `is_copied`: vectors are compared elsewhere, whatever this database has."""
        self._again_after = settings.embed_again
        self._embedder = embedder
        self._is_copied = is_copied
        self._made_at = monotonic()

    async def tick(self, runtime: Runtime) -> bool:
        """Let some wait; True where more may."""
        if self._embedder is None:
            return False
        async with runtime.unit() as unit:
            if not (self._is_copied or await has_vectors(unit.tx)):
                return False
            vectors = Vectors(unit.tx, self._embedder.name)
            begun = await vectors.begin_anew(most=_AT_ONCE)
            begun += await vectors.try_again(after=self._rest(), most=_AT_ONCE)
            if begun:
                unit.after_commit(lambda: runtime.wake(Embed))
        return begun >= _AT_ONCE

    def _rest(self) -> timedelta:
        """Whoever mends an embedder starts it again: what was given up before this process began is tried at once."""
        return min(self._again_after, timedelta(seconds=monotonic() - self._made_at))


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
        self._rests_until = 0.0

    async def tick(self, runtime: Runtime) -> bool:
        """Embed what waits; True where more may."""
        embedder, most = self._embedder, self._settings.embed_most
        if embedder is None or not await self._is_needed(runtime, embedder):
            return False
        if not await self._is_loaded(runtime, embedder):
            return False
        async with runtime.unit() as unit:
            waiting = await Vectors(unit.tx, embedder.name).claim(
                most=most, claim_for=self._settings.embed_within
            )
        if waiting:
            await _Batch(runtime, self._settings, embedder).embed(waiting)
        return len(waiting) == most

    async def _is_needed(self, runtime: Runtime, embedder: Embedder) -> bool:
        """Whether a passage waits that vectors are made of here."""
        async with runtime.unit() as unit:
            if not await self._may_begin(runtime, unit, embedder):
                return False
            vectors = Vectors(unit.tx, embedder.name)
            GIVEN_UP.set(await vectors.given_up())
            waiting = await vectors.waiting()
        WAITING.set(waiting)
        return waiting > 0

    async def _is_loaded(self, runtime: Runtime, embedder: Embedder) -> bool:
        """Whether it can be asked. Before a passage is claimed: an embedder that is not there has not tried it."""
        if monotonic() < self._rests_until:
            return False
        try:
            await asyncio.to_thread(embedder.load)
        except EmbeddingError as error:
            self._rests_until = monotonic() + _REST_SECONDS
            runtime.complaints["embedder"] = [f"{embedder.name} cannot be loaded: {error}"]
            runtime.log.warning("embedder.not_loaded", embedder=embedder.name, reason=str(error))
            return False
        runtime.complaints.pop("embedder", None)
        return True

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


class Weed:
    """Takes out of Qdrant what another embedder had put there, once no row is of that one any more."""

    def __init__(self, embedder: Embedder, qdrant: Qdrant) -> None:
        """What this embedder has put stays."""
        self._embedder = embedder
        self._qdrant = qdrant

    async def tick(self, runtime: Runtime) -> bool:
        """Delete all of it at once, but for what was put just now: rows of it may have come in this moment."""
        async with runtime.unit() as unit:
            if not await Vectors(unit.tx, self._embedder.name).are_alone():
                return False
        try:
            if await self._qdrant.exists():
                await self._qdrant.weed(self._embedder.name, untouched=_JUST_NOW)
        except QdrantError as error:
            QDRANT_FAILED.inc()
            runtime.log.warning("qdrant.not_weeded", reason=str(error))
        return False


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
                await self._fail(unit, waiting, _WORDLESS, is_wordless=True)
        for artifact in await store.finished([waiting.artifact_id for waiting, _ in made]):
            self._tell(unit, artifact)

    async def _fail(
        self, unit: Unit, waiting: Waiting, why: str, *, is_wordless: bool = False
    ) -> None:
        over = is_wordless or waiting.attempts >= self.settings.embed_attempts
        await Vectors(unit.tx, self.embedder.name).fail(
            waiting,
            why[:_LONGEST_FAILURE],
            again_in=None if over else timedelta(seconds=2**waiting.attempts),
            is_wordless=is_wordless,
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
