"""How the chat repeats what somebody else wrote: marked as theirs, on one line, and not all of it."""

import re
import unicodedata
from datetime import datetime

MOST_QUOTED = 300
# What would end a quotation from inside of it.
_MARKS = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", "'"))
# What commands a terminal, turns the direction of a line, hides, or is no character.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


_NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def quoted(text: str, most: int = MOST_QUOTED) -> str:
    """Return a text between quotation marks, which nothing in it ends."""
    return f"\u201c{line_of(text, most).translate(_MARKS)}\u201d"


def named(text: str) -> str:
    """Return a name as it is; what is no name is a quotation."""
    return text if _NAME.fullmatch(text) else quoted(text)


def line_of(text: str, most: int = MOST_QUOTED) -> str:
    """Return a text on one line of at most `most` characters, none of them unseen."""
    # Four times as many are enough to see whether any are left out.
    seen = (" " if unicodedata.category(each) in _UNSEEN else each for each in text[: 4 * most])
    line = " ".join("".join(seen).split())
    if len(line) <= most and len(text) <= 4 * most:
        return line
    return line[: most - 2].rstrip() + " \u2026"


def moment(at: datetime) -> str:
    """Return an instant, which is in UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
