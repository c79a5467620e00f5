"""What is a secret among parameters is said twice, by the worker's models and for all others."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from grace.contracts.secrets import EACH, OPERATIONS
from grace.worker.kernels.references import SecretRef
from grace.worker.kernels.registry import KERNELS

Shape = Any


def places(shape: Shape, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a model takes secrets."""
    if shape is SecretRef:
        yield at
    elif isinstance(shape, type) and issubclass(shape, BaseModel):
        for name, field in shape.model_fields.items():
            yield from places(field.annotation, (*at, name))
    else:
        inner = get_args(shape)
        is_table = getattr(shape, "__origin__", None) is not None and len(inner) == 2
        deeper = (*at, EACH) if is_table and SecretRef in inner else at
        for each in inner:
            yield from places(each, deeper)


def test_every_operation_that_takes_secrets_is_known_to_all_who_store_parameters() -> None:
    found = {
        operation.name: (set(operation.params.model_fields), set(places(operation.params)))
        for kernel in KERNELS
        for operation in kernel.operations
        if any(places(operation.params))
    }
    assert found
    assert found == {
        name: (set(fields.names), set(fields.secrets)) for name, fields in OPERATIONS.items()
    }
