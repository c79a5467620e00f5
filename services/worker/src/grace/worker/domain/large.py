"""States that are too long for a row and a report: kept elsewhere, and told by their hash."""

from dataclasses import asdict, dataclass

from grace.worker.domain.state import State

LONGEST = 100_000
"""Bytes of a state that stays where it is: a report carries two of them and a result in 256 KiB."""
_NAME = "$large"


@dataclass(frozen=True, slots=True)
class Large:
    """What is told of a long state: the sha256 and length of its text, and where its ciphertext lies."""

    sha256: str
    bytes: int
    blob_sha256: str
    blob_bytes: int


def reference_to(large: Large) -> State:
    """Return the short state that stands for a long one, wherever it is stored, sent or compared."""
    return {_NAME: asdict(large)}


def large_in(state: State) -> Large | None:
    """Return the long state that a short one stands for; None where it stands for itself."""
    told = state.get(_NAME)
    if set(state) != {_NAME} or not isinstance(told, dict):
        return None
    try:
        return Large(**told)
    except TypeError:
        return None
