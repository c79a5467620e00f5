"""Capacity, quotas, lanes and limits on real servers, set by requests as the gateway sends them."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from grace.contracts.htm import (
    DropLimit,
    GetQuotas,
    GetRoutingStats,
    Limit,
    LimitChanged,
    ListLimits,
    Quota,
    QuotasChanged,
    SetLimit,
    SetQuotas,
)
from grace.kit import GraceError
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

# `make claimers` has a thousand.
CLAIMERS = int(os.environ.get("GRACE_CLAIMERS", "16"))
HELD = (
    "SELECT origin, lane, count(*) AS held FROM htm_tasks"
    " WHERE status IN ('assigned', 'running') GROUP BY origin, lane"
)


def _quota(origin: str, share: int, *, weight: float = 1.0, lends: bool = True) -> Quota:
    return Quota(origin=origin, share_percent=share, weight=weight, lends=lends)


async def _set_limit(crew: Crew, key: str, **what: object) -> Limit:
    gateway = await crew.house.act_as("gateway")
    values = {"tenant_id": "default", "key": key, "requested_by": "ada", **what}
    return await gateway.call(SetLimit.model_validate(values))


async def test_a_house_begins_with_room_for_fifty_and_a_quarter_for_intent(crew: Crew) -> None:
    gateway = await crew.house.act_as("gateway")
    quotas = await gateway.call(GetQuotas())
    assert (quotas.capacity, quotas.quotas) == (50, (_quota("intent", 25),))
    await crew.submit(crew.spec(origin="intent"), *(crew.spec() for _ in range(3)))
    await crew.claim(4)
    stats = await gateway.call(GetRoutingStats())
    shown = {each.origin: (each.quota_used, each.utilization) for each in stats.origins}
    assert shown == {"intent": ("1/12", 0.08), "verification": ("3/38", 0.08)}
    assert (stats.capacity, stats.current_count) == (50, 4)


async def test_no_more_is_in_flight_than_there_is_room_for(crew: Crew) -> None:
    await crew.share_out(3)
    await crew.submit(*(crew.spec() for _ in range(5)))
    first = await crew.claim(5)
    assert (len(first), await crew.claim(5)) == (3, [])
    await crew.worker.report(crew.update(first[0], "completed"))
    await crew.rests_as("succeeded", first[0].task_id)
    assert len(await crew.claim(5)) == 1


async def test_what_is_lent_comes_back_as_tasks_end(crew: Crew) -> None:
    await crew.share_out(4, _quota("intent", 50))
    await crew.submit(*(crew.spec() for _ in range(9)))
    borrowed = await crew.claim(9)
    assert len(borrowed) == 4
    await crew.submit(*(crew.spec(origin="intent") for _ in range(9)))
    origins = []
    for task in borrowed[:3]:
        await crew.worker.report(crew.update(task, "completed"))
        await crew.rests_as("succeeded", task.task_id)
        origins += [claimed.spec.origin for claimed in await crew.claim(1)]
    assert origins == ["intent", "intent", "verification"]


async def test_a_share_that_does_not_lend_is_a_wall_both_ways(crew: Crew) -> None:
    await crew.share_out(4, _quota("intent", 50, lends=False))
    await crew.submit(*(crew.spec() for _ in range(9)))
    await crew.submit(*(crew.spec(origin="intent") for _ in range(9)))
    claimed = Counter(task.spec.origin for task in await crew.claim(9))
    assert claimed == {"verification": 2, "intent": 2}


@pytest.mark.parametrize("seed", range(3))
async def test_who_holds_nothing_waits_for_no_more_than_one_start_of_each_other_origin(
    crew: Crew, seed: int
) -> None:
    """Ten to one, and all of the noisy ones urgent: a bound in starts, since time is the workers' own."""
    rng, quiet = random.Random(seed), ("a", "b", "c")
    await crew.share_out(8, *(_quota(origin, 25) for origin in quiet))
    await crew.submit(*(crew.spec(origin="noisy", priority=9) for _ in range(150)))
    held, starts, since = await crew.claim(8), 8, dict[str, int]()
    waits = Counter[int]()
    for _ in range(100):
        for origin in sorted({*quiet} - since.keys() - {task.spec.origin for task in held}):
            if rng.random() < 0.2:
                await crew.submit(crew.spec(origin=origin, priority=-9))
                since[origin] = starts
        done = held.pop(rng.randrange(len(held)))
        for begun in await crew.report(crew.update(done, "completed"), slots=1):
            held.append(begun)
            if (asked := since.pop(begun.spec.origin, None)) is not None:
                waits[starts - asked] += 1
            starts += 1
    assert waits.total() > 10
    assert max(waits) <= len(quiet), waits


IMPOSSIBLE: list[tuple[int, tuple[Quota, ...], str]] = [
    (50, (_quota("a", 60), _quota("b", 41)), "101 %"),
    (50, (_quota("a", 1), _quota("a", 2)), "two quotas"),
    (50, (_quota("a", 1, weight=-1.0),), "weight of a"),
    (50, (_quota("a", 1, weight=0.0),), "weight of a"),
    (3, (_quota("a", 25, lends=False),), "no whole task"),
    (2_000_000, (), "capacity is 1 to"),
]


async def test_shares_that_cannot_be_are_refused_and_nothing_is_stored(crew: Crew) -> None:
    gateway = await crew.house.act_as("gateway")
    before = await gateway.call(GetQuotas())
    for capacity, quotas, told in IMPOSSIBLE:
        with pytest.raises(GraceError, match=told) as caught:
            await gateway.call(SetQuotas(capacity=capacity, quotas=quotas, requested_by="ada"))
        assert caught.value.kind == "invalid"
        assert await gateway.call(GetQuotas()) == before
    assert await crew.house.messages(QuotasChanged.SUBJECT) == []


async def test_who_changed_the_shares_is_told(crew: Crew) -> None:
    await crew.share_out(7, _quota("intent", 10))

    async def told() -> list[QuotasChanged]:
        messages = await crew.house.messages(QuotasChanged.SUBJECT)
        return [QuotasChanged.from_bytes(each.data) for each in messages]

    (changed,) = await eventually(told)
    assert (changed.capacity, changed.requested_by) == (7, "ada")


async def test_a_key_runs_as_many_tasks_at_a_time_as_its_limit_says(crew: Crew) -> None:
    await _set_limit(crew, "db", concurrency=2)
    await crew.submit(*(crew.spec(limit_key="db") for _ in range(4)), crew.spec(target="free"))
    first = await crew.claim(9)
    assert sorted(task.spec.limit_key or "" for task in first) == ["", "db", "db"]
    assert await crew.claim(9) == []
    (ended, *_) = [task for task in first if task.spec.limit_key]
    await crew.worker.report(crew.update(ended, "completed"))
    await crew.rests_as("succeeded", ended.task_id)
    assert len(await crew.claim(9)) == 1


async def test_a_key_begins_as_many_tasks_as_its_bucket_holds(crew: Crew) -> None:
    await _set_limit(crew, "db", rate_per_second=0.01, burst=2)
    await crew.submit(*(crew.spec(limit_key="db") for _ in range(6)))
    assert (len(await crew.claim(9)), len(await crew.claim(9))) == (2, 0)
    await crew.house.rows(
        "htm", "UPDATE htm_limits SET refilled_at = refilled_at - interval '101 s' RETURNING key"
    )
    assert (len(await crew.claim(9)), len(await crew.claim(9))) == (1, 0)
    await _set_limit(crew, "db", rate_per_second=0.02, burst=2)
    assert await crew.claim(9) == [], "to set a limit again fills no bucket"


@pytest.mark.parametrize(("before", "after", "begun"), [(0.001, 0.5, 3), (0.5, 0.001, 30)])
async def test_what_a_bucket_earned_before_its_limit_is_set_it_earned_at_the_old_rate(
    crew: Crew, before: float, after: float, begun: int
) -> None:
    """Emptied 3000 s ago: at the old rate it holds 3 by now, or all of its burst."""
    await _set_limit(crew, "shop", rate_per_second=before, burst=40)
    await crew.house.rows(
        "htm", "UPDATE htm_limits SET tokens = 0, refilled_at = now() - interval '3000 s'"
        " RETURNING key",
    )  # fmt: skip
    await crew.submit(*(crew.spec(limit_key="shop") for _ in range(40)))
    await _set_limit(crew, "shop", rate_per_second=after, burst=30)
    claimed = len(await crew.claim(40))
    assert begun <= claimed < begun + 10, "what it earns from now on is a matter of moments"


async def test_a_page_of_limits_has_an_end_whoever_asks(crew: Crew) -> None:
    await crew.house.rows(
        "htm",
        "INSERT INTO htm_limits (tenant_id, key, concurrency, tokens, refilled_at, updated_at)"
        " SELECT 'default', 'key-' || n, 1, 0, now(), now() FROM generate_series(1, 1001) AS n RETURNING key",
    )
    gateway = await crew.house.act_as("gateway")
    page = await gateway.call(ListLimits(tenant_id="default", limit=2_000))
    assert len(page.limits) == 100


async def test_limits_are_listed_and_dropped(crew: Crew) -> None:
    gateway = await crew.house.act_as("gateway")
    for key in ("b", "a", "c"):
        await _set_limit(crew, key, concurrency=1)
    page = await gateway.call(ListLimits(tenant_id="default", limit=2))
    rest = await gateway.call(ListLimits(tenant_id="default", limit=2, after="b"))
    assert [limit.key for limit in page.limits + rest.limits] == ["a", "b", "c"]
    assert (await gateway.call(ListLimits(tenant_id="shop", limit=2))).limits == ()
    drop = DropLimit(tenant_id="default", key="b", requested_by="ada")
    await gateway.call(drop)
    with pytest.raises(GraceError, match="no limit") as caught:
        await gateway.call(drop)
    assert caught.value.kind == "not_found"

    async def told() -> list[str]:
        messages = await crew.house.messages(LimitChanged.SUBJECT)
        found = [LimitChanged.from_bytes(each.data).change for each in messages]
        return found if len(found) == 4 else []

    assert await eventually(told) == ["set", "set", "set", "dropped"]


NO_LIMITS: list[dict[str, float]] = [
    {},
    {"burst": 3},
    {"rate_per_second": -1.0},
    {"rate_per_second": 1e300},
    {"concurrency": 2**31},
]


async def test_limits_that_cannot_be_are_refused(crew: Crew) -> None:
    for what in NO_LIMITS:
        with pytest.raises(GraceError) as caught:
            await _set_limit(crew, "db", **what)
        assert (what, caught.value.kind) == (what, "invalid")
    assert await crew.house.rows("htm", "SELECT * FROM htm_limits") == []


async def test_workers_get_what_they_can_do_and_carry(crew: Crew) -> None:
    await crew.submit(
        crew.spec(target="gpu", requires=("gpu",)),
        crew.spec(target="large", before="x" * 200_000),
        crew.spec(target="plain"),
    )
    assert [task.spec.target for task in await crew.claim(9, largest_bytes=131_072)] == ["plain"]
    assert [task.spec.target for task in await crew.claim(9, capabilities=("gpu",))] == [
        "gpu",
        "large",
    ]


async def test_a_task_waits_a_while_for_the_worker_that_it_prefers(crew: Crew) -> None:
    await crew.submit(crew.spec(target="mine", affinity="w2"), crew.spec(affinity="w2"))
    assert await crew.claim(9) == []
    assert [task.spec.target for task in await crew.claim(1, worker_id="w2")] == ["mine"]
    await crew.house.rows(
        "htm",
        "UPDATE htm_tasks SET created_at = created_at - interval '6 s',"
        " queued_at = queued_at - interval '6 s' WHERE status = 'queued' RETURNING id",
    )
    assert len(await crew.claim(9)) == 1


async def test_every_one_of_many_lanes_has_its_turn(crew: Crew) -> None:
    """More lanes than one claim looks at; all but the last are not for this worker."""
    blocked = [crew.spec(requires=(f"a{n}",)) for n in range(20)]
    await crew.submit(*blocked, crew.spec(requires=("z",)))
    found = [await crew.claim(9, capabilities=("z",)) for _ in range(3)]
    assert sum(map(len, found)) == 1


async def _over_the_stream(crew: Crew, name: str) -> None:
    for task in await crew.claim(3, worker_id=name):
        await crew.worker.report(crew.update(task, "completed", worker_id=name))


async def _by_request(crew: Crew, name: str) -> None:
    """Each report ends attempts and hands out in one transaction."""
    tasks = await crew.claim(3, worker_id=name)
    while tasks:
        reports = [crew.update(task, "completed", worker_id=name) for task in tasks]
        tasks = await crew.report(*reports, slots=3, worker_id=name)


async def test_no_limit_is_ever_exceeded_by_two_houses_and_many_workers(crew: Crew) -> None:
    await crew.share_out(
        12, _quota("intent", 25), _quota("wall", 25, lends=False), _quota("noisy", 25)
    )
    await _set_limit(crew, "db", concurrency=2)
    for _ in range(1 + CLAIMERS // 100):
        for origin, count in (("noisy", 120), ("intent", 20), ("wall", 20)):
            await crew.submit(*(crew.spec(origin=origin) for _ in range(count)))
        await crew.submit(*(crew.spec(origin="intent", limit_key="db") for _ in range(20)))
    done = asyncio.Event()
    breaches: list[str] = []
    samples = Counter[str]()

    async def watch() -> None:
        while not done.is_set():
            rows = await crew.house.rows("htm", HELD)
            held, keyed = Counter[str](), 0
            for row in rows:
                held[row["origin"]] += row["held"]
                keyed += row["held"] if row["lane"] else 0
            others = held.total() - held["wall"]
            samples["full"] += others == 9
            is_over = held["wall"] > 3 or others > 9 or keyed > 2
            breaches.extend([str(held)] * is_over)

    async def work(name: str, *, by_request: bool) -> None:
        while not done.is_set():
            await (_by_request if by_request else _over_the_stream)(crew, name)

    async def all_done() -> bool:
        rows = await crew.house.rows("htm", "SELECT 1 FROM htm_tasks WHERE finished_at IS NULL")
        return not rows

    async with crew.house.running("htm"):
        tasks = [asyncio.create_task(work(f"w{n}", by_request=n % 2 == 0)) for n in range(CLAIMERS)]
        tasks.append(asyncio.create_task(watch()))
        try:
            await eventually(all_done, timeout=30 + CLAIMERS / 4)
        finally:
            done.set()
            await asyncio.gather(*tasks)
    assert breaches == []
    assert samples["full"] > 0
