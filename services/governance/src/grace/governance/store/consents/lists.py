"""What workers hear of consents: one signed list that they can check alone."""

from dataclasses import dataclass
from datetime import datetime

from grace.contracts.governance import ConsentList, HeldConsent, SignedConsents
from grace.kit import Keys

CONSENTS = "grace/consents/v1"


@dataclass(frozen=True, slots=True)
class Held:
    """All that holds; `at` is the database's clock, the same for all replicas."""

    at: datetime
    consents: tuple[HeldConsent, ...]


def signed_list(held: Held, keys: Keys) -> SignedConsents:
    """Return the list as it is told."""
    body = ConsentList(issued_at=held.at, consents=held.consents).to_bytes()
    return SignedConsents(key_id=keys.key_id, body=body, signature=keys.sign(CONSENTS, body))
