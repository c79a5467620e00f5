"""`make torture-attacks SEED=n`: nobody executes what was not rightly approved.

An attack matrix on approvals and capabilities, and forged or replayed messages, against the real
services; judged by the receipts of the worker, the files themselves, and every row that an attack
would have to change. Controls: what is rightly approved is executed, once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from unittest import mock

from load.house import remove
from load.machine import ROOT
from rich.console import Console
from rich.table import Table
from torture_verify import attacks_bus, attacks_people, attacks_policy, attacks_tasks
from torture_verify.attacks_stage import Stage, opened_stage

from grace.contracts.governance import Approval
from grace.kit import logs
from grace.testkit import House
from grace.testkit.house import make_installation, make_template, open_house
from grace.testkit.pools import kept_pools
from grace.worker.domain.capability import Allowed
from grace.worker.loops import effect

_WIDTH = 160  # of a file or a pipe
MESSAGES = 1000
_PARALLEL = 32
_SOME = 0.1


@dataclass(frozen=True, slots=True)
class Result:
    """What was tried and what came of it."""

    seed: int
    attempts: int
    executed: int
    messages: int
    effects: int
    honest: int
    breaches: tuple[str, ...]
    tried: dict[str, int]
    answers: dict[str, int]


async def attack(
    house: House, folder: Path, *, seed: int, messages: int, share: float = 1.0
) -> Result:
    """Try everything once and judge it by the world."""
    random = Random(seed)
    async with opened_stage(house, folder, random, share) as stage:
        await attacks_people.seat_everybody(stage)
        done = await _honest(stage)
        stands = await attacks_people.situations(stage)
        await attacks_people.who_may_not(stage, stands)
        await attacks_people.what_may_not(stage, stands)
        await attacks_people.with_tokens(stage, stands)
        await attacks_people.changed_plan(stage, stands["drafted again"])
        await attacks_people.loops_of_delegates(stage, stands["tier 3"])
        await attacks_people.at_once(stage, _PARALLEL)
        await attacks_people.after_cancel(stage)
        await attacks_policy.forbidden_since(stage)
        await attacks_tasks.without_leave(stage, stands["tier 2"], done)
        await attacks_tasks.spent_again(stage, done)
        attempts = stage.books.tried.total()
        breaches = await _breaches(stage)
        before = await stage.fingerprint()
        await attacks_bus.ask_forged(
            stage, stands["tier 2"].approval_id, stands["tier 2"].shown_hash
        )
        victims = [each.mission_id for each in stands.values()]
        await attacks_bus.forge(stage, messages, victims=victims)
        after = await stage.fingerprint()
        changed = [query for query in before if before[query] != after[query]]
        return await _result(stage, seed, attempts=attempts, breaches=breaches, changed=changed)


async def _honest(stage: Stage) -> Approval:
    """The control: what is rightly approved is executed and verified, at either tier."""
    for tier, people in ((3, ("ada", "cyd")), (2, ("bob",))):
        approval = await stage.pending(tier)
        await stage.grant(approval, *people)
        status = await stage.ended(approval)
        if status != "verified":
            raise AssertionError(f"rightly approved, and {status}: the attacks would prove nothing")
    return approval


async def _breaches(stage: Stage) -> list[str]:
    """Effects without a rightly granted mission, or more than one of it."""
    effects = sorted(await stage.missions_of_receipts())
    wrong = [f"executed: {each}" for each in effects if each not in stage.honest]
    wrong += [f"executed twice: {each}" for each in stage.honest if effects.count(each) != 1]
    return wrong + [f"touched: {each}" for each in stage.touched() - stage.honest]


async def _result(
    stage: Stage, seed: int, *, attempts: int, breaches: Sequence[str], changed: Sequence[str]
) -> Result:
    tried = stage.books.tried
    late = [each for each in await _breaches(stage) if each not in breaches]
    return Result(
        seed=seed,
        attempts=attempts,
        executed=len(breaches),
        messages=tried.total() - attempts,
        effects=len(changed) + len(late),
        honest=len(stage.honest),
        breaches=(*breaches, *late, *(f"changed: {each}" for each in changed)),
        tried=dict(tried),
        answers=dict(stage.books.answers),
    )


async def main(seed: int, console: Console, folder: Path) -> int:
    """Run the long form in a house of its own; 0 where nothing was executed and nothing moved."""
    remove(folder)
    installation = make_installation(_made(folder / "data"))
    try:
        await make_template(installation)
        async with kept_pools() as pools, open_house(installation, pools) as house:
            result = await attack(house, _made(folder / "stage"), seed=seed, messages=MESSAGES)
        async with kept_pools() as pools, open_house(installation, pools) as house:
            unguarded = await _control(house, _made(folder / "control"), seed)
    finally:
        await asyncio.to_thread(installation.nats.stop)
        await asyncio.to_thread(installation.postgres.remove)
    file = folder.parent / f"attacks-{seed}.json"
    file.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    show(console, result)
    word = "noticed" if unguarded else "NOT NOTICED"
    console.print(f"without the worker's check of capabilities: {unguarded} executed, {word}")
    return 1 if result.breaches or not unguarded else 0


async def _control(house: House, folder: Path, seed: int) -> int:
    """A run that cannot go well: judges that say nothing of it say nothing at all."""
    with mock.patch.object(effect, "check", return_value=Allowed()):
        return (await attack(house, folder, seed=seed, messages=0, share=_SOME)).executed


def show(console: Console, result: Result) -> None:
    """Print what was tried and how it was answered."""
    table = Table("kind", "answer", "times", box=None)
    for kind, times in sorted(result.answers.items()):
        name, _, answer = kind.rpartition(": ")
        table.add_row(name, answer, str(times))
    console.print(table)
    for breach in result.breaches:
        console.print(f"BREACH {breach}", style="red", markup=False)
    console.print(
        f"seed {result.seed}: {result.attempts} attempts, {result.executed} executed; "
        f"{result.messages} forged or replayed messages, {result.effects} effects; "
        f"{result.honest} rightly granted, each executed once",
        markup=False,
    )


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    return folder


def _run() -> int:
    parser = argparse.ArgumentParser(prog="make torture-attacks", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws the messages and their order")
    parser.add_argument("--out", type=Path, default=ROOT / ".grace" / "torture",
                        help="the folder for the result and, while it runs, all data")  # fmt: skip
    given = parser.parse_args()
    folder = given.out.absolute() / f"attacks-{given.seed}"
    _made(given.out)
    logs.configure("error", given.out / "attacks.log")
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    return asyncio.run(main(given.seed, console, folder))


if __name__ == "__main__":
    sys.exit(_run())
