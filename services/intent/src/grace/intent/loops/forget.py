"""Forgets what can count no more."""

from grace.intent.store import Windows
from grace.kit import Runtime


class Forget:
    """Errors that were too few for a mission are remembered only as long as they may count."""

    async def tick(self, runtime: Runtime) -> bool:
        """Delete what has expired."""
        async with runtime.unit() as unit:
            forgotten = await Windows(unit.tx).forget()
        if forgotten:
            runtime.log.info("windows.forgotten", windows=forgotten)
        return False
