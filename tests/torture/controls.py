"""Negative controls: with one guard taken out the checker has to complain, and of the right thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torture.plan import Kind
from torture.run import SHORT, Sizes
from torture.sabotage import Sabotage

_SIZES = replace(SHORT, patience=15.0)


@dataclass(frozen=True, slots=True)
class Control:
    """What is done to a sabotaged house, and of what the checker has to complain at least."""

    sizes: Sizes
    kinds: Sequence[Kind]
    breaches: frozenset[str]


CONTROLS: Mapping[Sabotage, Control] = {
    Sabotage.FENCE_OFF: Control(
        replace(_SIZES, tasks=300, faults=12),
        (Kind.REPORT_OLD, Kind.REPORT_FOREIGN, Kind.HAND_STOP),
        frozenset({"ended by nobody's report", "false success"}),
    ),
    Sabotage.EFFECT_FENCE_OFF: Control(
        replace(_SIZES, tasks=300, faults=12),
        (Kind.HAND_STOP,),
        frozenset({"double effect", "stale effect"}),
    ),
    Sabotage.LEASE_AT_DISPATCH: Control(
        replace(_SIZES, tasks=900, faults=2, capacity=10_000),
        (Kind.SUBMIT_AGAIN,),
        frozenset({"too many executions"}),
    ),
    Sabotage.CURSOR_OUTBOX: Control(
        replace(_SIZES, tasks=900, faults=16, htms=3),
        (Kind.HTM_KILL, Kind.SUBMIT_AGAIN),
        frozenset({"untold"}),
    ),
}
