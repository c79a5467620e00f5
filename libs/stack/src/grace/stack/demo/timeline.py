"""A mission's timeline, printed as it grows."""

import asyncio
from datetime import datetime, timedelta

from grace.client import Grace
from grace.contracts.verification import TimelineEntry
from grace.stack.demo.report import Step
from grace.stack.demo.show import Show
from grace.stack.demo.watch import Sighting

_LOOK_EVERY = 0.15  # seconds
_MILLISECOND = timedelta(milliseconds=1)


class Timeline:
    """The steps of one mission, from the moment its error was detected."""

    def __init__(self, admin: Grace, show: Show, detected_at: datetime) -> None:
        """Know nothing yet but when the error was detected."""
        self._admin = admin
        self._show = show
        self._detected_at = detected_at
        self._steps: dict[str, Step] = {}

    def begin(self, sighting: Sighting) -> None:
        """The step before all others: somebody outside told of an error."""
        step = Step(0, "outside", "error.detected", sighting.message, None)
        self._steps[""] = step
        self._show.step(step)

    async def follow(self, mission_id: str) -> None:
        """Print each step soon after it happened, until cancelled."""
        while True:
            await self.catch_up(mission_id)
            await asyncio.sleep(_LOOK_EVERY)

    async def catch_up(self, mission_id: str) -> None:
        """Print the steps that are new."""
        for entry in await self._admin.timeline(mission_id):
            if entry.event_id not in self._steps:
                self._steps[entry.event_id] = step = self._step(entry)
                self._show.step(step)

    @property
    def steps(self) -> list[Step]:
        """All steps so far, in the order in which they happened."""
        return sorted(self._steps.values(), key=lambda step: step.ms)

    def _step(self, entry: TimelineEntry) -> Step:
        return Step(
            ms=round((entry.at - self._detected_at) / _MILLISECOND),
            service=entry.service,
            subject=entry.subject,
            summary=" ".join(entry.summary.split()),
            event_id=entry.event_id,
        )
