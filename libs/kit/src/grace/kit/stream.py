"""What a service handles: JetStream batches (Stream), requests (Rpc), signals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from grace.contracts.message import Message
from grace.contracts.subject import Subject
from grace.contracts.subjects import SUBJECTS
from grace.kit.envelope import Received
from grace.kit.unit import Unit

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

Q = TypeVar("Q", bound=Message)

# What an unsigned message of another form (headers, bytes, arrival) stands for: an identity and the
# bytes of one of the subject's models; None when it is in its own form already. ValueError refuses.
Translate = Callable[[Mapping[str, str], bytes, datetime], tuple[str, bytes] | None]
BatchHandler = Callable[[Sequence[Received[Any]], Unit], Awaitable[None]]
CallHandler = Callable[["Called[Any]", Unit], Awaitable[Message]]
ManyHandler = Callable[["Calls", Unit], Awaitable[Sequence[Any]]]
# How much work a request is, in whatever its handler counts.
Weight = Callable[["Called[Any]"], int]
DirectHandler = Callable[["Called[Any]", "Runtime"], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class Called(Generic[Q]):
    """A request that passed the door; `caller` is the component that signed it.

    A person's repeat of a request has its `id` again: what a handler names after it is made once.
    """

    body: Q
    id: UUID
    subject: str
    caller: str | None
    key_id: str | None
    tenant: str
    correlation_id: str
    traceparent: str | None


def _nobody() -> Sequence[Called[Any]]:
    return ()


class Calls(list[Called[Any]]):
    """The requests of one transaction, in the order of its answers."""

    def __init__(
        self, calls: Sequence[Called[Any]], more: Callable[[], Sequence[Called[Any]]] = _nobody
    ) -> None:
        """`more` hands over those who wait for the next transaction."""
        super().__init__(calls)
        self._more = more

    def join(self) -> Sequence[Called[Any]]:
        """Take along who came since the transaction began, behind the others; returns them."""
        came = self._more()
        self.extend(came)
        return came


@dataclass(frozen=True, slots=True)
class BatchRoute:
    """One subject and the function that handles its batches."""

    spec: Subject
    handler: BatchHandler
    inbox: bool
    translate: Translate | None = None
    every: timedelta | None = None


@dataclass(slots=True)
class Stream:
    """The durable consumers of a service, one per subject."""

    routes: list[BatchRoute] = field(default_factory=list)

    def on(
        self,
        model: type[Message] | tuple[type[Message], ...],
        handler: BatchHandler,
        *,
        inbox: bool = False,
        translate: Translate | None = None,
        every: timedelta | None = None,
    ) -> Stream:
        """Handle a subject's messages; all of its models belong to one handler.

        `inbox` drops ids seen before: only where no guard and no unique key decides. `translate`
        reads unsigned messages of other forms, such as CloudEvents. `every`: take what has come only
        that often, for whom no news is urgent.
        """
        models = model if isinstance(model, tuple) else (model,)
        spec = SUBJECTS[models[0].SUBJECT]
        self.routes.append(BatchRoute(spec, handler, inbox, translate, every))
        return self


@dataclass(frozen=True, slots=True)
class CallRoute:
    """One request subject and the function that answers it, in one of three ways."""

    spec: Subject
    one: CallHandler | None = None
    many: ManyHandler | None = None
    direct: DirectHandler | None = None
    weight: Weight | None = None


@dataclass(slots=True)
class Rpc:
    """The requests that a service answers."""

    routes: list[CallRoute] = field(default_factory=list)

    def on(self, model: type[Message], handler: CallHandler) -> Rpc:
        """Answer each request in a transaction of its own."""
        self.routes.append(CallRoute(SUBJECTS[model.SUBJECT], one=handler))
        return self

    def on_many(
        self, model: type[Message], handler: ManyHandler, *, weight: Weight | None = None
    ) -> Rpc:
        """Answer all requests that wait in one transaction: a grouped commit.

        With `weight` in two at once where much waits; only where two replicas may do that, too.
        """
        self.routes.append(CallRoute(SUBJECTS[model.SUBJECT], many=handler, weight=weight))
        return self

    def direct(self, model: type[Message], handler: DirectHandler) -> Rpc:
        """Answer without a transaction."""
        self.routes.append(CallRoute(SUBJECTS[model.SUBJECT], direct=handler))
        return self
