"""Facts of a claim, as its tests write them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from grace.htm.domain.hands import Request
from grace.htm.domain.holdings import Holdings
from grace.htm.domain.lanes import PLAIN, Lane, Size
from grace.htm.domain.owner import Owner
from grace.htm.domain.schedule import Choice, Facts, Front, Head
from grace.htm.domain.shares import Queue, Quota, Shares

START = datetime(2026, 1, 1, tzinfo=UTC)
KERNELS = ("postgres", "filesystem", "http")
ALL = 10_000
OPEN = Facts(Shares(ALL, {}))


def make_request(
    *kernels: str, slots: int = 1, room: int = ALL, name: str = "w", can: Sequence[str] = (),
    sizes: Sequence[Size] = tuple(Size),
) -> Request:  # fmt: skip
    return Request(
        Owner("worker", name), "key", frozenset(kernels), slots, room,
        frozenset(can), frozenset(sizes),
    )  # fmt: skip


def make_head(number: int, *, at: int = 0, size: int = 1, settled: bool = True) -> Head:
    return Head(UUID(int=number), START + timedelta(seconds=at), size, settled)


def make_front(
    *heads: Head, kernel: str = "postgres", tenant: str = "t", origin: str = "o", lane: Lane = PLAIN
) -> Front:
    ordered = sorted(heads, key=lambda head: (head.order_key, head.task_id))
    return Front(kernel, (tenant, origin), lane, ordered)


def make_facts(
    capacity: int, *quotas: Quota, held: Mapping[Queue, int] | None = None,
    allowances: Mapping[tuple[str, str], int] | None = None,
) -> Facts:  # fmt: skip
    shares = Shares(capacity, {quota.origin: quota for quota in quotas})
    return Facts(shares, Holdings(held or {}, {}), allowances or {})


def make_many(count: int, *, origin: str, tenant: str = "t", first: int = 0, at: int = 0) -> Front:
    return make_front(
        *(make_head(first + n, at=at + n) for n in range(count)), origin=origin, tenant=tenant
    )


def origins_of(choice: Choice, fronts: Sequence[Front]) -> Counter[str]:
    of = {head.task_id: front.queue[1] for front in fronts for head in front.heads}
    return Counter(of[each.task_id] for each in choice.assignments)


def numbers_of(choice: Choice) -> list[int]:
    return [each.task_id.int for each in choice.assignments]
