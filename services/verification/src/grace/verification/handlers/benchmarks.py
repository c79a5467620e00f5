"""Somebody runs a benchmark suite against the golden baselines."""

from grace.contracts.verification import BenchmarkRun, GetBenchmarkRun, RunBenchmarks
from grace.kit import Called, Conflict, Invalid, NotFound, Runtime, Unit
from grace.verification.domain.source import OPERATIONS
from grace.verification.domain.suite import TAKES, Suite
from grace.verification.domain.task import observe_task
from grace.verification.handlers.tasks import Wakes
from grace.verification.settings import Settings
from grace.verification.store.orders import baseline_order
from grace.verification.store.runs import Runs
from grace.verification.store.runs.runs import GoldenOrder, Ordered

MOST_GOLDENS = 100
HIGHEST_TOLERANCE = 10.0
_USUAL_TOLERANCE = 0.2


class UnknownSuite(Invalid):
    """There is no such suite: known are smoke and regression."""


class BadTolerance(Invalid):
    """A tolerance is a share from 0 to 10, such as 0.2."""


class NoBaseline(Conflict):
    """There is no golden baseline to hold against: take one with POST /api/verification/benchmarks/baseline."""


class TooManyBaselines(Conflict):
    """There are more than 100 golden baselines, and a run holds against all or none: name a target."""


class UnknownRun(NotFound):
    """There is no such run."""


async def on_run_benchmarks(
    settings: Settings, wakes: Wakes, call: Called[RunBenchmarks], unit: Unit
) -> BenchmarkRun:
    """Begin to measure everything that has a golden baseline; the caller asks for the result.

    A repeat finds what the first began.
    """
    body, runs, run_id = call.body, Runs(unit.tx), f"run-{call.id}"
    await unit.wait_turn(call.id)
    if (before := await runs.view(body.tenant_id, run_id)) is not None:
        return before
    if body.suite not in set(Suite):
        raise UnknownSuite
    tolerance = _USUAL_TOLERANCE if body.tolerance is None else body.tolerance
    if not 0 <= tolerance <= HIGHEST_TOLERANCE:
        raise BadTolerance
    suite = Suite(body.suite)
    goldens = await runs.goldens(body.tenant_id, body.target, most=MOST_GOLDENS + 1)
    if not goldens:
        raise NoBaseline
    if len(goldens) > MOST_GOLDENS:
        raise TooManyBaselines
    ordered = [
        _ordered(settings, body.tenant_id, f"{run_id}:{place}:{number}", golden, number)
        for number in range(1, TAKES[suite] + 1)
        for place, golden in enumerate(goldens)
    ]
    await runs.begin(
        run_id,
        ordered,
        tenant_id=body.tenant_id,
        suite=suite,
        tolerance=tolerance,
        requested_by=body.requested_by,
        within=settings.measure_within,
        apart=settings.run_apart,
    )
    wakes.takes_after(unit)
    found = await runs.view(body.tenant_id, run_id)
    assert found is not None  # noqa: S101 - it was inserted by this transaction
    return found


async def on_get_run(call: Called[GetBenchmarkRun], runtime: Runtime) -> BenchmarkRun:
    """Answer with one run."""
    async with runtime.reading() as tx:
        found = await Runs(tx).view(call.body.tenant_id, call.body.run_id)
    if found is None:
        raise UnknownRun
    return found


def _ordered(
    settings: Settings,
    tenant_id: str,
    key: str,
    golden: GoldenOrder,
    number: int,
) -> Ordered:
    measurement, spec = golden.measurement, None
    if measurement.operation not in OPERATIONS:
        # Where the name leads elsewhere by now, the worker measures nothing.
        wanted = observe_task(key, measurement)
        order = baseline_order(settings, wanted, tenant_id, definition=golden.definition)
        spec = order.to_bytes()
    return Ordered(key, golden.baseline_id, number, measurement, spec)
