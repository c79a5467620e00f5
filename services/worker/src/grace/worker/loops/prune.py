"""Forgets long results of looks that have served their time; states of actions stay with their receipts."""

from datetime import timedelta

from grace.kit import GraceError, Runtime
from grace.worker.loops.tools import Tools

_AT_ONCE = 1000


class Prune:
    """A result is put when its task ends, and again by every task that ends with the same."""

    def __init__(self, tools: Tools, keep: timedelta) -> None:
        """`keep`: longer than htm keeps tasks that refer to them."""
        self._results = tools.results
        self._keep = keep

    async def tick(self, runtime: Runtime) -> bool:
        """Forget some; True where more may be."""
        try:
            gone = await self._results.forget(unused_for=self._keep, most=_AT_ONCE)
        except GraceError as error:
            runtime.log.warning("blobs.not_pruned", error=error.detail)
            return False
        return gone == _AT_ONCE
