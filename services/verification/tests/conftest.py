"""Builders of domain objects: whole and valid, changed by keyword where an example needs it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.verification.domain.contract import (
    Action,
    Baseline,
    Comparison,
    Contract,
    Expectation,
    Measurement,
    Plan,
)
from grace.verification.domain.facts import Facts, Limits, Snapshot
from grace.verification.domain.lifecycle import Status
from grace.verification.domain.saga import Turn
from grace.verification.domain.state import canonical, digest
from grace.verification.domain.task import Outcome, Report, Step

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BEFORE = {"name": "statement_timeout", "value": None}
AFTER = {"name": "statement_timeout", "value": "5ms"}
GOOD = {"waiting": 0, "throughput": 95.0, "error_rate": 0.0}
EXPECTATIONS = (
    Expectation("waiting", Comparison.AT_MOST, 0.0),
    Expectation("throughput", Comparison.RATIO_OF_BASELINE_AT_LEAST, 0.8),
    Expectation("error_rate", Comparison.ABOVE_BASELINE_AT_MOST, 0.05),
)
BASELINE = {"waiting": 0.0, "throughput": 100.0, "error_rate": 0.0}


class Make:
    """One builder per noun."""

    now = NOW
    before = BEFORE
    after = AFTER
    good = GOOD
    healthy = BASELINE
    limits = Limits(measure_within=timedelta(minutes=2))

    def action(self, **changes: Any) -> Action:
        params = changes.pop("params", '{"name":"statement_timeout","value":"5ms"}')
        whole = Action(
            action_id="action-1",
            sequence=0,
            operation="postgres.set_database_setting",
            kernel="postgres",
            target="shop-db",
            params=params,
            params_hash=digest(params),
            tier=2,
            reversible=True,
            timeout_ms=30_000,
            expectations=EXPECTATIONS,
            measurement=Measurement("postgres.activity", "shop-db", '{"seconds":4}', 30_000),
            definitions=(("shop-db", "d" * 64),),
        )
        return replace(whole, **changes)

    def plan(self, *actions: Action, **changes: Any) -> Plan:
        whole = Plan(
            mission_id="mission-1",
            tenant_id="default",
            playbook="postgres-runaway-queries",
            playbook_version=1,
            kind="postgres.runaway_query",
            target="shop-db",
            requested_by="admin",
            detected_at=NOW - timedelta(seconds=1),
            actions=actions or (self.action(),),
        )
        return replace(whole, **changes)

    def baseline(self, **changes: Any) -> Baseline:
        return replace(Baseline("baseline-1", BASELINE, NOW - timedelta(hours=1)), **changes)

    def contract(self, **changes: Any) -> Contract:
        action = changes.pop("action", None) or self.action()
        whole = Contract(
            contract_id="contract-0123456789abcdef-1795176000",
            mission_id="mission-1",
            tenant_id="default",
            plan_hash="ab" * 32,
            playbook="postgres-runaway-queries",
            playbook_version=1,
            requested_by="admin",
            action=action,
            baseline=self.baseline(),
            drafted_at=NOW,
        )
        return replace(whole, **changes)

    def snapshot(self) -> Snapshot:
        return Snapshot(digest(canonical(BEFORE)), canonical(BEFORE), canonical(AFTER))

    def facts(self, status: Status = Status.APPROVED, **changes: Any) -> Facts:
        whole = Facts(
            contract=changes.pop("contract", None) or self.contract(),
            status=status,
            turn=Turn.NOW,
            step=None,
            step_since=NOW,
            submitted=False,
            permitted_to_revert=True,
            snapshot=None,
            execution={},
        )
        return replace(whole, **changes)

    def at(self, step: Step, **changes: Any) -> Facts:
        """Facts of a contract whose task of this step was submitted."""
        status = {
            Step.APPLY: Status.EXECUTING,
            Step.MEASURE: Status.MEASURING,
            Step.REVERT: Status.REVERTING,
            Step.COMPARE: Status.REVERTING,
            Step.RESTORED: Status.RESTORING,
            Step.REMEASURE: Status.RESTORING,
        }[step]
        known = {} if step is Step.APPLY else {"snapshot": self.snapshot()}
        seen = {"observed_again": BEFORE} if step is Step.REMEASURE else {}
        return self.facts(status, step=step, **{"submitted": True, **known, **seen, **changes})

    def applied(self) -> str:
        return json.dumps({"before": BEFORE, "after": AFTER, "result": {"set": True}})

    def succeeded(self, result: object, **changes: Any) -> Report:
        text = result if isinstance(result, str) else json.dumps(result)
        whole = Report(Outcome.SUCCEEDED, 1, result=text, finished_at=NOW + timedelta(seconds=5))
        return replace(whole, **changes)

    def failed(self, error: str, outcome: Outcome = Outcome.FAILED, **changes: Any) -> Report:
        whole = Report(outcome, 1, error=error or None, error_class="system")
        return replace(whole, **changes)


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()
