"""htm and workers with one guard taken out, each as a process: a checker that never complains is worth nothing.

    python -m torture.sabotage fence_off

None of this can be switched on in the product: it replaces parts of the process that it starts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from torture import hand

from grace.contracts.htm import ClaimedTasks, ClaimTasks
from grace.htm import app, handlers
from grace.htm.domain import reports
from grace.htm.domain.lifecycle import HELD
from grace.htm.handlers.claim import Memory
from grace.htm.settings import Settings
from grace.kit import Called, Service, Unit, main, relay
from grace.kit.sql import Query

_DISPATCHED_AT_ONCE = 256


class Sabotage(StrEnum):
    """What is taken out."""

    FENCE_OFF = "fence_off"
    EFFECT_FENCE_OFF = "effect_fence_off"
    LEASE_AT_DISPATCH = "lease_at_dispatch"
    CURSOR_OUTBOX = "cursor_outbox"

    @property
    def is_of_workers(self) -> bool:
        """Whether it is the workers that are started so; otherwise htm."""
        return self is Sabotage.EFFECT_FENCE_OFF


def fence_off() -> Service:
    """htm takes every report on a held task for one of its newest attempt."""
    judge = reports.standing_of

    def unfenced(report: reports.Report, task: reports.Attempted | None) -> reports.Standing:
        if task is not None and task.state in HELD:
            return reports.Standing.CURRENT
        return judge(report, task)

    reports.standing_of = unfenced
    return app.build()


def effect_fence_off() -> Service:
    """A worker acts without asking whether a later attempt has taken over."""
    unfenced = hand.APPLY.replace(hand.FENCE, "")
    if unfenced == hand.APPLY:
        raise AssertionError("the statement has no fence to take out")
    hand.APPLY = unfenced
    return hand.build()


def lease_at_dispatch() -> Service:
    """htm sends all that waits to whoever asks; leases run while it waits at the worker."""
    claim = handlers.on_claim

    async def dispatch(
        settings: Settings, memory: Memory, calls: Sequence[Called[ClaimTasks]], unit: Unit
    ) -> Sequence[ClaimedTasks]:
        return await claim(settings, memory, [_all_of_it(call) for call in calls], unit)

    handlers.on_claim = dispatch
    return app.build()


def _all_of_it(call: Called[ClaimTasks]) -> Called[ClaimTasks]:
    return replace(call, body=call.body.model_copy(update={"slots": _DISPATCHED_AT_ONCE}))


def cursor_outbox() -> Service:
    """The relay remembers how far it came, and looks only at what lies behind that."""
    relay.QUERIES = {**relay.QUERIES, "unsent": _behind_the_cursor()}
    return app.build()


def _behind_the_cursor() -> Query:
    plain = relay.QUERIES["unsent"]
    last = "(SELECT coalesce(max(position), 0) FROM outbox WHERE sent_at IS NOT NULL)"
    text = plain.text.replace("WHERE sent_at IS NULL", f"WHERE position > {last}")
    if text == plain.text:
        raise AssertionError("the statement does not look for unsent rows")
    return replace(plain, text=text)


_BUILDS: dict[Sabotage, Callable[[], Service]] = {
    Sabotage.FENCE_OFF: fence_off,
    Sabotage.EFFECT_FENCE_OFF: effect_fence_off,
    Sabotage.LEASE_AT_DISPATCH: lease_at_dispatch,
    Sabotage.CURSOR_OUTBOX: cursor_outbox,
}


if __name__ == "__main__":
    main(_BUILDS[Sabotage(sys.argv[1])])
