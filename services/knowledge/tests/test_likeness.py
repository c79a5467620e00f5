"""Vectors by letters, and how what words find and what vectors find become one list."""

import math
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.knowledge.domain.finding import Finding
from grace.knowledge.domain.fusion import fuse
from grace.knowledge.domain.likeness import vector_of
from grace.knowledge.embedders import Letters

ORDERS = "When orders hang, look for a session of the shop that is idle in transaction."
DISK = "A full disk is freed by removing rotated log files that are older than a week."


def cosine(one: str, other: str) -> float:
    left, right = vector_of(one), vector_of(other)
    assert left is not None
    assert right is not None
    return sum(a * b for a, b in zip(left, right, strict=True))


@given(st.text())
def test_a_vector_has_the_length_one_and_is_always_the_same_or_there_is_none(text: str) -> None:
    vector = vector_of(text)
    assert vector == vector_of(text)
    if vector is not None:
        assert len(vector) == 384
        assert math.isclose(sum(each * each for each in vector), 1.0)


@pytest.mark.parametrize("text", ["", " \n", "?! -- ...", "\U0001f525"])
def test_what_has_no_word_has_no_vector(text: str) -> None:
    assert vector_of(text) is None


def test_what_is_alike_in_spelling_is_nearer_than_what_is_not() -> None:
    assert cosine(ORDERS, ORDERS.upper()) == pytest.approx(1.0)
    least = Letters.least
    assert cosine("idle transactions", "idel transaktion") > least
    assert cosine("Verbindungsabbruch", "Verbindungsabbrüche") > least
    assert cosine(ORDERS, ORDERS.replace("session", "sesion").replace("hang", "hanging")) > 0.8
    assert abs(cosine(ORDERS, DISK)) < least
    assert abs(cosine("blocked sessions", "disk full")) < least


def test_of_an_endless_word_only_the_beginning_is_looked_at() -> None:
    assert vector_of("x" * 1_000_000) == vector_of("x" * 100) is not None


def finding(number: int, similarity: float) -> Finding:
    return Finding(UUID(int=number), "T", "runbook", 0, 0, 1, "t", "t", similarity)


def test_every_word_stays_above_and_below_both_ways_count() -> None:
    words = [finding(1, 0.8), finding(2, 0.6), finding(3, 0.2), finding(4, 0.1)]
    near = [finding(5, 0.9), finding(4, 0.9), finding(2, 0.4)]
    fused = fuse(words, near, most=10)
    assert [each.artifact_id.int for each in fused] == [1, 2, 4, 5, 3]
    said = [each.similarity for each in fused]
    assert said == pytest.approx([0.8, 0.6, 0.5 * (1 - 0.8 * 0.1), 0.45, 0.2])
    assert [each.artifact_id.int for each in fuse(words, near, most=2)] == [1, 2]


@given(
    st.lists(st.floats(0, 1), max_size=8), st.lists(st.floats(0, 1), max_size=8), st.integers(1, 9)
)
def test_whatever_is_joined_is_in_order_once_each_and_no_less_than_by_words(
    words: list[float], near: list[float], most: int
) -> None:
    by_words = [finding(number, each) for number, each in enumerate(words)]
    fused = fuse(by_words, [finding(number, each) for number, each in enumerate(near)], most=most)
    said = [each.similarity for each in fused]
    assert said == sorted(said, reverse=True)
    assert len({each.artifact_id for each in fused}) == len(fused) <= most
    assert all(0 <= each <= 1 for each in said)
    for each in fused:
        if each.artifact_id.int < len(words):
            assert each.similarity >= by_words[each.artifact_id.int].similarity - 1e-12
