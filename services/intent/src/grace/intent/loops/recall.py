"""Asks verification again for ends that did not come."""

from collections.abc import Awaitable, Callable, Sequence

from grace.contracts.verification import GetMission
from grace.contracts.verification import Mission as Answer
from grace.intent.settings import Settings
from grace.intent.store import (
    Closed,
    Ended,
    Missions,
    Reopenings,
    blocked_of,
    captured_of,
    planned_of,
)
from grace.kit import GraceError, NotFound, Runtime, Unit

Close = Callable[[Sequence[Ended], Unit], Awaitable[Sequence[Closed]]]


class Recall:
    """No message is needed for a mission to end; it only ends sooner with one."""

    def __init__(self, settings: Settings, close: Close) -> None:
        """Ask as often as the settings say; `close` is what handles an end that was told."""
        self._settings = settings
        self._close = close

    async def tick(self, runtime: Runtime) -> bool:
        """Ask about the missions whose end is overdue; True when there may be more."""
        settings = self._settings
        async with runtime.unit() as unit:
            due = await Missions(unit.tx).claim_recalls(
                most=settings.recall_batch,
                recall_after=settings.recall_after,
                recall_at_most=settings.recall_at_most,
            )
        for tenant_id, mission_id in due:
            try:
                await self._ask(runtime, tenant_id, mission_id)
            except GraceError as failure:
                runtime.log.info("recall.waits", mission_id=mission_id, error=failure.detail)
        return len(due) == settings.recall_batch

    async def _ask(self, runtime: Runtime, tenant_id: str, mission_id: str) -> None:
        request = GetMission(tenant_id=tenant_id, mission_id=mission_id)
        try:
            answer = await runtime.call(request, correlation_id=mission_id)
        except NotFound:
            await _retell(runtime, mission_id)
            return
        if (end := _ended(answer)) is not None:
            async with runtime.unit(correlation_id=mission_id) as unit:
                closed = await self._close([end], unit)
                if answer.reopened_at is not None:
                    await Reopenings(unit.tx).note({mission_id: answer.reopened_at})
            runtime.log.info("recall.answered", mission_id=mission_id, closed=bool(closed))


async def _retell(runtime: Runtime, mission_id: str) -> None:
    """Verification never heard of it, so it cannot end there: say again what was decided."""
    async with runtime.unit(correlation_id=mission_id) as unit:
        mission = await Missions(unit.tx).find(mission_id)
        if mission is not None:
            for told in (captured_of(mission), planned_of(mission), blocked_of(mission)):
                if told is not None:
                    unit.publish(told, tenant=mission.tenant_id)
    runtime.log.warning("recall.retold", mission_id=mission_id)


def _ended(answer: Answer) -> Ended | None:
    if answer.closed_at is None:
        return None
    return Ended(answer.mission_id, answer.status, answer.closed_at, answer.reason)
