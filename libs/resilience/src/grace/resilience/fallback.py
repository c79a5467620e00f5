"""Graceful degradation that cannot be overlooked: a lesser answer says why it is one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import ResilienceError

T = TypeVar("T")


class Degraded(Exception):
    """The full answer was needed and only a substitute was to be had."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """An answer. `degraded` is None for the full one, else the reason it is a substitute.

    ValueError if the reason is blank: a silent degradation is what this type exists to prevent.
    """

    value: T
    degraded: str | None = None

    def __post_init__(self) -> None:
        if self.degraded is not None and not self.degraded.strip():
            raise ValueError("a degraded outcome says why")

    def full(self) -> T:
        """Return the value if it is the full answer; raise Degraded with the reason if not."""
        if self.degraded is not None:
            raise Degraded(self.degraded)
        return self.value


async def with_fallback(
    primary: Callable[[], Awaitable[T]],
    substitute: Callable[[], Awaitable[T]],
    *,
    on: tuple[type[Exception], ...] = (ResilienceError,),
) -> Outcome[T]:
    """Answer with `primary`, or with `substitute` and the reason when one of `on` is raised.

    Any other exception, and any that `substitute` raises, passes through.
    """
    try:
        return Outcome(await primary())
    except on as error:
        return Outcome(await substitute(), degraded=f"{type(error).__name__}: {error}")
