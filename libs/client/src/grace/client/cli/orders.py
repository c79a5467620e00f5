"""`grace tasks submit`."""

from datetime import datetime
from typing import Annotated, Any

import typer

from grace.client.cli.documents import json_object, merged, read_document, require
from grace.client.cli.intents import File, Key
from grace.client.cli.output import show
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

_FIELDS = (
    "type", "kernel", "operation", "target", "key", "params", "priority", "run_at", "deadline_at",
    "limit_key",
    "requires", "affinity", "unique_key", "unique_policy", "step", "timeout_ms", "max_attempts",
    "sla_ms", "mission_id", "contract_id", "depends_on", "depends_on_keys", "parent_id",
    "parent_key", "action_id", "capability", "before", "after",
)  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Add the command to those about tasks."""
    verb(app, "submit")(submit)


def submit(
    context: typer.Context,
    *,
    type_: Annotated[str | None, typer.Option("--type", help="What it is counted under.")] = None,
    kernel: Annotated[str | None, typer.Option(help="Which kernel runs it.")] = None,
    operation: Annotated[str | None, typer.Option(help="What the kernel does.")] = None,
    target: Annotated[str | None, typer.Option(help="A registered target.")] = None,
    own: Annotated[
        str | None, typer.Option("--key", help="Your own: the same key is the same task.")
    ] = None,
    params: Annotated[str | None, typer.Option(help="For the operation, a JSON object.")] = None,
    priority: Annotated[int | None, typer.Option(help="-100 to 100, the highest first.")] = None,
    run_at: Annotated[
        str | None, typer.Option(help="Not before, e.g. 2026-11-20T12:00:00+01:00.")
    ] = None,
    limit_key: Annotated[str | None, typer.Option(help="The limit of this key holds.")] = None,
    requires: Annotated[
        list[str] | None, typer.Option(help="A capability of its worker; may be repeated.")
    ] = None,
    affinity: Annotated[str | None, typer.Option(help="The worker that it prefers.")] = None,
    unique_key: Annotated[str | None, typer.Option(help="One live task holds it.")] = None,
    unique_policy: Annotated[
        str | None, typer.Option(help="Where one does: refuse, replace or join.")
    ] = None,
    depends_on: Annotated[
        list[str] | None, typer.Option(help="A task that must succeed before; may be repeated.")
    ] = None,
    parent_id: Annotated[
        str | None, typer.Option(help="The task that ends only after this one.")
    ] = None,
    file: File = None,
    key: Key = None,
) -> None:
    """Hand a task in. What changes something needs its capability, in --file."""
    given: dict[str, Any] = {
        "type": type_, "kernel": kernel, "operation": operation, "target": target, "key": own,
        "params": None if params is None else json_object(params, "params"),
        "priority": priority, "run_at": run_at, "limit_key": limit_key,
        "requires": requires or None, "affinity": affinity,
        "unique_key": unique_key, "unique_policy": unique_policy,
        "depends_on": depends_on or None, "parent_id": parent_id,
    }  # fmt: skip
    task = merged(read_document(file, fields=_FIELDS) if file else {}, given)
    require(task, "type", "kernel", "operation", "target")
    for instant in ("run_at", "deadline_at"):
        if isinstance(task.get(instant), datetime):  # YAML reads it as one
            task[instant] = task[instant].isoformat()
    (accepted,) = run(context, lambda grace: grace.submit_tasks([task], key=key))
    show(context, accepted)
