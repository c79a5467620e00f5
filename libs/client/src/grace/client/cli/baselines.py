"""`grace baselines`: how a target measures while it is healthy."""

import json
from typing import Annotated, Any

import typer

from grace.client.cli.output import show
from grace.client.cli.session import FAILED, run
from grace.client.rest import Grace
from grace.client.waiting import wait_for_baseline
from grace.contracts.verification import Baseline

app = typer.Typer(help="How a target measures while it is healthy.", no_args_is_help=True)


@app.command()
def take(
    context: typer.Context,
    target: str,
    operation: str,
    params: Annotated[str, typer.Option(help="The operation's parameters as JSON.")] = "{}",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the result.")] = 60,
) -> None:
    """Measure a healthy target and keep the result; exit code 1 where that failed."""
    given = _object(params)

    async def measure(grace: Grace) -> Baseline:
        started = await grace.take_baseline(target, operation, given)
        return await wait_for_baseline(grace, started.baseline_id, timeout=timeout)

    baseline = run(context, measure)
    show(context, baseline)
    if baseline.status != "stored":
        raise typer.Exit(FAILED)


@app.command("show")
def show_baseline(context: typer.Context, baseline_id: str) -> None:
    """Show one baseline."""
    show(context, run(context, lambda grace: grace.baseline(baseline_id)))


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise typer.BadParameter("params must be a JSON object")
    return found
