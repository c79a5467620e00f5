"""command.run: what a listed command says. No shell, no environment of ours, no input."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from math import isfinite
from pathlib import Path
from stat import S_IWOTH
from time import monotonic
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field

from grace.worker.domain.failure import BlockedError, InvalidError, NotNowError, UnusableError
from grace.worker.domain.redaction import Secrecy
from grace.worker.domain.state import Json, State
from grace.worker.domain.targets import CommandTarget
from grace.worker.kernels.operation import Context, Diff, Params, Role, Tier
from grace.worker.kernels.references import SecretRef

LARGEST = 65_536  # bytes of what it says
LONGEST = timedelta(seconds=20)
_SHOWN = 2_000  # characters
# A command sees nothing of the worker: neither its secrets nor its libraries.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/"}

Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
Word = Annotated[str, Field(min_length=1, max_length=4096)]
_Process: TypeAlias = "subprocess.Popen[bytes]"


class RunParams(Params):
    """`argv`: one of the target's lists, word for word. `environment`: secrets, by variable."""

    argv: Annotated[tuple[Word, ...], Field(min_length=1, max_length=64, strict=False)]
    environment: Annotated[Mapping[Variable, SecretRef], Field(max_length=16)] = Field(
        default_factory=dict
    )


class Run:
    """Runs a listed command. It only observes: what is listed must change nothing."""

    name: ClassVar[str] = "command.run"
    tier: ClassVar[Tier] = Tier.HARMLESS
    # What a program prints may hold a password; its numbers are fields of their own.
    secrecy: ClassVar[Secrecy] = Secrecy(frozenset({"says"}))
    params: ClassVar[type[RunParams]] = RunParams
    apply: None = None
    revert: None = None

    def time_needed(self, _: RunParams) -> timedelta:
        """The longest a command may take, and a moment to end it."""
        return LONGEST + timedelta(seconds=5)

    async def observe(self, ctx: Context, params: RunParams) -> State:
        """Return `exit_code`, `ok`, `seconds`, `lines`, `value` (where it says one number), `says`."""
        if ctx.role is not Role.OBSERVE:
            raise InvalidError("a command runs only to observe")
        argv = allowed(ctx, params)
        secrets = {name: _variable(ctx, ref) for name, ref in params.environment.items()}
        begun = monotonic()
        code, said = await _run(argv, {**_ENVIRONMENT, **secrets})
        # How fast it fell over is not how fast it is.
        seconds = monotonic() - begun if code == 0 else None
        return {**summary(code, said), "seconds": seconds}

    async def plan(self, ctx: Context, params: RunParams) -> Diff:
        """Return nothing: it changes nothing."""
        allowed(ctx, params)
        return Diff(ctx.target.id)


def allowed(ctx: Context, params: RunParams) -> tuple[str, ...]:
    """Return a command that is listed; BlockedError for any other, or another variable."""
    target, argv = ctx.target, params.argv
    if not isinstance(target, CommandTarget):
        raise InvalidError(f"{target.id} is not a command target")
    if argv not in target.allow:
        raise BlockedError(f"{argv[0][:80]!r} with these words is not listed for {target.id}")
    if foreign := sorted(params.environment.keys() - target.variables):
        raise BlockedError(f"{foreign[0]} is not among the variables of {target.id}")
    return argv


def _variable(ctx: Context, wanted: SecretRef) -> str:
    value = ctx.secret(wanted)
    if "\x00" in value:
        raise UnusableError(f"secret {wanted.secret} has a NUL in it: no variable can hold it")
    return value


def summary(code: int, said: str) -> State:
    """Return the fields of what a command said. What failed says no number: not even how little."""
    is_ok = code == 0
    return {
        "exit_code": code,
        "ok": int(is_ok),
        "lines": len(said.splitlines()) if is_ok else None,
        "value": _number(said) if is_ok else None,
        "says": said[:_SHOWN].replace("\x00", "\N{REPLACEMENT CHARACTER}"),
    }


async def _run(argv: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int, str]:
    _check(Path(argv[0]))
    process = _started(argv, environment)
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            said = await _said(process)
            return await asyncio.to_thread(process.wait), said.decode("utf-8", "replace")
    except TimeoutError as error:
        raise NotNowError(f"{argv[0]} did not end within {LONGEST.total_seconds():g} s") from error
    finally:
        await _end(process)


def _started(argv: tuple[str, ...], environment: Mapping[str, str]) -> _Process:
    """Start it by the standard library: uvloop would hand it every open file that says it may be."""
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise UnusableError(f"{argv[0]} cannot be run: {error.strerror}") from error


async def _said(process: _Process) -> bytes:
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    pipe, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), process.stdout
    )
    said = bytearray()
    try:
        while piece := await reader.read(LARGEST):
            said += piece
            if len(said) > LARGEST:
                raise UnusableError(f"it says more than {LARGEST} bytes")
    finally:
        pipe.close()
    return bytes(said)


async def _end(process: _Process) -> None:
    """Let nothing of the command outlive its step, its children included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        await asyncio.to_thread(process.wait)


def _check(program: Path) -> None:
    try:
        mode = program.stat().st_mode
    except OSError as error:
        raise UnusableError(f"{program} cannot be run: {error.strerror}") from error
    if mode & S_IWOTH:
        raise UnusableError(f"{program} is writable by everybody: chmod o-w it")


def _number(said: str) -> Json:
    try:
        found = float(said.strip())
    except ValueError:
        return None
    return found if isfinite(found) else None
