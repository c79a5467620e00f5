"""The tasks of a run, drawn from its seed; each says how it has to end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from torture.limits import LENDING, LIMITED_KEY, WALLED

from grace.contracts.htm import TaskSpec

KERNEL = "torture"
_NOBODYS = "torture-nobody"
_ORIGINS, _ORIGIN_SHARES = ("verification", WALLED, LENDING, "learning"), (10, 1, 1, 1)
_LIMITED = 0.06  # of all count under a key that has a limit
_WORK_MS = (30, 400)
_TASKS_PER_DEADLY = 2000
_DEADLY_ATTEMPTS = 2
# An innocent task is hit by many faults and has to succeed all the same.
_MOST_ATTEMPTS = 100
_LONG_MS, _SHORT_MS = 3_600_000, 2_000


class Kind(StrEnum):
    """What a worker does with a task."""

    PLAIN = "plain"  # carries it out
    FLAKY = "flaky"  # fails at first, and carries it out later
    REFUSED = "refused"  # finds that it is wrong
    STRANDED = "stranded"  # there is no such worker
    DEADLY = "deadly"  # dies of it, with all that it holds


ENDS = {
    Kind.PLAIN: "succeeded",
    Kind.FLAKY: "succeeded",
    Kind.REFUSED: "failed",
    Kind.STRANDED: "expired",
    Kind.DEADLY: "dead_letter",
}
_SHARES = {Kind.PLAIN: 90, Kind.FLAKY: 5, Kind.REFUSED: 3, Kind.STRANDED: 2}


@dataclass(frozen=True, slots=True)
class Order:
    """One task that is submitted."""

    kind: Kind
    spec: TaskSpec

    @property
    def key(self) -> str:
        """The submitter's key."""
        return self.spec.key

    @property
    def end(self) -> str:
        """The only state in which it may end."""
        return ENDS[self.kind]


def draw(seed: int, count: int) -> Sequence[Order]:
    """`count` orders; a few of them kill whoever takes them up."""
    dice = Random(f"orders of {seed}")
    deadly = set(dice.sample(range(count), max(1, count // _TASKS_PER_DEADLY)))
    kinds = dice.choices(list(_SHARES), list(_SHARES.values()), k=count)
    return [
        _order(f"torture-{seed}-{number}", Kind.DEADLY if number in deadly else kind, dice)
        for number, kind in enumerate(kinds)
    ]


def _order(key: str, kind: Kind, dice: Random) -> Order:
    params = {"kind": kind, "work_ms": dice.randint(*_WORK_MS), "fails": dice.randint(1, 2)}
    spec = TaskSpec(
        key=key,
        type=f"torture.{kind}",
        kernel=_NOBODYS if kind is Kind.STRANDED else KERNEL,
        origin=dice.choices(_ORIGINS, _ORIGIN_SHARES)[0],
        operation="torture.write_row",
        step="apply",
        target="torture",
        params=json.dumps(params),
        priority=dice.randint(-2, 2),
        timeout_ms=30_000,
        max_attempts=_DEADLY_ATTEMPTS if kind is Kind.DEADLY else _MOST_ATTEMPTS,
        sla_ms=_SHORT_MS if kind is Kind.STRANDED else _LONG_MS,
        tenant_id="default",
        limit_key=LIMITED_KEY if dice.random() < _LIMITED else None,
    )
    return Order(kind, spec)
