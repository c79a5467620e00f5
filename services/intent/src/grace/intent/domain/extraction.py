"""Typed extraction: the only way in which what an error says becomes a parameter.

A number within bounds, a yes or no, or one word out of a closed list; never text as it came. What
does not fit is refused without being repeated.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from grace.intent.domain.playbook import Call, Extraction, ExtractionType, Playbook, Step

Value: TypeAlias = bool | int | float | str
_MARKERS = ("extract", "registry")
TARGET = "target"  # the id of the registered target that the mission is about


class ExtractionError(ValueError):
    """The evidence does not have what a playbook needs; the text says what that is."""


def resolve(playbook: Playbook, details: str | None, target: str) -> Playbook:
    """Return the playbook with its parameters filled in. ExtractionError where it cannot be."""
    if not playbook.extractions:
        values: Mapping[str, Value] = {}
    else:
        evidence = _read(details)
        values = {each.name: _value(each, evidence) for each in playbook.extractions}
    steps = tuple(_step(step, values, target) for step in playbook.steps)
    return replace(playbook, steps=steps)


def sample(extractions: Iterable[Extraction]) -> str:
    """Return evidence that has everything a playbook takes, to try its parameters with."""
    found: dict[str, object] = {}
    for each in extractions:
        inner = found
        for key in each.path[:-1]:
            below = inner.setdefault(key, {})
            inner = below if isinstance(below, dict) else {}
        inner[each.path[-1]] = _example(each)
    return json.dumps(found)


def _example(extraction: Extraction) -> Value:
    match extraction.type:
        case ExtractionType.BOOLEAN:
            return True
        case ExtractionType.WORD:
            return extraction.words[0]
        case ExtractionType.INTEGER:
            return math.ceil(extraction.low)
        case ExtractionType.NUMBER:
            return extraction.low


def markers(params: str) -> Iterable[tuple[str, str]]:
    """Yield the parameters that are to be filled in, each as its marker and its word."""
    return _markers(json.loads(params))


def _markers(value: object) -> Iterable[tuple[str, str]]:
    match value:
        case {"extract": str(word), **rest} if not rest:
            yield "extract", word
        case {"registry": str(word), **rest} if not rest:
            yield "registry", word
        case dict():
            for each in value.values():
                yield from _markers(each)
        case list():
            for each in value:
                yield from _markers(each)


def _step(step: Step, values: Mapping[str, Value], target: str) -> Step:
    return replace(
        step,
        action=_call(step.action, values, target),
        measurement=_call(step.measurement, values, target),
    )


def _call(call: Call, values: Mapping[str, Value], target: str) -> Call:
    if not any(f'"{marker}"' in call.params for marker in _MARKERS):
        return call
    filled = _filled(json.loads(call.params), values, target)
    return replace(call, params=json.dumps(filled, sort_keys=True, separators=(",", ":")))


def _filled(value: object, values: Mapping[str, Value], target: str) -> object:
    match value:
        case {"extract": str(word), **rest} if not rest:
            return values[word]
        case {"registry": str(), **rest} if not rest:
            return target
        case dict():
            return {key: _filled(each, values, target) for key, each in value.items()}
        case list():
            return [_filled(each, values, target) for each in value]
        case _:
            return value


def _read(details: str | None) -> object:
    try:
        return json.loads(details or "null")
    except (ValueError, RecursionError):
        return None


def _value(wanted: Extraction, evidence: object) -> Value:
    found = evidence
    for key in wanted.path:
        found = found.get(key) if isinstance(found, dict) else None
    value = _fitting(wanted, found)
    if value is None:
        where = ".".join(("details", *wanted.path))
        raise ExtractionError(f"{where} has to be {_needed(wanted)}")
    return value


def _fitting(wanted: Extraction, found: object) -> Value | None:
    """Return the value where it is what is wanted, else None."""
    match wanted.type, found:
        case (ExtractionType.BOOLEAN, bool() as flag):
            return flag
        case (ExtractionType.WORD, str() as word) if word in wanted.words:
            return word
        case (_, bool() | str()) | (ExtractionType.BOOLEAN | ExtractionType.WORD, _):
            return None
        case (kind, int() | float() as number) if wanted.low <= number <= wanted.high:
            if kind is ExtractionType.NUMBER:
                return number
            # The evidence travels as doubles: what is whole is written whole.
            return int(number) if float(number).is_integer() else None
    return None


def _needed(wanted: Extraction) -> str:
    match wanted.type:
        case ExtractionType.BOOLEAN:
            return "true or false"
        case ExtractionType.WORD:
            return f"one of {', '.join(wanted.words)}"
        case ExtractionType.INTEGER:
            return f"a whole number of {wanted.low:g} to {wanted.high:g}"
        case ExtractionType.NUMBER:
            return f"a number of {wanted.low:g} to {wanted.high:g}"
