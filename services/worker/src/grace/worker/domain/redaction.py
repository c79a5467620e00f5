"""What a state says about secrets: that there is one, and whether it is the same; never which."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from grace.worker.domain.state import Json, State, text_of

_MARK = "redacted"
Mark: TypeAlias = Callable[[str], str]
"""Turns the text of a value into its keyed fingerprint."""


@dataclass(frozen=True, slots=True)
class Secrecy:
    """Which fields of an operation's states, results and changes hold secrets.

    `fields`: names of fields, wherever they stand. `needed`: those that a revert cannot do without.
    """

    fields: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()


OPEN = Secrecy()


def concealed(state: State, secrecy: Secrecy, mark: Mark) -> State:
    """Return a state with a fingerprint in place of each secret; equal secrets have equal ones.

    What is not there, or null, is no secret.
    """
    return {name: _field(name, value, secrecy, mark) for name, value in state.items()}


def concealed_value(value: Json, mark: Mark) -> Json:
    """Return the fingerprint of a value."""
    if value is None or _is_mark(value):
        return value
    return {_MARK: mark(text_of({_MARK: value}))}


def lost(state: State, secrecy: Secrecy) -> str | None:
    """Return a field that a revert needs and of which only a fingerprint is kept, or None."""
    return next((name for name in sorted(secrecy.needed) if _is_lost(name, state)), None)


def _field(name: str, value: Json, secrecy: Secrecy, mark: Mark) -> Json:
    if name in secrecy.fields:
        return concealed_value(value, mark)
    return _inside(value, secrecy, mark)


def _inside(value: Json, secrecy: Secrecy, mark: Mark) -> Json:
    match value:
        case Mapping():
            return {name: _field(name, each, secrecy, mark) for name, each in value.items()}
        case list() | tuple():
            return [_inside(each, secrecy, mark) for each in value]
        case _:
            return value


def _is_lost(name: str, value: Json) -> bool:
    match value:
        case Mapping():
            return _is_mark(value.get(name)) or any(_is_lost(name, each) for each in value.values())
        case list() | tuple():
            return any(_is_lost(name, each) for each in value)
        case _:
            return False


def _is_mark(value: Json) -> bool:
    return isinstance(value, Mapping) and set(value) == {_MARK}
