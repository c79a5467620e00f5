"""The wire contracts: generated code is current, every subject is complete, promises are kept."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet

from grace.contracts.registry import SCHEMAS, model_of
from grace.contracts.subjects import SERVICES, SUBJECTS

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "proto"))

from generator.descriptors import compile_protos, read_messages  # noqa: E402
from generator.stability import broken_promises  # noqa: E402

PACKAGE = Path("libs/contracts/src/grace/contracts")
BASELINE = ROOT / "tests/upgrade/contracts.binpb"


@pytest.fixture(scope="module")
def today() -> FileDescriptorSet:
    return compile_protos(ROOT / "proto")


def files_below(root: Path) -> dict[str, bytes]:
    places = [root / PACKAGE, root / "deploy/nats", root / "docs"]
    kinds = ("*.py", "schemas/*.json", "asyncapi.json", "permissions.json", "subjects.md")
    found = (path for place in places for kind in kinds for path in place.glob(kind))
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def test_the_generated_files_are_current(tmp_path: Path) -> None:
    program = [sys.executable, str(ROOT / "proto/generate.py"), "--out", str(tmp_path)]
    subprocess.run(program, check=True)
    fresh, stored = files_below(tmp_path), files_below(ROOT)
    stale = sorted(name for name in fresh | stored if fresh.get(name) != stored.get(name))
    assert stale == [], "run `python proto/generate.py` and commit the result"


def test_every_subject_has_one_owner(today: FileDescriptorSet) -> None:
    owners = defaultdict(set)
    for message in read_messages(today):
        if message.subject:
            owners[message.subject].add(message.service)
    assert {subject: names for subject, names in owners.items() if len(names) > 1} == {}
    assert {subject.owner for subject in SUBJECTS.values()} <= {*SERVICES, "{service}"}


@pytest.mark.parametrize("schema", [s for s in sorted(SCHEMAS) if model_of(s).SUBJECT])
def test_every_message_with_a_subject_has_a_valid_example(schema: str) -> None:
    _, service, _, name = schema.split(".")
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_")
    path = ROOT / f"proto/grace/{service}/v1/examples/{snake}.json"
    model_of(schema).from_untrusted_bytes(path.read_bytes())


def test_every_example_belongs_to_a_message() -> None:
    examples = list((ROOT / "proto/grace").glob("*/v1/examples/*"))
    assert len(examples) == sum(bool(model_of(schema).SUBJECT) for schema in SCHEMAS)


def test_nothing_but_additions_since_the_last_release(today: FileDescriptorSet) -> None:
    before = FileDescriptorSet.FromString(BASELINE.read_bytes())
    assert broken_promises(before, today) == []


def message_of(descriptors: FileDescriptorSet, name: str) -> DescriptorProto:
    return next(m for file in descriptors.file for m in file.message_type if m.name == name)


def field_of(descriptors: FileDescriptorSet, name: str) -> FieldDescriptorProto:
    return next(f for f in message_of(descriptors, "TaskUpdate").field if f.name == name)


def rename(descriptors: FileDescriptorSet) -> None:
    field_of(descriptors, "worker_id").name = "worker"


def renumber(descriptors: FileDescriptorSet) -> None:
    field_of(descriptors, "at").number = 99


def retype(descriptors: FileDescriptorSet) -> None:
    field_of(descriptors, "attempt_number").type = FieldDescriptorProto.TYPE_INT32


def require(descriptors: FileDescriptorSet) -> None:
    field = field_of(descriptors, "progress")
    field.ClearField("proto3_optional")
    field.ClearField("oneof_index")
    del message_of(descriptors, "TaskUpdate").oneof_decl[-1]


def add_required(descriptors: FileDescriptorSet) -> None:
    message_of(descriptors, "TaskUpdate").field.add(name="new", number=98, type=8, label=1)


def lose_message(descriptors: FileDescriptorSet) -> None:
    for file in descriptors.file:
        if file.package == "grace.learning.v1":
            del file.message_type[0]


def lose_enum_value(descriptors: FileDescriptorSet) -> None:
    del message_of(descriptors, "TaskUpdate").enum_type[0].value[-1]


def move_subject(descriptors: FileDescriptorSet) -> None:
    message_of(descriptors, "TaskUpdate").options.CopyFrom(
        message_of(descriptors, "TasksFinished").options
    )


def tighten(descriptors: FileDescriptorSet) -> None:
    field_of(descriptors, "error_message").options.CopyFrom(
        field_of(descriptors, "task_id").options
    )


@pytest.mark.parametrize(
    "change",
    [
        rename, renumber, retype, require, add_required, lose_message, lose_enum_value,
        move_subject, tighten,
    ],
)  # fmt: skip
def test_a_change_that_breaks_others_is_seen(
    change: Callable[[FileDescriptorSet], None], today: FileDescriptorSet
) -> None:
    changed = FileDescriptorSet()
    changed.CopyFrom(today)
    change(changed)
    assert broken_promises(today, changed) != []


def test_an_addition_is_no_broken_promise(today: FileDescriptorSet) -> None:
    older = FileDescriptorSet()
    older.CopyFrom(today)
    message = message_of(older, "TaskUpdate")
    message.field.remove(field_of(older, "progress"))
    del message.oneof_decl[-1]
    del message.enum_type[0].value[-1]
    assert broken_promises(older, today) == []
