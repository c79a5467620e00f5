"""`make torture-htm SEED=n` and `make torture-htm-controls`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from load.apart import own_grounds
from load.house import remove
from load.machine import ROOT
from rich.console import Console
from torture import table
from torture.controls import CONTROLS
from torture.plan import Fault
from torture.run import FULL, SHORT, Result, Sizes, torture
from torture.sabotage import Sabotage

from grace.kit import logs

_WIDTH = 140  # of a file or a pipe


def main() -> int:
    """Read the arguments; 0 only where the checker said what it had to say."""
    parser = argparse.ArgumentParser(prog="make torture-htm", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws faults, tasks and victims")
    parser.add_argument("--tasks", type=int, default=0, help="instead of the form's own number")
    parser.add_argument("--faults", type=int, default=0, help="instead of the form's own number")
    parser.add_argument("--short", action="store_true", help="the form that `make test` runs")
    parser.add_argument("--controls", nargs="*", choices=list(Sabotage), default=None,
                        help="take guards out, these or all: each run must be found bad")  # fmt: skip
    parser.add_argument("--out", type=Path, default=ROOT / ".grace" / "torture",
                        help="the folder for the result, the logs and, while it runs, all data")  # fmt: skip
    given = parser.parse_args()
    given.out.mkdir(mode=0o711, parents=True, exist_ok=True)
    logs.configure("warning", given.out / "torture.log")
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    if given.controls is not None:
        return asyncio.run(_controls(given.controls or list(Sabotage), given, console))
    return asyncio.run(_plain(_sizes(given), given, console))


def _sizes(given: argparse.Namespace) -> Sizes:
    form = SHORT if given.short else FULL
    return replace(form, tasks=given.tasks or form.tasks, faults=given.faults or form.faults)


async def _plain(sizes: Sizes, given: argparse.Namespace, console: Console) -> int:
    result = await _run(sizes, given, console, name=f"htm-{given.seed}")
    return 1 if result.breaches else 0


async def _controls(names: Sequence[str], given: argparse.Namespace, console: Console) -> int:
    """1 when a sabotage went unnoticed: then no other run says anything either."""
    unnoticed = []
    for sabotage in map(Sabotage, names):
        control = CONTROLS[sabotage]
        result = await _run(
            control.sizes, given, console,
            name=f"control-{sabotage}-{given.seed}", sabotage=sabotage,
            faults=control.draw(given.seed),
        )  # fmt: skip
        if not control.breaches & {finding.rule for finding in result.breaches}:
            unnoticed.append(sabotage)
    said = f"unnoticed: {', '.join(unnoticed)}" if unnoticed else "every sabotage was noticed"
    console.print(said, style="bold red" if unnoticed else "green")
    return 1 if unnoticed else 0


async def _run(
    sizes: Sizes, given: argparse.Namespace, console: Console, *,
    name: str, sabotage: Sabotage | None = None, faults: Sequence[Fault] | None = None,
) -> Result:  # fmt: skip
    root = given.out.absolute() / name
    remove(root)  # what an earlier run left: its stream would be read as this one's
    async with own_grounds(root) as grounds:
        result = await torture(grounds, sizes, given.seed, sabotage=sabotage, faults=faults)
    file = root.with_suffix(".json")
    table.write(file, result)
    table.show(console, result, file)
    return result


if __name__ == "__main__":
    sys.exit(main())
