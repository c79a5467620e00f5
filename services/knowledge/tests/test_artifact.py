"""What may enter, which requests are the same, and what a query asks for."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.knowledge.domain.artifact import MOST_BYTES, Draft, refusal_of
from grace.knowledge.domain.finding import Coverage
from grace.knowledge.domain.question import MOST_HITS, Question, complaint_of, question_of

DRAFT = Draft(
    id=UUID(int=1),
    tenant="default",
    content="Look at the locks.",
    title="Locks",
    artifact_type="runbook",
    actor="alice",
    language="english",
    origin="gateway",
)


def test_a_plain_text_may_enter() -> None:
    assert refusal_of(DRAFT) is None
    assert refusal_of(replace(DRAFT, key="k", language="simple", content="\u5b57")) is None


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"content": ""}, "blank", "content"),
        ({"content": " \n\u3000"}, "blank", "content"),
        ({"title": " "}, "blank", "title"),
        ({"actor": ""}, "blank", "actor"),
        ({"key": ""}, "blank", "idempotency_key"),
        ({"content": "x" * (MOST_BYTES + 1)}, "too_large", "content"),
        ({"content": "\u5b57" * (MOST_BYTES // 3 + 1)}, "too_large", "content"),
        ({"content": "\x01" * 170_000}, "too_large", "in JSON"),
        ({"language": "klingon"}, "unknown_language", "english, finnish"),
        ({"language": "English"}, "unknown_language", "english"),
        ({"language": "english'; DROP TABLE chunks"}, "unknown_language", "english"),
    ],
)
def test_what_may_not_enter_is_told_why(change: dict[str, str], reason: str, field: str) -> None:
    refused = refusal_of(replace(DRAFT, **change))
    assert refused is not None
    assert refused.reason == reason
    assert field in refused.detail
    assert "DROP" not in refused.detail


def test_the_largest_content_may_enter() -> None:
    assert refusal_of(replace(DRAFT, content="x" * MOST_BYTES)) is None


@pytest.mark.parametrize("name", ["content", "title", "artifact_type", "actor", "language"])
def test_another_request_has_another_hash(name: str) -> None:
    assert replace(DRAFT, **{name: "other"}).request_hash != DRAFT.request_hash


def test_the_same_request_has_the_same_hash_whoever_passes_it_on() -> None:
    again = replace(DRAFT, id=UUID(int=2), origin="outside", key="k")
    assert again.request_hash == DRAFT.request_hash
    assert (
        replace(DRAFT, title="a", actor="bc").request_hash
        != replace(DRAFT, title="ab", actor="c").request_hash
    )


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_equal_contents_and_only_those_have_one_hash(content: str) -> None:
    assert (replace(DRAFT, content=content).content_hash == DRAFT.content_hash) == (
        content == DRAFT.content
    )


@pytest.mark.parametrize(
    ("query", "some", "is_deliberate"),
    [
        ("locks", None, False),
        ("blocked sessions", "blocked or sessions", False),
        ("  blocked\n sessions  ", "blocked or sessions", False),
        ('"blocked sessions" now', None, True),
        ("blocked -sessions", None, True),
        ("blocked OR sessions", None, True),
        ("for oracles", "for or oracles", False),
    ],
)
def test_plain_words_may_be_found_one_by_one_and_joined_ones_stay_joined(
    query: str, some: str | None, is_deliberate: bool
) -> None:
    assert question_of(query) == Question(query, some, is_deliberate)


@pytest.mark.parametrize(
    ("query", "most", "complaint"),
    [
        ("", 5, "blank"),
        (" \t", 5, "blank"),
        ("\u5b57" * 667, 5, "bytes"),
        ("x", 0, "top_k"),
        ("x", MOST_HITS + 1, "top_k"),
        ("x", 1, None),
        ("x" * 2_000, MOST_HITS, None),
    ],
)
def test_a_query_that_cannot_be_answered_is_told_why(
    query: str, most: int, complaint: str | None
) -> None:
    found = complaint_of(query, most)
    assert found is None if complaint is None else complaint in (found or "")


def test_nothing_is_not_covered() -> None:
    assert Coverage(artifacts=0, chunks=0, searchable=0).share == 0
    assert Coverage(artifacts=1, chunks=4, searchable=3).share == 0.75
