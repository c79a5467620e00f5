"""Which parameters are secrets, and whether they are given as they must be: by name. Hand-written.

The worker's own models say it once more, and a test holds the two together. What is refused here is
refused wherever parameters come in, before anybody stores them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

BY_NAME: Final = (
    'is a secret: give {"secret": "NAME"}, a name out of the targets file of the worker,'
    " and never the value itself"
)
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
EACH: Final = "*"
"""In a place: any key of a table."""
_NAME = re.compile(NAME)
_SHOWN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Fields:
    """The parameters of an operation that takes secrets: all of their names, and where secrets are."""

    names: frozenset[str]
    secrets: frozenset[tuple[str, ...]]


_SECRET_FILE: Final = Fields(frozenset({"path", "content"}), frozenset({("content",)}))
OPERATIONS: Final[Mapping[str, Fields]] = {
    "command.run": Fields(frozenset({"argv", "environment"}), frozenset({("environment", EACH)})),
    "filesystem.holds_secret": _SECRET_FILE,
    "filesystem.write_secret": _SECRET_FILE,
}


@dataclass(frozen=True, slots=True)
class Objection:
    """Why parameters are refused. Neither part repeats a value."""

    where: str
    why: str

    def __str__(self) -> str:
        """Tell it in one line."""
        return f"{self.where} {self.why}"


def objection(operation: str, params: str) -> Objection | None:
    """Return why these parameters may not be stored; None where no secret lies open in them.

    An operation without secrets is nobody's business here, whatever it is given.
    """
    fields = OPERATIONS.get(operation)
    if fields is None:
        return None
    try:
        given = json.loads(params, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return Objection("params", "has to be one JSON object, each key once")
    if not isinstance(given, dict):
        return Objection("params", "has to be one JSON object, each key once")
    if given.keys() - fields.names:
        # It might be a secret under a misspelt name.
        known = ", ".join(sorted(fields.names))
        return Objection("params", f"has a key that {operation} does not know; known are {known}")
    return next(_open(given, fields), None)


def is_reference(value: object) -> bool:
    """Whether a value names a secret and holds nothing else."""
    match value:
        case {"secret": str(name), **rest} if not rest:
            return _NAME.fullmatch(name) is not None
        case _:
            return False


def _open(given: Mapping[str, object], fields: Fields) -> Iterator[Objection]:
    for place in sorted(fields.secrets):
        for where, value in _at(given, place, "params"):
            if value is not None and not is_reference(value):
                yield Objection(where, BY_NAME)


def _at(value: object, place: tuple[str, ...], where: str) -> Iterator[tuple[str, object]]:
    if not place:
        yield where, value
    elif not isinstance(value, dict):
        # Not even the table around it: whatever it is may be the secret.
        yield where, value
    else:
        for key in value if place[0] == EACH else value.keys() & {place[0]}:
            shown = key if _SHOWN.fullmatch(key) else EACH
            yield from _at(value[key], place[1:], f"{where}.{shown}")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found
