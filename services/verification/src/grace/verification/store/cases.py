"""A contract as it stands: the facts to decide by, and what is needed to carry a decision out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from grace.kit import Record
from grace.verification.domain.choice import Choice, Chosen
from grace.verification.domain.contract import Contract
from grace.verification.domain.facts import Facts, Snapshot
from grace.verification.domain.lifecycle import FINAL, Status
from grace.verification.domain.saga import Part, completes, turn_of
from grace.verification.domain.task import Step
from grace.verification.store.shapes import contract_of


@dataclass(frozen=True, slots=True)
class Case:
    """A contract under way: the facts to decide by, and what is needed to carry it out."""

    facts: Facts
    version: int
    task_id: str | None
    task_spec: bytes | None
    apply_capability: bytes | None
    revert_capability: bytes | None
    correlation_id: str
    reason: str | None
    seen_at: datetime

    @property
    def contract(self) -> Contract:
        """What the contract promises."""
        return self.facts.contract

    @property
    def contract_id(self) -> str:
        """The contract's id."""
        return self.facts.contract.contract_id

    def wanting(self, status: Status, step: Step, task_spec: bytes) -> "Case":
        """Return it one step further, with a task that htm is to get."""
        facts = replace(self.facts, status=status, step=step, submitted=False)
        return replace(
            self, facts=facts, version=self.version + 1, task_id=None, task_spec=task_spec
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """What is written when a contract ends; None keeps what was found before a revert."""

    status: Status
    reason: str
    executed: bool | None
    confidence: float | None
    actual_state: str | None
    restored_state: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """What stands in a contract that has just ended."""

    confidence: float
    executed: bool
    closed_at: datetime


def part_of(row: Record) -> Part:
    """Return what the siblings of a contract see of it."""
    return Part(
        row["contract_id"],
        row["sequence"],
        Status(row["status"]),
        row["confidence"],
        accepted=row["choice"] == Choice.ACCEPT and Status(row["status"]) in FINAL,
        reason=row["reason"],
    )


def case_of(row: Record, parts: Sequence[Part]) -> Case:
    """Return a contract as it stands; `parts` are the contracts of its mission."""
    contract = contract_of(row["contract"])
    facts = Facts(
        contract=contract,
        status=Status(row["status"]),
        turn=turn_of(contract.action.sequence, parts),
        completes=completes(contract.action.sequence, parts),
        waiting_since=row["waiting_since"],
        step=Step(row["step"]) if row["step"] else None,
        step_since=row["step_since"],
        submitted=row["task_id"] is not None,
        permitted_to_revert=contract.action.reversible and row["revert_capability"] is not None,
        snapshot=_snapshot(row),
        execution=json.loads(row["execution"]) if row["execution"] else {},
        observed_again=json.loads(row["observed_again"]) if row["observed_again"] else None,
        refusal=row["refusal"],
        reverts=row["reverts"],
        chosen=_chosen(row),
    )
    return Case(
        facts=facts,
        version=row["version"],
        task_id=row["task_id"],
        task_spec=row["task_spec"],
        apply_capability=row["apply_capability"],
        revert_capability=row["revert_capability"],
        correlation_id=row["correlation_id"],
        reason=row["reason"],
        seen_at=row["seen_at"],
    )


def _chosen(row: Record) -> Chosen | None:
    if row["choice"] is None:
        return None
    return Chosen(Choice(row["choice"]), row["chosen_by"], row["chosen_why"])


def _snapshot(row: Record) -> Snapshot | None:
    if row["state"] is None:
        return None
    return Snapshot(row["content_hash"], row["state"], row["after_state"])
