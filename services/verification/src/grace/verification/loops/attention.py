"""Counts what needs a person: nothing else tells of it, and its targets are held until somebody comes."""

from grace.kit import Runtime
from grace.verification.metrics import show_attention
from grace.verification.store import Missions


class CountAttention:
    """Every replica counts; an alert takes the highest."""

    async def tick(self, runtime: Runtime) -> bool:
        """Count once."""
        async with runtime.reading() as tx:
            missions = await Missions(tx).attention()
        show_attention(missions)
        return False
