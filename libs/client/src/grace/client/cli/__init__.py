"""The `grace` command line: REST commands, and those of grace.stack where it is installed."""

import errno
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from grace.client.cli import system
from grace.client.cli.session import EXIT_CODES

_STACK = "grace.stack.commands"
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE)
# Each command that stands alone, with the module that adds it.
_ALONE = {
    "submit": "intents",
    "error": "intents",
    "replay": "replays",
    "status": "system",
    "alerts": "system",
    "health": "system",
    "learning": "system",
    "task": "system",
    "chat": "chat",
}
# Each group, with its module and what it is called there.
_GROUPS = {
    "intents": ("intents", "app"),
    "missions": ("missions", "app"),
    "holds": ("holds", "app"),
    "freezes": ("freezes", "app"),
    "playbooks": ("playbooks", "app"),
    "approvals": ("approvals", "app"),
    "kill-switch": ("kill_switch", "app"),
    "brake": ("brake", "app"),
    "approvers": ("approvers", "app"),
    "reviews": ("approvers", "reviews"),
    "policy": ("policies", "app"),
    "autonomy": ("autonomy", "app"),
    "consent": ("consents", "app"),
    "events": ("events", "app"),
    "knowledge": ("knowledge", "app"),
    "baselines": ("baselines", "app"),
    "benchmarks": ("benchmarks", "app"),
    "dead-letters": ("steering", "letters"),
    "queues": ("steering", "queues"),
    "schedules": ("schedules", "app"),
    "tasks": ("tasks", "app"),
    "quarantine": ("quarantine", "app"),
    "log": ("log", "app"),
    "keys": ("keys", "app"),
}


def build() -> typer.Typer:
    """Compose the commands that are installed here."""
    app = typer.Typer(
        name="grace",
        cls=Grace,
        help="Heals systems on its own, and can prove what it did.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(system.connect)
    return app


def main() -> None:
    """Run the command line. An answer that cannot be written is no success, and no traceback."""
    try:
        _answer()
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        # What is kept for writing would fail once more at the very end, behind the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        gone = error.errno == errno.EPIPE
        sys.exit(1 if gone else f"grace: the answer cannot be written: {error.strerror}")


def _answer() -> None:
    try:
        build()()
    finally:
        if sys.stdout is not None:  # closed by whoever started this
            sys.stdout.flush()


class Grace(TyperGroup):
    """The whole command line, of which no more is loaded than is asked for."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - typer's
        super().__init__(**settings | {"commands": Commands()})


class Commands(Mapping[str, Any]):
    """Every command by its name; who asks one question waits for one module and for no servers."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer's own class, which it does not name
        if name in _ALONE:
            return _standing_alone(name)
        return _group(name) if name in _GROUPS else _of_the_stack()[name]

    def __iter__(self) -> Iterator[str]:
        yield from (*_ALONE, *_GROUPS, *_of_the_stack())

    def __len__(self) -> int:
        return len(list(iter(self)))


@cache
def _standing_alone(name: str) -> Any:  # noqa: ANN401 - typer's
    part = typer.Typer()
    _module(_ALONE[name]).add_to(part)
    return get_group(part).commands[name]


@cache
def _group(name: str) -> Any:  # noqa: ANN401 - typer's
    part = typer.Typer()
    module, attribute = _GROUPS[name]
    part.add_typer(getattr(_module(module), attribute), name=name)
    return get_group(part).commands[name]


def _module(name: str) -> Any:  # noqa: ANN401 - a module
    return importlib.import_module(f"{__name__}.{name}")


@cache
def _of_the_stack() -> Mapping[str, Any]:
    """A machine that only asks Grace needs no servers: grace.stack may be absent."""
    try:
        found = importlib.util.find_spec(_STACK)
    except ModuleNotFoundError:
        return {}
    if found is None:
        return {}
    part = typer.Typer()
    importlib.import_module(_STACK).register(part)
    return get_group(part).commands
