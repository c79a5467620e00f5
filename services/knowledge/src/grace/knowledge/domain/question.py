"""What a query asks for: every word of it, and where that is too much, some of them."""

import re
from dataclasses import dataclass

MOST_HITS = 50  # with their texts they fit one answer
MOST_BYTES = 2_000  # PostgreSQL fails on a word of a query that has more than 2,046 bytes
# PostgreSQL fails on a word with more than 31 signs of "without" before it, whatever stands between.
_DENIALS = re.compile(r"""(?:-[^\w"-]*){17}""")
# What joins words on purpose. PostgreSQL passes over brackets and the like before the sign: (-v) denies.
_DELIBERATE = re.compile(r'"|(?<!\w)-|(?:^|\s)or(?:\s|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A query in the language of web search: "a phrase", or, -without."""

    every: str
    some: str | None  # None: the asker joined the words on purpose, nothing is loosened
    is_deliberate: bool = False


def complaint_of(query: str, most: int) -> str | None:
    """Return what the asker must change before anything can be looked for; None where it is fine."""
    if not query.strip():
        return "query is blank: say what to look for"
    if len(query.encode()) > MOST_BYTES:
        return f"query has more than {MOST_BYTES} bytes in UTF-8: ask with fewer words"
    if _DENIALS.search(query):
        return "query has more than 16 times - before a word: one says that it is not wanted"
    if not 1 <= most <= MOST_HITS:
        return f"top_k is {most}: ask for 1 to {MOST_HITS}"
    return None


def question_of(query: str) -> Question:
    """Return what is asked for; plain words may also be found one by one."""
    words = query.split()
    deliberate = _DELIBERATE.search(query) is not None
    some = None if deliberate or len(words) == 1 else " or ".join(words)
    return Question(query, some, deliberate)
