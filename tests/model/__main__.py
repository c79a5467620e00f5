"""`make model`: check every property of every model, and that no sabotage goes unseen."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from model.models import MODELS, Model, Property
from model.sabotages import SABOTAGES, SPARES
from model.spin import SearchFailed, Unavailable, Verdict, check
from rich.console import Console
from rich.table import Table

Row = tuple[str, str, str, Verdict, bool]


def properties() -> Iterator[Row]:
    """Every property of every model as it is; each must hold."""
    for model in MODELS.values():
        for asked in model.properties.values():
            yield model.name, "", asked.says, check(model, asked), True


def sabotages() -> Iterator[Row]:
    """Every model with guards off; what is named must break, or still hold."""
    for each in SABOTAGES:
        model, asked = _asked(each.model, each.breaks)
        yield each.model, each.says, asked.says, check(model, asked, each.off), False
    for spare in SPARES:
        model, asked = _asked(spare.model, spare.keeps)
        yield spare.model, spare.says, asked.says, check(model, asked, spare.off), True


def _asked(model: str, name: str) -> tuple[Model, Property]:
    return MODELS[model], MODELS[model].properties[name]


def main() -> int:
    """Print the table; 0 only where everything holds and every sabotage was seen."""
    console, began = Console(width=None if sys.stdout.isatty() else 140), time.monotonic()
    try:
        rows = [*properties(), *sabotages()]
    except (Unavailable, SearchFailed) as error:
        console.print(str(error), style="bold red", markup=False, soft_wrap=True)
        return 1
    table = Table("model", "sabotage", "property", "states", "verdict", "seconds")
    for model, sabotage, says, verdict, holds in rows:
        shown = f"{verdict.states:,}", _shown(verdict, holds=holds), f"{verdict.seconds:.1f}"
        table.add_row(model, sabotage, says, *shown)
    console.print(table)
    bad = sum(verdict.holds is not holds for *_, verdict, holds in rows)
    console.print(f"{len(rows)} searches, {bad} wrong, {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


def _shown(verdict: Verdict, *, holds: bool) -> str:
    if verdict.holds is holds:
        return "holds" if holds else "broken, as it must be"
    return "SURVIVES: the model does not see it" if verdict.holds else "BROKEN"


if __name__ == "__main__":
    sys.exit(main())
