"""What an operation and a kernel are. Snapshot is `observe`, rollback is `revert`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from grace.worker.domain.redaction import Secrecy
from grace.worker.domain.state import Json, State
from grace.worker.domain.targets import Target
from grace.worker.kernels.secrets import Disclose, Reveal, disclose_none, reveal_none

Result: TypeAlias = State


class Tier(IntEnum):
    """How much a mistake costs."""

    HARMLESS = 1
    REVERSIBLE = 2
    DANGEROUS = 3


class Role(StrEnum):
    """With whose credentials a step reaches the target: whoever acts does not judge."""

    ACT = "act"
    OBSERVE = "observe"


class Params(BaseModel):
    """Parameters of an operation: strict, closed, without NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


P = TypeVar("P", bound=Params)


class NoParams(Params):
    """An operation that takes none."""


Tell: TypeAlias = Callable[[int, str], None]


def nobody_listens(_percent: int, _message: str) -> None:
    """Take a word on progress where nobody asked for it."""


Conceal: TypeAlias = Callable[[State], State]


def nothing_concealed(state: State) -> State:
    """Return a state in which nothing is secret."""
    return state


@dataclass(frozen=True, slots=True)
class Context:
    """Where a step runs. `idempotency_key`: one for an action, its apply and its revert alike.

    `before`: the state committed in the receipt, for an apply; the one that will be, for a plan right
    before it, with its secrets concealed. `resumed`: an earlier attempt may have had its effect, whole
    or in part. `tell`: how many per cent are done, and what comes now; it goes out with the next beat
    and ends nothing. `reveal`: gives the secrets that somebody
    consented to, at the moment of use; `secret` those that a parameter refers to. `conceal`: the secrets of a state as `before` and the ends of a
    revert hold them, to be compared.
    """

    target: Target
    role: Role
    idempotency_key: str = ""
    before: State | None = None
    resumed: bool = False
    tell: Tell = nobody_listens
    reveal: Reveal = reveal_none
    secret: Disclose = disclose_none
    conceal: Conceal = nothing_concealed


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that an apply would change."""

    resource: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class Diff:
    """What an apply would change, and at which target. Without changes it would do nothing."""

    target: str
    changes: tuple[Change, ...] = ()


Apply: TypeAlias = Callable[[Context, P], Awaitable[Result]]
Revert: TypeAlias = Callable[[Context, P, State, State], Awaitable[Result]]


class Operation(Protocol[P]):
    """One thing that a kernel can do. Objects are stateless: one serves every task."""

    name: ClassVar[str]
    tier: ClassVar[Tier]
    secrecy: ClassVar[Secrecy]

    @property
    def params(self) -> type[P]:
        """The model of the parameters, validated when planned and again when run."""
        ...

    def time_needed(self, params: P, /) -> timedelta:
        """Return the timeout that fits one step with these parameters."""
        ...

    async def observe(self, ctx: Context, params: P, /) -> State:
        """Read the world; no side effect."""
        ...

    async def plan(self, ctx: Context, params: P, /) -> Diff:
        """Return what `apply` would change; no side effect. It may take `ctx.before` for what it would see."""
        ...

    @property
    def apply(self) -> Apply[P] | None:
        """Change the world, idempotent under ctx.idempotency_key; None: it only observes."""
        ...

    @property
    def revert(self) -> Revert[P] | None:
        """Put the world back; ChangedError if it is not `after`; None: it cannot be undone."""
        ...


AnyOperation: TypeAlias = Operation[Any]


@dataclass(frozen=True, slots=True)
class Kernel:
    """The manifest of a kernel. What it can do are its operations."""

    name: str
    version: str
    operations: tuple[AnyOperation, ...]

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The names of the operations."""
        return tuple(operation.name for operation in self.operations)
