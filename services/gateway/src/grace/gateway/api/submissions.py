"""Tasks of many callers on their way to htm: one request and one commit carry all that wait."""

from collections.abc import Sequence
from itertools import islice

from grace.contracts.htm import SubmitTasks, SubmittedTask, TaskSpec
from grace.gateway.settings import Settings
from grace.kit import Gathering, GraceError, Kind, Runtime

Specs = tuple[TaskSpec, ...]
Taken = tuple[SubmittedTask, ...]

# A message has a megabyte, and a request a thousand tasks.
_MOST_WEIGHT = 1000
_WEIGHT_OF_BYTES = 600
# What is nobody's doing: to ask for each alone would only ask more often.
_OUTSIDE = frozenset({Kind.UNAVAILABLE, Kind.TIMEOUT})

Submissions = Gathering[Specs, Taken]


def submissions(runtime: Runtime, settings: Settings) -> Submissions:
    """What gathers the submissions of one gateway."""
    timeout = settings.rpc_timeout.total_seconds()

    async def submit(asked: Sequence[Specs]) -> Sequence[Taken | Exception]:
        request = SubmitTasks(tasks=tuple(spec for specs in asked for spec in specs))
        try:
            answer = await runtime.call(request, timeout=timeout)
        except GraceError as error:
            if len(asked) == 1 or error.kind in _OUTSIDE:
                return [error] * len(asked)
            # One of them may not enter, and htm takes all of a request or none.
            return [taken for each in asked for taken in await submit([each])]
        taken = iter(answer.tasks)
        return [tuple(islice(taken, len(specs))) for specs in asked]

    return Gathering(runtime, submit, most=_MOST_WEIGHT, weight=_weight)


def _weight(specs: Specs) -> int:
    return sum(1 + _size(spec) // _WEIGHT_OF_BYTES for spec in specs)


def _size(spec: TaskSpec) -> int:
    """About as many bytes as it takes beyond an ordinary one."""
    return sum(len(text) for text in (spec.params, spec.before, spec.after) if text)
