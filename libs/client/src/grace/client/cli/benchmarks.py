"""`grace benchmarks`: what has a baseline, measured again and held against it."""

from collections.abc import Callable
from typing import Annotated

import typer

from grace.client.cli.output import progress, show
from grace.client.cli.session import FAILED, run
from grace.client.cli.verbs import verb
from grace.client.sync import SyncGrace
from grace.contracts.verification import BenchmarkRun

app = typer.Typer(help="Hold targets against their baselines.", no_args_is_help=True)

Target = Annotated[str | None, typer.Option(help="Only what is measured of this target.")]
Timeout = Annotated[float, typer.Option(min=0, help="Seconds to wait for the result.")]


@verb(app, "smoke")
def smoke(context: typer.Context, target: Target = None, timeout: Timeout = 120) -> None:
    """Measure everything that has a baseline once; exit code 1 unless all numbers are there."""
    _judge(context, lambda grace: grace.run_smoke(target), timeout)


@verb(app, "regression")
def regression(
    context: typer.Context,
    target: Target = None,
    tolerance: Annotated[float, typer.Option(min=0, max=10, help="As a share: 0.2 is 20 %.")] = 0.2,
    timeout: Timeout = 120,
) -> None:
    """Hold everything that has a baseline against it; exit code 1 unless nothing has drifted."""
    _judge(context, lambda grace: grace.run_regression(target, tolerance=tolerance), timeout)


@verb(app, "show")
def show_run(context: typer.Context, run_id: str) -> None:
    """Show one run."""
    show(context, run(context, lambda grace: grace.benchmark_run(run_id)))


def _judge(
    context: typer.Context, begin: Callable[[SyncGrace], BenchmarkRun], timeout: float
) -> None:
    def measure(grace: SyncGrace) -> BenchmarkRun:
        started = begin(grace)
        with progress(started.run_id) as tell:
            return grace.wait_for_run(started.run_id, timeout=timeout, tell=tell)

    found = run(context, measure)
    show(context, found)
    if found.status != "passed":
        raise typer.Exit(FAILED)
