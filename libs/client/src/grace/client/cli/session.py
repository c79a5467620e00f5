"""What every command shares: where Grace is, who asks, and how failures end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, TypeVar, cast

import typer
from rich.console import Console
from rich.text import Text

from grace.client.ask import is_loopback
from grace.client.errors import (
    Conflict,
    Forbidden,
    GatewayTimeout,
    GraceClientError,
    Invalid,
    Misconfigured,
    NotFound,
    RateLimited,
    Stale,
    StillOpen,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unreachable,
    Unsendable,
)
from grace.client.sync import SyncGrace
from grace.client.terminal import harmless

T = TypeVar("T")

FAILED = 1
_EXITS: Mapping[type[GraceClientError], int] = {
    Invalid: 2,
    Misconfigured: 2,
    TooLarge: 2,
    Unsendable: 2,
    NotFound: 3,
    Unauthenticated: 4,
    Forbidden: 4,
    Conflict: 5,
    Stale: 5,
    Unreachable: 6,
    Unavailable: 6,
    RateLimited: 6,
    GatewayTimeout: 6,
    StillOpen: 6,
}
EXIT_CODES = (
    "Exit codes: 0 done, 1 failed or ended badly, 2 usage or invalid input, 3 not found, "
    "4 denied, 5 conflict, 6 no answer in time, 130 interrupted."
)


class Format(StrEnum):
    """How answers are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Session:
    """Where Grace is, who asks, and who reads the answer."""

    url: str
    token: str | None
    key_file: Path | None
    local_key: Path
    output: Format

    def read_token(self) -> str:
        """Return the token that was given, or that of a file. BadParameter if it is unreadable.

        The key of this machine's Grace is taken for nobody else's.
        """
        if self.token and not self.key_file:
            return self.token
        has_local = is_loopback(self.url) and self.local_key.is_file()
        chosen = self.key_file or (self.local_key if has_local else None)
        return _token_in(chosen) if chosen else ""

    @property
    def lacks_key(self) -> str:
        """Why nobody was named, for who stands in another folder than that of Grace."""
        where = f"; there is no {self.local_key} here" if is_loopback(self.url) else ""
        return f"no API key: name its file by --key-file or GRACE_API_KEY_FILE{where}"


def run(context: typer.Context, ask: Callable[[SyncGrace], T]) -> T:
    """Ask Grace and return the answer; a failure is one line and an exit code."""
    session = session_of(context)
    token = session.read_token()
    try:
        with SyncGrace(session.url, token) as grace:
            return ask(grace)
    except Unauthenticated as error:
        fail(str(error) if token else session.lacks_key, exit_code(error))
    except GraceClientError as error:
        fail(str(error), exit_code(error))


def fail(why: str, code: int) -> NoReturn:
    """End a command: one line that says why, and an exit code."""
    line = " ".join(harmless(why).split())
    Console(stderr=True).print(Text(f"grace: {line}", style="red"), soft_wrap=True)
    raise typer.Exit(code)


def session_of(context: typer.Context) -> Session:
    """Return what the options said."""
    return cast("Session", context.obj)


def exit_code(error: GraceClientError) -> int:
    """The exit code of a failure."""
    return next((code for kind, code in _EXITS.items() if isinstance(error, kind)), FAILED)


def _token_in(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read the key file {file}: {error}") from None
