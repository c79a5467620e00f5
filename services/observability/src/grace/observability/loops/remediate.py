"""Turns failed runs into intents, and learns what became of them."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from grace.contracts.intent import GetIntent, IntentSubmit, IntentSubmitPriority
from grace.contracts.worker import ListTargets
from grace.kit import GraceError, NotFound, Runtime, Unit
from grace.observability import metrics
from grace.observability.domain.remediation import (
    Limits,
    Outcome,
    Progress,
    Remediation,
    Skip,
    State,
    may_submit,
    on_progress,
)
from grace.observability.domain.remediation import Submit as Chosen
from grace.observability.settings import Settings
from grace.observability.store import Remediations

_AT_ONCE = 32
_MILLISECONDS = 1000


class Submit:
    """Submits an intent for each failed run that somebody could act on, once a run."""

    def __init__(self, settings: Settings) -> None:
        """Wait no longer than the settings say."""
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Take what is due in hand, ask the workers outside the transaction, then write it down."""
        async with runtime.reading() as tx:
            due = await Remediations(tx).claim(State.DUE, most=_AT_ONCE)
        if not due:
            return False
        targets = await _registered_targets(runtime)
        async with runtime.unit() as unit:
            decided = await self._settle(unit, due, targets)
        return decided == _AT_ONCE

    async def _settle(
        self, unit: Unit, due: Sequence[Remediation], targets: frozenset[str] | None
    ) -> int:
        """Submit or skip; tell how many were decided."""
        now, limits = await unit.now(), _limits(self._settings)
        choices = [(each, may_submit(each, targets, now=now, limits=limits)) for each in due]
        skipped = [(each, choice.reason) for each, choice in choices if isinstance(choice, Skip)]
        chosen = [each for each, choice in choices if isinstance(choice, Chosen)]
        store = Remediations(unit.tx)
        if skipped:
            await store.skip(skipped)
        submitted = await store.submit(chosen) if chosen else []
        for each in submitted:
            # Its own id ties the intent to the run in logs and traces.
            intent = _intent(each, self._settings)
            unit.publish(intent, tenant=each.tenant, correlation_id=each.remediation_id)
        counts = Counter[str]({State.SKIPPED: len(skipped), State.OPEN: len(submitted)})
        unit.after_commit(lambda: metrics.count_remediations(counts))
        return len(skipped) + len(submitted)


class Follow:
    """Asks intent what became of what was submitted: an end may have been told while nobody heard."""

    def __init__(self, settings: Settings) -> None:
        """Give up on what intent does not know after the settings' patience."""
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Ask about some, those asked about longest ago first."""
        async with runtime.reading() as tx:
            opened = await Remediations(tx).claim(State.OPEN, most=_AT_ONCE)
        if not opened:
            return False
        answers = await asyncio.gather(*(_progress(runtime, each) for each in opened))
        pairs = list(zip(opened, answers, strict=True))
        async with runtime.unit() as unit:
            await self._settle(unit, pairs)
        return False

    async def _settle(
        self, unit: Unit, pairs: Sequence[tuple[Remediation, Progress | GraceError | None]]
    ) -> None:
        store, now, limits = Remediations(unit.tx), await unit.now(), _limits(self._settings)
        known = [(each, answer.mission_id) for each, answer in pairs
                 if isinstance(answer, Progress) and answer.mission_id != each.mission_id]  # fmt: skip
        ended: list[tuple[Remediation, Outcome]] = []
        for each, answer in pairs:
            if isinstance(answer, GraceError):
                continue  # silence is no news
            outcome = on_progress(each, answer, now=now, limits=limits)
            if outcome is not None:
                ended.append((each, outcome))
        if known:
            await store.assign(known)
        if ended:
            counts = await store.close(ended)
            unit.after_commit(lambda: metrics.count_remediations(counts))


async def _registered_targets(runtime: Runtime) -> frozenset[str] | None:
    """Return the targets that a worker knows; None while none answers."""
    try:
        answer = await runtime.call(ListTargets())
    except GraceError as error:
        runtime.log.warning("remediation.waits", reason=error.detail)
        return None
    return frozenset(target.target for target in answer.targets)


async def _progress(runtime: Runtime, each: Remediation) -> Progress | GraceError | None:
    """Return how the intent stands; None where intent does not know it."""
    request = GetIntent(tenant_id=each.tenant, intent_id=each.remediation_id)
    try:
        intent = await runtime.call(request)
    except NotFound:
        return None
    except GraceError as error:
        return error
    return Progress(
        mission_id=intent.mission_id,
        status=intent.status,
        ended=intent.closed_at is not None,
        reason=intent.reason,
        reopened=intent.reopened_at is not None,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(window=settings.remediation_window, patience=settings.remediation_patience)


def _intent(each: Remediation, settings: Settings) -> IntentSubmit:
    return IntentSubmit(
        intent_id=each.remediation_id,
        goal=f"Stress run {each.run_id} of {each.suite} failed with {each.kind} on {each.target}.",
        domain=each.kind.split(".", maxsplit=1)[0] or each.kind,
        sla_ms=max(1, int(settings.remediation_sla.total_seconds() * _MILLISECONDS)),
        priority=IntentSubmitPriority.high,
        kind=each.kind,
        target=each.target,
        details={"run_id": each.run_id, "suite": each.suite},
    )
