"""Why: every state has its words, and no start is promised that nothing brings about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.following import Ended
from grace.htm.domain.holdings import Holdings
from grace.htm.domain.lanes import Lane, Size
from grace.htm.domain.lifecycle import State
from grace.htm.domain.limits import Limit
from grace.htm.domain.shares import Quota, Shares
from grace.htm.domain.sla import Sla, Timing
from grace.htm.domain.why import Facts, Gates, Line, Reason, reason_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SILENCE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)
LINE = Line(
    ahead=0, ahead_is_exact=True, kernel_held=0, kernel_asked_at=NOW, recent_ends=0, recent_since=None
)  # fmt: skip
QUEUED = Facts(
    task_id=UUID(int=1), state=State.QUEUED, kernel="noop", origin="intent", attempt_number=0,
    max_attempts=3, timing=Timing(NOW, NOW + 60 * SECOND, 0.0), sla=Sla.OK, line=LINE, timeout=10 * SECOND,
)  # fmt: skip
CLAIMED = replace(QUEUED, attempt_number=1, worker="worker/w1")


def why(facts: Facts) -> Reason:
    return reason_of(facts, silence=SILENCE)


def kinds(facts: Facts) -> list[str]:
    return [block.kind for block in why(facts).blocks]


def line(**changes: Any) -> Facts:
    return replace(QUEUED, line=replace(LINE, **changes))


def test_a_kernel_that_nobody_ever_asked_for_is_named() -> None:
    reason = why(line(kernel_asked_at=None))
    assert [block.kind for block in reason.blocks] == ["no_worker"]
    assert "no worker has ever asked for tasks of kernel noop" in reason.sentence


@given(st.integers(0, 100), st.integers(0, 3))
def test_a_kernel_has_no_worker_when_all_are_silent_and_none_holds_a_task(
    ago: int, held: int
) -> None:
    facts = line(kernel_asked_at=NOW - ago * SECOND, kernel_held=held)
    assert ("no_worker" in kinds(facts)) is (ago > 30 and held == 0)


def test_those_who_come_first_are_counted_and_the_start_estimated() -> None:
    reason = why(line(ahead=6, recent_ends=10, recent_since=NOW - 20 * SECOND))
    assert [block.detail for block in reason.blocks] == [
        "6 tasks of its tenant, origin and lane come first"
    ]
    assert reason.estimated_start_at == NOW + 12 * SECOND
    assert "at least 6 tasks" in why(line(ahead=6, ahead_is_exact=False)).sentence


def test_every_shut_gate_is_named() -> None:
    full = Limit(2, None, None, 0.0, NOW, NOW)
    gates = Gates("ada", capacity=50, held=50, limit_key="shop", limit=full, limit_held=2)
    reason = why(replace(QUEUED, gates=gates))
    assert [(block.kind, block.detail) for block in reason.blocks] == [
        ("paused", "ada paused kernel noop"),
        ("capacity", "workers hold 50 of 50 tasks at a time"),
        ("limit", "the limit of key shop is used up"),
    ]
    opened = Gates(None, capacity=50, held=49, limit_key="shop", limit=full, limit_held=1)
    assert why(replace(QUEUED, gates=opened)).blocks == ()


def test_an_origin_that_may_hold_no_more_is_told_so_while_others_may() -> None:
    shares = Shares(10, {"intent": Quota("intent", 30, lends=False)})
    assert kinds(QUEUED.under(shares, Holdings({("t", "intent"): 2}))) == []
    reason = why(QUEUED.under(shares, Holdings({("t", "intent"): 2, ("u", "intent"): 1})))
    assert [(block.kind, block.detail) for block in reason.blocks] == [
        ("quota", "origin intent holds 3 of a part of 3 tasks, and no more is free for it")
    ]


def test_a_lender_that_waits_for_its_loan_is_told_so() -> None:
    walls = {"wall": Quota("wall", 40, lends=False), "intent": Quota("intent", 30)}
    assert kinds(QUEUED.under(Shares(10, walls), Holdings({("t", "other"): 6}))) == ["quota"]
    assert kinds(QUEUED.under(Shares(10, walls), Holdings({("t", "other"): 5}))) == []


def test_an_origin_without_a_part_that_may_not_borrow_never_starts() -> None:
    moving = line(recent_ends=10, recent_since=NOW - SECOND)
    reason = why(moving.under(Shares(10, {"intent": Quota("intent", 0, lends=False)}), Holdings()))
    assert [block.detail for block in reason.blocks] == [
        "origin intent has no part, and may not borrow"
    ]
    assert reason.estimated_start_at is None


def test_what_is_full_has_room_after_the_next_end() -> None:
    gates = Gates(capacity=50, held=50)
    moving = line(ahead=3, recent_ends=10, recent_since=NOW - 20 * SECOND)
    assert why(moving).estimated_start_at == NOW + 6 * SECOND
    assert why(replace(moving, gates=gates)).estimated_start_at == NOW + 8 * SECOND
    lowered = replace(moving, gates=replace(gates, capacity=40))
    assert why(lowered).estimated_start_at == NOW + 28 * SECOND
    limit = Limit(2, None, None, 0.0, NOW, NOW)
    limited = replace(moving, gates=Gates(limit_key="shop", limit=limit, limit_held=3))
    assert why(limited).estimated_start_at == NOW + 10 * SECOND


@pytest.mark.parametrize("state", [State.SCHEDULED, State.RETRYING])
def test_a_paused_kernel_is_told_to_who_waits_for_its_time(state: State) -> None:
    waits = replace(CLAIMED, state=state, not_before=NOW + SECOND)
    assert why(waits).estimated_start_at == NOW + SECOND
    paused = why(replace(waits, gates=Gates(paused_by="ada")))
    assert "ada paused kernel noop, and " in paused.sentence
    assert (paused.blocks[0].kind, paused.estimated_start_at) == ("paused", None)


def test_a_start_waits_for_its_token_and_those_of_the_tasks_before_it() -> None:
    daily = Limit(None, 0.00001, 1, 0.0, NOW, NOW)
    moving = line(ahead=1, recent_ends=10, recent_since=NOW - SECOND)
    gates = Gates(limit_key="shop", limit=daily)
    assert why(replace(moving, gates=gates)).estimated_start_at == NOW + 200_000 * SECOND


def test_a_cancelled_task_that_waits_for_its_children_says_so() -> None:
    child = Ended(UUID(int=2), State.RUNNING)
    facts = replace(CLAIMED, state=State.JOINING, ends_as=State.SUCCEEDED, blockers=(child,))
    assert "stop" not in why(facts).sentence
    asked = replace(facts, cancelled_by="ada")
    assert f"{child.task_id} (running), which are to stop because ada cancelled it" in (
        why(asked).sentence
    )


def test_an_empty_bucket_is_a_limit_until_it_refills() -> None:
    slow = Limit(None, 0.5, 1, 0.0, NOW, NOW + SECOND)
    assert kinds(replace(QUEUED, gates=Gates(limit_key="shop", limit=slow))) == ["limit"]
    refilled = replace(slow, read_at=NOW + 2 * SECOND)
    assert kinds(replace(QUEUED, gates=Gates(limit_key="shop", limit=refilled))) == []


def test_no_start_is_promised_where_nothing_brings_it() -> None:
    moving = {"recent_ends": 10, "recent_since": NOW - SECOND}
    assert why(line(kernel_asked_at=None, **moving)).estimated_start_at is None
    assert why(line(ahead=3)).estimated_start_at is None
    paused = replace(line(**moving), gates=Gates(paused_by="ada"))
    assert why(paused).estimated_start_at is None
    parked = replace(CLAIMED, state=State.NEEDS_ATTENTION)
    assert (kinds(parked), why(parked).estimated_start_at) == (["needs_attention"], None)


@pytest.mark.parametrize(
    ("lane", "detail"),
    [
        (Lane(requires=frozenset({"gpu", "arm"})), "it needs a worker with arm, gpu, and none is known"),
        (Lane(Size.MEDIUM), "it needs a worker that takes more than 16 KiB, and none is known"),
        (
            Lane(Size.LARGE, frozenset({"gpu"})),
            "it needs a worker with gpu that takes more than 128 KiB, and none is known",
        ),
    ],
)  # fmt: skip
def test_what_not_every_worker_has_is_named_until_one_is_known_to_have_it(
    lane: Lane, detail: str
) -> None:
    reason = why(replace(QUEUED, lane=lane))
    assert [(block.kind, block.detail) for block in reason.blocks] == [("requires", detail)]
    assert (reason.estimated_start_at, "is the next" in reason.sentence) == (None, False)
    for known in ({"lane_held": 1}, {"recent_ends": 1, "recent_since": NOW - SECOND}):
        assert kinds(replace(line(**known), lane=lane)) == []
    assert kinds(replace(QUEUED, lane=Lane(limit_key="shop", affinity="w1"))) == []


def test_a_parked_task_of_a_mission_is_sent_to_its_mission() -> None:
    parked = replace(CLAIMED, state=State.NEEDS_ATTENTION)
    assert "release it or cancel it" in why(parked).sentence
    sentence = why(replace(parked, contract_id="c-1")).sentence
    assert "it belongs to c-1, which needs attention itself: its mission is decided on" in sentence
    assert "release" not in sentence


def test_the_two_deadlines_of_a_task_are_told_apart() -> None:
    ended = replace(QUEUED.timing, finished_at=NOW + SECOND)
    own = replace(QUEUED, state=State.EXPIRED, timing=ended, deadline_at=NOW, expires_at=NOW)
    assert why(own).sentence == (
        "expired because no worker began it before its own deadline_at, 2026-11-20T12:00:00+00:00;"
        " it ended 59.0 s before its SLA deadline."
    )
    by_level = replace(own, deadline_at=NOW + 2 * SECOND)
    assert "began it before its SLA deadline;" in why(by_level).sentence


def test_an_attempt_beyond_the_last_is_not_one_of_so_many() -> None:
    beyond = replace(CLAIMED, state=State.ASSIGNED, attempt_number=2, max_attempts=1)
    assert "holds attempt 2;" in why(beyond).sentence
    ended = replace(beyond, state=State.SUCCEEDED)
    assert why(ended).sentence.startswith("succeeded in attempt 2 on worker")


def test_a_retry_tells_its_time_and_the_last_error() -> None:
    facts = replace(
        CLAIMED, state=State.RETRYING, not_before=NOW + 4 * SECOND,
        error_class="transient", error_message="connection refused",
    )  # fmt: skip
    reason = why(facts)
    assert reason.estimated_start_at == NOW + 4 * SECOND
    assert "attempt 2 of 3 is due in 4.0 s after transient (connection refused)" in reason.sentence


def test_a_held_task_tells_who_has_it_its_lease_and_how_far_it_is() -> None:
    running = replace(
        CLAIMED, state=State.RUNNING, lease_until=NOW + 40 * SECOND, started_at=NOW - 2 * SECOND
    )
    assert why(running).blocks == ()
    assert why(running).sentence == (
        "running: worker worker/w1 holds attempt 1 of 3, 40.0 s of its lease are left, it runs for"
        " 2.0 s of at most 10.0 s; 60.0 s are left until its SLA deadline."
    )
    lapsed = replace(running, lease_until=NOW - SECOND)
    assert "its lease has run out" in why(lapsed).sentence


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.SUCCEEDED, "succeeded in attempt 1 of 3 on worker worker/w1"),
        (State.FAILED, "failed in attempt 1 of 3 on worker worker/w1: user (bad target)"),
        (State.DEAD_LETTER, "dead_letter in attempt 1 of 3 on worker worker/w1: user (bad target)"),
        (State.EXPIRED, "expired because no worker began it again before its SLA deadline"),
        (State.CANCELLED, "cancelled because somebody cancelled it"),
    ],
)
def test_an_ended_task_tells_what_ended_it(state: State, words: str) -> None:
    ended = replace(QUEUED.timing, finished_at=NOW + 61 * SECOND)
    facts = replace(
        CLAIMED, state=state, timing=ended, error_class="user", error_message="bad target"
    )
    reason = why(facts)
    assert reason.sentence == f"{words}; it ended 1.0 s after its SLA deadline."
    assert (reason.sla, reason.buffer, reason.blocks) == (Sla.BREACHED, -1.0, ())


def test_a_task_at_risk_says_what_its_type_usually_takes() -> None:
    reason = why(replace(QUEUED, timing=replace(QUEUED.timing, usual=70.0)))
    assert (reason.sla, reason.buffer) == (Sla.AT_RISK, -10.0)
    assert (
        "60.0 s are left until its SLA deadline, and tasks of its type take 70.0 s"
        in reason.sentence
    )


@given(st.sampled_from(State), st.booleans())
def test_every_state_has_one_sentence(state: State, claimed: bool) -> None:
    facts = replace(CLAIMED if claimed else QUEUED, state=state)
    sentence = why(facts).sentence
    assert sentence.startswith(str(state))
    assert sentence.endswith(".")
