"""Registers the commands that ask Grace: each one takes --output, too."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Annotated, Any, TypeVar

import typer

from grace.client.cli.session import Format, session_of

F = TypeVar("F", bound=Callable[..., None])

Output = Annotated[Format | None, typer.Option("--output", "-o", help="How the answer is printed.")]


def verb(app: typer.Typer, name: str, *, hidden: bool = False) -> Callable[[F], F]:
    """Add a command to an app; what it prints is in the format that was asked for."""

    def register(function: F) -> F:
        @wraps(function)
        def command(context: typer.Context, output: Format | None = None, **given: Any) -> None:  # noqa: ANN401 - typer's
            if output is not None:
                context.obj = replace(session_of(context), output=output)
            function(context, **given)

        _add_output(command, function)
        app.command(name, hidden=hidden)(command)
        return function

    return register


def _add_output(command: Callable[..., None], function: Callable[..., None]) -> None:
    """Tell typer, which reads signatures, of the option that every command has."""
    signature = inspect.signature(function)
    option = inspect.Parameter(
        "output", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Output
    )
    command.__annotations__ = {**function.__annotations__, "output": Output}
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), option]
    )
