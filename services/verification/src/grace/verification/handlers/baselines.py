"""Somebody asks for a baseline: the healthy state that later incidents are compared with."""

from grace.contracts.secrets import objection
from grace.contracts.verification import Baseline, TakeBaseline
from grace.kit import Called, Conflict, Invalid, Unit
from grace.verification.domain.contract import Measurement
from grace.verification.domain.source import OPERATIONS, BadSourceError
from grace.verification.domain.state import read_state
from grace.verification.domain.task import observe_task
from grace.verification.handlers.measurements import Check
from grace.verification.handlers.tasks import Wakes
from grace.verification.settings import Settings
from grace.verification.store import Benchmarks, Missions, Views
from grace.verification.store.orders import baseline_order


class BadParams(Invalid):
    """The parameters of a measurement are a JSON object."""


class OpenSecret(Invalid):
    """A secret is given by its name, never as it is."""


class BadMeasurement(Invalid):
    """No source can be asked for this measurement."""


class TargetInTrouble(Conflict):
    """A mission is open about this target: what is measured now is no healthy state."""


async def on_take_baseline(
    settings: Settings, wakes: Wakes, check: Check, call: Called[TakeBaseline], unit: Unit
) -> Baseline:
    """Begin to measure; the loop stores the result, and the caller asks for it by id.

    A repeat finds what the first began.
    """
    body, baseline_id = call.body, f"baseline-{call.id}"
    await unit.wait_turn(call.id)
    if (before := await Views(unit.tx).baseline(body.tenant_id, baseline_id)) is not None:
        return before
    if read_state(body.params) is None:
        raise BadParams
    if (opened := objection(body.operation, body.params)) is not None:
        raise OpenSecret(str(opened))
    if await Missions(unit.tx).is_troubled(body.target):
        raise TargetInTrouble
    measurement = Measurement(body.operation, body.target, body.params, body.timeout_ms)
    await Benchmarks(unit.tx).begin_baseline(
        baseline_id,
        tenant_id=body.tenant_id,
        measurement=measurement,
        requested_by=body.requested_by,
        task_spec=_task(settings, check, baseline_id, measurement, body.tenant_id),
    )
    wakes.baselines_after(unit)
    found = await Views(unit.tx).baseline(body.tenant_id, baseline_id)
    assert found is not None  # noqa: S101 - it was inserted by this transaction
    return found


def _task(
    settings: Settings, check: Check, baseline_id: str, measurement: Measurement, tenant_id: str
) -> bytes | None:
    """Return the task of a baseline; None where verification measures it itself."""
    if measurement.operation in OPERATIONS:
        try:
            check(measurement.operation, measurement.target, measurement.params)
        except BadSourceError as error:
            raise BadMeasurement(str(error)) from error
        return None
    wanted = observe_task(f"{baseline_id}:measure", measurement)
    return baseline_order(settings, wanted, tenant_id).to_bytes()
