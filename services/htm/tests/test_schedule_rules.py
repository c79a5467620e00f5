"""What holds for every claim whatever waits, and for shares over time."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.hands import Request
from grace.htm.domain.holdings import Holdings
from grace.htm.domain.lanes import Lane, Size
from grace.htm.domain.schedule import Choice, Facts, Front, Head, choose_next
from grace.htm.domain.shares import Quota, Shares
from grace.htm.domain.turns import Turns

from .fronts import (
    ALL,
    KERNELS,
    OPEN,
    make_facts,
    make_front,
    make_head,
    make_many,
    make_request,
    numbers_of,
    origins_of,
)

# -- what holds for everything --

origins_ = st.sampled_from(["a", "b", "c", "d"])
lanes_ = st.builds(
    Lane,
    size=st.sampled_from(Size),
    requires=st.frozensets(st.sampled_from(["gpu", "eu"])),
    limit_key=st.sampled_from([None, "k1", "k2"]),
    affinity=st.sampled_from([None, "w1"]),
)
quotas_ = st.lists(
    st.builds(Quota, origins_, st.integers(0, 33), st.sampled_from([0.5, 1.0, 4.0]), st.booleans()),
    max_size=3,
    unique_by=lambda quota: quota.origin,
)
held_ = st.dictionaries(st.tuples(st.sampled_from("xy"), origins_), st.integers(0, 5))
allowances_ = st.dictionaries(
    st.tuples(st.sampled_from("xy"), st.sampled_from(["k1", "k2"])), st.integers(0, 3)
)
requests_ = st.lists(
    st.builds(
        lambda kernels, slots, room, name, can, sizes: make_request(
            *kernels, slots=slots, room=room, name=name, can=tuple(can), sizes=tuple(sizes)
        ),
        st.sets(st.sampled_from(KERNELS)),
        st.integers(1, 5),
        st.integers(1, 20),
        st.sampled_from(["w1", "w2"]),
        st.sets(st.sampled_from(["gpu", "eu"])),
        st.sets(st.sampled_from(list(Size))),
    ),
    max_size=5,
)
_rows = st.tuples(
    st.sampled_from(KERNELS), st.sampled_from("xy"), origins_, lanes_,
    st.integers(0, 9), st.integers(1, 8), st.booleans(),
)  # fmt: skip


def _to_fronts(rows: list[tuple[str, str, str, Lane, int, int, bool]]) -> list[Front]:
    groups: defaultdict[tuple[str, str, str, Lane], list[Head]] = defaultdict(list)
    for number, (kernel, tenant, origin, lane, at, size, settled) in enumerate(rows):
        groups[kernel, tenant, origin, lane].append(
            make_head(number, at=at, size=size, settled=settled)
        )
    return [
        make_front(*heads, kernel=kernel, tenant=tenant, origin=origin, lane=lane)
        for (kernel, tenant, origin, lane), heads in groups.items()
    ]


fronts_ = st.lists(_rows, max_size=30).map(_to_fronts)
facts_ = st.builds(
    lambda capacity, quotas, held, allowances: make_facts(
        capacity, *quotas, held=held, allowances=allowances
    ),
    st.integers(1, 40),
    quotas_,
    held_,
    allowances_,
)


def _by_id(fronts: Sequence[Front]) -> dict[UUID, tuple[Front, Head]]:
    return {head.task_id: (front, head) for front in fronts for head in front.heads}


def _after(facts: Facts, fronts: Sequence[Front], choice: Choice) -> Counter[str]:
    """What each origin holds when the choice is carried out."""
    held: Counter[str] = origins_of(choice, fronts)
    for (_, origin), count in facts.held.queues.items():
        held[origin] += count
    return held


@given(fronts=fronts_, requests=requests_, facts=facts_, most=st.integers(0, 30))
def test_capacity_quotas_and_key_limits_hold(
    fronts: list[Front], requests: list[Request], facts: Facts, most: int
) -> None:
    choice = choose_next(fronts, requests, facts, most=most)
    known = _by_id(fronts)
    before = facts.held.total
    assert len(choice.assignments) <= max(0, min(most, facts.shares.capacity - before))
    held, begun = _after(facts, fronts, choice), origins_of(choice, fronts)
    for quota in facts.shares.quotas.values():
        if not quota.lends and begun[quota.origin]:
            assert held[quota.origin] <= facts.shares.part_of(quota.origin)
    keys = Counter(known[each.task_id][0].limited for each in choice.assignments)
    for key, allowed in facts.allowances.items():
        assert keys[key] <= allowed


@given(fronts=fronts_, requests=requests_, facts=facts_)
def test_nobody_takes_what_is_behind_a_wall(
    fronts: list[Front], requests: list[Request], facts: Facts
) -> None:
    choice = choose_next(fronts, requests, facts, most=ALL)
    held = _after(facts, fronts, choice)
    walls = {quota.origin for quota in facts.shares.quotas.values() if not quota.lends}
    idle = sum(max(0, facts.shares.part_of(each) - held[each]) for each in walls)
    others = origins_of(choice, fronts).keys() - walls
    assert not others or held.total() + idle <= facts.shares.capacity


@given(fronts=fronts_, requests=requests_, facts=facts_, most=st.integers(0, 30))
def test_no_task_is_handed_out_twice_and_no_worker_gets_more_than_it_asked_for(
    fronts: list[Front], requests: list[Request], facts: Facts, most: int
) -> None:
    choice = choose_next(fronts, requests, facts, most=most)
    known = _by_id(fronts)
    assert len(set(numbers_of(choice))) == len(choice.assignments) <= most
    for index, count in Counter(each.request for each in choice.assignments).items():
        request = requests[index]
        mine = [known[each.task_id] for each in choice.assignments if each.request == index]
        assert count <= request.slots
        assert sum(head.size for _, head in mine) <= request.room
        for front, head in mine:
            assert request.can_take(front.kernel, front.lane)
            assert head.is_settled or front.lane.affinity in {None, request.owner.worker_id}


@given(fronts=fronts_, requests=requests_, facts=facts_)
def test_a_task_waits_only_for_a_reason(
    fronts: list[Front], requests: list[Request], facts: Facts
) -> None:
    """While something is free: nobody can take it, its key is used up, or its share is."""
    roomy = [
        Request(r.owner, r.key_id, r.kernels, r.slots, ALL, r.capabilities, r.sizes)
        for r in requests
    ]
    choice = choose_next(fronts, roomy, facts, most=ALL)
    taken = set(numbers_of(choice))
    counts = Counter(each.request for each in choice.assignments)
    known = _by_id(fronts)
    keys = Counter(known[each.task_id][0].limited for each in choice.assignments)
    held = _after(facts, fronts, choice)
    is_full = held.total() >= facts.shares.capacity
    walls = [quota for quota in facts.shares.quotas.values() if not quota.lends]
    idle = sum(max(0, facts.shares.part_of(q.origin) - held[q.origin]) for q in walls)
    group_held = Counter[str]()
    for origin, count in held.items():
        group_held[origin if origin in facts.shares.quotas else ""] += count
    for front, head in known.values():
        group = front.queue[1] if front.queue[1] in facts.shares.quotas else ""
        is_over = group_held[group] >= facts.shares.part_of(front.queue[1])
        is_walled = not facts.shares.quota_of(front.queue[1]).lends
        limited = front.limited or ("", "")
        able = [
            n
            for n, request in enumerate(roomy)
            if request.can_take(front.kernel, front.lane)
            and (head.is_settled or front.lane.affinity in {None, request.owner.worker_id})
        ]
        assert (
            head.task_id.int in taken
            or is_full
            or all(counts[n] == roomy[n].slots for n in able)
            or (limited in facts.allowances and keys[limited] == facts.allowances[limited])
            or (is_walled and is_over)
            or (not is_walled and held.total() + idle >= facts.shares.capacity)
        )  # fmt: skip


@given(fronts=fronts_, slots=st.integers(1, 20))
def test_nobody_overtakes_within_a_lane(fronts: list[Front], slots: int) -> None:
    requests = [make_request(*KERNELS, slots=slots, name="w1", can=("gpu", "eu"))]
    taken = set(numbers_of(choose_next(fronts, requests, OPEN, most=ALL)))
    for front in fronts:
        flags = [head.task_id.int in taken for head in front.heads]
        assert flags == sorted(flags, reverse=True)


# -- over time --


class World:
    """Tasks come, are claimed and end after some ticks; every origin has always work unless told."""

    def __init__(
        self, shares: Shares, backlog: Mapping[str, int], *, hands: int, seed: int
    ) -> None:
        self.shares = shares
        self.dice = Random(seed)
        self.backlog = dict(backlog)
        self.hands = hands
        self.running: list[tuple[str, int]] = []
        self.served: Counter[str] = Counter()
        self.turns = Turns()
        self.next = 0

    def held(self) -> Counter[str]:
        return Counter(origin for origin, _ in self.running)

    def tick(self, *, longest: int) -> None:
        self.running = [(origin, left - 1) for origin, left in self.running if left > 1]
        fronts = []
        for origin, count in self.backlog.items():
            if count:
                fronts.append(make_many(min(count, 60), origin=origin, first=self.next))
                self.next += 60
        free = self.hands - len(self.running)
        facts = Facts(
            self.shares,
            Holdings({("t", origin): n for origin, n in self.held().items()}, {}),
            turns=self.turns,
        )
        requests = [make_request("postgres", slots=free)] if free > 0 else []
        choice = choose_next(fronts, requests, facts, most=ALL)
        self.turns = choice.turns
        for origin, count in origins_of(choice, fronts).items():
            self.served[origin] += count
            self.backlog[origin] -= count
            self.running += [(origin, self.dice.randint(1, longest)) for _ in range(count)]


def _jain(values: Sequence[int]) -> float:
    return sum(values) ** 2 / (len(values) * sum(value * value for value in values))


@pytest.mark.parametrize("hands", [1, 2, 7, 50])
def test_shares_are_fair_under_an_origin_a_hundred_times_as_noisy(hands: int) -> None:
    backlog = {"noisy": 100_000, "a": 1000, "b": 1000, "c": 1000}
    world = World(Shares(50, {}), backlog, hands=hands, seed=hands)
    for _ in range(60):
        world.tick(longest=4)
    assert all(world.backlog.values())
    assert _jain([world.served[origin] for origin in backlog]) >= 0.95


@pytest.mark.parametrize("seed", range(5))
def test_what_was_lent_is_back_when_the_borrowed_tasks_have_ended(seed: int) -> None:
    shares = Shares(50, {"intent": Quota("intent", 25)})
    world = World(shares, {"noisy": 10_000}, hands=50, seed=seed)
    for _ in range(10):
        world.tick(longest=6)
    assert world.held()["noisy"] == 50
    world.backlog["intent"] = 10_000
    for _ in range(6):
        world.tick(longest=6)
    assert world.held()["intent"] >= 12
    assert world.held().total() == 50
