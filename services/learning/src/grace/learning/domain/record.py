"""The record of a playbook: how often it was tried, and how often it healed.

Every closed contract is one execution, also where nothing ran in the end: a playbook that never
gets as far as acting has not earned trust. Success is verified and executed, nothing less.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Self

from grace.learning.domain import beta

VERIFIED = "verified"


class Name(NamedTuple):
    """A playbook of a tenant; sorts, so that locks are taken in one order."""

    tenant: str
    playbook: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one revision of a contract."""

    contract_id: str
    revision: int
    mission_id: str
    name: Name
    playbook_version: int
    operation: str
    target: str
    verdict: str
    confidence: float
    executed: bool
    closed_at: datetime

    @property
    def succeeded(self) -> bool:
        """Whether it healed."""
        return self.executed and self.verdict == VERIFIED


@dataclass(frozen=True, slots=True)
class Known:
    """A revision that is stored already."""

    contract_id: str
    revision: int
    name: Name
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Record:
    """The counters of a playbook, and what they are worth."""

    name: Name
    total: int
    successful: int

    @property
    def success_rate(self) -> float:
        """Successes per execution; 0 where there was none."""
        return self.successful / self.total if self.total else 0.0

    @property
    def confidence(self) -> float:
        """The posterior mean: one half where nothing is known."""
        return beta.mean(self.successful, self.total - self.successful)

    @property
    def lower_bound(self) -> float:
        """The rate that the playbook exceeds with 95 %: low where the evidence is thin."""
        return beta.lower_bound(self.successful, self.total - self.successful)

    def counted(self, *, succeeded: bool, instead_of: bool | None = None) -> Self:
        """Return the record with one outcome more, or with one in the place of its predecessor."""
        return replace(
            self,
            total=self.total + (instead_of is None),
            successful=self.successful + succeeded - bool(instead_of),
        )
