"""The commands of `grace` that run Grace on this machine."""

from __future__ import annotations

import asyncio
import importlib
import json
import time
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console

from grace.client.cli.session import Format, session_of
from grace.contracts.permissions import INSTALLER
from grace.contracts.subjects import SERVICES
from grace.kit import SettingsError, end_tasks, logs
from grace.kit import main as run_service
from grace.kit.migrations import SchemaMismatch
from grace.kit.running import spare_collector, stop_signal
from grace.stack import bootstrap, doctor, host, streams
from grace.stack.datadir import DataDir
from grace.stack.demo import story
from grace.stack.errors import StackError
from grace.stack.installation import Installation
from grace.stack.ports import free_port
from grace.stack.restore import refuse_unfit
from grace.stack.restore import restore as restore_dump

_PORT = 8000
_USAGE_EXIT = 78

DataDirOption = Annotated[Path, typer.Option("--data-dir", help="Where Grace keeps its data.")]
PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="The port of REST.")]

nats_app = typer.Typer(help="NATS streams and consumers.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to the `grace` command line."""
    app.command("up")(up)
    app.command("run")(run)
    app.command("demo")(demo)
    app.command("bootstrap")(bootstrap_command)
    app.command("doctor")(doctor_command)
    app.command("migrate")(migrate)
    app.command("restore")(restore)
    app.add_typer(nats_app, name="nats")


def up(data_dir: DataDirOption = Path(".grace"), port: PortOption = _PORT) -> None:
    """Run every service on embedded servers until Ctrl-C."""
    _run(_up(data_dir, port))


async def _up(data_dir: Path, port: int) -> int:
    stop, console = stop_signal(), Console()
    async with host.house(
        data_dir, port, lambda line: console.print(f"[dim]{line}[/dim]")
    ) as house:
        spare_collector()
        for line in _welcome(house):
            console.print(line, highlight=False, soft_wrap=True)
        await _until(stop, house)
        console.print("[dim]stopping[/dim]")
    return 0


async def _until(stop: asyncio.Event, house: host.House) -> None:
    """Wait for the signal; StackError when a service breaks before it comes."""
    stopped = asyncio.ensure_future(stop.wait())
    broken = asyncio.ensure_future(host.until_broken(house))
    try:
        await asyncio.wait({stopped, broken}, return_when=asyncio.FIRST_COMPLETED)
        if broken.done():
            raise broken.result()
    finally:
        await end_tasks([stopped, broken])


def _welcome(house: host.House) -> list[str]:
    root = house.installation.root
    return [
        f"Grace is up after {house.seconds:.1f} s.",
        f"  REST       {house.url}",
        f"  docs       {house.url}/docs",
        f"  admin key  {house.installation.admin_key_file}",
        f"  metrics    http://127.0.0.1:{house.ops_port}/metrics",
        f"  logs       {root / 'logs' / 'grace.log'}",
        "Ctrl-C stops it; the data stays.",
    ]


def run(service: Annotated[str, typer.Argument(help="One of Grace's services.")]) -> None:
    """Run one service as this process, with its settings from GRACE_<SERVICE>_*."""
    if service not in SERVICES:
        raise typer.BadParameter(f"{service} is none of {', '.join(SERVICES)}")
    run_service(importlib.import_module(f"grace.{service}.app").build)


def demo(
    data_dir: DataDirOption = Path(".grace"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port of REST; 0 takes a free one.")
    ] = 0,
    setup_seconds: Annotated[float, typer.Option(hidden=True)] = 0.0,
) -> None:
    """Heal a database that was hurt on purpose, and take back a change that made things worse."""
    _run(_demo(data_dir, port, setup_seconds))


async def _demo(data_dir: Path, port: int, setup_seconds: float) -> int:
    stop, console = stop_signal(), Console()
    telling = asyncio.create_task(_tell(data_dir, port or free_port(), console, setup_seconds))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({telling, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not telling.done():
        await end_tasks([telling])
        console.print("stopped")
        return 130
    stopped.cancel()
    return telling.result()


async def _tell(data_dir: Path, port: int, console: Console, setup: float) -> int:
    # A data directory of its own: a demo must not act on a Grace that somebody uses.
    root = data_dir / "demo"
    async with host.house(
        root / "grace", port, lambda line: console.print(f"[dim]{line}[/dim]")
    ) as house:
        code: int = await story.tell(house, root, console, setup_seconds=setup)
        return code


def bootstrap_command(context: typer.Context, data_dir: DataDirOption = Path(".grace")) -> None:
    """Prove that the Grace that is up does what it is for, on a small database of its own.

    A baseline, a benchmark, a mission from its error to its verdict, and the log's proofs of it.
    Again it repeats all but the mission.
    """
    _run(_bootstrap(data_dir, as_json=session_of(context).output is Format.JSON))


async def _bootstrap(data_dir: Path, *, as_json: bool) -> int:
    def say(step: str, found: str) -> None:
        if not as_json:
            typer.echo(f"{step:<10} {found}")

    report = await bootstrap.bootstrap(data_dir, say)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    return 0


def doctor_command(data_dir: DataDirOption = Path(".grace")) -> None:
    """Tell what is here, what is up, what is wrong, and how much memory it takes."""
    _run(_examine(data_dir))


async def _examine(data_dir: Path) -> int:
    return doctor.examine(data_dir, Console())


def migrate(data_dir: DataDirOption = Path(".grace")) -> None:
    """Bring every schema of a data directory to its newest revision."""
    _run(_migrate(data_dir))


async def _migrate(data_dir: Path) -> int:
    began = time.monotonic()
    _refuse_nothing(data_dir)
    with DataDir(data_dir) as data:
        installation = Installation(data.path)
        await asyncio.to_thread(installation.postgres.start)
        try:
            await installation.make_database("grace")
            await installation.migrate("grace")
        finally:
            await asyncio.to_thread(installation.postgres.stop)
    seconds = time.monotonic() - began
    typer.echo(f"schemas {', '.join(installation.names)} are current ({seconds:.1f} s)")
    return 0


def restore(
    dump: Annotated[Path, typer.Argument(help="What `pg_dump --format custom` wrote.")],
    data_dir: DataDirOption = Path(".grace"),
) -> None:
    """Make a data directory's Postgres out of a dump. Its secrets lie there already."""
    _run(_restore(data_dir, dump))


async def _restore(data_dir: Path, dump: Path) -> int:
    refuse_unfit(DataDir(data_dir).path, dump)
    with DataDir(data_dir) as data:
        await restore_dump(Installation(data.path), dump)
    typer.echo(f"{dump} is restored: `grace up` goes on from there")
    return 0


def _refuse_nothing(data_dir: Path) -> None:
    """A name that was mistyped would become a new installation, whose schemas are current, of course."""
    if not (DataDir(data_dir).path / "postgres").is_dir():
        raise StackError(
            f"{data_dir} holds no Grace: name its data directory; `grace up` makes one"
        )


@nats_app.command("apply")
def nats_apply(
    url: Annotated[str, typer.Option(help="The NATS server.")],
    seed_file: Annotated[Path, typer.Option(help=f"The nkey seed of the user `{INSTALLER}`.")],
    *,
    watch: Annotated[bool, typer.Option(help="Go on, every 5 s, until stopped.")] = False,
) -> None:
    """Make or repair every stream and consumer."""
    if not seed_file.is_file():
        raise typer.BadParameter(f"there is no seed file {seed_file}")
    _run(_nats_apply(url, seed_file, watch=watch))


async def _nats_apply(url: str, seed_file: Path, *, watch: bool) -> int:
    client = await streams.connect(url, str(seed_file))
    try:
        done = await streams.apply(client)
        typer.echo("\n".join(done) or "all streams and consumers are as they should be")
        if watch:
            await streams.keep(client, stop_signal(), logs.logger("installer"))
    finally:
        await client.close()
    return 0


def _run(work: Coroutine[Any, Any, int]) -> None:
    """Run to an exit code; what a person can mend is one line, not a traceback."""
    try:
        code = uvloop.run(work)
    except (StackError, SettingsError, SchemaMismatch) as error:
        typer.echo(f"grace: {error}", err=True)
        code = _USAGE_EXIT if isinstance(error, SettingsError) else 1
    except SystemExit as ended:
        # A part of a service met a setting that cannot work. The log of a house is a file.
        if ended.__cause__ is not None:
            typer.echo(f"grace: {ended.__cause__}", err=True)
        raise
    raise typer.Exit(code)
