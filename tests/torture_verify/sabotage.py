"""The services with one guard taken out each: a judge that never complains is worth nothing.

None of this can be switched on in the product: it replaces parts of the process that is started.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from uuid import UUID

from grace.kit import Service, new_id
from grace.verification import app as verification
from grace.verification.domain import advance
from grace.verification.domain.findings import Verdict
from grace.worker import app as worker
from grace.worker.domain.receipt import Done, hash_of
from grace.worker.domain.state import State
from grace.worker.loops.effect import Effect


class Guard(StrEnum):
    """What is taken out."""

    INTENT = "intent before effect"
    MEASURING = "verdict by measuring"

    @property
    def service(self) -> str:
        """The service whose guard it is."""
        return "worker" if self is Guard.INTENT else "verification"


def built(service: str, without: Guard | None) -> Callable[[], Service]:
    """Return what builds a service, whole or without a guard."""
    match without:
        case Guard.INTENT:
            _take_out_intent()
        case Guard.MEASURING:
            _take_out_measuring()
        case None:
            pass
    return {"worker": worker.build, "verification": verification.build}[service]


def _take_out_intent() -> None:
    """The worker acts first, and stores what was there before together with what it left."""
    begun: dict[int, tuple[UUID, State]] = {}

    async def remember(self: Effect, before: State) -> UUID:
        begun[id(self)] = new_id(), before
        return begun[id(self)][0]

    async def store_both(self: Effect, done: Done) -> None:
        act, holder = self._act, self._holder()
        identity, before = begun.pop(id(self))
        async with self._runtime.unit() as unit:
            store = self._receipts(unit.tx)
            await store.open_receipt(act, hash_of(act), holder, identity=identity, before=before)
            await store.complete_receipt(act, self._job.who, done)

    Effect._open = remember  # type: ignore[method-assign]
    Effect._complete = store_both  # type: ignore[method-assign]


def _take_out_measuring() -> None:
    """Verification believes whoever acted."""
    advance.verdict = lambda *_, **__: Verdict.VERIFIED  # type: ignore[attr-defined]
    # Without it the database refuses: what is verified has all of its promise.
    advance.confidence = lambda *_, **__: 1.0  # type: ignore[attr-defined]
