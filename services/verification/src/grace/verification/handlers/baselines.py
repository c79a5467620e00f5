"""Somebody asks for a baseline: the healthy state that later incidents are compared with."""

from grace.contracts.verification import Baseline, TakeBaseline
from grace.kit import Called, Conflict, Invalid, Unit, new_id
from grace.verification.domain.contract import Measurement
from grace.verification.domain.state import read_state
from grace.verification.domain.task import observe_task
from grace.verification.handlers.tasks import Wakes
from grace.verification.settings import Settings
from grace.verification.store import Benchmarks, Missions, Views
from grace.verification.store.orders import baseline_order


class BadParams(Invalid):
    """The parameters of a measurement are a JSON object."""


class TargetInTrouble(Conflict):
    """A mission is open about this target: what is measured now is no healthy state."""


async def on_take_baseline(
    settings: Settings, wakes: Wakes, call: Called[TakeBaseline], unit: Unit
) -> Baseline:
    """Begin to measure; the loop stores the result, and the caller asks for it by id."""
    body = call.body
    if read_state(body.params) is None:
        raise BadParams
    if await Missions(unit.tx).is_troubled(body.tenant_id, body.target):
        raise TargetInTrouble
    baseline_id = f"baseline-{new_id()}"
    measurement = Measurement(body.operation, body.target, body.params, body.timeout_ms)
    wanted = observe_task(f"{baseline_id}:measure", measurement)
    await Benchmarks(unit.tx).begin_baseline(
        baseline_id,
        tenant_id=body.tenant_id,
        measurement=measurement,
        requested_by=body.requested_by,
        task_spec=baseline_order(settings, wanted, body.tenant_id).to_bytes(),
    )
    wakes.baselines_after(unit)
    found = await Views(unit.tx).baseline(body.tenant_id, baseline_id)
    assert found is not None  # noqa: S101 - it was inserted by this transaction
    return found
