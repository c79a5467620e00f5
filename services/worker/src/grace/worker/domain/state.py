"""The state of a target as a kernel saw it: a JSON object that is stored, hashed and compared."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
State: TypeAlias = Mapping[str, Json]


class NotAStateError(ValueError):
    """The text is not a JSON object."""


def text_of(state: State) -> str:
    """Return the one JSON text of a state, keys sorted. ValueError for NaN and Infinity."""
    return json.dumps(
        state, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def state_of(text: str) -> State:
    """Return the state that a JSON text holds. NotAStateError when it is no object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAStateError(str(NotAStateError.__doc__)) from error
    if not isinstance(found, dict):
        raise NotAStateError(str(NotAStateError.__doc__))
    return found


def digest(text: str) -> str:
    """Return the sha256 of a text in UTF-8, lower-case hex."""
    return sha256(text.encode()).hexdigest()
