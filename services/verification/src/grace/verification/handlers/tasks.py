"""Tasks came to rest: whoever waits for them looks at once."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from grace.contracts.htm import FinishedTask, TasksFinished
from grace.kit import Received, Unit
from grace.verification.domain.task import attempts_in_words
from grace.verification.store import Benchmarks, Contracts
from grace.verification.store.takes import Takes
from grace.verification.store.timeline import Source, hear
from grace.verification.store.turns import Turns

# Lets approved contracts act in the transaction that approved them.
Begin: TypeAlias = Callable[[Unit, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wakes:
    """The loops that events wake."""

    advance: type
    baselines: type
    takes: type
    turns: Turns = field(default_factory=Turns)
    begin: Begin | None = None  # without it contracts that were approved are found by their rows

    def advance_after(self, unit: Unit) -> None:
        """Let contracts advance once the transaction has committed."""
        unit.after_commit(lambda: unit.runtime.wake(self.advance))

    def takes_after(self, unit: Unit) -> None:
        """Let takes advance once the transaction has committed."""
        unit.after_commit(lambda: unit.runtime.wake(self.takes))

    def baselines_after(self, unit: Unit) -> None:
        """Let baselines advance once the transaction has committed."""
        unit.after_commit(lambda: unit.runtime.wake(self.baselines))


async def on_tasks_finished(
    wakes: Wakes, messages: Sequence[Received[TasksFinished]], unit: Unit
) -> None:
    """Wake those who wait; what came of a task is asked of htm, not believed of a message.

    So contracts may look before this has committed. It waits for what is just being written of
    them itself: a task that ends at once must be known for theirs.
    """
    tasks = [task for message in messages for task in message.body.tasks]
    contract_ids = sorted({task.contract_id for task in tasks if task.contract_id})
    wakes.turns.name(contract_ids)
    unit.runtime.wake(wakes.advance)
    await wakes.turns.settled(contract_ids)
    own = await Contracts(unit.tx).own_tasks(contract_ids, [task.task_id for task in tasks])
    for message in messages:
        for mission_id, lines in _lines(message.body.tasks, own).items():
            await hear(unit, Source.message(message), mission_id, "; ".join(lines))
    await _nudge_others([task.task_id for task in tasks if task.task_id not in own], wakes, unit)


async def _nudge_others(task_ids: Sequence[str], wakes: Wakes, unit: Unit) -> None:
    """Wake those who wait for what is no step of a contract."""
    if not task_ids:
        return
    if await Benchmarks(unit.tx).nudge(task_ids):
        wakes.baselines_after(unit)
    if await Takes(unit.tx).nudge(task_ids):
        wakes.takes_after(unit)


def _lines(tasks: Sequence[FinishedTask], own: dict[str, tuple[str, str]]) -> dict[str, list[str]]:
    """Return what a message tells of each mission."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for task in tasks:
        if task.task_id in own:
            words = f"{task.type} {task.outcome} after {attempts_in_words(task.attempts)}"
            lines[own[task.task_id][0]].append(words)
    return lines
