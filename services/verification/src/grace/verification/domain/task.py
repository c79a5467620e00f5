"""What a contract wants a worker to do, and what htm says became of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from grace.verification.domain.contract import Contract, Measurement
from grace.verification.domain.state import LONGEST_STATE, State, canonical, read_state


class Step(StrEnum):
    """The tasks of a contract, in the order in which they may come."""

    APPLY = "apply"
    MEASURE = "measure"
    REVERT = "revert"
    COMPARE = "compare"  # the kernel's own observation after a revert that was refused
    RESTORED = "restored"  # the kernel's own observation after a revert
    REMEASURE = "remeasure"  # the contract's measurement after a revert


class Mode(StrEnum):
    """What a worker is asked for."""

    OBSERVE = "observe"
    APPLY = "apply"
    REVERT = "revert"


# Ends of attempts that say nothing about what was done.
_UNFINISHED = frozenset({"lapsed", "timeout"})


class Outcome(StrEnum):
    """Where a task stands, as far as a contract cares."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DEAD_LETTER = "dead_letter"
    NEEDS_ATTENTION = "needs_attention"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a worker."""

    outcome: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """What htm says about a task."""

    outcome: Outcome
    attempt_number: int = 0
    attempts: tuple[Attempt, ...] = ()
    error: str | None = None
    error_class: str | None = None
    result: str | None = None
    finished_at: datetime | None = None
    # In place of a result that is too long: a state that stands for it by its hash.
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task as a contract or a baseline wants it. The same key and content is the same task."""

    key: str
    mode: Mode
    kernel: str
    operation: str
    target: str
    params: str
    timeout_ms: int
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What a successful apply left: canonical texts of the states, and the kernel's own result."""

    before: str
    after: str
    result: State


def apply_task(contract: Contract) -> Wanted:
    """Return the task that acts."""
    return _own_task(contract, f"{contract.contract_id}:apply", Mode.APPLY)


def revert_task(contract: Contract, *, before: str, after: str | None, again: int = 0) -> Wanted:
    """Return the task that undoes the action; `again` counts those that a person wanted."""
    key = _key(contract, "revert", again)
    return _own_task(contract, key, Mode.REVERT, before=before, after=after)


def compare_task(contract: Contract, *, again: int) -> Wanted:
    """Return the task that looks at what stands against a revert."""
    return _own_task(contract, _key(contract, "compare", again), Mode.OBSERVE)


def restored_task(contract: Contract, *, again: int) -> Wanted:
    """Return the task that looks at what the action touches, after a revert."""
    return _own_task(contract, _key(contract, "restored", again), Mode.OBSERVE)


def _key(contract: Contract, word: str, again: int) -> str:
    return f"{contract.contract_id}:{word}" + (f":{again}" if again else "")


def measure_task(contract: Contract, take: int) -> Wanted:
    """Return the task that measures the target; `take` counts the contract's measurements."""
    return observe_task(f"{contract.contract_id}:measure:{take}", contract.action.measurement)


def observe_task(key: str, measurement: Measurement) -> Wanted:
    """Return the task of a measurement."""
    return Wanted(
        key=key,
        mode=Mode.OBSERVE,
        kernel=measurement.operation.partition(".")[0],  # operations are named kernel.act
        operation=measurement.operation,
        target=measurement.target,
        params=measurement.params,
        timeout_ms=measurement.timeout_ms,
    )


def read_applied(result: str | None) -> Applied | None:
    """Return what an apply reports, or None where any of it is missing or unreadable."""
    found = read_state(result)
    if found is None:
        return None
    before, after = _text(found.get("before")), _text(found.get("after"))
    kernel_result = found.get("result")
    if before is None or after is None:
        return None
    return Applied(before, after, kernel_result if isinstance(kernel_result, dict) else {})


def as_state(report: Report) -> Report:
    """Return the report of a look at a state: a long one is told by its hash, and holds no numbers."""
    return report if report.result is not None else replace(report, result=report.reference)


def read_before(result: str | None) -> str | None:
    """Return the before-state that a failed apply reports, if it reports one."""
    found = read_state(result)
    return _text(found.get("before")) if found is not None else None


def nothing_executed(report: Report) -> bool:
    """Whether an apply that did not succeed certainly changed nothing.

    Every attempt must have been refused before it acted: one that lapsed or failed may have acted.
    """
    if report.attempts:
        return all(_refused(attempt.error) for attempt in report.attempts)
    return report.attempt_number == 0 or (report.attempt_number == 1 and _refused(report.error))


def may_have_acted(report: Report) -> bool:
    """Whether nobody knows what an attempt left: never heard of again, out of time, or failed when begun."""
    if any(attempt.outcome in _UNFINISHED for attempt in report.attempts):
        return True
    return any(_begun(error) for error in (report.error, *(a.error for a in report.attempts)))


def refused_by_kernel(report: Report) -> bool:
    """Whether a revert was refused by its kernel: the world is not as the action left it.

    A kernel refuses once and for all (nonretryable). What begins with `blocked: ` was refused
    before the kernel was asked.
    """
    if report.outcome is Outcome.NEEDS_ATTENTION:
        return True
    return report.error_class == "nonretryable" and not _refused(report.error)


def _refused(error: str | None) -> bool:
    return error is not None and error.startswith("blocked:")


def _begun(error: str | None) -> bool:
    return error is not None and error.startswith("begun:")


def _text(state: object) -> str | None:
    if not isinstance(state, dict):
        return None
    text = canonical(state)
    return text if len(text) <= LONGEST_STATE else None


def _own_task(
    contract: Contract,
    key: str,
    mode: Mode,
    *,
    before: str | None = None,
    after: str | None = None,
) -> Wanted:
    action = contract.action
    return Wanted(
        key=key,
        mode=mode,
        kernel=action.kernel,
        operation=action.operation,
        target=action.target,
        params=action.params,
        timeout_ms=action.timeout_ms,
        before=before,
        after=after,
    )


def attempts_in_words(count: int) -> str:
    """Return "1 attempt", "2 attempts"."""
    return f"{count} attempt" if count == 1 else f"{count} attempts"
