"""The three-way guard: what was there before, what the action left, and what is there now."""

import json
from dataclasses import dataclass
from typing import Final

from grace.verification.domain.state import Json, State, shown, shown_text

MOST_FIELDS: Final = 50
_LONGEST_VALUE: Final = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not as the action left it. The values are JSON; None: there is no such field."""

    field: str
    before: str | None
    expected: str | None
    now: str | None


def three_way(
    before: State | None, expected: State | None, now: State | None
) -> tuple[Difference, ...]:
    """Return the fields in which the world is neither as expected nor as before.

    Without what the action left, whatever is not as before is one. Without a look at the world
    there is nothing to tell.
    """
    if now is None:
        return ()
    was, left = before or {}, expected if expected is not None else before or {}
    fields = sorted({*left, *now})
    return tuple(
        Difference(
            shown_text(field, _LONGEST_VALUE),
            _text(was, field),
            _text(expected, field),
            _text(now, field),
        )
        for field in fields
        if _differs(left, now, field) and _differs(was, now, field)
    )[:MOST_FIELDS]


def in_words(found: tuple[Difference, ...]) -> str:
    """Return one line on what somebody else has changed."""
    return "; ".join(
        f"{each.field} was {each.before}, was left as {each.expected}, is {each.now}"
        for each in found
    )


def _differs(one: State, other: State, field: str) -> bool:
    return (field in one) != (field in other) or one.get(field) != other.get(field)


def _text(state: State | None, field: str) -> str | None:
    if state is None or field not in state:
        return None
    value: Json = shown(state[field])
    return shown_text(json.dumps(value, sort_keys=True, allow_nan=False), _LONGEST_VALUE)
