"""`grace submit`, `grace error` and `grace intents`: what people tell Grace."""

from pathlib import Path
from typing import Annotated, Any

import typer

from grace.client.cli.documents import json_object, merged, read_document, require
from grace.client.cli.missions import is_healed
from grace.client.cli.output import progress, show, show_page
from grace.client.cli.session import FAILED, run
from grace.client.cli.verbs import verb
from grace.client.sync import SyncGrace
from grace.contracts.intent import Intent

app = typer.Typer(help="What Grace was asked to bring about.", no_args_is_help=True)

_COLUMNS = ("intent_id", "status", "reopened_at", "domain", "kind", "target", "goal", "accepted_at")
_INTENT = ("goal", "domain", "intent_id", "kind", "target", "priority", "sla_ms", "details")
_ERROR = ("kind", "target", "message", "source", "severity", "details")

File = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="The same fields in YAML or JSON; - reads stdin."),
]
Details = Annotated[str | None, typer.Option(help="More for people to read, a JSON object.")]
Key = Annotated[
    str | None, typer.Option("--idempotency-key", help="The same key is the same request.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Until it has ended.")]
Timeout = Annotated[float, typer.Option(min=0, help="Seconds that --wait waits.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands that stand alone."""
    verb(app, "submit")(submit)
    verb(app, "error")(error)


def submit(
    context: typer.Context,
    *,
    goal: Annotated[str | None, typer.Option(help="What is wanted, for people.")] = None,
    domain: Annotated[str | None, typer.Option(help="What it is about, e.g. postgres.")] = None,
    kind: Annotated[str | None, typer.Option(help="The class of the problem.")] = None,
    target: Annotated[str | None, typer.Option(help="A registered target.")] = None,
    priority: Annotated[str | None, typer.Option(help="low, normal, high, critical")] = None,
    sla_ms: Annotated[int | None, typer.Option(min=1, help="How long it may take.")] = None,
    intent_id: Annotated[
        str | None, typer.Option("--id", help="Your own: the same id is the same intent.")
    ] = None,
    details: Details = None,
    file: File = None,
    key: Key = None,
    wait: Wait = False,
    timeout: Timeout = 300,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; nothing is kept.")
    ] = False,
) -> None:
    """Hand an intent in. With --wait, exit code 0 means verified, 1 every other end or a fault that is back."""
    given: dict[str, Any] = {
        "goal": goal, "domain": domain, "kind": kind, "target": target, "priority": priority,
        "sla_ms": sla_ms, "intent_id": intent_id, "details": _details(details),
    }  # fmt: skip
    fields = merged(read_document(file, fields=_INTENT) if file else {}, given)
    require(fields, "goal", "domain")
    if dry_run:
        fields = {k: v for k, v in fields.items() if k not in {"intent_id", "sla_ms"}}
        show(context, run(context, lambda grace: grace.preview(**fields)))
        return

    def handed_in(grace: SyncGrace) -> Intent:
        intent = grace.submit(**fields, key=key)
        return _waited(grace, intent.intent_id, timeout) if wait else intent

    _show_end(context, run(context, handed_in))


def error(
    context: typer.Context,
    *,
    source: Annotated[str | None, typer.Option(help="The program that saw it; else you.")] = None,
    kind: Annotated[str | None, typer.Option(help="The class of the error.")] = None,
    target: Annotated[str | None, typer.Option(help="A registered target.")] = None,
    message: Annotated[str | None, typer.Option(help="What was seen, for people.")] = None,
    severity: Annotated[str | None, typer.Option(help="info, warning, error, critical")] = None,
    details: Details = None,
    file: File = None,
    key: Key = None,
) -> None:
    """Report an error. Exit code 0 says that the report is kept, not that it is mended."""
    given: dict[str, Any] = {
        "source": source, "kind": kind, "target": target, "message": message,
        "severity": severity, "details": _details(details),
    }  # fmt: skip
    fields = merged(read_document(file, fields=_ERROR) if file else {}, given)
    require(fields, "kind", "target", "message")
    accepted = run(context, lambda grace: grace.report_error(**fields, key=key))
    show(context, accepted)
    if accepted.redacted:
        what = "1 secret was" if accepted.redacted == 1 else f"{accepted.redacted} secrets were"
        typer.echo(f"grace: {what} taken out before this was kept: replace what was sent", err=True)


@verb(app, "list")
def list_intents(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only intents that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List intents, newest first."""
    page = run(context, lambda grace: grace.intents(status=status, limit=limit, cursor=cursor))
    show_page(context, page, *_COLUMNS)


@verb(app, "show")
def show_intent(context: typer.Context, intent_id: str) -> None:
    """Show one intent and where it stands."""
    show(context, run(context, lambda grace: grace.intent(intent_id)))


@verb(app, "wait")
def wait_for(context: typer.Context, intent_id: str, timeout: Timeout = 300) -> None:
    """Wait until an intent has ended; exit code 1 where it was not verified, or is open again."""
    _show_end(context, run(context, lambda grace: _waited(grace, intent_id, timeout)))


def _waited(grace: SyncGrace, intent_id: str, timeout: float) -> Intent:
    with progress(intent_id) as tell:
        return grace.wait_for_intent(intent_id, timeout=timeout, tell=tell)


def _show_end(context: typer.Context, intent: Intent) -> None:
    """An end that is not verified, or was taken back, is no success, waited for or not."""
    show(context, intent)
    if intent.closed_at is not None and not is_healed(intent):
        raise typer.Exit(FAILED)


def _details(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json_object(text, "details")
