"""The verdicts of the last `make model`: a search of the same model for the same comes to the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from model.models import HERE, Model, Property
from model.spin import Verdict

FILE = HERE / "verdicts.txt"
_HEAD = "# Written by `make model`: model, its digest, property, guards off, verdict, states\n"


@dataclass(frozen=True, slots=True)
class Search:
    """What was searched; another text of the model is another search."""

    model: str
    digest: str
    asked: str
    off: str


def search(model: Model, asked: Property, off: Collection[str] = ()) -> Search:
    """The search for a property with these guards off."""
    return Search(model.name, model.digest, asked.name, "+".join(off) or "-")


def write(found: Mapping[Search, Verdict]) -> None:
    """Keep what was found."""
    lines = (
        f"{each.model} {each.digest} {each.asked} {each.off} {_word(verdict)} {verdict.states}\n"
        for each, verdict in found.items()
    )
    FILE.write_text(_HEAD + "".join(lines), encoding="utf-8")


def read() -> dict[Search, tuple[bool, int]]:
    """Whether the property held, and how many states that took."""
    lines = FILE.read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split() for line in lines)
    return {Search(*row[:4]): (row[4] == "holds", int(row[5])) for row in rows}


def _word(verdict: Verdict) -> str:
    return "holds" if verdict.holds else "broken"
