"""Which kernels this worker runs: a list that is written down, nothing is discovered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from grace.worker.domain.failure import InvalidError, one_line
from grace.worker.kernels.command import COMMAND
from grace.worker.kernels.filesystem import FILESYSTEM
from grace.worker.kernels.memory import MEMORY
from grace.worker.kernels.operation import AnyOperation, Kernel, Params
from grace.worker.kernels.postgres import POSTGRES
from grace.worker.kernels.sqlite import SQLITE

KERNELS: tuple[Kernel, ...] = (POSTGRES, FILESYSTEM, COMMAND, MEMORY, SQLITE)


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation and the kernel it belongs to."""

    kernel: Kernel
    operation: AnyOperation


class Registry:
    """The operations of the chosen kernels by name."""

    def __init__(self, names: Iterable[str]) -> None:
        """Choose kernels by name; ValueError for a name that is none."""
        known = {kernel.name: kernel for kernel in KERNELS}
        unknown = sorted(set(names) - known.keys())
        if unknown:
            raise ValueError(f"unknown kernel {unknown[0]}; known are {', '.join(known)}")
        self.kernels: Mapping[str, Kernel] = {name: known[name] for name in sorted(set(names))}
        self._entries = {
            operation.name: Entry(kernel, operation)
            for kernel in self.kernels.values()
            for operation in kernel.operations
        }

    def find(self, operation: str) -> Entry | None:
        """Return the operation of that name, or None."""
        return self._entries.get(operation)


def parse_params(operation: AnyOperation, text: str) -> Params:
    """Return the parameters. InvalidError names the field and never repeats the value."""
    try:
        params: Params = operation.params.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in problem["loc"]) or "params"
        reason = problem["msg"].removeprefix("Value error, ")
        raise InvalidError(one_line(f"{field[:200]}: {reason}")) from None
    return params
