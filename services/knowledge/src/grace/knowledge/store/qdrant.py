"""Vectors in Qdrant: an index of what the rows hold, which can be lost and is filled from them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic, time
from typing import Final
from uuid import UUID, uuid5

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from grace.knowledge.domain.finding import Near
from grace.knowledge.store.place import QdrantError
from grace.knowledge.store.vectors import DIMENSIONS, Uncopied

_LONGEST_ANSWER = 200  # characters, of what Qdrant says
# After a failure questions go elsewhere for a while, so that a server that hangs slows few of them.
_REST_SECONDS: Final = 5.0


@dataclass(slots=True)
class Qdrant:
    """One collection, of all tenants and embedders; `place` names it among all that there ever were.

    A question waits no longer than `patience`, and for what nobody waits for there is `copy_patience`.
    """

    client: AsyncQdrantClient
    place: str
    collection: str
    patience: timedelta
    copy_patience: timedelta
    _rests_until: float = 0.0

    async def exists(self) -> bool:
        """Whether the collection is there, with vectors as ours. QdrantError where it is another's."""
        async with self._answered(self.copy_patience):
            if not await self.client.collection_exists(self.collection):
                return False
            found = (await self.client.get_collection(self.collection)).config.params.vectors
        if (
            isinstance(found, models.VectorParams)
            and found.size == DIMENSIONS
            and found.distance is models.Distance.COSINE
        ):
            return True
        raise QdrantError(f"the collection {self.collection} is not of {DIMENSIONS} cosines")

    async def create(self) -> None:
        """Make the collection, empty."""
        async with self._answered(self.copy_patience):
            await self.client.create_collection(
                self.collection,
                vectors_config=models.VectorParams(
                    size=DIMENSIONS, distance=models.Distance.COSINE
                ),
            )

    async def index(self) -> None:
        """Have tenants and spaces found by an index; what is there stays."""
        async with self._answered(self.copy_patience):
            for name in ("tenant", "space"):
                await self.client.create_payload_index(
                    self.collection, name, field_schema=models.PayloadSchemaType.KEYWORD
                )

    async def put(self, embedder: str, passages: Sequence[Uncopied]) -> None:
        """Store vectors, each in the place of what its passage had of this embedder; they can be found at once."""
        points = [_point(embedder, each) for each in passages]
        async with self._answered(self.copy_patience):
            await self.client.upsert(self.collection, points, wait=True)

    async def weed(self, embedder: str, *, untouched: timedelta) -> None:
        """Delete what is of other embedders, or of an older form, unless it was put within that time."""
        others = models.Filter(
            must_not=[
                _is("space", embedder),
                models.FieldCondition(
                    key="put_at", range=models.Range(gte=time() - untouched.total_seconds())
                ),
            ]
        )
        async with self._answered(self.copy_patience):
            await self.client.delete(self.collection, models.FilterSelector(filter=others))

    async def nearest(
        self, embedder: str, tenant: str, vector: Sequence[float], *, most: int
    ) -> list[Near] | None:
        """Return the tenant's passages nearest to a vector; None where Qdrant has none of them."""
        async with self._asked():
            found = await self.client.query_points(
                self.collection,
                query=list(vector),
                query_filter=_of(embedder, tenant),
                limit=most,
                with_payload=True,
            )
            return [_near(each) for each in found.points] or None

    async def count(self, embedder: str, tenant: str) -> int:
        """Return how many passages of a tenant Qdrant has."""
        async with self._asked():
            found = await self.client.count(
                self.collection, count_filter=_of(embedder, tenant), exact=True
            )
        return found.count

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[None]:
        """Somebody waits for the answer: after a failure nobody does, for a while."""
        if monotonic() < self._rests_until:
            raise QdrantError("it failed a moment ago, and is asked again soon")
        try:
            async with self._answered(self.patience):
                yield
        except QdrantError:
            self._rests_until = monotonic() + _REST_SECONDS
            raise

    @asynccontextmanager
    async def _answered(self, within: timedelta) -> AsyncIterator[None]:
        seconds = within.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise QdrantError(f"no answer within {seconds:g} s") from None
        except (ApiException, QdrantException, LookupError, TypeError, ValueError) as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise QdrantError(said[:_LONGEST_ANSWER]) from error


def _of(embedder: str, tenant: str) -> models.Filter:
    """Spaces never mix, nor do tenants."""
    return models.Filter(must=[_is("tenant", tenant), _is("space", embedder)])


def _is(key: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _point(embedder: str, passage: Uncopied) -> models.PointStruct:
    """Each embedder has a point of its own for a passage: one that comes late replaces nobody else's."""
    return models.PointStruct(
        id=str(uuid5(passage.artifact_id, f"{passage.position} {embedder}")),
        vector=list(passage.embedding),
        payload={
            "tenant": passage.tenant_id,
            "space": embedder,
            "artifact": str(passage.artifact_id),
            "position": passage.position,
            "put_at": time(),
        },
    )


def _near(point: models.ScoredPoint) -> Near:
    payload = point.payload or {}
    return Near(UUID(payload["artifact"]), int(payload["position"]), point.score)
