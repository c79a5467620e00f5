"""Passages: they hold the whole text, fit, overlap, and tear no character."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.knowledge.domain.chunks import MOST_CHARACTERS, Chunk, cut
from grace.knowledge.domain.graphemes import may_cut

CHARACTERS = [
    "a", "Z", "7", " ", "  ", "\n", "\n\n", "\t", ". ", "! ", "?) ", "\u3002", "\r\n", "\r\n\r\n",
    "e\u0301", "n\u0303\u0323", " \u0301", "\u5b57", "\U00020000",
    "\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7",  # two flags
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd",  # a family, a brown thumb
    "\u2764\ufe0f\u200d\U0001f525", "\U0001f3f4\U000e0067\U000e0062\U000e007f",  # joined, tagged
    "\u1112\u1161\u11ab", "\ud55c", "\uac00\u11a8",  # Hangul in parts, whole, and mixed
    "\u0915\u094d\u0937\u093f", "\u0e01\u0e33", "\u0600\u0661", "\uff76\uff9e",
]  # fmt: skip
characters = st.lists(st.sampled_from(CHARACTERS), min_size=1)
# A few kinds, long: what hypothesis draws is short, and a seam comes after a thousand characters.
texts = st.builds(
    lambda start, kinds, times: "".join(start + kinds * times),
    characters,
    characters,
    st.integers(1, 700),
)
anything = st.builds(lambda part, times: part * times, st.text(min_size=1), st.integers(1, 500))


def chunks_of(content: str) -> list[Chunk]:
    return list(cut(content))


@given(texts | anything)
def test_passages_hold_every_character_in_order_and_to_the_letter(content: str) -> None:
    found = chunks_of(content)
    assert [chunk.position for chunk in found] == list(range(len(found)))
    assert (found[0].start, found[-1].end) == (0, len(content))
    for before, after in pairwise(found):
        assert before.start < after.start <= before.end < after.end
    for chunk in found:
        assert chunk.text == content[chunk.start : chunk.end]
        assert 0 < len(chunk.text) <= MOST_CHARACTERS


@given(texts)
def test_no_passage_begins_or_ends_inside_a_character(content: str) -> None:
    starts, place = {0}, 0
    for letter in _clusters(content):
        place += len(letter)
        starts.add(place)
    assert all({chunk.start, chunk.end} <= starts for chunk in chunks_of(content))


@given(st.lists(st.sampled_from(CHARACTERS), min_size=2, max_size=2))
def test_the_characters_of_the_list_are_whole(pair: list[str]) -> None:
    for letter in pair:
        if letter.strip() and letter[0] not in ".!?":
            inside = range(1, len(letter))
            assert not any(may_cut(letter, place) for place in inside), ascii(letter)


def test_between_two_flags_and_between_plain_letters_a_cut_is_allowed() -> None:
    flags = "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7"
    assert [may_cut(flags, place) for place in range(1, 4)] == [False, True, False]
    assert may_cut("ab", 1)
    assert may_cut("\n\u0301", 1)


def test_a_short_text_is_one_passage_and_no_text_is_none() -> None:
    assert chunks_of("Look at the locks.") == [Chunk(0, 0, 18, "Look at the locks.")]
    assert chunks_of("") == []


@pytest.mark.parametrize(
    ("unit", "ends"),
    [
        ("A paragraph of some words, and one more.\n\n", "\n\n"),
        ("This is a sentence of a few words. ", ". "),
        ("word ", " "),
        ("x", "x"),
    ],
)
def test_a_passage_ends_at_the_best_seam_there_is(unit: str, ends: str) -> None:
    found = chunks_of(unit * (5_000 // len(unit)))
    assert len(found) > 4
    for chunk in found[:-1]:
        assert chunk.text.endswith(ends)
        assert len(chunk.text) > MOST_CHARACTERS / 2


def test_a_paragraph_is_preferred_to_the_later_end_of_a_sentence() -> None:
    content = "w" * 600 + ".\n\n" + "Then this. " * 60
    assert chunks_of(content)[0].text.endswith(".\n\n")


def test_neighbours_share_the_sentence_at_the_seam() -> None:
    found = chunks_of("".join(f"This is sentence number {n} of many. " for n in range(200)))
    for before, after in pairwise(found):
        shared = before.text[after.start - before.start :]
        assert shared.startswith("This is sentence")
        assert 20 < len(shared) <= 150


def test_marks_piled_up_without_end_are_torn_rather_than_kept_as_one_passage() -> None:
    found = chunks_of("e" + "\u0301" * 5_000)
    assert [len(chunk.text) for chunk in found[:5]] == [MOST_CHARACTERS] * 5


def _clusters(content: str) -> list[str]:
    """The longest characters of the list, from the left; what two of them make together is one."""
    found: list[str] = []
    for place, letter in enumerate(content):
        if found and not may_cut(content, place, since=place - len(found[-1])):
            found[-1] += letter
        else:
            found.append(letter)
    return found
