"""`make bench` and `make load`: measure, print a table, write bench.json."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvloop
from load.bench import PARTS, run
from load.machine import ROOT
from load.sizes import FULL, SHORT
from rich.console import Console

from grace.kit import logs
from grace.stack.errors import StackError

_WIDTH = 140  # of a file or a pipe


def main() -> int:
    """Read the arguments; 0 only where every figure that was asked for was measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer and shorter, under a minute")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART",
                        help=f"only these parts: {', '.join(PARTS)}")  # fmt: skip
    parser.add_argument("--out", type=Path, default=ROOT / ".grace" / "bench",
                        help="the folder for bench.json and, while it runs, all data")  # fmt: skip
    given = parser.parse_args()
    given.out.mkdir(mode=0o711, parents=True, exist_ok=True)
    logs.configure("warning", given.out / "bench.log")  # only what this process itself says
    sizes = SHORT if given.short else FULL
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    try:
        return uvloop.run(run(sizes, given.only, given.out.absolute(), console))
    except StackError as error:
        console.print(str(error), style="bold red", soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
