"""Forgets long results of looks that have served their time, and long states that no receipt refers to."""

from datetime import timedelta

from grace.kit import GraceError, Runtime
from grace.worker.loops.tools import Tools
from grace.worker.store import PutStates

_AT_ONCE = 1000
_STATES_AT_ONCE = 100  # each is compared with what its receipt holds


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


class PruneStates:
    """A worker that dies between a state and its receipt leaves what nobody will ask for."""

    def __init__(self, tools: Tools, keep: timedelta) -> None:
        """`keep`: longer than any attempt may take from putting a state to its receipt."""
        self._states = tools.states
        self._keep = keep

    async def tick(self, runtime: Runtime) -> bool:
        """Settle some; True where more may be."""
        async with runtime.reading() as tx:
            settled = await PutStates(tx).settled(
                runtime.keys.safe, keep=self._keep, most=_STATES_AT_ONCE
            )
        try:
            for each in settled:
                if not each.in_use:
                    await self._states.remove(each.blob)
        except GraceError as error:
            runtime.log.warning("blobs.not_pruned", error=error.detail)
            return False
        async with runtime.unit() as unit:
            await PutStates(unit.tx).forget([each.blob for each in settled])
        return len(settled) == _STATES_AT_ONCE
