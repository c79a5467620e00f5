"""command.run: what a listed command says. No shell, no environment of ours, no input."""

import asyncio
import contextlib
import os
import signal
from datetime import timedelta
from math import isfinite
from pathlib import Path
from stat import S_IWOTH
from time import monotonic
from typing import Annotated, ClassVar

from pydantic import Field

from grace.worker.domain.failure import BlockedError, InvalidError, NotNowError, UnusableError
from grace.worker.domain.redaction import Secrecy
from grace.worker.domain.state import Json, State
from grace.worker.domain.targets import CommandTarget
from grace.worker.kernels.operation import Context, Diff, Params, Role, Tier

LARGEST = 65_536  # bytes of what it says
LONGEST = timedelta(seconds=20)
_SHOWN = 2_000  # characters
# A command sees nothing of the worker: neither its secrets nor its libraries.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/"}

Word = Annotated[str, Field(min_length=1, max_length=4096)]


class RunParams(Params):
    """`argv`: one of the target's lists, word for word."""

    argv: Annotated[tuple[Word, ...], Field(min_length=1, max_length=64, strict=False)]


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
        argv = allowed(ctx, params.argv)
        begun = monotonic()
        code, said = await _run(argv)
        return {**summary(code, said), "seconds": monotonic() - begun}

    async def plan(self, ctx: Context, params: RunParams) -> Diff:
        """Return nothing: it changes nothing."""
        allowed(ctx, params.argv)
        return Diff(ctx.target.id)


def allowed(ctx: Context, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command that is listed; BlockedError for any other."""
    target = ctx.target
    if not isinstance(target, CommandTarget):
        raise InvalidError(f"{target.id} is not a command target")
    if argv not in target.allow:
        raise BlockedError(f"{argv[0][:80]!r} with these words is not listed for {target.id}")
    return argv


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


async def _run(argv: tuple[str, ...]) -> tuple[int, str]:
    _check(Path(argv[0]))
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise UnusableError(f"{argv[0]} cannot be run: {error.strerror}") from error
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            said = await _said(process)
            return await process.wait(), said.decode("utf-8", "replace")
    except TimeoutError as error:
        raise NotNowError(f"{argv[0]} did not end within {LONGEST.total_seconds():g} s") from error
    finally:
        await _end(process)


async def _said(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    said = bytearray()
    while piece := await process.stdout.read(LARGEST):
        said += piece
        if len(said) > LARGEST:
            raise UnusableError(f"it says more than {LARGEST} bytes")
    return bytes(said)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let nothing of the command outlive its step, its children included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        await process.wait()


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
