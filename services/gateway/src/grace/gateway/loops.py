"""The gateway's periodic duties: deletes what nobody can ask for any more, counts keys that end soon."""

from datetime import timedelta

from grace.gateway.metrics import ENDING_KEYS
from grace.gateway.store import Store
from grace.kit import Runtime

_MOST = 1000


class Forget:
    """Deletes answers whose Idempotency-Key has expired."""

    async def tick(self, runtime: Runtime) -> bool:
        """Delete a batch; any replica may, and twice is harmless."""
        async with runtime.unit() as unit:
            return await Store(unit.tx).forget_answers(_MOST) == _MOST


class CountEndingKeys:
    """Every replica counts; an alert takes the highest."""

    def __init__(self, within: timedelta) -> None:
        """`within`: how long before its end a key is one to renew."""
        self._within = within

    async def tick(self, runtime: Runtime) -> bool:
        """Count once."""
        async with runtime.reading() as tx:
            ENDING_KEYS.set(await Store(tx).count_ending_keys(self._within))
        return False
