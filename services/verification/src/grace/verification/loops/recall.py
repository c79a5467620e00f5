"""Asks the owners again for what did not come: plans from intent, decisions from governance."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grace.contracts.governance import RecallDecision, RecalledDecision
from grace.contracts.intent import RecalledMission, RecallMission
from grace.kit import GraceError, Runtime, Unit
from grace.verification.domain.lifecycle import MissionStatus
from grace.verification.settings import Settings
from grace.verification.store import Missions
from grace.verification.store import Recall as Due


@dataclass(frozen=True, slots=True)
class Retellers:
    """What handles the answers: the very functions that handle the messages."""

    mission: Callable[[Settings, RecalledMission, str, Unit], Awaitable[Sequence[Any]]]
    decision: Callable[[RecalledDecision, str, Unit], Awaitable[Sequence[Any]]]


class Recall:
    """No message is needed for a mission to go on; it only goes on sooner with one."""

    def __init__(self, settings: Settings, retellers: Retellers, *, advance: type) -> None:
        self._settings = settings
        self._retellers = retellers
        self._advance = advance

    async def tick(self, runtime: Runtime) -> bool:
        """Ask about the missions that have waited for too long; True when there may be more."""
        most = self._settings.advance_most
        async with runtime.reading() as tx:
            due = await Missions(tx).claim_recalls(
                most=most,
                recall_after=self._settings.recall_after,
                recall_at_most=self._settings.recall_at_most,
            )
        for mission in due:
            await self._ask(runtime, mission)
        return len(due) == most

    async def _ask(self, runtime: Runtime, mission: Due) -> None:
        try:
            done = await self._retell(runtime, mission)
        except GraceError as error:
            runtime.log.info("recall.waits", mission_id=mission.mission_id, error=error.detail)
            return
        runtime.log.info(
            "recall.answered", mission_id=mission.mission_id, outcomes=[str(each) for each in done]
        )

    async def _retell(self, runtime: Runtime, mission: Due) -> Sequence[Any]:
        correlation = mission.correlation_id
        if mission.status is MissionStatus.OPEN:
            told = await runtime.call(
                RecallMission(mission_id=mission.mission_id), correlation_id=correlation
            )
            async with runtime.unit(correlation_id=correlation) as unit:
                return await self._retellers.mission(self._settings, told, mission.mission_id, unit)
        decided = await runtime.call(
            RecallDecision(mission_id=mission.mission_id), correlation_id=correlation
        )
        async with runtime.unit(correlation_id=correlation) as unit:
            unit.after_commit(lambda: runtime.wake(self._advance))
            return await self._retellers.decision(decided, mission.mission_id, unit)
