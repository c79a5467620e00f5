"""A vector of a text's words and of their letters: alike in spelling is near, whatever it means.

Feature hashing (Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning"): each
feature adds to one of the dimensions, by a sign that its hash gives, so that those that meet cancel
out on the average. Features are words and their runs of three to five letters with the word's edges, as
in Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information".
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from unicodedata import normalize
from zlib import crc32

NAME = "letters-384-1"
"""Stored with each vector: another number where the same text gets another vector."""
_DIMENSIONS = 384
_WORD = re.compile(r"\w+")
_RUNS = range(3, 6)
# Against its runs of letters, which weigh one together: so that "transaktion" is near to "transactions".
_WORD_WEIGHT = 0.5
_FULL_WEIGHT = 5  # letters: shorter words are mostly those that every text has
_LONGEST_WORD = 64  # of it only so much is looked at: no word of any language is longer


def vector_of(text: str) -> list[float] | None:
    """Return 384 numbers of length one in all; None where the text has no word."""
    sums = [0.0] * _DIMENSIONS
    words = Counter(_WORD.findall(normalize("NFKC", text).casefold()))
    for word, count in words.items():
        weight = (1 + math.log(count)) * min(1.0, len(word) / _FULL_WEIGHT) ** 3
        for feature, share in _features(word[:_LONGEST_WORD]):
            code = crc32(feature.encode())
            sums[(code >> 1) % _DIMENSIONS] += weight * share * (1 if code & 1 else -1)
    length = math.sqrt(sum(each * each for each in sums))
    return [each / length for each in sums] if length else None


def _features(word: str) -> Iterator[tuple[str, float]]:
    yield word, _WORD_WEIGHT
    edged = f"<{word}>"
    runs = [edged[at : at + size] for size in _RUNS for at in range(len(edged) - size + 1)]
    for run in runs:
        yield run, 1 / math.sqrt(len(runs))
