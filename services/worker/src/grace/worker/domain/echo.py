"""What comes back of a secret that a step was given: its name stands in its place."""

from collections.abc import Mapping

from grace.worker.domain.state import Json, State

SHORTEST = 8
"""Characters. A shorter one could not be told from what stands beside it by chance."""
_SHORTEST_LINE = 16  # of a secret that has several: a program may print them apart


def parts_of(value: str) -> tuple[str, ...]:
    """Return what is looked for: the whole, as it is and without its edges, and its longer lines."""
    lines = (line.strip() for line in value.splitlines())
    longer = [line for line in lines if len(line) >= _SHORTEST_LINE]
    return tuple(dict.fromkeys((value, value.strip(), *longer)))


def without(text: str, known: Mapping[str, str]) -> str:
    """Return a text with the names of secrets for what is theirs; `known`: parts and their names."""
    for part in sorted(known, key=len, reverse=True):
        if part in text:
            text = text.replace(part, f"[secret {known[part]}]")
    return text


def state_without(state: State, known: Mapping[str, str]) -> State:
    """Return a state with the names of secrets for what is theirs, wherever in it that stands."""
    if not known:
        return state
    return {without(name, known): _without(value, known) for name, value in state.items()}


def _without(value: Json, known: Mapping[str, str]) -> Json:
    match value:
        case str():
            return without(value, known)
        case bool() | None:
            return value
        case int() | float():
            return next((f"[secret {known[part]}]" for part in known if _is(part, value)), value)
        case Mapping():
            return state_without(value, known)
        case list() | tuple():
            return [_without(each, known) for each in value]
    return value


def _is(part: str, number: float) -> bool:
    """Whether a secret of digits came back as a number."""
    try:
        return float(part) == number
    except (ValueError, OverflowError):
        return False
