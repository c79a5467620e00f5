"""The `grace` command line: REST commands, and those of grace.stack where it is installed.

Exit codes: 0 done; 1 it failed, or it ended badly; 2 wrong usage or invalid input; 3 not found;
4 not allowed (401, 403); 5 conflict or changed meanwhile (409, 412); 6 no answer in time.
"""

import importlib
import importlib.util

import typer

from grace.client.cli import approvals, baselines, keys, log, missions, system

_STACK = "grace.stack.commands"


def build() -> typer.Typer:
    """Compose the commands that are installed here."""
    app = typer.Typer(
        name="grace",
        help="Heals systems on its own, and can prove what it did.",
        epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 denied, 5 conflict, 6 away.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(system.connect)
    for name, commands in (
        ("missions", missions.app),
        ("approvals", approvals.app),
        ("baselines", baselines.app),
        ("log", log.app),
        ("keys", keys.app),
    ):
        app.add_typer(commands, name=name)
    app.command("health")(system.health)
    app.command("learning")(system.learning)
    app.command("task")(system.task)
    _add_stack(app)
    return app


def main() -> None:
    """Run the command line."""
    build()()


def _add_stack(app: typer.Typer) -> None:
    """A machine that only asks Grace needs no servers: grace.stack may be absent."""
    try:
        found = importlib.util.find_spec(_STACK)
    except ModuleNotFoundError:
        return
    if found is not None:
        importlib.import_module(_STACK).register(app)
