"""A table of a playbook file, read strictly: what is not asked for is refused."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from itertools import chain
from typing import NoReturn

from grace.intent.domain.playbook import PlaybookError

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MAX_WHOLE = 2**31 - 1
_DURATION = re.compile(r"([1-9][0-9]{0,6})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def unknown(name: str, known: Sequence[str]) -> str:
    """Say that a name is unknown, and which one was probably meant."""
    close = get_close_matches(name, known, n=1)
    return f"unknown {name}; " + (
        f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
    )


class Table:
    """A mapping that knows where it stands; it holds no key but the allowed ones."""

    def __init__(self, value: object, where: str, keys: Sequence[str]) -> None:
        """Take the value as a table; PlaybookError where it is none or has an unknown key.

        `where` leads every complaint.
        """
        if not isinstance(value, dict):
            raise PlaybookError(f"{where}: a table of keys and values is needed", where)
        for key in value:
            if key not in keys:
                raise PlaybookError(f"{where}: {unknown(str(key), keys)}", f"{where}.{key}")
        self._entries: Mapping[object, object] = value
        self._where = where

    def fail(self, key: str, reason: str) -> NoReturn:
        """Refuse the value of a key."""
        raise PlaybookError(f"{self._where}.{key}: {reason}", f"{self._where}.{key}")

    def name(self, key: str) -> str:
        """Return an identifier."""
        value = self._take(key)
        if not isinstance(value, str) or not _ID.fullmatch(value):
            self.fail(key, "1 to 128 characters out of A-Z a-z 0-9 . _ : - are needed")
        return value

    def prose(self, key: str, *, default: str | None = None) -> str:
        """Return a text without the blanks around it."""
        value = self._take(key, default)
        if not isinstance(value, str):
            self.fail(key, "a text is needed")
        return value.strip()

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.fail(key, "true or false is needed")
        return value

    def whole(
        self, key: str, *, at_least: int, default: int | None = None, at_most: int = _MAX_WHOLE
    ) -> int:
        """Return a whole number of at most 31 bits."""
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(key, "a whole number is needed")
        if not at_least <= value <= at_most:
            self.fail(key, f"must be {at_least} to {at_most}")
        return value

    def duration(self, key: str, *, at_most: timedelta) -> timedelta:
        """Return how long, e.g. 90s, 10m, 2h or 1d."""
        value = self._take(key)
        if not isinstance(value, str) or not (found := _DURATION.fullmatch(value)):
            self.fail(key, "how long is needed, e.g. 90s, 10m, 2h or 1d")
        long = timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
        if long > at_most:
            self.fail(key, f"more than {at_most.days} days")
        return long

    def has(self, key: str) -> bool:
        """Tell whether the key is given."""
        return self._entries.get(key) is not None

    def names(self, key: str, *, known: Sequence[str]) -> frozenset[str]:
        """Return a list of known words, each once."""
        value = self._take(key)
        if not isinstance(value, list) or not value or not all(isinstance(x, str) for x in value):
            self.fail(key, f"a list out of {', '.join(known)} is needed")
        for name in value:
            if name not in known:
                self.fail(key, unknown(name, known))
        if len(set(value)) < len(value):
            self.fail(key, "a word is given twice")
        return frozenset(value)

    def texts(self, key: str, *, at_most: int) -> list[str]:
        """Return a list of texts as they are, at least one, none of them empty."""
        value = self._take(key)
        if not isinstance(value, list) or not 1 <= len(value) <= at_most:
            self.fail(key, f"a list of 1 to {at_most} texts is needed")
        if not all(isinstance(each, str) and each for each in value):
            self.fail(key, "each must be a text; write numbers in quotes")
        return list(value)

    def number(self, key: str) -> float:
        """Return a finite number."""
        value = self._take(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not _is_finite(value):
            self.fail(key, "a finite number is needed")
        return float(value)

    def rows(self, key: str, *, keys: Sequence[str], at_most: int) -> Iterator[tuple[str, "Table"]]:
        """Yield the tables inside a table, each with its name; none where the key is absent."""
        value = self._take(key, {})
        if not isinstance(value, dict) or len(value) > at_most:
            self.fail(key, f"a table of at most {at_most} is needed")
        for name, inner in value.items():
            if not isinstance(name, str) or not _ID.fullmatch(name):
                self.fail(key, "a name of 1 to 128 characters out of A-Z a-z 0-9 . _ : - is needed")
            yield name, Table(inner, f"{self._where}.{key}.{name}", keys)

    def words(self, key: str, *, at_most: int) -> tuple[str, ...]:
        """Return a list of identifiers, at least one."""
        value = self._take(key)
        if not isinstance(value, list) or not 1 <= len(value) <= at_most:
            self.fail(key, f"a list of 1 to {at_most} is needed")
        if not all(isinstance(each, str) and _ID.fullmatch(each) for each in value):
            self.fail(key, "words of 1 to 128 characters out of A-Z a-z 0-9 . _ : - are needed")
        return tuple(value)

    def table(self, key: str, *, keys: Sequence[str]) -> "Table":
        """Return a table inside this one."""
        return Table(self._take(key), f"{self._where}.{key}", keys)

    def tables(self, key: str, *, keys: Sequence[str], at_most: int) -> tuple["Table", ...]:
        """Return a list of tables, at least one."""
        value = self._take(key)
        if not isinstance(value, list) or not 1 <= len(value) <= at_most:
            self.fail(key, f"a list of 1 to {at_most} is needed")
        where = f"{self._where}.{key}"
        return tuple(Table(each, f"{where}[{place}]", keys) for place, each in enumerate(value))

    def json_object(self, key: str) -> str:
        """Return a table's JSON: sorted keys, no blanks, so that equal means equal bytes."""
        value = self._take(key)
        if not isinstance(value, dict):
            self.fail(key, "a table is needed; {} where it is empty")
        for wrong in _without_json(value):
            self.fail(key, f"{wrong!r} is neither text, number, true, false, null, list nor table")
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)

    def _take(self, key: str, default: object = None) -> object:
        value = self._entries.get(key)
        return default if value is None else value


def _without_json(value: object) -> Iterator[object]:
    """Yield what in the value has no JSON, e.g. a date that YAML made of a text."""
    match value:
        case dict():
            yield from (key for key in value if not isinstance(key, str))
            yield from chain.from_iterable(map(_without_json, value.values()))
        case list():
            yield from chain.from_iterable(map(_without_json, value))
        case None | bool() | str():
            pass
        case int() | float() if _is_finite(value):
            pass
        case _:
            yield value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False
