from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.intent.domain.intent import (
    ENDS,
    LISTED,
    SEVERITIES,
    Known,
    Outcome,
    Submission,
    admit,
    signal_of,
    sla_met,
)
from grace.intent.domain.signal import MAX_DETAILS, MAX_MESSAGE

MakeSubmission = Callable[..., Submission]
# Few values, so that ids, keys and bodies meet.
SUBMISSIONS = st.lists(
    st.fixed_dictionaries(
        {
            "tenant": st.sampled_from(["a", "b"]),
            "intent_id": st.sampled_from(["i-1", "i-2"]),
            "goal": st.sampled_from(["one", "two", ""]),
            "requested_by": st.sampled_from(["maria", "olaf"]),
            "idempotency_key": st.sampled_from([None, "k-1", "k-2"]),
        }
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def make_submission(noon: datetime) -> MakeSubmission:
    """Make a submission, different where a test says so."""
    plain = Submission(
        id=uuid4(),
        tenant="default",
        intent_id="i-1",
        goal="mend it",
        domain="thing",
        kind="thing.broken",
        target="t-1",
        priority="normal",
        sla_ms=60_000,
        details='{"ticket": "T-1"}',
        requested_by="maria",
        idempotency_key=None,
        submitted_at=noon,
    )
    return lambda **other: replace(plain, **({"id": uuid4()} | other))


@pytest.mark.parametrize(
    "other",
    [
        {"goal": "break it"},
        {"domain": "another"},
        {"kind": "thing.lost"},
        {"target": None},
        {"priority": "high"},
        {"sla_ms": 1},
        {"details": None},
        {"requested_by": "olaf"},
    ],
)
def test_the_same_id_with_another_body_or_submitter_is_a_conflict(
    make_submission: MakeSubmission, other: dict[str, object]
) -> None:
    first, same, second = make_submission(), make_submission(), make_submission(**other)
    verdicts = admit([first, same, second], [])
    assert [each.outcome for each in verdicts] == [
        Outcome.NEW,
        Outcome.EXISTING,
        Outcome.CONFLICT,
    ]
    assert "take another intent_id" in verdicts[2].reason


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"goal": ""}, "goal: 1 to 2000 characters"),
        ({"goal": "g" * (MAX_MESSAGE + 1)}, "goal: 1 to 2000 characters"),
        ({"details": "\u00e9" * MAX_DETAILS}, "details: 32768 bytes of JSON, more than 16384"),
    ],
)
def test_what_nobody_could_take_is_refused_and_reserves_no_id(
    make_submission: MakeSubmission, other: dict[str, object], reason: str
) -> None:
    refused, sound = admit([make_submission(**other), make_submission()], [])
    assert refused.outcome is Outcome.IMPOSSIBLE
    assert reason in refused.reason
    assert sound.outcome is Outcome.NEW


@given(batch=SUBMISSIONS)
def test_batches_of_any_size_judge_alike_and_each_id_and_key_has_one_intent(
    make_submission: MakeSubmission, batch: list[dict[str, str | None]]
) -> None:
    submissions = [make_submission(**each) for each in batch]
    at_once = admit(submissions, [])
    known: dict[tuple[str, str], Known] = {}
    for one, expected in zip(submissions, at_once, strict=True):
        (verdict,) = admit([one], known.values())
        assert verdict == expected
        assert bool(verdict.reason) == (verdict.outcome in {Outcome.CONFLICT, Outcome.IMPOSSIBLE})
        if verdict.outcome is Outcome.NEW:
            assert (one.tenant, one.intent_id) not in known
            known[one.tenant, one.intent_id] = Known(
                one.tenant, one.intent_id, one.body_hash, one.requested_by, one.idempotency_key
            )
        elif verdict.outcome is Outcome.EXISTING:
            assert known[one.tenant, one.intent_id].body_hash == one.body_hash
    keys = [(k.tenant, k.requested_by, k.idempotency_key) for k in known.values()]
    used = [key for key in keys if key[2] is not None]
    assert len(used) == len(set(used))


def test_an_intent_and_an_error_of_the_same_kind_and_target_are_equal(
    make_submission: MakeSubmission, make_signal: Callable[..., object]
) -> None:
    signal = signal_of(make_submission(priority="critical"))
    assert signal.fingerprint == make_signal().fingerprint  # type: ignore[attr-defined]
    assert (signal.source, signal.severity, signal.intent_id) == ("intent", "critical", "i-1")
    assert set(SEVERITIES) == {"low", "normal", "high", "critical"}


def test_an_intent_without_a_target_is_equal_to_none_that_has_one(
    make_submission: MakeSubmission,
) -> None:
    fingerprints = {
        signal_of(make_submission(target=target)).fingerprint for target in (None, "-", "t-1")
    }
    assert len(fingerprints) == 3


@given(
    status=st.sampled_from(sorted(LISTED - {"reopened"})),
    closed=st.none() | st.integers(-10, 10),
    deadline=st.integers(-10, 10),
    waited=st.integers(0, 10),
)
def test_only_what_was_verified_in_time_met_its_sla(
    noon: datetime, status: str, closed: int | None, deadline: int, waited: int
) -> None:
    closed_at = None if closed is None else noon + timedelta(seconds=closed)
    due = noon + timedelta(seconds=deadline)
    now = max(closed_at or noon, noon) + timedelta(seconds=waited)
    met = sla_met(status, closed_at=closed_at, deadline=due, now=now)
    if met:
        assert status == "verified"
        assert closed_at is not None
        assert closed_at <= due
    if met is None:
        assert closed_at is None
        assert now <= due
    if closed_at is not None and status in ENDS - {"verified"}:
        assert met is False
    taken_back = sla_met(status, closed_at=closed_at, deadline=due, now=now, reopened=True)
    assert taken_back is (False if met else met)
