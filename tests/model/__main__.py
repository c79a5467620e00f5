"""`make model`: check every property of every model, and that no sabotage goes unseen; keep the verdicts."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from model import record
from model.models import MODELS, Model, Property
from model.sabotages import SABOTAGES, SPARES
from model.spin import SearchFailed, Unavailable, Verdict, check, find_spin, verifier_of
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Search:
    """A property of a model with guards off, and whether it must hold all the same."""

    model: Model
    asked: Property
    sabotage: str = ""
    off: tuple[str, ...] = ()
    holds: bool = True
    is_long: bool = False

    def verdict(self) -> Verdict:
        """What spin says of it."""
        return check(self.model, self.asked, self.off, is_long=self.is_long)


def searches() -> Iterator[Search]:
    """Every property as it is; what must break without its guards; what others make up for."""
    for model in MODELS.values():
        for asked in model.properties.values():
            yield Search(model, asked)
    for each in SABOTAGES:
        yield Search(*_asked(each.model, each.breaks), each.says, each.off, holds=False)
    for spare in SPARES:
        asked = _asked(spare.model, spare.keeps)
        yield Search(*asked, spare.says, spare.off, is_long=spare.is_long)


def _asked(model: str, name: str) -> tuple[Model, Property]:
    return MODELS[model], MODELS[model].properties[name]


def search_all(wanted: Sequence[Search]) -> list[Verdict]:
    """What spin says of each, as many at a time as there are processors; what lasts begins first."""
    find_spin()  # who has none fetches it, once
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(verifier_of, MODELS.values()))
        first = sorted(wanted, key=lambda each: (not each.is_long, not each.asked.is_liveness))
        begun: dict[Search, Future[Verdict]] = {s: pool.submit(s.verdict) for s in first}
        return [begun[each].result() for each in wanted]


def main() -> int:
    """Print the table; 0 only where everything holds and every sabotage was seen."""
    console, began = Console(width=None if sys.stdout.isatty() else 140), time.monotonic()
    wanted = list(searches())
    try:
        verdicts = search_all(wanted)
    except (Unavailable, SearchFailed) as error:
        console.print(str(error), style="bold red", markup=False, soft_wrap=True)
        return 1
    table = Table("model", "sabotage", "property", "states", "verdict", "seconds")
    for each, verdict in zip(wanted, verdicts, strict=True):
        shown = f"{verdict.states:,}", _shown(verdict, holds=each.holds), f"{verdict.seconds:.1f}"
        table.add_row(each.model.name, each.sabotage, each.asked.says, *shown)
    console.print(table)
    record.write(
        {
            record.search(each.model, each.asked, each.off): verdict
            for each, verdict in zip(wanted, verdicts, strict=True)
        }
    )
    bad = sum(v.holds is not each.holds for each, v in zip(wanted, verdicts, strict=True))
    console.print(f"{len(wanted)} searches, {bad} wrong, {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


def _shown(verdict: Verdict, *, holds: bool) -> str:
    if verdict.holds is holds:
        return "holds" if holds else "broken, as it must be"
    return "SURVIVES: the model does not see it" if verdict.holds else "BROKEN"


if __name__ == "__main__":
    sys.exit(main())
