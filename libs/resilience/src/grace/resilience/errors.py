"""What can go wrong around an operation, as opposed to inside it."""

from datetime import timedelta
from typing import ClassVar

from .retry import ErrorClass


class ResilienceError(Exception):
    """An operation was refused or cut short by what protects its target.

    `name` says whose protection, as `kernel/target`; `error_class` is what a retry policy asks.
    """

    error_class: ClassVar[ErrorClass]

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class NotStarted(ResilienceError):
    """The operation was not even begun: the world is untouched; try `wait` seconds later."""

    error_class = ErrorClass.TRANSIENT

    def __init__(self, name: str, message: str, wait: float) -> None:
        super().__init__(name, f"{message}; try again in {wait:.1f} s")
        self.wait = wait


class RateLimited(NotStarted):
    """Too many operations in too short a time: none was begun."""

    def __init__(self, name: str, wait: float) -> None:
        super().__init__(name, "the rate limit is reached", wait)


class CircuitOpen(NotStarted):
    """The target failed too often of late: it is left alone for a while."""

    def __init__(self, name: str, wait: float) -> None:
        super().__init__(name, "the circuit is open", wait)


class OperationTimeout(ResilienceError):
    """The operation did not end in time: whether it took effect is unknown, so observe first."""

    error_class = ErrorClass.TIMEOUT

    def __init__(self, name: str, after: timedelta) -> None:
        super().__init__(name, f"not finished after {after.total_seconds():g} s")
        self.after = after
