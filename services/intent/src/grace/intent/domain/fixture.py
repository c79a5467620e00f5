"""Fixtures of a playbook: errors, and what it has to do about each; for people and for CI."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grace.intent.domain.document import load
from grace.intent.domain.mission import Mission
from grace.intent.domain.planning import shortlist
from grace.intent.domain.playbook import Call, Playbook
from grace.intent.domain.table import Table

MAX_CASES = 100
_FIXTURES = ("cases",)
_CASE = ("name", "error", "expect")
_ERROR = ("kind", "target", "severity", "source", "details")
_EXPECT = ("applies", "steps", "reason")
_STEP = ("operation", "params")
_SEVERITIES = ("info", "warning", "error", "critical")


@dataclass(frozen=True, slots=True)
class Reported:
    """The error of a case."""

    kind: str
    target: str
    severity: str
    source: str
    details: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """An error, and whether the playbook answers it: by which steps, or why not."""

    name: str
    error: Reported
    applies: bool
    steps: tuple[Call, ...]
    reason: str


def parse_fixtures(source: bytes) -> tuple[Case, ...]:
    """Return the cases that a file says; PlaybookError names the place that is wrong."""
    top = Table(load(source), "fixtures", _FIXTURES)
    return tuple(map(_case, top.tables("cases", keys=_CASE, at_most=MAX_CASES)))


def problems(case: Case, playbook: Playbook, mission: Mission) -> Sequence[str]:
    """Return what is otherwise than the case expects; `mission` is its error, captured."""
    found = shortlist(mission, [playbook], case.error.details)
    why = "; ".join(found.doubts) or "its condition does not hold"
    if bool(found.playbooks) != case.applies:
        return ["it applies and should not" if found.playbooks else f"it does not apply: {why}"]
    if not found.playbooks:
        return [] if case.reason in why else [f"the reason is not {case.reason!r} but {why!r}"]
    steps = [step.action for step in found.playbooks[0].steps]
    return list(_differences(case.steps, steps)) if case.steps else []


def _differences(wanted: Sequence[Call], steps: Sequence[Call]) -> Iterator[str]:
    if len(wanted) != len(steps):
        yield f"{len(steps)} steps and not {len(wanted)}"
    for place, (one, other) in enumerate(zip(wanted, steps, strict=False)):
        if one.operation != other.operation:
            yield f"steps[{place}]: {other.operation} and not {one.operation}"
        elif one.params != other.params:  # texts, sorted: to Python 1, 1.0 and true are one
            yield f"steps[{place}].params: {other.params} and not {one.params}"


def _case(table: Table) -> Case:
    expect = table.table("expect", keys=_EXPECT)
    steps = expect.tables("steps", keys=_STEP, at_most=16) if expect.has("steps") else ()
    return Case(
        name=table.prose("name"),
        error=_reported(table.table("error", keys=_ERROR)),
        applies=expect.flag("applies", default=True),
        steps=tuple(Call(step.name("operation"), step.json_object("params")) for step in steps),
        reason=expect.prose("reason", default=""),
    )


def _reported(table: Table) -> Reported:
    severity = table.name("severity") if table.has("severity") else "error"
    if severity not in _SEVERITIES:
        table.fail("severity", f"one of {', '.join(_SEVERITIES)} is needed")
    return Reported(
        kind=table.name("kind"),
        target=table.name("target"),
        severity=severity,
        source=table.name("source") if table.has("source") else "fixture",
        details=table.json_object("details") if table.has("details") else None,
    )
