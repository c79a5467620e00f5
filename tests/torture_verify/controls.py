"""Runs with one guard taken out each: the judge has to complain of every one."""

from __future__ import annotations

from pathlib import Path

from torture_verify.cast import opened_cast
from torture_verify.deeds import Deed, clear_pycache, move_aside
from torture_verify.edges import Edge, Way
from torture_verify.run import Case, Done, torture
from torture_verify.sabotage import Guard

from grace.testkit import House

# Where the missing guard shows: the crash that it is there for.
CASES = {
    Guard.INTENT: Case(
        1, Edge("worker", "apply.after_effect"), Deed("move_aside", move_aside), Way.RESTORED
    ),
    Guard.MEASURING: Case(
        1, Edge("verification", "measure.after"), Deed("clear_pycache", clear_pycache), Way.RESTORED
    ),
}
# What must be found then.
EXPECTED = {Guard.INTENT: "half state", Guard.MEASURING: "false success"}


async def control(house: House, folder: Path, guard: Guard) -> Done:
    """Run the one case without its guard."""
    async with opened_cast(house, folder, guard) as cast:
        (done,) = await torture(cast, [CASES[guard]])
        return done


def is_noticed(guard: Guard, done: Done) -> bool:
    """Whether the judge found what the missing guard lets through."""
    return EXPECTED[guard] in {breach.rule for breach in done.breaches}
