"""What every command shares: where Grace is, who asks, and how failures end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import typer
from rich.console import Console

from grace.client.errors import (
    Conflict,
    Forbidden,
    GatewayTimeout,
    GraceClientError,
    Invalid,
    Misconfigured,
    NotFound,
    Stale,
    StillOpen,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from grace.client.rest import Grace

T = TypeVar("T")

FAILED = 1
_EXITS: Mapping[type[GraceClientError], int] = {
    Invalid: 2,
    Misconfigured: 2,
    NotFound: 3,
    Unauthenticated: 4,
    Forbidden: 4,
    Conflict: 5,
    Stale: 5,
    Unreachable: 6,
    Unavailable: 6,
    GatewayTimeout: 6,
    StillOpen: 6,
}


@dataclass(frozen=True, slots=True)
class Session:
    """Where Grace is and who asks; `as_json` prints for programs."""

    url: str
    token: str
    as_json: bool


def run(context: typer.Context, ask: Callable[[Grace], Awaitable[T]]) -> T:
    """Ask Grace and return the answer; a failure is one line and an exit code."""
    session = session_of(context)

    async def asking() -> T:
        async with Grace(session.url, session.token) as grace:
            return await ask(grace)

    try:
        return asyncio.run(asking())
    except GraceClientError as error:
        Console(stderr=True).print(f"grace: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(exit_code(error)) from None


def session_of(context: typer.Context) -> Session:
    """Return what the options before the command said."""
    return cast("Session", context.find_root().obj)


def exit_code(error: GraceClientError) -> int:
    """The exit code of a failure."""
    return next((code for kind, code in _EXITS.items() if isinstance(error, kind)), FAILED)


def read_token(token: str | None, file: Path | None, fallback: Path) -> str:
    """Return the token that was given, or that of a file; BadParameter where a file is unreadable."""
    if token:
        return token
    chosen = file or (fallback if fallback.is_file() else None)
    if chosen is None:
        return ""
    try:
        return chosen.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read the key file {chosen}: {error}") from None
