"""Whether a task may change something: what governance signed against what the task asks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from grace.worker.domain.state import digest

SIGNER = "governance"


class Step(StrEnum):
    """What a task does with its operation."""

    OBSERVE = "observe"
    APPLY = "apply"
    REVERT = "revert"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a capability says. `signer`: whose registered key signed exactly this, or None."""

    signer: str | None
    tenant_id: str
    contract_id: str
    action_id: str
    step: str
    operation: str
    target: str
    params_hash: str
    not_after: datetime
    definition: str | None = None  # what the target must stand for; None: nobody said


@dataclass(frozen=True, slots=True)
class Act:
    """What a task asks for. `params` is the exact text whose hash was approved."""

    tenant_id: str
    contract_id: str
    action_id: str
    step: Step
    operation: str
    target: str
    params: str

    @property
    def params_hash(self) -> str:
        """The sha256 of the parameters."""
        return digest(self.params)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The capability covers the act."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The capability does not cover the act; `reason` is for the report."""

    reason: str


Verdict: TypeAlias = Allowed | Refused

_BOUND = {
    "tenant_id": "tenant",
    "contract_id": "contract",
    "action_id": "action",
    "step": "step",
    "operation": "operation",
    "target": "target",
    "params_hash": "set of parameters",
}


def check(
    permission: Permission | None,
    act: Act,
    *,
    now: datetime,
    started: bool,
    closed: bool = False,
) -> Verdict:
    """Decide whether `act` is permitted at `now` (the database's clock).

    `started`: its receipt exists. What was begun in time may end; nothing begins after not_after, and
    no revert once its contract is `closed`: what was found right, or undone, stays so.
    """
    if permission is None:
        return Refused("no capability")
    if permission.signer != SIGNER:
        return Refused(f"the capability is not signed by {SIGNER}")
    for field, word in _BOUND.items():
        if getattr(permission, field) != getattr(act, field):
            return Refused(f"the capability is for another {word}")
    if now > permission.not_after and not started:
        return Refused("the capability has expired")
    if closed and act.step is Step.REVERT and not started:
        return Refused("the contract is closed")
    return Allowed()
