"""Whether an operation may use a named secret: what governance told against what a step needs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from grace.worker.domain.capability import Step

OWN = "own"
"""Stands for what a target's entry holds without a name, used at that very target."""
FRESH_SECONDS = 5.0
"""Of a list, for an apply: a consent that was taken back meanwhile must be known to be."""
OLDEST = timedelta(minutes=1)
"""Of a list when it is heard, for an apply: one that somebody recorded and sends again is older."""
LONGEST_SILENCE = timedelta(hours=1)
"""For what only looks, and for what undoes: the last list that was heard counts so long."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a step needs a secret for. `used_by`: its contract, or its task; None: a dry run."""

    tenant_id: str
    secret: str
    is_own: bool
    operation: str
    target: str
    target_class: str
    step: Step
    used_by: str | None


@dataclass(frozen=True, slots=True)
class Consent:
    """One consent as it was heard. Without a tenant it is every tenant's, without end it holds."""

    consent_id: str
    tenant_id: str | None
    secret: str
    operation: str
    target: str | None
    target_class: str | None
    one_time: bool
    expires_at: datetime | None
    used_by: str | None


@dataclass(frozen=True, slots=True)
class Heard:
    """The last list. `heard_at`: seconds on this process's monotonic clock; None: in another one."""

    issued_at: datetime
    consents: tuple[Consent, ...]
    heard_at: float | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """The secret may be used."""


@dataclass(frozen=True, slots=True)
class Take:
    """It may, once this one-time consent is taken for this use."""

    consent_id: str


@dataclass(frozen=True, slots=True)
class Unheard:
    """Nobody knows now; it may be known in a moment."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unconsented:
    """Nobody consented."""

    reason: str


Answer: TypeAlias = Granted | Take | Unheard | Unconsented


def hear(last: Heard | None, found: Heard) -> Heard:
    """Return the list that counts: an older one, repeated or late, changes nothing."""
    return found if last is None or found.issued_at >= last.issued_at else last


def may_use(heard: Heard | None, use: Use, *, now: datetime, at: float) -> Answer:
    """Decide whether a step may use a secret; `at` is `now` on the monotonic clock.

    What was begun under a consent may be undone under it when its time is over, not when somebody
    took it back.
    """
    if heard is None or _is_too_old(heard, use.step, now=now, at=at):
        return Unheard("governance was not heard on who may use which secret")
    fitting = [each for each in heard.consents if _covers(each, use)]
    valid = [
        each
        for each in fitting
        if each.expires_at is None or now < each.expires_at or use.step is Step.REVERT
    ]
    if any(not each.one_time or _is_for(each, use) for each in valid):
        return Granted()
    free = [each for each in valid if each.used_by is None and use.used_by is not None]
    if free:
        return Take(free[0].consent_id)
    return Unconsented(_why(use, fitting))


def _is_for(consent: Consent, use: Use) -> bool:
    return use.used_by is not None and consent.used_by == use.used_by


def _is_too_old(heard: Heard, step: Step, *, now: datetime, at: float) -> bool:
    if step is Step.APPLY:
        is_recorded = now - heard.issued_at > OLDEST
        return is_recorded or heard.heard_at is None or at - heard.heard_at > FRESH_SECONDS
    return now - heard.issued_at > LONGEST_SILENCE


def _covers(consent: Consent, use: Use) -> bool:
    kernel = use.operation.partition(".")[0]
    return (
        consent.tenant_id in {None, use.tenant_id}
        and (consent.secret == use.secret or (consent.secret == OWN and use.is_own))
        and consent.operation in {use.operation, f"{kernel}.*", "*"}
        and consent.target in {None, use.target}
        and consent.target_class in {None, use.target_class}
    )


def _why(use: Use, fitting: list[Consent]) -> str:
    """Return what is missing and how to get it, in one line."""
    over = "any more" if fitting else ""
    what = f"secret {use.secret} has no consent {over}".rstrip()
    return (
        f"{what} for {use.operation} at {use.target}: another person than who asked grants it with"
        " `grace consent grant ID` (`grace consent list --status asked` shows the ID)"
    )
