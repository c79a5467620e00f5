"""`grace baselines`: how a target measures while it is healthy."""

from typing import Annotated

import typer

from grace.client.cli.documents import json_object
from grace.client.cli.output import progress, show
from grace.client.cli.session import FAILED, run
from grace.client.cli.verbs import verb
from grace.client.sync import SyncGrace
from grace.contracts.verification import Baseline

app = typer.Typer(help="How a target measures while it is healthy.", no_args_is_help=True)


@verb(app, "take")
def take(
    context: typer.Context,
    target: str,
    operation: str,
    params: Annotated[str, typer.Option(help="The operation's parameters as JSON.")] = "{}",
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the result.")] = 60,
) -> None:
    """Measure a healthy target and keep the result; exit code 1 where that failed."""
    given = json_object(params, "params")

    def measure(grace: SyncGrace) -> Baseline:
        started = grace.take_baseline(target, operation, given)
        with progress(started.baseline_id) as tell:
            return grace.wait_for_baseline(started.baseline_id, timeout=timeout, tell=tell)

    baseline = run(context, measure)
    show(context, baseline)
    if baseline.status != "stored":
        raise typer.Exit(FAILED)


@verb(app, "show")
def show_baseline(context: typer.Context, baseline_id: str) -> None:
    """Show one baseline."""
    show(context, run(context, lambda grace: grace.baseline(baseline_id)))
