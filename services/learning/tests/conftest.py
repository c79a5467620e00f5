"""What learning's tests share: one plain outcome, different where a test says so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from grace.learning.domain.record import Name, Outcome

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OUTCOME = Outcome(
    contract_id="contract-1",
    revision=1,
    mission_id="mission-1",
    name=Name("default", "mend-it"),
    playbook_version=1,
    operation="thing.mend",
    target="t-1",
    verdict="verified",
    confidence=1.0,
    executed=True,
    closed_at=NOON,
)


@pytest.fixture(scope="session")
def make_outcome() -> Callable[..., Outcome]:
    """Make the outcome of a contract's revision."""

    def make(contract_id: str = "contract-1", revision: int = 1, **other: object) -> Outcome:
        return replace(OUTCOME, contract_id=contract_id, revision=revision, **other)

    return make
