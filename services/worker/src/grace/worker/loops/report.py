"""Tells htm what the attempts have to say, many in one message, until it or its stream holds it.

The same message claims for the hands that are free.
"""

import asyncio
from collections.abc import Iterator, Sequence

from grace.contracts.htm import (
    ClaimedTasks,
    ClaimTasks,
    ReportTasks,
    TaskReports,
    TaskUpdate,
    TaskUpdateStatus,
)
from grace.kit import GraceError, Runtime, end_tasks
from grace.worker.loops.bench import Bench
from grace.worker.loops.claim import Claim

# NATS takes 1 MiB, with an envelope around the reports.
_MOST_BYTES = 900_000
# Beside what is told of an attempt; and what a character of that takes at most, written as \u0000.
_FRAME, _WIDEST = 300, 6
_SHORT = 1000
_MOST_UPDATES = 500
# What is not out by then is done again by whoever gets the task next.
_LAST_SECONDS = 3.0
# A commit takes milliseconds; htm that takes longer is away, and the stream is not.
_ANSWER_SECONDS = 2.0
# As long as any claim is waited for: what htm hands out in an answer that is not heard lies idle.
_CLAIM_SECONDS = 5.0


class Reporter:
    """Runs beside until the service stops; then lets the attempts end and sends the rest."""

    def __init__(self, bench: Bench, claim: Claim, *, drain: float) -> None:
        """Report for this bench; `drain`: the seconds that attempts may take at a stop."""
        self._bench = bench
        self._claim = claim
        self._drain = drain
        self._closing = False

    async def run(self, runtime: Runtime) -> None:
        """Send until the service stops and everything in hand has ended and is reported."""
        sending = asyncio.create_task(self._send(runtime))
        stopping = asyncio.create_task(runtime.stopping.wait())
        try:
            await asyncio.wait([sending, stopping], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
            await self._bench.drain(self._drain)
            self._closing = True
            self._bench.reported.set()
            await asyncio.wait([sending], timeout=_LAST_SECONDS)
        finally:
            await end_tasks([sending, stopping])

    async def _send(self, runtime: Runtime) -> None:
        while not self._closing:
            await self._bench.reported.wait()
            # Whoever reports lets go of its hand right after: it is free for what comes next.
            await asyncio.sleep(0)
            for batch in batches(self._bench.take_reports()):
                await self._tell(runtime, batch)
                if any(each.status is not TaskUpdateStatus.started for each in batch):
                    runtime.crash_point("reported")

    async def _tell(self, runtime: Runtime, updates: tuple[TaskUpdate, ...]) -> None:
        """Ask htm, which answers after its commit, with what is next.

        What it did not answer its stream keeps for it.
        """

        async def ask(claim: ClaimTasks | None) -> ClaimedTasks:
            seconds = _ANSWER_SECONDS if claim is None else _CLAIM_SECONDS
            return await runtime.call(ReportTasks(updates=updates, claim=claim), timeout=seconds)

        try:
            await self._claim.along(runtime, ask)
        except GraceError as error:
            runtime.log.info("report.by_stream", error=error.detail)
            await runtime.report(TaskReports(updates=updates))
            runtime.wake(Claim)


def batches(updates: Sequence[TaskUpdate]) -> Iterator[tuple[TaskUpdate, ...]]:
    """Cut into messages that fit, in order, at least one update in each."""
    batch: list[TaskUpdate] = []
    size = 0
    for update in updates:
        length = _bytes_of(update)
        if batch and (size + length > _MOST_BYTES or len(batch) == _MOST_UPDATES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(update)
        size += length
    if batch:
        yield tuple(batch)


def _bytes_of(update: TaskUpdate) -> int:
    """What a report takes in a message; of a short one what it takes at most, which costs less to tell."""
    characters = len(update.result_json or "") + len(update.error_message or "")
    return _FRAME + _WIDEST * characters if characters < _SHORT else len(update.to_bytes())
