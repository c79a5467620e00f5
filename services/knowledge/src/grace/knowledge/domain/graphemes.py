"""Where a text may be cut without tearing a character as people see it.

A coarse form of Unicode Standard Annex 29 (grapheme clusters): it never allows a cut that the annex
forbids for text in use today, and forbids a few that the annex allows.
"""

from itertools import takewhile
from unicodedata import category, combining

_LONGEST = 100  # Text in use has clusters of about ten; marks can be piled up without end.
_ZWJ = "\u200d"
_JOINS_LEFT = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")  # extend what stands before them
_JOINS_RIGHT = frozenset(map(chr, [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2]))
_MARKS = frozenset({"Mn", "Mc", "Me"})
_CONTROLS = frozenset("\r\n\u2028\u2029")
_VIRAMA = 9  # the combining class of what joins two consonants
_SKIN = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_FLAGS = range(0x1F1E6, 0x1F200)
_LEADING_JAMO = (range(0x1100, 0x1160), range(0xA960, 0xA980))
_LATER_JAMO = (range(0x1160, 0x1200), range(0xD7B0, 0xD800))
_HANGUL = (*_LEADING_JAMO, *_LATER_JAMO, range(0xAC00, 0xD7A4))


def may_cut(text: str, at: int, *, since: int = 0) -> bool:
    """Whether `text[:at]` and `text[at:]` share no character; `since` is an earlier place of a cut."""
    if not since < at < len(text):
        return True
    left, right = text[at - 1], text[at]
    if left in _CONTROLS or right in _CONTROLS:
        return left + right != "\r\n"
    if right in _JOINS_LEFT or left == _ZWJ or left in _JOINS_RIGHT:
        return False
    if category(right) in _MARKS or combining(left) == _VIRAMA:
        return False
    if ord(right) in _SKIN or ord(right) in _TAGS or _is_hangul_syllable(left, right):
        return False
    return not _splits_flag(text, at, since)


def cut_before(text: str, at: int, *, since: int) -> int | None:
    """Return the last place not after `at` where a cut is allowed; None where there is none near."""
    for place in range(at, max(since, at - _LONGEST), -1):
        if may_cut(text, place, since=since):
            return place
    return None


def _is_hangul_syllable(left: str, right: str) -> bool:
    first, second = ord(left), ord(right)
    if _within(first, _LEADING_JAMO):
        return _within(second, _HANGUL)
    return _within(first, _HANGUL) and _within(second, _LATER_JAMO)


def _splits_flag(text: str, at: int, since: int) -> bool:
    """A flag is two letters: a cut needs an even number of them before it."""
    if ord(text[at]) not in _FLAGS:
        return False
    before = (text[place] for place in range(at - 1, since - 1, -1))
    return sum(1 for _ in takewhile(lambda letter: ord(letter) in _FLAGS, before)) % 2 == 1


def _within(code: int, ranges: tuple[range, ...]) -> bool:
    return any(code in each for each in ranges)
