"""What the tests of the contracts share: the golden examples and the classes of protobuf itself."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message as Protobuf

from grace.contracts.message import Message
from grace.contracts.registry import SCHEMAS

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "proto"))

M = TypeVar("M", bound=Message)


class LoadExample(Protocol):
    """A function from a model to its golden example."""

    def __call__(self, model: type[M]) -> M: ...


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `example` once for every golden example."""
    if "example" in metafunc.fixturenames:
        paths = sorted((ROOT / "proto/grace").glob("*/v1/examples/*.json"))
        metafunc.parametrize("example", paths, ids=lambda path: f"{path.parts[-4]}.{path.stem}")


@pytest.fixture
def golden(example: Path) -> tuple[str, Any]:
    """The schema and the content of one golden example."""
    service, camel = example.parts[-4], example.stem.replace("_", "")
    for schema in SCHEMAS:
        if schema.lower() == f"grace.{service}.v1.{camel}":
            return schema, json.loads(example.read_text())
    raise LookupError(example)


@pytest.fixture(scope="session")
def protobuf_pool() -> descriptor_pool.DescriptorPool:
    """The descriptors of proto/ as it is now."""
    from generator.descriptors import compile_protos  # noqa: PLC0415

    pool = descriptor_pool.DescriptorPool()
    for file in compile_protos(ROOT / "proto").file:
        pool.Add(file)
    return pool


@pytest.fixture
def protobuf_class(
    protobuf_pool: descriptor_pool.DescriptorPool,
) -> Callable[[str], type[Protobuf]]:
    """A function from a schema to protobuf's own class."""
    return lambda schema: message_factory.GetMessageClass(
        protobuf_pool.FindMessageTypeByName(schema)
    )


@pytest.fixture
def load_example() -> LoadExample:
    """A function from a model to its golden example."""

    def load(model: type[M]) -> M:
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in model.__name__).strip("_")
        service = model.SCHEMA.split(".")[1]
        path = ROOT / f"proto/grace/{service}/v1/examples/{name}.json"
        return model.from_bytes(path.read_bytes())

    return load
