"""Contracts: each change is guarded by the version that was read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from grace.kit import Query, Transaction
from grace.verification.domain.contract import Contract
from grace.verification.domain.decision import Findings
from grace.verification.domain.evidence import expected_state
from grace.verification.domain.lifecycle import TRANSITIONS, Event, Status
from grace.verification.domain.permission import Drafted
from grace.verification.domain.state import State, digest
from grace.verification.domain.task import Step
from grace.verification.store.cases import Case, case_of
from grace.verification.store.missions import Missions
from grace.verification.store.statements import QUERIES
from grace.verification.store.takes import with_takes


@dataclass(frozen=True, slots=True)
class Draft:
    """The hash of a mission's plan, None where it has none, and what governance was shown of it."""

    plan_hash: str | None
    shown: list[Drafted]


class Contracts:
    """Contracts, inside one transaction. Each change is guarded by the version that was read."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def insert(self, drafted: Sequence[tuple[Contract, bytes]]) -> None:
        """Store drafted contracts."""
        contracts = [contract for contract, _ in drafted]
        await self._tx.execute(
            QUERIES["insert_contracts"],
            contract_ids=[each.contract_id for each in contracts],
            mission_ids=[each.mission_id for each in contracts],
            tenant_ids=[each.tenant_id for each in contracts],
            action_ids=[each.action.action_id for each in contracts],
            sequences=[each.action.sequence for each in contracts],
            revisions=[each.revision for each in contracts],
            playbook_ids=[each.playbook for each in contracts],
            operations=[each.action.operation for each in contracts],
            targets=[each.action.target for each in contracts],
            tiers=[each.action.tier for each in contracts],
            contracts=[data for _, data in drafted],
            contract_hashes=[digest(data) for _, data in drafted],
            expected_states=[json.dumps(expected_state(each)) for each in contracts],
            drafted_at=[each.drafted_at for each in contracts],
        )

    async def drafts(self, mission_ids: Sequence[str]) -> dict[str, Draft]:
        """Return the missions that are known, each with what governance was shown of it."""
        found: dict[str, Draft] = {}
        for row in await self._tx.fetch(QUERIES["drafts"], mission_ids=list(mission_ids)):
            draft = found.setdefault(row["mission_id"], Draft(row["plan_hash"], []))
            if row["contract_id"] is not None:
                draft.shown.append(Drafted(row["contract_id"], row["contract_hash"]))
        return found

    async def approve(self, granted: Sequence[tuple[str, bytes, bytes | None]]) -> None:
        """Keep the permissions (to apply, to revert) of contracts that are still drafts."""
        await self._tx.execute(
            QUERIES["approve_contracts"],
            status=Status.APPROVED,
            sources=sources(Event.APPROVE),
            contract_ids=[contract_id for contract_id, _, _ in granted],
            apply_capabilities=[apply for _, apply, _ in granted],
            revert_capabilities=[revert for _, _, revert in granted],
        )

    async def end_unbegun(self, mission_id: str, event: Event, *, reason: str | None) -> list[str]:
        """End the contracts of a mission that may still end this way; returns their ids."""
        (target,) = {exits[event] for exits in TRANSITIONS.values() if event in exits}
        unbegun = (Status.DRAFTED, Status.APPROVED, Status.WAITING)
        rows = await self._tx.fetch(
            QUERIES["end_contracts"],
            mission_id=mission_id,
            status=target,
            sources=[status for status in sources(event) if status in unbegun],
            reason=reason,
        )
        return [row["contract_id"] for row in rows]

    async def claim(self, *, most: int, claim_for: timedelta) -> list[str]:
        """Take the contracts that are due."""
        rows = await self._tx.fetch(QUERIES["claim_contracts"], most=most, claim_for=claim_for)
        return [row["contract_id"] for row in rows]

    async def cases(self, contract_ids: Sequence[str]) -> list[Case]:
        """Return contracts with everything their next step depends on."""
        if not contract_ids:
            return []
        rows = await self._tx.fetch(QUERIES["contracts"], contract_ids=list(contract_ids))
        parts = await Missions(self._tx).parts({row["mission_id"] for row in rows})
        return await with_takes(self._tx, [case_of(row, parts[row["mission_id"]]) for row in rows])

    async def wait(self, case: Case, status: Status, *, reason: str, pause: timedelta) -> bool:
        """The contract waits for its target; False when it has moved on."""
        return await self._move(
            QUERIES["wait_contract"], case, status=status, reason=reason, pause=pause
        )

    async def step(
        self, case: Case, status: Status, *, step: Step, task_spec: bytes, claim_for: timedelta
    ) -> bool:
        """The contract wants its next task, and this process goes on with it.

        False when it has moved on.
        """
        return await self._move(
            QUERIES["step_contract"],
            case,
            status=status,
            step=step,
            task_spec=task_spec,
            claim_for=claim_for,
        )

    async def prove(
        self, case: Case, status: Status, findings: Findings, *, pause: timedelta
    ) -> bool:
        """The contract came true and waits for its plan; False when it has moved on."""
        return await self._move(
            QUERIES["prove_contract"],
            case,
            status=status,
            confidence=findings.confidence,
            actual_state=json.dumps(findings.actual),
            reason=findings.reason,
            pause=pause,
        )

    async def attend(self, case: Case, status: Status, *, reason: str) -> bool:
        """The contract rests until an operator looks at it; False when it has moved on."""
        return await self._move(QUERIES["attend_contract"], case, status=status, reason=reason)

    async def note_snapshot(self, case: Case, snapshot_id: UUID) -> None:
        """Keep where the before-state is."""
        await self._tx.execute(
            QUERIES["note_snapshot"], contract_id=case.contract_id, snapshot_id=snapshot_id
        )

    async def note_findings(
        self, case: Case, *, executed: bool, confidence: float, actual_state: str, reason: str
    ) -> None:
        """Keep what was found before the action is undone."""
        await self._tx.execute(
            QUERIES["note_findings"],
            contract_id=case.contract_id,
            executed=executed,
            confidence=confidence,
            actual_state=actual_state,
            reason=reason,
        )

    async def note_observed_again(self, case: Case, observed: State) -> None:
        """Keep what was observed after the revert."""
        await self._tx.execute(
            QUERIES["note_observed_again"],
            contract_id=case.contract_id,
            observed_again=json.dumps(observed),
        )

    async def own_tasks(
        self, contract_ids: Sequence[str], task_ids: Sequence[str]
    ) -> dict[str, tuple[str, str]]:
        """Return mission and contract of those tasks that these contracts submitted."""
        rows = await self._tx.fetch(
            QUERIES["own_tasks"], contract_ids=list(contract_ids), task_ids=list(task_ids)
        )
        return {row["task_id"]: (row["mission_id"], row["contract_id"]) for row in rows}

    async def nudge(self, contract_ids: Sequence[str]) -> list[str]:
        """Look at these contracts at once, if they wait for anything."""
        rows = await self._tx.fetch(QUERIES["nudge_contracts"], contract_ids=list(contract_ids))
        return [row["contract_id"] for row in rows]

    async def nudge_waiting(self, targets: Sequence[str]) -> list[str]:
        """Look at once at the contracts that wait for targets."""
        rows = await self._tx.fetch(QUERIES["nudge_waiting"], targets=list(targets))
        return [row["contract_id"] for row in rows]

    async def nudge_mission(self, mission_id: str) -> None:
        """Look at once at the contracts of a mission whose turn may have come."""
        await self._tx.execute(QUERIES["nudge_mission"], mission_id=mission_id)

    async def _move(self, query: Query, case: Case, **values: object) -> bool:
        found = await self._tx.fetchval(
            query, contract_id=case.contract_id, version=case.version, **values
        )
        return found is not None


def sources(event: Event) -> list[Status]:
    """Return the states of a contract that an event may leave: the guard of its statement."""
    return [status for status, exits in TRANSITIONS.items() if event in exits]
