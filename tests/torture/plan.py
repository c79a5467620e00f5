"""What is broken, in which order: drawn from a seed alone, so that a bad run can be had again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

_LONGEST_GAP = 0.3  # seconds between two faults
OVER_A_LEASE = (1.15, 1.6)  # leases that a worker stands still


class Kind(StrEnum):
    """What a fault does."""

    HTM_KILL = "htm.kill"
    HTM_STOP = "htm.stop"
    HAND_KILL = "worker.kill"
    HAND_STOP = "worker.stop"
    HAND_CLOCK = "worker.clock"
    NATS_WIPE = "nats.wipe"
    NATS_KILL = "nats.kill"
    BACKENDS_END = "postgres.backends"
    POSTGRES_RESTART = "postgres.restart"
    POSTGRES_KILL = "postgres.kill"
    SUBMIT_AGAIN = "submit.again"
    SUBMIT_OTHER = "submit.other"
    REPORT_FOREIGN = "report.foreign"
    REPORT_OLD = "report.old"
    REPORT_AGAIN = "report.again"
    REPORT_STILL = "report.still"
    POISON = "poison"


# How many of a hundred.
SHARES: Mapping[Kind, int] = {
    Kind.HTM_KILL: 24, Kind.HAND_KILL: 19, Kind.HAND_STOP: 12, Kind.HTM_STOP: 5,
    Kind.HAND_CLOCK: 4, Kind.NATS_WIPE: 3, Kind.NATS_KILL: 3, Kind.BACKENDS_END: 8,
    Kind.POSTGRES_RESTART: 2, Kind.POSTGRES_KILL: 2, Kind.SUBMIT_AGAIN: 4, Kind.SUBMIT_OTHER: 3,
    Kind.REPORT_FOREIGN: 3, Kind.REPORT_OLD: 3, Kind.REPORT_AGAIN: 2, Kind.REPORT_STILL: 2,
    Kind.POISON: 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `victim` is a number that the processes of that kind divide among them."""

    number: int
    kind: Kind
    gap: float
    victim: int
    leases: float
    clock_off: int


def draw(
    seed: int, count: int, kinds: Sequence[Kind] = tuple(Kind),
    leases: tuple[float, float] = OVER_A_LEASE,
) -> tuple[Fault, ...]:  # fmt: skip
    """`count` faults in an order of the seed: each kind once, and by its share."""
    dice = Random(f"faults of {seed}")
    whole = sum(SHARES[kind] for kind in kinds)
    rest = max(0, count - len(kinds))
    drawn = [kind for kind in kinds for _ in range(1 + SHARES[kind] * rest // whole)]
    drawn += dice.choices(kinds, [SHARES[kind] for kind in kinds], k=max(0, count - len(drawn)))
    dice.shuffle(drawn)
    return tuple(_fault(number, kind, dice, leases) for number, kind in enumerate(drawn))


def _fault(number: int, kind: Kind, dice: Random, leases: tuple[float, float]) -> Fault:
    return Fault(
        number=number,
        kind=kind,
        gap=dice.uniform(0, _LONGEST_GAP),
        victim=dice.randrange(1_000_000),
        leases=dice.uniform(*leases),
        clock_off=dice.choice((-1, 1)) * dice.randrange(60, 3600),
    )
