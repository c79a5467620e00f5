"""Policies judge, and whatever is wrong with them or with a question makes the answer no."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.governance.domain.facts import Facts, FactsError, facts_from
from grace.governance.domain.rulebook import (
    Document,
    Kind,
    PolicyError,
    Question,
    Rulebook,
    compile_rulebook,
)
from grace.governance.domain.tiers import Limits
from grace.governance.handlers.rulebooks import Shipped

SHIPPED = Shipped.read()
LIMITS = Limits(protected_environments=frozenset({"production"}), blast_radius=5)
PERMIT = '@id("yes") permit (principal, action, resource);'
HARMLESS = facts_from({"operation_tier": 1, "environment": "demo", "reversible": True}, LIMITS)


def book(*texts: str, kind: Kind = Kind.POLICY) -> Rulebook:
    documents = [Document(f"d{place}", kind, text) for place, text in enumerate(texts)]
    return compile_rulebook(documents, SHIPPED.schema)


def forbid(condition: str, name: str = "no") -> str:
    return f'@id("{name}") forbid (principal, action, resource) when {{ {condition} }};'


def runs(rulebook: Rulebook, facts: Facts) -> bool:
    return rulebook.judge([(facts, Question.RUN)])[0].allowed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("permit (principal", "parse error"),
        (forbid("context.teir == 1"), "attribute `teir`"),
        (forbid('context.tier == "one"'), "types Long and String"),
        ('@id("x") permit (principal, action == Action::"fly", resource);', "fly"),
        ('@id("x") permit (principal == ?principal, action, resource);', "templates"),
        ("permit (principal, action, resource);", "has no name"),
        ('@id("") permit (principal, action, resource);', "has no name"),
        (PERMIT + PERMIT, "given twice"),
        ("// " + "x" * 65_536, "longer than"),
        (forbid("(" * 5_000 + "true" + ")" * 5_000), "more than 200 brackets inside brackets"),
        (forbid('("]" == "" || ' * 3_000 + "true" + ")" * 3_000), "brackets inside brackets"),
        (forbid("(//)\n" * 5_000 + "true" + ")" * 5_000), "brackets inside brackets"),
        (forbid("true" + " || true" * 5_000), "a condition is too long to be read"),
        (PERMIT.replace("yes", "x" * 4097), "@id of policy 1 has more than 4096"),
        (PERMIT.replace(" permit", f' @why("{"x" * 4097}") permit'), "@why of policy 1"),
        (PERMIT.replace(" permit", ' @why("a\\0b") permit'), "@why of policy 1"),
        ("".join(PERMIT.replace("yes", f"{n}") for n in range(1001)), "more than 1000 policies"),
    ],
)
def test_policies_that_mean_nothing_are_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(PolicyError, match=problem):
        book(text)


def test_what_is_told_of_policies_fits_what_tells_it() -> None:
    why = "x" * 4090
    told = book(PERMIT.replace(" permit", f' @why("{why}") permit')).told(["yes", "unknown"])
    assert [len(line) for line in told] == [4095]
    named = PERMIT.replace("yes", "x" * 100).replace(" permit", f' @why("{why}") permit')
    assert [len(line) for line in book(named).told(["x" * 100])] == [4096]
    with pytest.raises(PolicyError) as refused:
        book("permit (principal, action, resource);" * 1001)
    assert len(refused.value.problems) == 100
    assert len(str(refused.value)) == 4096


def test_names_are_unique_over_all_documents() -> None:
    with pytest.raises(PolicyError, match="@id yes is given twice"):
        book(PERMIT, PERMIT)


def test_a_constitution_only_forbids() -> None:
    with pytest.raises(PolicyError, match="a constitution only forbids; yes permits"):
        book(PERMIT, kind=Kind.CONSTITUTION)
    assert book(forbid("true"), kind=Kind.CONSTITUTION).rules["no"].effect == "forbid"


def test_a_bracket_in_a_text_or_a_comment_is_none() -> None:
    text = forbid(f'context.tenant == "{"(" * 300}\\"{"[" * 300}"') + "// " + "{" * 300
    assert runs(book(PERMIT, text), HARMLESS)


@pytest.mark.parametrize("text", ["", "// nobody may anything", forbid("context.hour > 23")])
def test_what_nobody_permits_does_not_run(text: str) -> None:
    assert not runs(book(text), HARMLESS)


def test_a_forbid_beats_any_permit_and_says_that_it_did() -> None:
    rulebook = book(PERMIT, forbid('resource in Environment::"production"'))
    assert runs(rulebook, HARMLESS)
    answer = rulebook.judge([(replace(HARMLESS, environment="production"), Question.RUN)])[0]
    assert (answer.allowed, answer.rules) == (False, ("no",))


def test_a_forbid_that_fails_while_it_is_judged_does_not_let_through() -> None:
    rulebook = book(PERMIT, forbid("context.hour + 9223372036854775807 > 1"))
    answer = rulebook.judge([(HARMLESS, Question.RUN)])[0]
    assert not answer.allowed
    assert "overflow" in answer.errors[0]


def test_a_question_that_the_schema_does_not_know_is_answered_no() -> None:
    answer = book(PERMIT).judge([(replace(HARMLESS, tier="one"), Question.RUN)])[0]  # type: ignore[arg-type]
    assert not answer.allowed
    assert answer.errors


def test_a_target_that_was_moved_is_judged_as_it_was_told_of_each_time() -> None:
    rulebook = book(PERMIT, forbid('resource.environment == "production"'))
    moved = replace(HARMLESS, environment="production")
    asked = [(each, Question.RUN) for each in (HARMLESS, moved, HARMLESS, moved, moved)]
    assert [answer.allowed for answer in rulebook.judge(asked)] == [
        True, False, True, False, False,
    ]  # fmt: skip


@settings(max_examples=30)
@given(
    st.lists(
        st.builds(
            replace,
            st.just(HARMLESS),
            tier=st.integers(1, 3),
            hour=st.integers(0, 23),
            target=st.sampled_from(["a", "b"]),
            environment=st.sampled_from(["demo", "production"]),
        ),
        max_size=6,
    )
)
def test_many_questions_at_once_are_answered_as_one_by_one(every: list[Facts]) -> None:
    rulebook = book(
        '@id("one") permit (principal, action, resource) when { context.tier < 3 };',
        forbid('resource.environment == "production" && context.hour < 6'),
    )
    asked = [(facts, question) for facts in every for question in Question]
    assert rulebook.judge(asked) == [rulebook.judge([each])[0] for each in asked]


def test_the_hash_is_of_what_is_in_force_and_nothing_else() -> None:
    assert book(PERMIT).content_hash == book(PERMIT).content_hash
    assert book(PERMIT).content_hash != book(PERMIT + " ").content_hash


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"teir": 1}, "teir is no fact; there are playbook"),
        ({"tier": "1"}, "tier is int"),
        ({"tier": True}, "tier is int"),
        ({"reversible": 1}, "reversible is bool"),
        ({"environment": None}, "environment is str"),
        ({"tier": 0}, "tier is 1, 2 or 3, not 0"),
        ({"operation_tier": 4}, "operation_tier is 1, 2 or 3, not 4"),
    ],
)
def test_facts_that_are_none_are_refused(told: dict[str, object], problem: str) -> None:
    with pytest.raises(FactsError, match=problem):
        facts_from(told, LIMITS)


def test_what_is_not_said_of_an_action_is_what_risks_most() -> None:
    facts = facts_from({}, LIMITS)
    assert (facts.tier, facts.reversible, facts.environment) == (3, False, "unknown")
    assert facts_from({"operation_tier": 1}, LIMITS).tier == 1


@pytest.mark.parametrize(
    ("told", "tier"),
    [
        ({"operation_tier": 2, "reversible": True}, 2),
        ({"operation_tier": 2}, 3),
        ({"operation_tier": 2, "environment": "production"}, 3),
        ({"operation_tier": 2, "environment": "demo"}, 2),
        ({"operation_tier": 2, "environment": "demo", "targets": 6}, 3),
        ({"operation_tier": 2, "environment": "demo", "targets": 6, "tier": 2}, 2),
    ],
)
def test_the_tier_of_a_case_is_raised_as_that_of_a_plan(told: dict[str, object], tier: int) -> None:
    facts = facts_from(told, LIMITS)
    assert facts.tier == tier
    assert bool(facts.raised_by) == (facts.tier > facts.operation_tier)


def test_the_class_of_a_case_is_its_kernel_as_of_a_plan() -> None:
    for told in ({"kernel": "docker"}, {"target_class": "docker"}):
        facts = facts_from(told, LIMITS)
        assert (facts.kernel, facts.target_class) == ("docker", "docker")
    apart = facts_from({"kernel": "docker", "target_class": "compose"}, LIMITS)
    assert (apart.kernel, apart.target_class) == ("docker", "compose")
