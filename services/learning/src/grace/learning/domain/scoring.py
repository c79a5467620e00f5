"""Scoring: which outcomes are news, and what they change in the playbooks' records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grace.learning.domain.record import Known, Name, Outcome, Record


@dataclass(frozen=True, slots=True)
class Score:
    """An outcome that changed a record, with the record as it was right after."""

    outcome: Outcome
    record: Record


@dataclass(slots=True)
class Scoring:
    """What a batch of outcomes comes to."""

    stored: list[Outcome] = field(default_factory=list)  # every one that is new
    scores: list[Score] = field(default_factory=list)  # of those, the ones that count
    repeated: list[Outcome] = field(default_factory=list)  # stored before
    superseded: list[Outcome] = field(default_factory=list)  # new, but a later revision counts
    misplaced: list[Outcome] = field(default_factory=list)  # a contract cannot change its playbook


def score(
    outcomes: Iterable[Outcome], known: Iterable[Known], records: Mapping[Name, Record]
) -> Scoring:
    """Count each contract once, by its highest revision, in whatever order they arrive.

    `known` holds every stored revision of these contracts, `records` the record of every
    playbook that is named.
    """
    found, now = Scoring(), dict(records)
    history: dict[str, dict[int, Known]] = {}
    for each in known:
        history.setdefault(each.contract_id, {})[each.revision] = each
    for outcome in outcomes:
        past = history.setdefault(outcome.contract_id, {})
        last = past[max(past)] if past else None
        if outcome.revision in past:
            found.repeated.append(outcome)
            continue
        if last is not None and last.name != outcome.name:
            found.misplaced.append(outcome)
            continue
        past[outcome.revision] = _known(outcome)
        found.stored.append(outcome)
        if last is not None and last.revision > outcome.revision:
            found.superseded.append(outcome)
            continue
        now[outcome.name] = now[outcome.name].counted(
            succeeded=outcome.succeeded, instead_of=None if last is None else last.succeeded
        )
        found.scores.append(Score(outcome, now[outcome.name]))
    return found


def _known(outcome: Outcome) -> Known:
    return Known(outcome.contract_id, outcome.revision, outcome.name, outcome.succeeded)
