"""Whether what was granted is what was drafted."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drafted:
    """A contract as governance was shown it; in a grant: as governance granted it."""

    contract_id: str
    contract_hash: str


def grant_flaw(drafted: Sequence[Drafted], granted: Sequence[Drafted]) -> str | None:
    """Return why a grant does not permit a mission, or None where it does.

    Every contract is granted once, with the very hash that was shown, and nothing else is.
    """
    if not drafted:
        return "the mission has no contracts"
    if len(granted) != len({each.contract_id for each in granted}):
        return "a contract is granted twice"
    hashes = {each.contract_id: each.contract_hash for each in granted}
    if hashes.keys() != {each.contract_id for each in drafted}:
        return "other contracts are granted than were drafted"
    wrong = [each.contract_id for each in drafted if hashes[each.contract_id] != each.contract_hash]
    return f"{wrong[0]} is granted with another hash than it was drafted with" if wrong else None
