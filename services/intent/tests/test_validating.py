"""Questions to the workers travel together."""

from hypothesis import given, settings
from hypothesis import strategies as st

from grace.intent.domain.planning import Question
from grace.intent.planner.validating import batches


@settings(max_examples=30)
@given(lengths=st.lists(st.sampled_from([2, 60_000, 65_536]), max_size=300))
def test_every_question_is_asked_once_in_order_and_fits(lengths: list[int]) -> None:
    asked = [Question(f"x.y{n}", "shop", "x" * length) for n, length in enumerate(lengths)]
    cut = list(batches(asked))
    assert [each for batch in cut for each in batch] == asked
    assert all(len(batch) <= 256 for batch in cut)
    assert all(sum(len(each.params) for each in batch) <= 200_000 for batch in cut)


def test_what_is_asked_of_one_mission_is_one_request() -> None:
    asked = [Question("postgres.table", "shop", "{}"), Question("postgres.activity", "shop", "{}")]
    assert list(batches(asked)) == [tuple(asked)]
