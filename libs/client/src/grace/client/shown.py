"""What a person decides on: the hash is computed here from what is shown, not taken on trust."""

import hashlib

from grace.client.errors import GraceClientError
from grace.contracts.governance import Approval


class PlanAltered(GraceClientError):
    """The contracts are not those that the approval's hash stands for."""


def hash_shown(approval: Approval) -> str:
    """Return the hash over the contracts as they are shown. PlanAltered where the two differ."""
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in approval.contracts]
    shown = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    if shown != approval.shown_hash:
        raise PlanAltered(PlanAltered.__doc__)
    return shown
