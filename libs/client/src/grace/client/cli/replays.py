"""`grace replay`: what other playbooks and other policies would have made of a mission."""

from pathlib import Path
from typing import Annotated

import typer

from grace.client.cli.documents import read_text
from grace.client.cli.output import show, show_parts
from grace.client.cli.session import Format, run, session_of
from grace.client.cli.verbs import verb
from grace.client.models import ReplayedMission
from grace.client.sync import SyncGrace
from grace.contracts.governance import ReplayedRulings

_RULINGS = {"rulings": ("approval_id", "tier", "was", "was_because", "would_be", "because")}


def add_to(app: typer.Typer) -> None:
    """Add the command that stands alone."""
    verb(app, "replay")(replay)


def replay(
    context: typer.Context,
    mission_id: str,
    playbook: Annotated[
        Path | None,
        typer.Option(help="A playbook besides those in force: how it would be planned."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Cedar policies: what they would make of its recorded plans."),
    ] = None,
    policy_name: Annotated[
        str, typer.Option(help="In whose place they are tried; beside all others else.")
    ] = "candidate",
) -> None:
    """Show how today's rules, or others, would have decided about a mission; nothing acts."""
    source = read_text(playbook) if playbook else None
    if policy is None:
        show(context, run(context, lambda grace: grace.replay_mission(mission_id, playbook=source)))
        return
    candidate = {"name": policy_name, "text": read_text(policy)}

    def ask(grace: SyncGrace) -> ReplayedRulings | ReplayedMission:
        ruled = grace.replay_rulings(mission_id, candidate=candidate)
        if source is None:
            return ruled
        planned = grace.replay_mission(mission_id, playbook=source)
        return ReplayedMission(**(dict(planned) | dict(ruled)))

    found = run(context, ask)
    if session_of(context).output is Format.TABLE:
        show_parts(found, _RULINGS)
    else:
        show(context, found)
