"""The verification plan of a step: what is measured besides, read as strictly as the rest.

`playbooks/verification.schema.json` says the same as a JSON Schema, for editors and other programs.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grace.intent.domain.extraction import markers
from grace.intent.domain.playbook import (
    Call,
    Comparison,
    Direction,
    Distribution,
    Expectation,
    Measure,
)
from grace.intent.domain.table import Table, unknown

MAX_MEASURES: Final = 16
MAX_TAKES: Final = 500  # of one step
MAX_EXPECTATIONS: Final = 100
MAX_DISTRIBUTIONS: Final = 16
MAX_LENGTH_MS: Final = 3_600_000  # so long an action may keep its target
BY_VERIFICATION: Final = frozenset({"http.get", "promql.query"})
"""Measured by verification itself, at one of its sources; everything else by a worker."""
_DEFAULT_ALPHA = 0.01
_HIGHEST_ALPHA = 0.5
MAX_WORDS: Final = 64
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DURATION = re.compile(r"(0|[1-9][0-9]{0,6})(ms|s|m|h)")
_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
EXPECTATION = ("field", "comparison", "value")
_DISTRIBUTION = ("field", "direction", "alpha")
_LIMITS = ("failure_limit", "inconclusive_limit", "error_limit")
_EVERY = (
    "name",
    "kind",
    "warmup",
    "interval",
    "count",
    *_LIMITS,
    "success_limit",
    "dry_run",
    "expectations",
    "distributions",
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a kind of measurement is called elsewhere, and which keys it has of its own."""

    operation: str | None
    place: str
    keys: tuple[str, ...]


KINDS: Mapping[str, _Kind] = {
    "http": _Kind("http.get", "source", ("path", "fields")),
    "promql": _Kind("promql.query", "source", ("query", "range", "step")),
    "sql": _Kind("postgres.query", "target", ("query",)),
    "file_hash": _Kind("filesystem.hash", "target", ("path", "sha256")),
    "command": _Kind("command.run", "target", ("argv",)),
    "observe": _Kind(None, "target", ("operation", "params")),
}


def measures(step: Table) -> tuple[Measure, ...]:
    """Return the verification plan of a step; PlaybookError names the place that is wrong."""
    if not step.has("verification"):
        return ()
    every = (*_EVERY, *{key for kind in KINDS.values() for key in (kind.place, *kind.keys)})
    tables = step.tables("verification", keys=every, at_most=MAX_MEASURES)
    found = tuple(map(_measure, tables))
    if len({each.name for each in found}) < len(found):
        step.fail("verification", "two measures have the same name")
    if sum(each.count for each in found) > MAX_TAKES:
        step.fail("verification", f"taken more than {MAX_TAKES} times in all")
    return found


def expectation(table: Table) -> Expectation:
    """Return what one field must be."""
    name = table.name("comparison")
    if name not in set(Comparison):
        table.fail("comparison", unknown(name, list(Comparison)))
    found = Expectation(table.name("field"), Comparison(name), table.number("value"))
    if found.comparison is Comparison.RATIO_OF_BASELINE_AT_LEAST and found.value <= 0:
        table.fail("value", "a ratio is above 0: this one would hold for anything")
    return found


def _measure(table: Table) -> Measure:
    name = table.name("kind")
    if name not in KINDS:
        table.fail("kind", unknown(name, list(KINDS)))
    kind = KINDS[name]
    foreign = {key for each in KINDS.values() for key in (each.place, *each.keys)}
    for key in sorted(foreign - {kind.place, *kind.keys}):
        if table.has(key):
            table.fail(key, f"not of kind {name}, which has {', '.join((kind.place, *kind.keys))}")
    count = table.whole("count", at_least=1, default=1)
    may_go_wrong = [table.whole(key, at_least=0, default=0) for key in _LIMITS]
    found = Measure(
        name=table.name("name"),
        call=_fixed(table, _call(table, name, kind)),
        place=_place(table, kind),
        expectations=_expectations(table),
        distributions=_distributions(table),
        count=count,
        warmup_ms=_duration(table, "warmup"),
        interval_ms=_duration(table, "interval"),
        failures_at_most=may_go_wrong[0],
        inconclusives_at_most=may_go_wrong[1],
        errors_at_most=may_go_wrong[2],
        successes_at_least=table.whole(
            "success_limit", at_least=1, default=max(1, count - sum(may_go_wrong))
        ),
        dry_run=table.flag("dry_run", default=False),
    )
    _check(table, found)
    return found


def _check(table: Table, found: Measure) -> None:
    if not (found.expectations or found.distributions or found.dry_run):
        table.fail("expectations", "it expects nothing: say what must hold, or dry_run: true")
    if found.successes_at_least > found.count:
        table.fail("success_limit", f"more than the {found.count} takes of count")
    if found.count > 1 and not found.interval_ms:
        table.fail("interval", "how long from one take to the next? For example 10s")
    if found.warmup_ms + (found.count - 1) * found.interval_ms > MAX_LENGTH_MS:
        table.fail("interval", "the last take is more than 1h after the action")


def _place(table: Table, kind: _Kind) -> str | None:
    """A source has to be named; without a target, it is the mission's own."""
    if kind.place == "source" or table.has(kind.place):
        return table.name(kind.place)
    return None


def _fixed(table: Table, call: Call) -> Call:
    """The planner fills in actions and measurements only: here a marker would be sent as it is."""
    for marker, word in markers(call.params):
        what = f"measure {table.name('name')}: {marker}: {word}"
        where = "fields" if table.has("fields") else "params"
        table.fail(where, f"{what} is filled in nowhere in a verification plan: write the value")
    return call


def _call(table: Table, name: str, kind: _Kind) -> Call:
    if kind.operation is None:
        return Call(table.name("operation"), table.json_object("params"))
    given: dict[str, object] = {}
    match name:
        case "http":
            fields = json.loads(table.json_object("fields")) if table.has("fields") else {}
            given = {"path": _text(table, "path"), "fields": fields}
        case "promql":
            given = {"query": _text(table, "query")} | _range(table)
        case "file_hash":
            given = {"path": _text(table, "path"), "sha256": _sha256(table)}
        case "command":
            given = {"argv": _words(table)}
        case _:
            given = {"query": _text(table, "query")}
    return Call(kind.operation, json.dumps(given, sort_keys=True, separators=(",", ":")))


def _range(table: Table) -> dict[str, object]:
    if not table.has("range") and not table.has("step"):
        return {}
    spans = {f"{key}_seconds": _duration(table, key) // 1000 for key in ("range", "step")}
    for key in ("range", "step"):
        if not spans[f"{key}_seconds"]:
            table.fail(key, "range and step go together, each at least 1s")
    return dict(spans)


def _sha256(table: Table) -> str | None:
    if not table.has("sha256"):
        return None
    text = table.prose("sha256")
    if not _SHA256.fullmatch(text):
        table.fail("sha256", "64 hex digits in lower case are needed")
    return text


def _words(table: Table) -> list[str]:
    words = table.texts("argv", at_most=MAX_WORDS)
    if not words[0].startswith("/"):
        table.fail("argv", "it begins with the absolute path of a program")
    return words


def _text(table: Table, key: str) -> str:
    text = table.prose(key)
    if not text:
        table.fail(key, "a text is needed")
    return text


def _expectations(table: Table) -> tuple[Expectation, ...]:
    if not table.has("expectations"):
        return ()
    found = table.tables("expectations", keys=EXPECTATION, at_most=MAX_EXPECTATIONS)
    return tuple(map(expectation, found))


def _distributions(table: Table) -> tuple[Distribution, ...]:
    if not table.has("distributions"):
        return ()
    found = table.tables("distributions", keys=_DISTRIBUTION, at_most=MAX_DISTRIBUTIONS)
    return tuple(map(_distribution, found))


def _distribution(table: Table) -> Distribution:
    direction = table.name("direction")
    if direction not in set(Direction):
        table.fail("direction", unknown(direction, list(Direction)))
    alpha = table.number("alpha") if table.has("alpha") else _DEFAULT_ALPHA
    if not 0 < alpha <= _HIGHEST_ALPHA:
        table.fail("alpha", f"must be above 0 and at most {_HIGHEST_ALPHA}")
    return Distribution(table.name("field"), Direction(direction), alpha)


def _duration(table: Table, key: str) -> int:
    """Return milliseconds; 0 where nothing is said."""
    found = _DURATION.fullmatch(table.prose(key, default="0s"))
    if found is None:
        table.fail(key, "a duration is needed: a whole number and ms, s, m or h, such as 10s")
    return int(found[1]) * _MS[found[2]]
