import pytest

from grace.resilience import CircuitOpen, Degraded, Outcome, with_fallback


async def full() -> str:
    return "measured"


async def lesser() -> str:
    return "remembered"


async def refused() -> str:
    raise CircuitOpen("prometheus/main", 3.0)


async def broken() -> str:
    raise KeyError("bug")


async def test_the_full_answer_is_not_degraded() -> None:
    outcome = await with_fallback(full, lesser)
    assert outcome == Outcome("measured")
    assert outcome.full() == "measured"


async def test_a_substitute_says_why_it_is_one() -> None:
    outcome = await with_fallback(refused, lesser)
    assert outcome.value == "remembered"
    assert outcome.degraded is not None
    assert "prometheus/main: the circuit is open" in outcome.degraded


async def test_a_substitute_is_refused_where_the_full_answer_is_needed() -> None:
    outcome = await with_fallback(refused, lesser)
    with pytest.raises(Degraded, match="circuit is open"):
        outcome.full()


async def test_a_bug_is_not_hidden_by_the_fallback() -> None:
    with pytest.raises(KeyError):
        await with_fallback(broken, lesser)


async def test_a_failing_substitute_is_not_hidden_either() -> None:
    with pytest.raises(KeyError):
        await with_fallback(refused, broken)


async def test_the_caller_names_what_may_be_replaced() -> None:
    outcome = await with_fallback(broken, lesser, on=(KeyError,))
    assert outcome.degraded == "KeyError: 'bug'"


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_degraded_outcome_without_a_reason_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match="why"):
        Outcome(1, degraded=reason)
