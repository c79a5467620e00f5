"""Runs `program.py`, one process for one step; none outlives it."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from grace.worker.domain.failure import (
    BlockedError,
    ChangedError,
    InvalidError,
    KernelError,
    NotNowError,
    UnfinishedError,
    UnusableError,
)
from grace.worker.domain.state import Json, State, state_of
from grace.worker.domain.targets import SqliteTarget
from grace.worker.kernels.operation import Context

LONGEST = timedelta(seconds=25)
# For locks that others hold.
PATIENCE = timedelta(seconds=10)
_PROGRAM = Path(__file__).with_name("program.py")
_REFUSALS: Mapping[str, type[KernelError]] = {
    "blocked": BlockedError,
    "changed": ChangedError,
    "not_now": NotNowError,
    "unfinished": UnfinishedError,
    "unusable": UnusableError,
}


def file_of(ctx: Context) -> str:
    """Return the database file of the target; InvalidError for any other kind."""
    if not isinstance(ctx.target, SqliteTarget):
        raise InvalidError(f"{ctx.target.id} is not a sqlite target")
    return str(ctx.target.file)


async def look(ctx: Context) -> State:
    """Return what the files say. Nothing is opened by SQLite and nothing is made."""
    return await _ask({"do": "look", "file": file_of(ctx)})


async def act(ctx: Context, do: str, **more: Json) -> State:
    """Do one thing to the file of the stored state; another file raises ChangedError."""
    request: State = {"do": do, "file": file_of(ctx), "wait": PATIENCE.total_seconds()}
    return await _ask({**request, "before": dict(ctx.before or {}), **more})


async def _ask(request: Mapping[str, Json]) -> State:
    folder = str(Path(str(request["file"])).parent)
    answer = state_of(await _said(json.dumps(request).encode(), folder))
    if isinstance(kind := answer.get("refusal"), str):
        raise _REFUSALS[kind](str(answer["words"]))
    state = answer.get("state")
    if not isinstance(state, Mapping):
        raise UnusableError("what runs SQLite said nothing that can be read")
    return state


async def _said(request: bytes, folder: str) -> str:
    process = _started(folder)
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            said, _ = await asyncio.to_thread(process.communicate, request)
    except TimeoutError:
        # What SQLite began is undone by whoever opens the file next.
        raise UnfinishedError(f"it did not end within {LONGEST.total_seconds():g} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.to_thread(process.wait)
    if process.returncode != 0:
        raise UnfinishedError(f"what runs SQLite ended with {process.returncode}")
    return said.decode()


def _started(folder: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # What it writes for the time of a step lies where the room was looked at.
        env={"LC_ALL": "C.UTF-8", "SQLITE_TMPDIR": folder},
        cwd="/",
        start_new_session=True,
    )
