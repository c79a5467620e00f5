"""What of an event may leave, who follows it, where a follower begins and how it is cut off."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.contracts.registry import model_of
from grace.contracts.subjects import SUBJECTS
from grace.gateway.api.feed import Follower
from grace.gateway.api.journal import FOLLOWED, Event
from grace.gateway.domain.disclosure import SHOWN, belongs_to, disclosed
from grace.gateway.domain.following import Extent, Interest, start_at

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*sorted(SHOWN), "secret"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=20,
)
OURS = Interest("default")
# What must never leave: it acts for somebody, or it is somebody's text.
KEPT_IN = {
    "apply",
    "revert",
    "grants",
    "body",
    "signature",
    "plan",
    "contract",
    "content",
    "params",
}


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in (schema, *schema.get("$defs", {}).values()):
        yield from each.get("properties", {}).items()


def event(sequence: int, tenant: str = "default", subject: str = "job.enqueued") -> Event:
    return Event(sequence, subject, tenant, b"")


@pytest.mark.parametrize("subject", sorted(FOLLOWED))
def test_no_bytes_of_any_event_may_leave(subject: str) -> None:
    for schema in SUBJECTS[subject].schemas:
        for name, field in properties(model_of(schema).model_json_schema()):
            if "base64" in json.dumps(field):
                assert name not in SHOWN, (schema, name)


def test_capabilities_and_documents_stay_in() -> None:
    assert not KEPT_IN & SHOWN


@given(st.dictionaries(st.text(), JSON))
def test_only_listed_names_leave_at_any_depth(body: dict[str, Any]) -> None:
    def names(value: object) -> Iterator[str]:
        match value:
            case dict():
                yield from value
                for inner in value.values():
                    yield from names(inner)
            case list():
                for inner in value:
                    yield from names(inner)

    assert set(names(disclosed(body))) <= SHOWN


def test_an_event_belongs_to_the_tenant_that_was_signed() -> None:
    assert belongs_to({"tenant_id": "other"}, sent_for="default") == "other"
    assert belongs_to({}, sent_for="default") == "default"


@pytest.mark.parametrize(
    ("after", "first", "last", "position", "has_gap"),
    [
        (None, 1, 9, 9, False),  # from now on
        (None, 0, 0, 0, False),  # nothing was ever told
        (0, 1, 9, 0, False),  # all that is kept
        (0, 5, 9, 4, False),
        (4, 5, 9, 4, False),  # the next one is the oldest
        (3, 5, 9, 4, True),  # the next one is no longer kept
        (9, 5, 9, 9, False),
        (9, 10, 9, 9, False),  # all of it has aged away, and nothing was missed
        (10, 5, 9, 4, True),  # of a stream that is lost
        (10, 0, 0, 0, True),
    ],
)
def test_a_follower_begins_behind_what_it_saw(
    after: int | None, first: int, last: int, position: int, has_gap: bool
) -> None:
    start = start_at(after, Extent("today", first, last))
    assert (start.position, start.gap is not None) == (position, has_gap)


def test_an_interest_is_one_tenants_and_its_subjects() -> None:
    named = Interest("default", frozenset({"job.completed"}))
    assert OURS.covers(event(1))
    assert not OURS.covers(event(1, tenant="other"))
    assert not named.covers(event(1))
    assert named.covers(replace(event(1), subject="job.completed"))


async def test_a_follower_without_room_is_cut_and_misses_nothing_before() -> None:
    follower = Follower(OURS, backlog=2)
    for sequence in range(1, 5):
        follower.offer(event(sequence))
    assert not follower.has_ended
    assert [each.sequence for each in await follower.take(within=0)] == [1, 2]
    assert (follower.position, follower.has_ended) == (2, True)
    follower.offer(event(5))
    assert await follower.take(within=0) == []


async def test_events_of_others_take_no_room_and_move_the_position_on() -> None:
    follower = Follower(OURS, backlog=1)
    follower.offer(event(1))
    for sequence in range(2, 10):
        follower.offer(event(sequence, tenant="other"))
    assert [each.sequence for each in await follower.take(within=0)] == [1]
    assert (follower.position, follower.has_ended) == (9, False)


async def test_a_waiting_follower_is_woken_by_an_event_and_by_its_end() -> None:
    follower = Follower(OURS, backlog=1)

    async def meanwhile(act: Callable[[], None]) -> None:
        act()

    # Tasks begin in this order: each waits before the other acts.
    taken, _ = await asyncio.gather(
        follower.take(within=60), meanwhile(lambda: follower.offer(event(1)))
    )
    assert [each.sequence for each in taken] == [1]
    taken, _ = await asyncio.gather(follower.take(within=60), meanwhile(follower.cut))
    assert taken == []
    assert follower.has_ended
