"""What the policies make of a whole plan: granted at once, people are asked, or refused."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grace.governance.domain.budgets import Trust
from grace.governance.domain.facts import Facts
from grace.governance.domain.rulebook import Answer, Question, Rulebook
from grace.governance.domain.tiers import Tier, approvers_needed, highest


class Outcome(StrEnum):
    """What becomes of a plan."""

    GRANTED = "granted"
    ASKED = "asked"
    REFUSED = "refused"


_SEVERITY = (Outcome.GRANTED, Outcome.ASKED, Outcome.REFUSED)


@dataclass(frozen=True, slots=True)
class ActionRuling:
    """What the policies say of one action, and which of them."""

    outcome: Outcome
    because: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a plan, and why. `quorum` people have to approve."""

    outcome: Outcome
    tier: Tier
    quorum: int
    because: tuple[str, ...]
    rules: tuple[str, ...]
    rulebook_hash: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A ruling with all that was known of the plan, action by action."""

    ruling: Ruling
    facts: tuple[Facts, ...]
    # What a granted plan takes of people's standing approvals.
    relied_on: tuple[tuple[Trust, int], ...] = ()


def rule(rulebook: Rulebook, plans: Sequence[Sequence[Facts]]) -> list[Ruling]:
    """Judge plans, each the facts of its actions, all in one batch."""
    asked = [(facts, question) for plan in plans for facts in plan for question in Question]
    answers = iter(rulebook.judge(asked))
    return [_of_plan(rulebook, plan, answers) for plan in plans]


def refused(plan: Sequence[Facts], why: str) -> Ruling:
    """What nobody can judge does not run."""
    tier = _tier_of(plan)
    return Ruling(Outcome.REFUSED, tier, approvers_needed(tier), (why,), (), "")


def _of_plan(rulebook: Rulebook, plan: Sequence[Facts], answers: Iterator[Answer]) -> Ruling:
    each = [_of_action(rulebook, facts, next(answers), next(answers)) for facts in plan]
    worst = max((ruling.outcome for ruling in each), key=_SEVERITY.index)
    decisive = [ruling for ruling in each if ruling.outcome is worst]
    tier = _tier_of(plan)
    return Ruling(
        outcome=worst,
        tier=tier,
        # Where a policy asks for people about something harmless, one is asked.
        quorum=0 if worst is Outcome.GRANTED else max(1, approvers_needed(tier)),
        because=tuple(dict.fromkeys(line for ruling in decisive for line in ruling.because)),
        rules=tuple(dict.fromkeys(name for ruling in decisive for name in ruling.rules)),
        rulebook_hash=rulebook.content_hash,
    )


def _of_action(rulebook: Rulebook, facts: Facts, run: Answer, unattended: Answer) -> ActionRuling:
    if not run.allowed:
        return ActionRuling(Outcome.REFUSED, _why_not(rulebook, facts, run), run.rules)
    if not unattended.allowed:
        return ActionRuling(Outcome.ASKED, _why_ask(rulebook, facts, unattended), unattended.rules)
    because = (_named(facts), *rulebook.told(unattended.rules))
    return ActionRuling(Outcome.GRANTED, because, (*run.rules, *unattended.rules))


def _why_not(rulebook: Rulebook, facts: Facts, run: Answer) -> tuple[str, ...]:
    said = (*run.errors, *rulebook.told(run.rules))
    return (_named(facts), *(said or ("no policy permits it",)))


def _why_ask(rulebook: Rulebook, facts: Facts, unattended: Answer) -> tuple[str, ...]:
    said = (*unattended.errors, *rulebook.told(unattended.rules))
    return (_named(facts), *(said or ("no policy lets it run without people",)))


def _named(facts: Facts) -> str:
    named = f"{facts.operation} on {facts.target} ({facts.environment}) is tier {facts.tier}"
    return f"{named}: {facts.raised_by}" if facts.raised_by else named


def _tier_of(plan: Sequence[Facts]) -> Tier:
    return highest(Tier(facts.tier) for facts in plan)
