"""Who gets which task: quotas first, then fair shares, then the oldest; never more than is free."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.hands import Request
from grace.htm.domain.holdings import Holdings
from grace.htm.domain.lanes import PLAIN, Lane, Size
from grace.htm.domain.owner import Owner
from grace.htm.domain.schedule import Choice, Facts, Front, Head, choose_next, wanted_of
from grace.htm.domain.shares import Queue, Quota, Shares
from grace.htm.domain.turns import Turns

START = datetime(2026, 1, 1, tzinfo=UTC)
KERNELS = ("postgres", "filesystem", "http")
ALL = 10_000
OPEN = Facts(Shares(ALL, {}))


def _request(
    *kernels: str, slots: int = 1, room: int = ALL, name: str = "w", can: Sequence[str] = (),
    sizes: Sequence[Size] = tuple(Size),
) -> Request:  # fmt: skip
    return Request(
        Owner("worker", name), "key", frozenset(kernels), slots, room,
        frozenset(can), frozenset(sizes),
    )  # fmt: skip


def _head(number: int, *, at: int = 0, size: int = 1, settled: bool = True) -> Head:
    return Head(UUID(int=number), START + timedelta(seconds=at), size, settled)


def _front(
    *heads: Head, kernel: str = "postgres", tenant: str = "t", origin: str = "o", lane: Lane = PLAIN
) -> Front:
    ordered = sorted(heads, key=lambda head: (head.order_key, head.task_id))
    return Front(kernel, (tenant, origin), lane, ordered)


def _facts(
    capacity: int, *quotas: Quota, held: Mapping[Queue, int] | None = None,
    allowances: Mapping[tuple[str, str], int] | None = None,
) -> Facts:  # fmt: skip
    shares = Shares(capacity, {quota.origin: quota for quota in quotas})
    return Facts(shares, Holdings(held or {}, {}), allowances or {})


def _many(count: int, *, origin: str, tenant: str = "t", first: int = 0, at: int = 0) -> Front:
    return _front(
        *(_head(first + n, at=at + n) for n in range(count)), origin=origin, tenant=tenant
    )


def _origins(choice: Choice, fronts: Sequence[Front]) -> Counter[str]:
    of = {head.task_id: front.queue[1] for front in fronts for head in front.heads}
    return Counter(of[each.task_id] for each in choice.assignments)


def _numbers(choice: Choice) -> list[int]:
    return [each.task_id.int for each in choice.assignments]


# -- one queue --


def test_the_lowest_order_key_goes_first() -> None:
    fronts = [_front(_head(1, at=9)), _front(_head(2, at=1), kernel="http")]
    assert _numbers(choose_next(fronts, [_request("postgres", "http")], OPEN, most=ALL)) == [2]


def test_workers_that_wait_together_are_served_in_turn() -> None:
    choice = choose_next(
        [_many(4, origin="o")], [_request("postgres", slots=3)] * 2, OPEN, most=ALL
    )
    assert [each.request for each in choice.assignments] == [0, 1, 0, 1]


def test_a_large_task_is_not_passed_over_for_small_ones() -> None:
    front = _front(_head(1, at=1, size=6), _head(2, at=2, size=6), _head(3, at=3, size=1))
    choice = choose_next([front], [_request("postgres", slots=3, room=10)], OPEN, most=ALL)
    assert _numbers(choice) == [1]


def test_as_many_tasks_are_looked_at_as_slots_are_free() -> None:
    requests = [_request("postgres", "http", slots=3), _request("postgres", slots=9)]
    assert wanted_of(requests, most=10) == {"postgres": 10, "http": 3}


# -- capacity and quotas --


def test_no_more_is_handed_out_than_capacity_leaves() -> None:
    facts = _facts(5, held={("t", "o"): 3})
    choice = choose_next([_many(9, origin="o")], [_request("postgres", slots=9)], facts, most=ALL)
    assert len(choice.assignments) == 2


def test_an_origin_below_its_quota_goes_before_an_older_one_that_borrows() -> None:
    fronts = [_many(9, origin="noisy"), _many(9, origin="intent", first=100, at=500)]
    quotas = (Quota("intent", 50), Quota("noisy", 50))
    facts = _facts(10, *quotas, held={("t", "noisy"): 5})
    choice = choose_next(fronts, [_request("postgres", slots=9)], facts, most=ALL)
    assert _origins(choice, fronts) == {"intent": 5}


def test_what_an_origin_leaves_idle_is_lent() -> None:
    fronts = [_many(20, origin="noisy")]
    facts = _facts(10, Quota("intent", 50), Quota("noisy", 20))
    choice = choose_next(fronts, [_request("postgres", slots=20)], facts, most=ALL)
    assert len(choice.assignments) == 10


def test_a_share_that_is_a_wall_lends_nothing_and_borrows_nothing() -> None:
    wall = Quota("wall", 40, lends=False)
    noisy = [_many(20, origin="noisy")]
    requests = [_request("postgres", slots=20)]
    assert len(choose_next(noisy, requests, _facts(10, wall), most=ALL).assignments) == 6
    inside = [_many(20, origin="wall")]
    assert len(choose_next(inside, requests, _facts(10, wall), most=ALL).assignments) == 4


def test_the_tenants_of_an_origin_share_its_quota() -> None:
    fronts = [_many(9, origin="wall", tenant=t, first=n * 100) for n, t in enumerate("ab")]
    facts = _facts(10, Quota("wall", 40, lends=False))
    choice = choose_next(fronts, [_request("postgres", slots=20)], facts, most=ALL)
    tenants = Counter(each.task_id.int // 100 for each in choice.assignments)
    assert tenants == {0: 2, 1: 2}


def test_origins_without_a_quota_share_what_is_left() -> None:
    fronts = [_many(20, origin=origin, first=n * 100) for n, origin in enumerate(("a", "b", "c"))]
    facts = _facts(10, Quota("a", 40))
    choice = choose_next(fronts, [_request("postgres", slots=20)], facts, most=ALL)
    assert _origins(choice, fronts) == {"a": 4, "b": 3, "c": 3}


# -- fair shares --


def test_who_holds_least_goes_first() -> None:
    fronts = [_many(9, origin="a"), _many(9, origin="b", first=100, at=500)]
    facts = _facts(ALL, held={("t", "a"): 4})
    choice = choose_next(fronts, [_request("postgres", slots=6)], facts, most=ALL)
    assert _origins(choice, fronts) == {"a": 1, "b": 5}


def test_weights_divide_what_is_held() -> None:
    fronts = [_many(40, origin="a"), _many(40, origin="b", first=100)]
    facts = _facts(ALL, Quota("a", 0, weight=3), Quota("b", 0, weight=1))
    choice = choose_next(fronts, [_request("postgres", slots=40)], facts, most=ALL)
    assert _origins(choice, fronts) == {"a": 30, "b": 10}


def test_one_hand_serves_the_quiet_and_the_noisy_in_turn() -> None:
    """Nobody holds anything when it asks: only the memory of turns can be fair."""
    noisy, quiet, turns = list(range(100)), list(range(1000, 1010)), Turns()
    order = []
    for _ in range(20):
        fronts = [
            _front(*(_head(n, at=n) for n in numbers), origin=origin)
            for origin, numbers in (("noisy", noisy), ("quiet", quiet))
        ]
        facts = Facts(OPEN.shares, turns=turns)
        choice = choose_next(fronts, [_request("postgres")], facts, most=ALL)
        (number,) = _numbers(choice)
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
            [_front(_head(number), origin="a")], [_request("postgres")], facts, most=ALL
        ).turns
    fronts = [_many(9, origin="a"), _many(9, origin="b", first=100)]
    order = []
    for _ in range(4):
        facts = Facts(OPEN.shares, turns=turns)
        choice = choose_next(fronts, [_request("postgres")], facts, most=ALL)
        turns = choice.turns
        order += list(_origins(choice, fronts))
    assert sorted(order) == ["a", "a", "b", "b"]


# -- lanes --


def test_a_lane_that_must_wait_hides_nothing_behind_it() -> None:
    gpu = _front(_head(1, at=0), lane=Lane(requires=frozenset({"gpu"})))
    choice = choose_next([gpu, _front(_head(2, at=9))], [_request("postgres")], OPEN, most=ALL)
    assert _numbers(choice) == [2]


@pytest.mark.parametrize(
    ("lane", "request_", "takes"),
    [
        (Lane(requires=frozenset({"gpu"})), _request("postgres", can=("gpu", "eu")), True),
        (Lane(requires=frozenset({"gpu", "us"})), _request("postgres", can=("gpu", "eu")), False),
        (Lane(size=Size.LARGE), _request("postgres", sizes=(Size.SMALL, Size.MEDIUM)), False),
        (Lane(size=Size.MEDIUM), _request("postgres", sizes=(Size.SMALL, Size.MEDIUM)), True),
        (PLAIN, _request("http"), False),
    ],
)
def test_a_worker_gets_what_it_can_do(lane: Lane, request_: Request, *, takes: bool) -> None:
    choice = choose_next([_front(_head(1), lane=lane)], [request_], OPEN, most=ALL)
    assert bool(choice.assignments) is takes


def test_a_task_is_kept_for_the_worker_that_it_prefers_until_it_is_settled() -> None:
    lane = Lane(affinity="near")
    fronts = [_front(_head(1, at=1, settled=False), _head(2, at=2), lane=lane)]
    far = choose_next(fronts, [_request("postgres", slots=9, name="far")], OPEN, most=ALL)
    near = choose_next(fronts, [_request("postgres", slots=9, name="near")], OPEN, most=ALL)
    assert (_numbers(far), _numbers(near)) == ([2], [1, 2])


def test_a_key_begins_no_more_than_it_is_allowed_in_all_its_lanes_together() -> None:
    fronts = [
        _front(_head(1), _head(2), lane=Lane(limit_key="db")),
        _front(_head(3), _head(4), lane=Lane(limit_key="db", size=Size.LARGE)),
        _front(_head(5, at=9), lane=Lane(limit_key="unlimited")),
    ]
    facts = _facts(ALL, allowances={("t", "db"): 3})
    choice = choose_next(fronts, [_request("postgres", slots=9)], facts, most=ALL)
    assert len(choice.assignments) == 4
    assert 5 in _numbers(choice)


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
        lambda kernels, slots, room, name, can, sizes: _request(
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
            _head(number, at=at, size=size, settled=settled)
        )
    return [
        _front(*heads, kernel=kernel, tenant=tenant, origin=origin, lane=lane)
        for (kernel, tenant, origin, lane), heads in groups.items()
    ]


fronts_ = st.lists(_rows, max_size=30).map(_to_fronts)
facts_ = st.builds(
    lambda capacity, quotas, held, allowances: _facts(
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
    held: Counter[str] = _origins(choice, fronts)
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
    held, begun = _after(facts, fronts, choice), _origins(choice, fronts)
    for quota in facts.shares.quotas.values():
        if not quota.lends and begun[quota.origin]:
            assert held[quota.origin] <= facts.shares.part_of(quota.origin)
    keys = Counter(known[each.task_id][0].limited for each in choice.assignments)
    for key, allowed in facts.allowances.items():
        assert keys[key] <= allowed


@given(fronts=fronts_, requests=requests_, facts=facts_)
def test_nobody_borrows_what_is_behind_a_wall(
    fronts: list[Front], requests: list[Request], facts: Facts
) -> None:
    held = _after(facts, fronts, choose_next(fronts, requests, facts, most=ALL))
    walls = [quota.origin for quota in facts.shares.quotas.values() if not quota.lends]
    idle = sum(max(0, facts.shares.part_of(each) - held[each]) for each in walls)
    borrowed = _origins(choose_next(fronts, requests, facts, most=ALL), fronts)
    groups = Counter[str]()
    for origin, count in held.items():
        groups[origin if origin in facts.shares.quotas else ""] += count
    beyond = [
        origin
        for origin in borrowed
        if (group := origin if origin in facts.shares.quotas else "") not in walls
        and groups[group] > facts.shares.part_of(origin)
    ]
    assert not beyond or held.total() + idle <= facts.shares.capacity


@given(fronts=fronts_, requests=requests_, facts=facts_, most=st.integers(0, 30))
def test_no_task_is_handed_out_twice_and_no_worker_gets_more_than_it_asked_for(
    fronts: list[Front], requests: list[Request], facts: Facts, most: int
) -> None:
    choice = choose_next(fronts, requests, facts, most=most)
    known = _by_id(fronts)
    assert len(set(_numbers(choice))) == len(choice.assignments) <= most
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
    taken = set(_numbers(choice))
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
        may_borrow = facts.shares.quota_of(front.queue[1]).lends
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
            or (is_over and not may_borrow)
            or (is_over and held.total() + idle >= facts.shares.capacity)
        )  # fmt: skip


@given(fronts=fronts_, slots=st.integers(1, 20))
def test_nobody_overtakes_within_a_lane(fronts: list[Front], slots: int) -> None:
    requests = [_request(*KERNELS, slots=slots, name="w1", can=("gpu", "eu"))]
    taken = set(_numbers(choose_next(fronts, requests, OPEN, most=ALL)))
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
                fronts.append(_many(min(count, 60), origin=origin, first=self.next))
                self.next += 60
        free = self.hands - len(self.running)
        facts = Facts(
            self.shares,
            Holdings({("t", origin): n for origin, n in self.held().items()}, {}),
            turns=self.turns,
        )
        requests = [_request("postgres", slots=free)] if free > 0 else []
        choice = choose_next(fronts, requests, facts, most=ALL)
        self.turns = choice.turns
        for origin, count in _origins(choice, fronts).items():
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
