"""One batch, one transaction; when that fails, halves, until the offender stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asyncpg import LockNotAvailableError
from nats.aio.msg import Msg
from opentelemetry.trace import SpanKind

from grace.kit import metrics, tracing
from grace.kit.database import TOO_SLOW
from grace.kit.envelope import Raw, Received
from grace.kit.loops import is_waiting
from grace.kit.pull import acknowledge, put_back
from grace.kit.stream import BatchRoute
from grace.kit.unit import QUERIES, Rejected, Unit

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 30.0
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Opened:
    """A delivery, and the message in it or why it is refused."""

    message: Msg
    raw: Raw
    item: Received[Any] | Rejected


class Bisection:
    """Handles opened messages of one subject and acknowledges them after the commit."""

    def __init__(self, runtime: Runtime, route: BatchRoute, consumer: str) -> None:
        self._runtime = runtime
        self._route = route
        self._consumer = consumer
        self._log = runtime.log.bind(consumer=consumer)
        # How often a message failed on its own. Deliveries do not tell: an outage redelivers, too.
        self._failures: dict[str, int] = {}

    async def handle(self, opened: Sequence[Opened]) -> None:
        """Handle what can be handled now; the rest is delivered again, or quarantined."""
        if not opened:
            return
        try:
            await self._transact(opened)
        except Exception as error:  # noqa: BLE001 - the edge: blame one message, not the batch
            if _is_nobodys_fault(error):
                self._log.warning("batch.put_back", messages=len(opened), error=repr(error))
                await put_back([each.message for each in opened], _RETRY_SECONDS)
            elif len(opened) == 1:
                await self._blame(opened[0], error)
            else:
                half = len(opened) // 2
                await self.handle(opened[:half])
                await self.handle(opened[half:])

    async def _transact(self, opened: Sequence[Opened]) -> None:
        received = [each.item for each in opened if isinstance(each.item, Received)]
        rejected = [each.item for each in opened if isinstance(each.item, Rejected)]
        name, subject = self._runtime.name, self._route.spec.name
        parents = [message.traceparent for message in received]
        work = tracing.span(f"process {subject}", kind=SpanKind.CONSUMER, parents=parents)
        with tracing.use(work), metrics.BATCH_SECONDS.labels(name, subject).time():
            async with self._runtime.unit(consumer=self._consumer) as unit:
                for item in rejected:
                    unit.reject(item)
                await dispatch(self._route, received, unit)
        metrics.MESSAGES_HANDLED.labels(name, subject).inc(len(received))
        await self._done(opened)

    async def _blame(self, opened: Opened, error: Exception) -> None:
        """A message whose handling failed alone: again later, or into the quarantine."""
        if isinstance(error, LockNotAvailableError):
            # It stands alone so that no other waits for the lock; whose that is has nothing to do with it.
            self._log.warning("message.put_back", place=opened.raw.place, error=repr(error))
            await put_back([opened.message], _RETRY_SECONDS)
            return
        metrics.HANDLER_FAILURES.labels(self._runtime.name, self._route.spec.name).inc()
        failures = self._count_failure(opened.raw.place)
        self._log.error("message.failed", failures=failures, place=opened.raw.place, exc_info=error)
        if failures < self._runtime.settings.max_deliveries:
            pause = min(_RETRY_SECONDS * 2.0 ** (failures - 1), _LONGEST_RETRY_SECONDS)
            await put_back([opened.message], pause)
            return
        item = opened.item
        message_id = str(item.id) if isinstance(item, Received) else item.message_id
        async with self._runtime.unit(consumer=self._consumer) as unit:
            unit.reject(
                Rejected(
                    opened.raw, message_id, "handler_failed", type(error).__name__,
                    passed=isinstance(item, Received),
                )
            )  # fmt: skip
        await self._done([opened])

    def _count_failure(self, place: str) -> int:
        if len(self._failures) >= _MOST_REMEMBERED:
            self._failures.clear()
        self._failures[place] = self._failures.get(place, 0) + 1
        return self._failures[place]

    async def _done(self, opened: Sequence[Opened]) -> None:
        for each in opened:
            self._failures.pop(each.raw.place, None)
        await acknowledge([each.message for each in opened])


async def dispatch(route: BatchRoute, received: list[Received[Any]], unit: Unit) -> None:
    """Hand messages to their handler, but for those that the unit's consumer has handled before."""
    fresh = await _drop_known(received, unit) if route.inbox else received
    if fresh:
        unit.correlation_id = fresh[0].correlation_id if len(fresh) == 1 else ""
        await route.handler(fresh, unit)


async def _drop_known(received: list[Received[Any]], unit: Unit) -> list[Received[Any]]:
    ids = [message.id for message in received]
    rows = await unit.tx.fetch(QUERIES["mark_received"], consumer=unit.consumer, ids=ids)
    new = {row["message_id"] for row in rows}
    fresh = []
    for message in received:
        if message.id in new:
            fresh.append(message)
            new.remove(message.id)  # the same id may come twice in one batch
        else:
            unit.count("duplicate", message)
    return fresh


def _is_nobodys_fault(error: Exception) -> bool:
    """Whether the same batch may work in a moment. A slow statement may be one message's doing."""
    return is_waiting(error) and not isinstance(error, TOO_SLOW)
