import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.learning.domain.record import Known, Name, Outcome, Record
from grace.learning.domain.scoring import Scoring, score

MakeOutcome = Callable[..., Outcome]
MEND, OTHER = Name("default", "mend-it"), Name("default", "other")
VERDICTS = ["verified", "failed", "rolled_back", "rollback_failed", "inconclusive", "blocked"]


def _zero(*names: Name) -> dict[Name, Record]:
    return {name: Record(name, 0, 0) for name in names or (MEND,)}


def _counts(found: Scoring) -> list[tuple[int, int]]:
    return [(each.record.total, each.record.successful) for each in found.scores]


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("executed", [True, False])
def test_success_is_verified_and_executed_and_nothing_else(
    make_outcome: MakeOutcome, verdict: str, *, executed: bool
) -> None:
    found = score([make_outcome(verdict=verdict, executed=executed)], [], _zero())
    assert _counts(found) == [(1, int(verdict == "verified" and executed))]


def test_a_word_from_the_future_is_no_success(make_outcome: MakeOutcome) -> None:
    assert _counts(score([make_outcome(verdict="perfect")], [], _zero())) == [(1, 0)]


def test_a_later_revision_takes_the_place_of_its_predecessor(make_outcome: MakeOutcome) -> None:
    found = score([make_outcome(), make_outcome(revision=2, verdict="failed")], [], _zero())
    assert _counts(found) == [(1, 1), (1, 0)]


def test_a_later_revision_replaces_what_was_stored_long_ago(make_outcome: MakeOutcome) -> None:
    known = Known("contract-1", 1, MEND, succeeded=False)
    found = score([make_outcome(revision=2)], [known], {MEND: Record(MEND, 7, 3)})
    assert _counts(found) == [(7, 4)]


def test_an_earlier_revision_that_comes_late_is_kept_and_not_counted(
    make_outcome: MakeOutcome,
) -> None:
    late = make_outcome(verdict="failed")
    found = score([make_outcome(revision=2), late], [], _zero())
    assert _counts(found) == [(1, 1)]
    assert late in found.stored
    assert found.superseded == [late]


def test_an_outcome_that_comes_twice_counts_once(make_outcome: MakeOutcome) -> None:
    found = score([make_outcome(), make_outcome()], [], _zero())
    assert _counts(found) == [(1, 1)]
    assert (len(found.stored), len(found.repeated)) == (1, 1)
    known = Known("contract-1", 1, MEND, succeeded=True)
    assert score([make_outcome()], [known], _zero()).repeated == [make_outcome()]


def test_a_contract_cannot_change_its_playbook(make_outcome: MakeOutcome) -> None:
    moved = make_outcome(revision=2, name=OTHER)
    found = score([make_outcome(), moved], [], _zero(MEND, OTHER))
    assert found.misplaced == [moved]
    assert _counts(found) == [(1, 1)]
    assert found.stored == [make_outcome()]


def test_each_score_shows_the_record_right_after_it(make_outcome: MakeOutcome) -> None:
    outcomes = [
        make_outcome(f"contract-{n}", verdict="verified" if n % 2 else "failed") for n in range(4)
    ]
    assert _counts(score(outcomes, [], _zero())) == [(1, 0), (2, 1), (3, 1), (4, 2)]


def test_nothing_known_is_visible_as_such() -> None:
    record = Record(MEND, 0, 0)
    assert (record.success_rate, record.confidence) == (0, 0.5)
    assert record.lower_bound == pytest.approx(0.05)


HISTORY = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 3), st.sampled_from(VERDICTS), st.booleans()),
    max_size=20,
    unique_by=lambda each: each[:2],
)


@given(history=HISTORY, seed=st.integers(), cut=st.integers(0, 20))
def test_the_order_batches_and_repeats_of_outcomes_do_not_matter(
    make_outcome: MakeOutcome, history: list[tuple[int, int, str, bool]], seed: int, cut: int
) -> None:
    outcomes = [
        make_outcome(f"contract-{contract}", revision, verdict=verdict, executed=executed)
        for contract, revision, verdict, executed in history
    ]
    last = {one.contract_id: one for one in sorted(outcomes, key=lambda one: one.revision)}
    shuffled = outcomes * 2
    random.Random(seed).shuffle(shuffled)
    records, stored = _zero(), list[Outcome]()
    for batch in (shuffled[:cut], shuffled[cut:]):
        known = [Known(one.contract_id, one.revision, one.name, one.succeeded) for one in stored]
        found = score(batch, known, records)
        stored += found.stored
        records |= {each.record.name: each.record for each in found.scores}
    assert records[MEND] == Record(MEND, len(last), sum(one.succeeded for one in last.values()))
    assert len(stored) == len(outcomes)
