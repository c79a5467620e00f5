"""The gateway's periodic duty: what nobody can ask for any more is deleted."""

from grace.gateway.store import Store
from grace.kit import Runtime

_MOST = 1000


class Forget:
    """Deletes answers whose Idempotency-Key has expired."""

    async def tick(self, runtime: Runtime) -> bool:
        """Delete a batch; any replica may, and twice is harmless."""
        async with runtime.unit() as unit:
            return await Store(unit.tx).forget_answers(_MOST) == _MOST
