"""What FastStream calls for a request: the kit's own function, and nothing around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from faststream._internal.endpoint.call_wrapper import HandlerCallWrapper
from faststream.nats import NatsMessage

Take = Callable[[NatsMessage], Awaitable[None]]


class Handler(HandlerCallWrapper[[NatsMessage], Awaitable[None]]):
    """A handler that takes the message as it is.

    FastStream's own makes a mock for tests, and a model of the function's arguments, for every route
    of every start: more than all else that a route takes to begin.
    """

    def __init__(self, take: Take) -> None:  # what the parent makes of it is not wanted
        self._declared_call = self._composed_call = take
        self._wrapped_call = take
        self._publishers, self._subscribers = [], []
        self.future = None
        self.is_test = False

    def set_wrapped(self, **_: object) -> None:  # type: ignore[override]
        """Leave the call as it is, where FastStream would put its dependencies around it."""
