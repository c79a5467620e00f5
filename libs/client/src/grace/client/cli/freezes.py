"""`grace freezes`: when plans for which targets wait."""

from datetime import datetime
from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

app = typer.Typer(help="Change freezes: when plans wait.", no_args_is_help=True)

_COLUMNS = (
    "freeze_id", "mode", "target", "kind", "environment", "ends_at", "days", "from_time",
    "until_time", "ended_at", "reason",
)  # fmt: skip
Text = Annotated[str | None, typer.Option()]


@verb(app, "list")
def list_freezes(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List freezes, newest first."""
    page = run(context, lambda grace: grace.freezes(limit=limit, cursor=cursor))
    show_page(context, page, *_COLUMNS)


@verb(app, "add")
def add(  # noqa: PLR0917 - an option each
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="For those who have to wait.")],
    mode: Annotated[str, typer.Option(help="wait, or ask: somebody has to release it.")] = "wait",
    target: Annotated[str | None, typer.Option(help="All where absent.")] = None,
    kind: Annotated[str | None, typer.Option(help="Of target, such as postgres.")] = None,
    environment: Text = None,
    starts: Annotated[str | None, typer.Option(help="2026-12-24T12:00+01:00")] = None,
    ends: Annotated[str | None, typer.Option(help="2026-12-27T06:00+01:00")] = None,
    timezone: Annotated[str | None, typer.Option(help="Europe/Berlin")] = None,
    day: Annotated[list[str] | None, typer.Option(help="mon .. sun; weekly.")] = None,
    from_time: Annotated[str | None, typer.Option("--from", help="22:00")] = None,
    until_time: Annotated[str | None, typer.Option("--until", help="06:00")] = None,
) -> None:
    """Declare a freeze: once until `--ends`, or weekly on each `--day`."""
    declared = run(
        context,
        lambda grace: grace.declare_freeze(
            reason,
            mode=mode,
            target=target,
            kind=kind,
            environment=environment,
            starts_at=_moment(starts),
            ends_at=_moment(ends),
            timezone=timezone,
            days=day or (),
            from_time=from_time,
            until_time=until_time,
        ),
    )
    show(context, declared)


@verb(app, "end")
def end(
    context: typer.Context,
    freeze_id: str,
    reason: Annotated[str | None, typer.Option(help="For the record.")] = None,
) -> None:
    """End a freeze before its time; what waits for it is planned at once."""
    show(context, run(context, lambda grace: grace.end_freeze(freeze_id, reason=reason)))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment such as 2026-12-24T12:00+01:00") from None
