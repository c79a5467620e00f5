"""What may wait for what, and what an end means: the rules alone."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.htm.domain.following import (
    Ask,
    Cancel,
    End,
    Ended,
    Follower,
    Release,
    follow,
    step_of,
)
from grace.htm.domain.lifecycle import FINAL, HELD, TRANSITIONS, State
from grace.htm.domain.relations import (
    Known,
    Relations,
    Relative,
    crossed,
    entangled,
    ids_of,
    keys_of,
    links_of,
    objection_to,
    wrongly_named,
)
from grace.htm.domain.unique import REPLACEABLE, Policy, Unique

OPEN = sorted(set(State) - FINAL)
BAD = sorted(FINAL - {State.SUCCEEDED})
ME, OTHER, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)


@dataclass(frozen=True)
class Wanted:
    """A task of a request."""

    key: str
    relations: Relations = field(default_factory=Relations)
    task_id: UUID = ME
    tenant_id: str = "default"
    origin: str = "intent"
    body_hash: bytes = b"h"
    unique: Unique | None = None


def _after(key: str, *before: str, parent: str | None = None) -> Wanted:
    return Wanted(key, Relations(depends_on_keys=before, parent_key=parent))


def _stored(number: int, **changes: object) -> Relative:
    values = {
        "task_id": UUID(int=number), "tenant_id": "default", "origin": "intent",
        "state": State.QUEUED, "parent_id": None, "is_ending": False,
    }  # fmt: skip
    return Relative(**{**values, **changes})


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_request_is_refused_exactly_where_its_tasks_wait_for_one_another(edges) -> None:
    tasks = [_after(f"k{n}", *(f"k{b}" for a, b in edges if a == n)) for n in range(7)]
    reach = {n: {b for a, b in edges if a == n} for n in range(7)}
    for _ in range(7):
        reach = {n: far.union(*(reach[m] for m in far)) for n, far in reach.items()}
    circular = any(n in far for n, far in reach.items())
    assert (objection_to(tasks, Known()) is not None) == circular


@given(st.lists(st.integers(-1, 5), min_size=6, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_accepted_can_end_one_after_another(parents, data) -> None:
    """A parent after its children, a dependent after what it depends on: some order must be left."""
    befores = data.draw(st.lists(st.sets(st.integers(0, 5), max_size=2), min_size=6, max_size=6))
    tasks = [
        _after(f"k{n}", *(f"k{b}" for b in sorted(befores[n])), parent=f"k{p}" if p >= 0 else None)
        for n, p in enumerate(parents)
    ]
    if objection_to(tasks, Known()) is not None:
        return
    waits = {n: befores[n] | {c for c, p in enumerate(parents) if p == n} for n in range(6)}
    ended: set[int] = set()
    while ready := {n for n, what in waits.items() if n not in ended and what <= ended}:
        ended |= ready
    assert len(ended) == 6


def test_names_alone_may_be_wrong() -> None:
    assert wrongly_named(Relations(("x",))) == "x is no task id"
    assert wrongly_named(Relations(parent_id="x")) == "x is no task id"
    both = Relations(parent_id=str(ME), parent_key="k")
    assert wrongly_named(both) == "a task has one parent: give parent_id or parent_key"
    assert wrongly_named(Relations((str(ME),) * 32, ("k",) * 32)) is None
    assert "at most 64" in str(wrongly_named(Relations((str(ME),) * 32, ("k",) * 33)))


@pytest.mark.parametrize(
    ("parent", "says"),
    [
        ({"state": State.CANCELLED}, "takes no more children"),
        ({"is_ending": True}, "takes no more children"),
        ({"origin": "verification"}, "is charged to verification"),
        ({"tenant_id": "acme"}, "there is no task"),
        ({"state": State.JOINING}, None),
    ],
)
def test_a_parent_is_open_and_of_the_same_tenant_and_origin(parent, says) -> None:
    child = Wanted("c", Relations(parent_id=str(OTHER)))
    reason = objection_to([child], Known(tasks={OTHER: _stored(2, **parent)}))
    assert (reason is None) if says is None else (says in str(reason))


def test_a_child_depends_on_its_siblings_alone() -> None:
    known = Known(
        {("default", "p"): (OTHER, b"h")}, {OTHER: _stored(2), THIRD: _stored(3, parent_id=OTHER)}
    )
    sibling = Wanted("c", Relations((str(THIRD),), parent_key="p"))
    assert objection_to([sibling], known) is None
    stranger = Wanted("c", Relations((str(THIRD),), parent_id=str(THIRD)))
    assert "is none" in str(objection_to([stranger], known))
    in_one_request = [_after("a", parent="p"), _after("b", "a", parent="p")]
    assert objection_to(in_one_request, known) is None
    assert "is none" in str(objection_to([_after("a"), _after("b", "a", parent="p")], known))


def test_nobody_waits_for_what_may_not_come_in() -> None:
    request = [Wanted("a", unique=Unique("held")), _after("b", "a")]
    assert "submit it before" in str(objection_to(request, Known()))
    stored = Known({("default", "a"): (OTHER, b"h")}, {OTHER: _stored(2)})
    assert objection_to(request, stored) is None


@pytest.mark.parametrize(
    ("relations", "says"),
    [
        (Relations((str(OTHER),)), "there is no task"),
        (Relations((str(THIRD),)), "there is no task"),
        (Relations(depends_on_keys=("nobody",)), "there is no task nobody"),
        (Relations(depends_on_keys=("b",)), "wait for one another"),
        (Relations(parent_id=str(THIRD)), "there is no task"),
    ],
)
def test_of_tasks_under_one_key_the_first_is_judged_as_it_is_the_one_stored(
    relations, says
) -> None:
    known = Known(tasks={THIRD: _stored(3, tenant_id="acme")})
    first, other, second = Wanted("a", relations), _after("b", "a"), Wanted("a", task_id=OTHER)
    assert says in str(objection_to([first, other, second], known))
    assert objection_to([second, other, first], known) is None


def test_requests_are_judged_together_where_none_goes_by_a_key_of_another() -> None:
    a, b = [Wanted("a")], [_after("b", "a"), Wanted("a")]
    assert entangled([a, b])
    assert entangled([b, b])
    assert not entangled([b, [Wanted("c"), Wanted("c")], [Wanted("a", tenant_id="acme")]])
    assert not entangled([a, a, [_after("b", "c")]])
    assert not entangled([a, [_after("a", "c")]]), "whichever comes first, nobody goes by it"


@pytest.mark.parametrize("state", OPEN)
@pytest.mark.parametrize("relations", [Relations((str(OTHER),)), Relations(parent_id=str(OTHER))])
def test_nobody_takes_the_place_of_what_it_or_another_of_its_request_names(
    state, relations
) -> None:
    known = Known(tasks={OTHER: _stored(2, state=state)}, holders={("default", "u"): OTHER})
    replace, join = Unique("u", Policy.REPLACE), Unique("u", Policy.JOIN)
    alone = [Wanted("a", relations, unique=replace)]
    beside = [Wanted("a", relations), Wanted("b", unique=replace)]
    for request in (alone, beside):
        says = str(objection_to(request, known))
        assert ("would take the place of" in says) == (state in REPLACEABLE)
    assert crossed([beside[:1], beside[1:]], known) == (state in REPLACEABLE)
    assert not crossed([alone, [Wanted("c")]], known)
    for harmless in (join, Unique("v", Policy.REPLACE)):
        assert objection_to([Wanted("a", relations, unique=harmless)], known) is None
    stored = Known({("default", "b"): (THIRD, b"h")}, known.tasks, known.holders)
    assert objection_to(beside, stored) is None


def test_what_is_stored_already_is_not_judged_again() -> None:
    again = _after("a", "gone")
    assert "there is no task gone" in str(objection_to([again], Known()))
    assert objection_to([again], Known({("default", "a"): (OTHER, b"h")})) is None


def test_a_name_stands_for_one_task_however_it_is_given() -> None:
    task = Wanted("c", Relations((str(OTHER),), ("b", "p"), parent_key="p"))
    keys = {("default", "b"): OTHER, ("default", "p"): THIRD, ("default", "c"): ME}
    assert keys_of([task]) == set(keys)
    assert ids_of([task], Known({key: (i, b"") for key, i in keys.items()})) == {OTHER, THIRD}
    links = links_of([task], keys)
    assert links.before == ((ME, OTHER), (ME, THIRD))
    assert links.parents == ((ME, THIRD),)


ENDED = st.builds(Ended, st.just(OTHER), st.sampled_from(BAD))
FOLLOWERS = st.builds(
    Follower,
    task_id=st.just(ME),
    state=st.sampled_from(State),
    cancelling=st.booleans(),
    unmet=st.integers(0, 2),
    broken=st.none() | ENDED,
    ends_as=st.sampled_from(sorted(FINAL)),
    open_children=st.booleans(),
    bad_child=st.none() | ENDED,
    parent=st.none() | ENDED,
)


@given(FOLLOWERS)
@settings(max_examples=100)
def test_every_step_takes_a_listed_door_and_has_its_reason(task: Follower) -> None:
    match step_of(task):
        case None:
            goes = task.state in FINAL or task.state not in {State.WAITING, State.JOINING}
            held_up = task.unmet or task.open_children
            assert goes or held_up
        case Release():
            assert (task.state, task.unmet, task.broken) == (State.WAITING, 0, None)
        case Cancel(reason=reason):
            assert State.CANCELLED in TRANSITIONS[task.state].values()
            assert str(OTHER) in reason
            assert task.state not in HELD
        case Ask(reason=reason):
            assert task.state in HELD | {State.JOINING}
            assert task.parent is not None
            assert not task.cancelling
        case End(state=state, error=error):
            assert state in TRANSITIONS[task.state].values()
            assert not task.open_children
            assert (state is not State.SUCCEEDED) or task.bad_child is None
            assert task.ends_as in {state, State.SUCCEEDED}
            assert (error is None) == (task.ends_as is state)


@pytest.mark.parametrize("state", OPEN)
def test_a_parent_that_ends_otherwise_stops_every_open_child(state: State) -> None:
    (step,) = follow([Follower(ME, state, unmet=1, parent=Ended(OTHER, State.FAILED))])
    assert isinstance(step, Ask if state in HELD or state is State.JOINING else Cancel)
    assert step.reason == f"its parent {OTHER} ends as failed"


def test_who_was_cancelled_while_its_children_ended_is_cancelled() -> None:
    task = Follower(
        ME, State.JOINING, cancelling=True, ends_as=State.SUCCEEDED,
        bad_child=Ended(OTHER, State.CANCELLED),
    )  # fmt: skip
    assert step_of(task) == End(ME, State.CANCELLED, f"its child {OTHER} ended as cancelled")
