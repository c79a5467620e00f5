from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.intent.domain.condition import FACTS, ConditionError, compile_condition, holds

ERROR = {
    "kind": "postgres.blocked_sessions",
    "severity": "error",
    "source": "pg-watch",
    "target": "shop",
    "tenant": "default",
}


@pytest.mark.parametrize(
    "text",
    [
        'kind == "postgres.blocked_sessions"',
        'kind.startsWith("postgres.") && severity in ["error", "critical"]',
        'target.matches("^sh[op]{2}$") || tenant == "other"',
        "true",
    ],
)
def test_a_condition_that_holds(text: str) -> None:
    assert holds(compile_condition(text), ERROR)


@pytest.mark.parametrize("text", ['kind == "postgres"', "false", 'severity in ["info"]'])
def test_a_condition_that_does_not_hold(text: str) -> None:
    assert not holds(compile_condition(text), ERROR)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Syntax error"),
        ("kind ==", "Syntax error"),
        ("kind = 'x'", "Syntax error"),
        ('kin == "x"', "unknown name kin; did you mean kind?"),
        ('message.contains("drop")', "unknown name message"),
        ("details.pid == 1", "unknown name details"),
        ('true || nothing == "x"', "unknown name nothing"),
        ("kind", "says 'x' where true or false is needed"),
        ("1 + 1", "says 2 where true or false is needed"),
        ("kind > 3", "."),
        ("shout(kind)", "shout"),
        ("kind.matches('(')", "regex"),
        ("1 / 0 == 1", "zero"),
        ("[" * 5000, "."),
        ("[1].all(kind, true)", "unknown function all"),
        (
            '[kind].map(target, [target].exists(source, source == "x")).size() == 1',
            "unknown function map",
        ),
        ("[1].filter(kind, false).size() == 0", "unknown function filter"),
        ('r"\\" == kind', "is not allowed: write"),
        ('kind == """x" || [1].all(kind, true) || """', "one pair of quotes"),
        ("[1].all // x\n (kind, true)", "a comment belongs"),
        ('kind.matches("((a{9}){9}){9}")', "more than one counted repetition"),
        ("true " + "|| true " * 200, "longer than 1000 characters"),
    ],
)
def test_a_bad_condition_is_refused_before_it_is_stored(text: str, reason: str) -> None:
    with pytest.raises(ConditionError, match=reason.replace("?", r"\?")):
        compile_condition(text)


def test_a_condition_without_an_answer_says_so() -> None:
    condition = compile_condition('target == "x" || int(target) > 3')
    assert holds(condition, ERROR | {"target": "4"})
    with pytest.raises(ConditionError):
        holds(condition, ERROR)


@given(st.fixed_dictionaries({name: st.text() for name in FACTS}))
def test_what_an_error_says_is_data_and_never_code(facts: dict[str, str]) -> None:
    condition = compile_condition('kind == "a" && target == "b"')
    assert holds(condition, facts) == (facts["kind"] == "a" and facts["target"] == "b")


@given(st.text(max_size=60))
def test_any_text_is_compiled_or_refused(text: str) -> None:
    with suppress(ConditionError):
        assert holds(compile_condition(text), ERROR) in (True, False)
