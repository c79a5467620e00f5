"""Who gets which task: quotas first, then fair shares, then the oldest; never more than is free."""

from collections import Counter

import pytest

from grace.htm.domain.hands import Request
from grace.htm.domain.lanes import PLAIN, Lane, Size
from grace.htm.domain.schedule import Facts, choose_next, is_drained, wanted_of
from grace.htm.domain.shares import Quota
from grace.htm.domain.turns import Turns

from .fronts import (
    ALL,
    OPEN,
    make_facts,
    make_front,
    make_head,
    make_many,
    make_request,
    numbers_of,
    origins_of,
)

# -- one queue --


def test_the_lowest_order_key_goes_first() -> None:
    fronts = [make_front(make_head(1, at=9)), make_front(make_head(2, at=1), kernel="http")]
    assert numbers_of(choose_next(fronts, [make_request("postgres", "http")], OPEN, most=ALL)) == [
        2
    ]


def test_workers_that_wait_together_are_served_in_turn() -> None:
    choice = choose_next(
        [make_many(4, origin="o")], [make_request("postgres", slots=3)] * 2, OPEN, most=ALL
    )
    assert [each.request for each in choice.assignments] == [0, 1, 0, 1]


def test_a_large_task_is_not_passed_over_for_small_ones() -> None:
    front = make_front(
        make_head(1, at=1, size=6), make_head(2, at=2, size=6), make_head(3, at=3, size=1)
    )
    choice = choose_next([front], [make_request("postgres", slots=3, room=10)], OPEN, most=ALL)
    assert numbers_of(choice) == [1]


def test_as_many_tasks_are_looked_at_as_slots_are_free() -> None:
    requests = [make_request("postgres", "http", slots=3), make_request("postgres", slots=9)]
    assert wanted_of(requests, most=10) == {"postgres": 10, "http": 3}


@pytest.mark.parametrize(
    ("waiting", "requests", "most", "drained"),
    [
        (0, [make_request("postgres", slots=3)], ALL, True),
        (2, [make_request("postgres", slots=3)], ALL, True),
        # As many as there are hands: behind the last there may be another.
        (3, [make_request("postgres", slots=3)], ALL, False),
        (3, [make_request("postgres", slots=3), make_request("http", slots=9)], ALL, False),
        # Capacity holds the hands back, not a lack of work.
        (0, [make_request("postgres", slots=3)], 2, False),
    ],
)
def test_a_line_is_drained_when_nothing_can_wait_behind_what_was_seen(
    waiting: int, requests: list[Request], most: int, drained: bool
) -> None:
    fronts = [make_many(waiting, origin="o")] if waiting else []
    choice = choose_next(fronts, requests, OPEN, most=most)
    assert is_drained(fronts, requests, choice.assignments, most=most) is drained


def test_a_line_is_not_drained_while_limits_hold_work_back() -> None:
    fronts = [make_many(2, origin="o")]
    requests = [make_request("postgres", slots=3)]
    choice = choose_next(fronts, requests, make_facts(1), most=ALL)
    assert len(choice.assignments) == 1
    assert not is_drained(fronts, requests, choice.assignments, most=ALL)


# -- capacity and quotas --


def test_no_more_is_handed_out_than_capacity_leaves() -> None:
    facts = make_facts(5, held={("t", "o"): 3})
    choice = choose_next(
        [make_many(9, origin="o")], [make_request("postgres", slots=9)], facts, most=ALL
    )
    assert len(choice.assignments) == 2


def test_an_origin_below_its_quota_goes_before_an_older_one_that_borrows() -> None:
    fronts = [make_many(9, origin="noisy"), make_many(9, origin="intent", first=100, at=500)]
    quotas = (Quota("intent", 50), Quota("noisy", 50))
    facts = make_facts(10, *quotas, held={("t", "noisy"): 5})
    choice = choose_next(fronts, [make_request("postgres", slots=9)], facts, most=ALL)
    assert origins_of(choice, fronts) == {"intent": 5}


def test_what_an_origin_leaves_idle_is_lent() -> None:
    fronts = [make_many(20, origin="noisy")]
    facts = make_facts(10, Quota("intent", 50), Quota("noisy", 20))
    choice = choose_next(fronts, [make_request("postgres", slots=20)], facts, most=ALL)
    assert len(choice.assignments) == 10


def test_a_share_that_is_a_wall_lends_nothing_and_borrows_nothing() -> None:
    wall = Quota("wall", 40, lends=False)
    noisy = [make_many(20, origin="noisy")]
    requests = [make_request("postgres", slots=20)]
    assert len(choose_next(noisy, requests, make_facts(10, wall), most=ALL).assignments) == 6
    inside = [make_many(20, origin="wall")]
    assert len(choose_next(inside, requests, make_facts(10, wall), most=ALL).assignments) == 4


def test_who_lent_its_part_waits_for_it_and_takes_nothing_behind_a_wall() -> None:
    """Six of ten are out on loan: four are free, and the wall may still have its four."""
    fronts = [make_many(9, origin="lender"), make_many(9, origin="wall", first=100, at=500)]
    quotas = (Quota("wall", 40, lends=False), Quota("lender", 30))
    facts = make_facts(10, *quotas, held={("t", "other"): 6})
    choice = choose_next(fronts, [make_request("postgres", slots=9)], facts, most=ALL)
    assert origins_of(choice, fronts) == {"wall": 4}


def test_the_tenants_of_an_origin_share_its_quota() -> None:
    fronts = [make_many(9, origin="wall", tenant=t, first=n * 100) for n, t in enumerate("ab")]
    facts = make_facts(10, Quota("wall", 40, lends=False))
    choice = choose_next(fronts, [make_request("postgres", slots=20)], facts, most=ALL)
    tenants = Counter(each.task_id.int // 100 for each in choice.assignments)
    assert tenants == {0: 2, 1: 2}


def test_origins_without_a_quota_share_what_is_left() -> None:
    fronts = [
        make_many(20, origin=origin, first=n * 100) for n, origin in enumerate(("a", "b", "c"))
    ]
    facts = make_facts(10, Quota("a", 40))
    choice = choose_next(fronts, [make_request("postgres", slots=20)], facts, most=ALL)
    assert origins_of(choice, fronts) == {"a": 4, "b": 3, "c": 3}


# -- fair shares --


def test_who_holds_least_goes_first() -> None:
    fronts = [make_many(9, origin="a"), make_many(9, origin="b", first=100, at=500)]
    facts = make_facts(ALL, held={("t", "a"): 4})
    choice = choose_next(fronts, [make_request("postgres", slots=6)], facts, most=ALL)
    assert origins_of(choice, fronts) == {"a": 1, "b": 5}


def test_weights_divide_what_is_held() -> None:
    fronts = [make_many(40, origin="a"), make_many(40, origin="b", first=100)]
    facts = make_facts(ALL, Quota("a", 0, weight=3), Quota("b", 0, weight=1))
    choice = choose_next(fronts, [make_request("postgres", slots=40)], facts, most=ALL)
    assert origins_of(choice, fronts) == {"a": 30, "b": 10}


def test_one_hand_serves_the_quiet_and_the_noisy_in_turn() -> None:
    """Nobody holds anything when it asks: only the memory of turns can be fair."""
    noisy, quiet, turns = list(range(100)), list(range(1000, 1010)), Turns()
    order = []
    for _ in range(20):
        fronts = [
            make_front(*(make_head(n, at=n) for n in numbers), origin=origin)
            for origin, numbers in (("noisy", noisy), ("quiet", quiet))
        ]
        facts = Facts(OPEN.shares, turns=turns)
        choice = choose_next(fronts, [make_request("postgres")], facts, most=ALL)
        (number,) = numbers_of(choice)
        (noisy if number < 1000 else quiet).remove(number)
        order.append("noisy" if number < 1000 else "quiet")
        turns = choice.turns
    assert order[:4] == ["noisy", "quiet", "noisy", "quiet"]
    assert Counter(order) == {"noisy": 10, "quiet": 10}


def test_to_be_idle_earns_no_turns() -> None:
    turns = Turns()
    for number in range(50):
        facts = Facts(OPEN.shares, turns=turns)
        turns = choose_next(
            [make_front(make_head(number), origin="a")], [make_request("postgres")], facts, most=ALL
        ).turns
    fronts = [make_many(9, origin="a"), make_many(9, origin="b", first=100)]
    order = []
    for _ in range(4):
        facts = Facts(OPEN.shares, turns=turns)
        choice = choose_next(fronts, [make_request("postgres")], facts, most=ALL)
        turns = choice.turns
        order += list(origins_of(choice, fronts))
    assert sorted(order) == ["a", "a", "b", "b"]


# -- lanes --


def test_a_lane_that_must_wait_hides_nothing_behind_it() -> None:
    gpu = make_front(make_head(1, at=0), lane=Lane(requires=frozenset({"gpu"})))
    choice = choose_next(
        [gpu, make_front(make_head(2, at=9))], [make_request("postgres")], OPEN, most=ALL
    )
    assert numbers_of(choice) == [2]


@pytest.mark.parametrize(
    ("lane", "request_", "takes"),
    [
        (Lane(requires=frozenset({"gpu"})), make_request("postgres", can=("gpu", "eu")), True),
        (
            Lane(requires=frozenset({"gpu", "us"})),
            make_request("postgres", can=("gpu", "eu")),
            False,
        ),
        (Lane(size=Size.LARGE), make_request("postgres", sizes=(Size.SMALL, Size.MEDIUM)), False),
        (Lane(size=Size.MEDIUM), make_request("postgres", sizes=(Size.SMALL, Size.MEDIUM)), True),
        (PLAIN, make_request("http"), False),
    ],
)
def test_a_worker_gets_what_it_can_do(lane: Lane, request_: Request, *, takes: bool) -> None:
    choice = choose_next([make_front(make_head(1), lane=lane)], [request_], OPEN, most=ALL)
    assert bool(choice.assignments) is takes


def test_a_task_is_kept_for_the_worker_that_it_prefers_until_it_is_settled() -> None:
    lane = Lane(affinity="near")
    fronts = [make_front(make_head(1, at=1, settled=False), make_head(2, at=2), lane=lane)]
    far = choose_next(fronts, [make_request("postgres", slots=9, name="far")], OPEN, most=ALL)
    near = choose_next(fronts, [make_request("postgres", slots=9, name="near")], OPEN, most=ALL)
    assert (numbers_of(far), numbers_of(near)) == ([2], [1, 2])


def test_a_key_begins_no_more_than_it_is_allowed_in_all_its_lanes_together() -> None:
    fronts = [
        make_front(make_head(1), make_head(2), lane=Lane(limit_key="db")),
        make_front(make_head(3), make_head(4), lane=Lane(limit_key="db", size=Size.LARGE)),
        make_front(make_head(5, at=9), lane=Lane(limit_key="unlimited")),
    ]
    facts = make_facts(ALL, allowances={("t", "db"): 3})
    choice = choose_next(fronts, [make_request("postgres", slots=9)], facts, most=ALL)
    assert len(choice.assignments) == 4
    assert 5 in numbers_of(choice)
