"""Others look: tasks as they stand."""

from grace.contracts.htm import GetTasks, Tasks
from grace.contracts.message import ContractError
from grace.htm import store
from grace.htm.domain.routing import task_id_of
from grace.kit import Called, Runtime, TooLarge


class ResultsTooLarge(TooLarge):
    """The results of these tasks do not fit one answer; ask for fewer at a time."""


async def on_get_tasks(call: Called[GetTasks], runtime: Runtime) -> Tasks:
    """Answer with the tasks that exist, their attempts and their results."""
    asked = {task_id for text in call.body.task_ids if (task_id := task_id_of(text)) is not None}
    async with runtime.reading() as tx:
        tasks = Tasks(tasks=tuple(await store.Tasks(tx).find_tasks(asked)))
    try:
        tasks.to_bytes()
    except ContractError:
        raise ResultsTooLarge from None
    return tasks
