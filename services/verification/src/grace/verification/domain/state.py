"""States of the world as JSON: read strictly, compared as canonical text, shown safely."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
State: TypeAlias = Mapping[str, Json]

LONGEST_STATE: Final = 262_144
"""Characters: what a task can carry as `before` or `after`."""
_LARGE: Final = "$large"
_FIELD: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_DEEPEST_SHOWN: Final = 32
_LONGEST_SHOWN: Final = LONGEST_STATE
_EXACT_IN_DOUBLE: Final = 2**53


def read_state(text: str | None) -> State | None:
    """Return the JSON object that a text holds, or None: no text, no object, NaN or Infinity."""
    if text is None:
        return None
    try:
        found = json.loads(text, parse_constant=_no_constant)
        canonical(found)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_measured(text: str | None) -> State | None:
    """Return what was measured, with None in place of each NaN and Infinity."""
    if text is None:
        return None
    try:
        found = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def canonical(state: State) -> str:
    """Return the one text of a state: sorted, compact, ASCII. ValueError for a number no JSON has.

    1 and 1.0 are different texts: what is restored must be what was there, raw.
    """
    return json.dumps(state, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: str | bytes) -> str:
    """Return the sha256 of bytes, or of a text in UTF-8, in lower-case hex."""
    return sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def large_in(state: State) -> tuple[str, int] | None:
    """Return the hash and length of the text of a long state that a short one stands for."""
    told = state.get(_LARGE)
    if set(state) != {_LARGE} or not isinstance(told, Mapping):
        return None
    sha256, size = told.get("sha256"), told.get("bytes")
    return (sha256, size) if isinstance(sha256, str) and isinstance(size, int) else None


def as_large(state: State) -> tuple[str, int]:
    """Return the hash and length of a state's text as workers write it."""
    text = json.dumps(state, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    data = text.encode("utf-8", "replace")
    return digest(data), len(data)


def large_text(sha256: str, size: int) -> str:
    """Return the canonical text of the short state that stands for a long one."""
    return canonical({_LARGE: {"sha256": sha256, "bytes": size}})


def number(value: Json) -> float | None:
    """Return a finite number as a float, or None for anything else; true is not 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def numbers(state: State) -> dict[str, float]:
    """Return the fields of a state that are finite numbers and that an expectation could name."""
    found = {field: number(value) for field, value in state.items() if _FIELD.fullmatch(field)}
    return {field: value for field, value in found.items() if value is not None}


def shown(value: Json, depth: int = 0) -> Json:
    """Return a value that every reader takes: no NUL, no lone surrogate, no inexact integer."""
    found: Json
    match value:
        case None | bool():
            found = value
        case int():
            found = value if abs(value) <= _EXACT_IN_DOUBLE else "(a number too large to show)"
        case float():
            found = value if math.isfinite(value) else None
        case str():
            found = shown_text(value)
        case _ if depth >= _DEEPEST_SHOWN:
            found = "(nested too deeply)"
        case Mapping():
            found = {shown_text(key): shown(part, depth + 1) for key, part in value.items()}
        case _:
            found = [shown(part, depth + 1) for part in value]
    return found


def shown_state(state: State) -> dict[str, Json]:
    """Return a state that every reader takes."""
    return {shown_text(field): shown(value, 1) for field, value in state.items()}


def shown_text(text: str, longest: int = _LONGEST_SHOWN) -> str:
    """Return a text without what Postgres or UTF-8 refuse, cut to a number of characters."""
    kept = text[:longest].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return kept.encode("utf-8", "replace").decode("utf-8")


def _no_constant(word: str) -> None:
    raise ValueError(word)
