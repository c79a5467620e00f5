"""The `grace` command line: REST commands, and those of grace.stack where it is installed."""

import importlib
import importlib.util
import sys

import typer

from grace.client.cli import (
    approvals,
    approvers,
    autonomy,
    baselines,
    benchmarks,
    consents,
    events,
    freezes,
    holds,
    intents,
    keys,
    kill_switch,
    knowledge,
    log,
    missions,
    orders,
    playbooks,
    policies,
    replays,
    schedules,
    steering,
    system,
    tasks,
)
from grace.client.cli.session import EXIT_CODES

_STACK = "grace.stack.commands"
_WITH_VALUE = frozenset({"--url", "--key-file", "--output", "-o"})


def build() -> typer.Typer:
    """Compose the commands that are installed here."""
    app = _over_rest()
    _add_stack(app)
    return app


def main() -> None:
    """Run the command line. The servers of grace.stack are not loaded only to ask a question."""
    app = _over_rest()
    commands = {command.name for command in app.registered_commands}
    groups = {group.name for group in app.registered_groups}
    if _command(sys.argv[1:]) not in commands | groups:
        _add_stack(app)
    app()


def _over_rest() -> typer.Typer:
    app = typer.Typer(
        name="grace",
        help="Heals systems on its own, and can prove what it did.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(system.connect)
    intents.add_to(app)
    replays.add_to(app)
    orders.add_to(tasks.app)
    for name, commands in (
        ("intents", intents.app),
        ("missions", missions.app),
        ("holds", holds.app),
        ("freezes", freezes.app),
        ("playbooks", playbooks.app),
        ("approvals", approvals.app),
        ("kill-switch", kill_switch.app),
        ("approvers", approvers.app),
        ("reviews", approvers.reviews),
        ("policy", policies.app),
        ("autonomy", autonomy.app),
        ("consent", consents.app),
        ("events", events.app),
        ("knowledge", knowledge.app),
        ("baselines", baselines.app),
        ("benchmarks", benchmarks.app),
        ("dead-letters", steering.letters),
        ("queues", steering.queues),
        ("schedules", schedules.app),
        ("tasks", tasks.app),
        ("log", log.app),
        ("keys", keys.app),
    ):
        app.add_typer(commands, name=name)
    system.add_to(app)
    return app


def _command(words: list[str]) -> str | None:
    """The first word that is neither an option nor its value."""
    rest = iter(words)
    for word in rest:
        if word in _WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return None


def _add_stack(app: typer.Typer) -> None:
    """A machine that only asks Grace needs no servers: grace.stack may be absent."""
    try:
        found = importlib.util.find_spec(_STACK)
    except ModuleNotFoundError:
        return
    if found is not None:
        importlib.import_module(_STACK).register(app)
