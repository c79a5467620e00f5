"""A plan takes typed values out of an error, and says why it is this one."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from grace.contracts.intent import ActionPlanned, ErrorDetected, ExplainMission, Plan
from grace.intent import loops
from grace.kit import NotFound
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
Report = Callable[..., Awaitable[None]]


async def test_typed_values_of_the_evidence_reach_the_plan_and_text_does_not(
    *,
    house: House,
    report: Report,
    make_error: MakeError,
    with_target: dict[str, Any],
    own_playbooks: Path,
) -> None:
    (own_playbooks / "mine.yaml").write_text(_patient())
    own = {"playbook_dir": own_playbooks}
    kind = "postgres.blocked_sessions"
    async with house.running("intent", "worker", worker=with_target, intent=own):
        in_force = "SELECT FROM playbooks WHERE name = 'a-patient-one'"
        await eventually(lambda: house.rows("intent", in_force))
        await report(make_error(kind=kind, target="shop", details={"idle": 17}))
        (first,) = await eventually(lambda: house.messages(ActionPlanned.SUBJECT))
        gateway = await house.act_as("gateway")
        await _end(house)
        await report(make_error(kind=kind, target="shop", details={"idle": "17; DROP TABLE x"}))

        async def two() -> list[Any] | None:
            found = await house.messages(ActionPlanned.SUBJECT)
            return found if len(found) == 2 else None

        _, second = await eventually(two)
        plan = Plan.from_bytes(ActionPlanned.from_bytes(first.data).plan)
        question = ExplainMission(tenant_id="default", mission_id=plan.mission_id)
        explained = await gateway.call(question)
        with pytest.raises(NotFound):
            await gateway.call(question.model_copy(update={"tenant_id": "other"}))
    assert (plan.playbook, plan.actions[0].params) == ("a-patient-one", '{"min_idle_seconds":17}')
    assert explained.plan == plan
    assert [(one.playbook, one.chosen) for one in plan.considered][:2] == [
        ("a-patient-one", True),
        ("postgres-blocked-sessions", False),
    ]
    assert plan.considered[1].reason == "behind a-patient-one: equal but for the name"
    assert explained.considered == plan.considered
    other = Plan.from_bytes(ActionPlanned.from_bytes(second.data).plan)
    assert (other.playbook, other.actions[0].params) == (
        "postgres-blocked-sessions", '{"min_idle_seconds":1}',
    )  # fmt: skip
    doubt = next(one.reason for one in other.considered if not one.playbook)
    assert doubt == "a-patient-one: details.idle has to be a whole number of 1 to 60"
    assert "DROP" not in json.dumps(other.model_dump(mode="json"))


def _patient() -> str:
    """The shipped playbook, with how long a blocker has to be idle out of the error."""
    shipped = Path(loops.__file__).parents[1] / "playbooks" / "postgres-blocked-sessions.yaml"
    text = shipped.read_text().replace("postgres-blocked-sessions", "a-patient-one")
    text = text.replace("min_idle_seconds: 1", "min_idle_seconds: {extract: idle}")
    idle = "extract:\n  idle: {from: details.idle, type: integer, at_least: 1, at_most: 60}\nsteps:"
    return text.replace("steps:", idle, 1)


async def _end(house: House) -> None:
    role = await house.role("intent")
    await role.execute(
        "UPDATE intent.missions SET status = 'closed', outcome = 'verified', closed_at = now()"
    )
    await role.close()
