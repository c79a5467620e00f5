"""`grace consent`: which operations may use which secrets, asked for by one and given by another."""

from functools import partial
from typing import Annotated

import typer

from grace.client.cli.autonomy import seconds
from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb
from grace.client.sync import SyncGrace

app = typer.Typer(help="Which operations may use which secrets.", no_args_is_help=True)

Limit = Annotated[int, typer.Option(min=1, max=100)]
Note = Annotated[str | None, typer.Option("--reason", help="For the record.")]


@verb(app, "list")
def list_consents(
    context: typer.Context,
    *,
    status: Annotated[
        str | None, typer.Option(help="asked, open, used, expired, rejected or revoked")
    ] = None,
    limit: Limit = 20,
    cursor: str | None = None,
) -> None:
    """List consents, newest first; those that are asked wait for somebody."""
    page = run(context, lambda grace: grace.consents(status=status, limit=limit, cursor=cursor))
    columns = ("consent_id", "status", "secret", "operation", "target", "target_class", "asked_by")
    show_page(context, page, *columns, "decided_by", "expires_at")


@verb(app, "ask")
def ask(
    context: typer.Context,
    secret: str,
    operation: str,
    *,
    target: Annotated[str | None, typer.Option(help="At one target.")] = None,
    target_class: Annotated[str | None, typer.Option(help="At all targets of a kernel.")] = None,
    once: Annotated[bool, typer.Option(help="For the one contract that uses it first.")] = False,
    lasting: Annotated[str, typer.Option("--for", help="How long: 30d, 12h or 45m.")],
    reason: Annotated[str, typer.Option(help="Why; kept for good.")],
) -> None:
    """Ask that an operation (or kernel.*) may use a secret; another person consents."""
    lifetime_s = seconds(lasting)
    asked = run(
        context,
        lambda grace: grace.ask_consent(
            secret,
            operation,
            target=target,
            target_class=target_class,
            one_time=once,
            lifetime_s=lifetime_s,
            reason=reason,
        ),
    )
    show(context, asked)


@verb(app, "grant")
def grant(context: typer.Context, consent_id: str, reason: Note = None) -> None:
    """Consent; never to what you asked for."""
    question = partial(SyncGrace.grant_consent, consent_id=consent_id, reason=reason)
    show(context, run(context, question))


@verb(app, "reject")
def reject(context: typer.Context, consent_id: str, reason: Note = None) -> None:
    """Refuse what somebody asked for."""
    question = partial(SyncGrace.reject_consent, consent_id=consent_id, reason=reason)
    show(context, run(context, question))


@verb(app, "revoke")
def revoke(context: typer.Context, consent_id: str) -> None:
    """Take a consent back; from within a second nothing uses the secret by it."""
    show(context, run(context, partial(SyncGrace.revoke_consent, consent_id=consent_id)))
