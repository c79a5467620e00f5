"""Who gets which task: the front of the queue first, in turn, never more than is free."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.owner import Owner
from grace.htm.domain.schedule import Assignment, Head, Request, choose_next, wanted_of

START = datetime(2026, 1, 1, tzinfo=UTC)
KERNELS = ("postgres", "filesystem", "http")
ALL = 10_000


def _request(*kernels: str, slots: int = 1, room: int = ALL) -> Request:
    return Request(Owner("worker", "w"), "key", frozenset(kernels), slots, room)


def _head(number: int, kernel: str = "postgres", *, at: int = 0, size: int = 1) -> Head:
    return Head(UUID(int=number), kernel, START + timedelta(seconds=at), size)


requests_ = st.lists(
    st.builds(
        lambda kernels, slots, room: _request(*kernels, slots=slots, room=room),
        st.sets(st.sampled_from(KERNELS)),
        st.integers(1, 5),
        st.integers(1, 20),
    ),
    max_size=5,
)
heads_ = st.lists(
    st.tuples(st.sampled_from(KERNELS), st.integers(0, 9), st.integers(1, 8)), max_size=20
).map(lambda rows: [_head(n, k, at=at, size=size) for n, (k, at, size) in enumerate(rows)])


def test_the_lowest_order_key_goes_first() -> None:
    chosen = choose_next([_head(1, at=9), _head(2, at=1)], [_request("postgres")], most=ALL)
    assert chosen == (Assignment(UUID(int=2), 0),)


def test_workers_that_wait_together_are_served_in_turn() -> None:
    heads = [_head(number, at=number) for number in range(4)]
    chosen = choose_next(heads, [_request("postgres", slots=3)] * 2, most=ALL)
    assert [each.request for each in chosen] == [0, 1, 0, 1]


def test_a_large_task_is_not_passed_over_for_small_ones() -> None:
    heads = [_head(1, at=1, size=6), _head(2, at=2, size=6), _head(3, at=3, size=1)]
    chosen = choose_next(heads, [_request("postgres", slots=3, room=10)], most=ALL)
    assert [each.task_id.int for each in chosen] == [1]


def test_as_many_tasks_are_looked_at_as_slots_are_free() -> None:
    requests = [_request("postgres", "http", slots=3), _request("postgres", slots=9)]
    assert wanted_of(requests, most=10) == {"postgres": 10, "http": 3}


@given(heads=heads_, requests=requests_, most=st.integers(0, 20))
def test_no_task_is_handed_out_twice_and_no_worker_gets_more_than_it_asked_for(
    heads: list[Head], requests: list[Request], most: int
) -> None:
    chosen = choose_next(heads, requests, most=most)
    by_id = {head.task_id: head for head in heads}
    assert len({each.task_id for each in chosen}) == len(chosen) <= most
    for index, count in Counter(each.request for each in chosen).items():
        mine = [by_id[each.task_id] for each in chosen if each.request == index]
        assert count <= requests[index].slots
        assert sum(head.size for head in mine) <= requests[index].room
        assert {head.kernel for head in mine} <= requests[index].kernels


@given(heads=heads_, requests=requests_)
def test_a_task_waits_only_if_everybody_who_could_take_it_is_full(
    heads: list[Head], requests: list[Request]
) -> None:
    roomy = [Request(r.owner, r.key_id, r.kernels, r.slots, ALL) for r in requests]
    chosen = choose_next(heads, roomy, most=ALL)
    taken = {each.task_id for each in chosen}
    counts = Counter(each.request for each in chosen)
    for head in heads:
        able = [i for i, request in enumerate(roomy) if head.kernel in request.kernels]
        assert head.task_id in taken or all(counts[i] == roomy[i].slots for i in able)


@given(heads=heads_, slots=st.integers(1, 20))
def test_nobody_overtakes_within_a_kernel(heads: list[Head], slots: int) -> None:
    chosen = {
        each.task_id for each in choose_next(heads, [_request("postgres", slots=slots)], most=ALL)
    }
    keys = sorted(head.order_key for head in heads if head.kernel == "postgres")
    taken = sorted(head.order_key for head in heads if head.task_id in chosen)
    assert taken == keys[: len(taken)]
