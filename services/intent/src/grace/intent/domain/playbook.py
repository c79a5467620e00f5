"""Playbooks: which error they answer, what they do, and what must hold afterwards.

A playbook is fixed text without templates. Of what an error says only typed values within bounds can
reach a parameter (extraction.py); the target of every action is the registered target that it names.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from grace.intent.domain.condition import Condition


class PlaybookError(ValueError):
    """A playbook is not understood; the text says where and why, `where` is the place alone."""

    def __init__(self, text: str, where: str = "", line: int = 1) -> None:
        """Keep the place, so that its line can be found, and the line once it is."""
        super().__init__(text)
        self.where = where
        self.line = line


class Comparison(StrEnum):
    """How a measured field is held against its expectation."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    RATIO_OF_BASELINE_AT_LEAST = "ratio_of_baseline_at_least"
    ABOVE_BASELINE_AT_MOST = "above_baseline_at_most"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One field of the state that a step must bring about."""

    field: str
    comparison: Comparison
    value: float


@dataclass(frozen=True, slots=True)
class Call:
    """An operation with its parameters: the text of a JSON object, byte for byte."""

    operation: str
    params: str


class Direction(StrEnum):
    """Where a distribution must not have moved against the one before the incident."""

    NOT_LOWER = "not_lower"
    NOT_HIGHER = "not_higher"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A field whose distribution is tested; `alpha` is how sure a move must be to count."""

    field: str
    direction: Direction
    alpha: float


@dataclass(frozen=True, slots=True)
class Measure:
    """A measurement of the verification plan: where, when, how often, and what may go wrong.

    `place` is a source of verification's, or a registered target; None: the mission's own target.
    """

    name: str
    call: Call
    place: str | None
    expectations: tuple[Expectation, ...]
    distributions: tuple[Distribution, ...]
    count: int
    warmup_ms: int
    interval_ms: int
    failures_at_most: int
    inconclusives_at_most: int
    errors_at_most: int
    successes_at_least: int
    dry_run: bool


class ExtractionType(StrEnum):
    """What a parameter may be taken as, out of the evidence of an error."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Extraction:
    """A value of an error's details: a number of `low` to `high`, a flag, or one of `words`."""

    name: str
    path: tuple[str, ...]
    type: ExtractionType
    low: float = 0
    high: float = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One action, how the world is measured after it, and what must be found."""

    action: Call
    measurement: Call
    expectations: tuple[Expectation, ...]
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True)
class Threshold:
    """So many within so long."""

    count: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a playbook is a candidate; a higher priority goes first.

    `group_by` says which facts make errors equal where kind and target do not, `accumulate` how many
    of them make a mission.

    `cooldown` and `flap` are this playbook's own; where they are None the house's hold.
    """

    condition: Condition
    priority: int
    cooldown: timedelta | None = None
    flap: Threshold | None = None
    group_by: tuple[str, ...] | None = None
    accumulate: Threshold | None = None

    @property
    def shapes(self) -> bool:
        """Whether the intake has to look at it."""
        return self.group_by is not None or self.accumulate is not None


@dataclass(frozen=True, slots=True)
class Playbook:
    """One version of a playbook; `content_hash` is the sha256 of its text.

    `extractions` are what its parameters may be taken from; everything else is fixed text.
    """

    name: str
    version: int
    content_hash: str
    source: str
    enabled: bool
    trigger: Trigger
    steps: tuple[Step, ...]
    extractions: tuple[Extraction, ...] = ()
