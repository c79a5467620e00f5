"""`make torture-verify SEED=n`: kill at every edge of the action path, and try what is forbidden."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from load.house import remove
from load.machine import ROOT
from rich.console import Console
from rich.text import Text
from torture_verify import controls, table
from torture_verify.cast import opened_cast
from torture_verify.deeds import DEEDS
from torture_verify.edges import EDGES, SHORT
from torture_verify.run import Done, cases_of, torture
from torture_verify.sabotage import Guard

from grace.kit import logs
from grace.testkit.house import make_installation, make_template, open_house
from grace.testkit.pools import kept_pools

_WIDTH = 160  # of a file or a pipe
# What else is tried with the same command: `async main(seed, console, folder) -> int`, 0 if all held.
_ATTACKS = "torture_verify.attacks"


def main() -> int:
    """Read the arguments; 0 only where everything held and every missing guard was noticed."""
    parser = argparse.ArgumentParser(prog="make torture-verify", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws the order and the ways")
    parser.add_argument("--short", action="store_true", help="some edges with one operation each")
    parser.add_argument("--edges", nargs="*", help="only edges whose names contain one of these")
    parser.add_argument("--operations", nargs="*", choices=[deed.name for deed in DEEDS])
    parser.add_argument("--only", choices=("crashes", "controls", "attacks"), default=None)
    parser.add_argument("--out", type=Path, default=ROOT / ".grace" / "torture",
                        help="the folder for the result, the logs and, while it runs, all data")  # fmt: skip
    given = parser.parse_args()
    given.out.mkdir(mode=0o711, parents=True, exist_ok=True)
    logs.configure("warning", given.out / "torture-verify.log")
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    return asyncio.run(_all(given, console))


async def _all(given: argparse.Namespace, console: Console) -> int:
    root = given.out.absolute() / f"verify-{given.seed}"
    remove(root)
    found: list[Done] = []
    noticed: dict[str, int] = {}
    attacked = 0
    async with _houses(root / "data") as installation:
        if given.only in {None, "crashes"}:
            found = await _crashes(installation, root, given, console)
        if given.only in {None, "controls"}:
            noticed = await _controls(installation, root, console)
        if given.only in {None, "attacks"} and importlib.util.find_spec(_ATTACKS):
            attacks = importlib.import_module(_ATTACKS)
            attacked = await attacks.main(given.seed, console, root / "attacks")
    file = given.out / f"verify-{given.seed}.json"
    table.write(file, given.seed, found, noticed)
    bad = any(each.breaches for each in found) or not all(noticed.values()) or attacked
    console.print(Text(f"{'BREACHED' if bad else 'held'}, {file}", style="red" if bad else "green"))
    return 1 if bad else 0


async def _crashes(
    installation: object, root: Path, given: argparse.Namespace, console: Console
) -> list[Done]:
    edges = [e for e in (SHORT if given.short else EDGES)
             if not given.edges or any(part in e.name for part in given.edges)]  # fmt: skip
    deeds = [deed for deed in DEEDS if not given.operations or deed.name in given.operations]
    cases = cases_of(given.seed, edges, deeds, each=1 if given.short else 0)
    async with (
        kept_pools() as pools,
        open_house(installation, pools) as house,
        opened_cast(house, _folder(root, "crashes")) as cast,
    ):  # type: ignore[arg-type]
        found = await torture(cast, cases, lambda done: _tell(console, done, len(cases)))
    table.show(console, f"Seed {given.seed}: killed once at each edge", found)
    return found


async def _controls(installation: object, root: Path, console: Console) -> dict[str, int]:
    noticed = {}
    for guard in Guard:
        async with kept_pools() as pools, open_house(installation, pools) as house:  # type: ignore[arg-type]
            done = await controls.control(house, _folder(root, guard.name.lower()), guard)
        noticed[guard.value] = int(controls.is_noticed(guard, done))
        words = "noticed" if noticed[guard.value] else "NOT NOTICED"
        console.print(f"without `{guard.value}`: {done.status}, {words}", markup=False)
    return noticed


@asynccontextmanager
async def _houses(data: Path) -> AsyncIterator[object]:
    data.mkdir(mode=0o711, parents=True)
    installation = make_installation(data)
    try:
        await make_template(installation)
        yield installation
    finally:
        await asyncio.to_thread(installation.nats.stop)
        await asyncio.to_thread(installation.postgres.remove)


def _folder(root: Path, name: str) -> Path:
    made = root / name
    made.mkdir(mode=0o755, parents=True, exist_ok=True)
    return made


def _tell(console: Console, done: Done, many: int) -> None:
    case = done.case
    word = "; ".join(f"{b.rule}: {b.detail}" for b in done.breaches) or "ok"
    line = f"{case.number}/{many} {case.edge.name} x {case.deed.name}: {done.status}, {done.seconds:.1f} s, {word}"
    console.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
