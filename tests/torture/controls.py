"""Negative controls: with one guard taken out the checker has to complain, and of the right thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torture import plan
from torture.plan import Fault, Kind
from torture.run import SHORT, Sizes
from torture.sabotage import Sabotage

_SIZES = replace(SHORT, patience=15.0)
# One fault after the other, each on workers that hold something: what it provokes does not depend on
# how fast the machine is.
_APART = replace(_SIZES, tasks=300, faults=4, faults_of_a_wave=1, is_apart=True)
# Long enough that another takes every task over meanwhile, and does it.
_LONG_STOPS = (2.0, 2.5)


@dataclass(frozen=True, slots=True)
class Control:
    """What is done to a sabotaged house, and of what the checker has to complain at least."""

    sizes: Sizes
    kinds: Sequence[Kind]
    breaches: frozenset[str]
    leases: tuple[float, float] = plan.OVER_A_LEASE

    def draw(self, seed: int) -> Sequence[Fault]:
        """The faults of a seed."""
        return plan.draw(seed, self.sizes.faults, self.kinds, self.leases)


CONTROLS: Mapping[Sabotage, Control] = {
    Sabotage.FENCE_OFF: Control(
        _APART,
        (Kind.REPORT_STILL,),
        frozenset({"ended by nobody's report", "false success"}),
        leases=_LONG_STOPS,
    ),
    Sabotage.EFFECT_FENCE_OFF: Control(
        _APART,
        (Kind.HAND_STOP,),
        frozenset({"double effect", "stale effect"}),
        leases=_LONG_STOPS,
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
