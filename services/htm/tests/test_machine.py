"""The store does what its model says, whatever happens: `make machine` is the long form.

With a guard taken out, one of few random lives must already go wrong, or the machine proves nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from grace.htm import store
from grace.htm.domain import reports as rules
from grace.kit.sql import Query

from .machine import Machine

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

# Without a word about it two hundred steps; `make machine` says how many lives of how many steps.
FEW, SHORT = 12, 20
EXAMPLES = int(os.environ.get("GRACE_EXAMPLES", FEW))
STEPS = int(os.environ.get("GRACE_STEPS", SHORT))


async def _live(crew: Crew, examples: int, steps: int, *, phases: Iterable[Phase]) -> int:
    """Let machines live in a thread of their own while the servers' loop goes on here."""
    bound = {"crew": crew, "loop": asyncio.get_running_loop(), "steps": Counter()}
    machine = type("Machine", (Machine,), bound)
    lives = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
        derandomize="GRACE_EXAMPLES" not in os.environ, phases=phases, print_blob=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=lives)
    return bound["steps"]["steps"]


async def test_the_store_and_its_model_say_the_same_whatever_happens(crew: Crew) -> None:
    taken = await _live(crew, EXAMPLES, STEPS, phases=(Phase.generate, Phase.shrink))
    print(f"{taken} steps, each as the model says")  # noqa: T201 - the figure that is reported
    assert taken > EXAMPLES


def _no_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report on an older attempt is taken for one on the newest."""
    true = rules.standing_of

    def standing_of(told: rules.Report, task: rules.Attempted | None) -> rules.Standing:
        if task and task.owner and told.attempt_number < task.history.attempt_number:
            told = told._replace(attempt_number=task.history.attempt_number, owner=task.owner)
        return true(told, task)

    monkeypatch.setattr(rules, "standing_of", standing_of)


def _no_expiry_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement ends whatever is late, held or not."""
    true, guard = store.tasks.QUERIES["expire_tasks"], "status IN ('waiting', 'queued', 'retrying')"
    assert guard in true.text
    text = true.text.replace(guard, "finished_at IS NULL").replace("SET", "SET lease_until = NULL,")
    monkeypatch.setitem(
        store.tasks.QUERIES._queries, "expire_tasks", Query(true.name, text, true.parameters)
    )


@pytest.mark.parametrize("sabotage", [_no_fence, _no_expiry_guard])
async def test_without_a_guard_the_machine_finds_a_counterexample(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, sabotage: Callable[[pytest.MonkeyPatch], None]
) -> None:
    sabotage(monkeypatch)
    await crew.house.rows("htm", "ALTER TABLE htm_tasks DISABLE TRIGGER USER")
    try:
        with pytest.raises(AssertionError):
            await _live(crew, 200, SHORT, phases=(Phase.generate,))
    finally:
        await crew.house.rows("htm", "ALTER TABLE htm_tasks ENABLE TRIGGER USER")


async def test_without_a_guard_the_triggers_refuse_the_move(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    _no_expiry_guard(monkeypatch)
    with pytest.raises(asyncpg.RestrictViolationError):
        await _live(crew, 200, SHORT, phases=(Phase.generate,))
