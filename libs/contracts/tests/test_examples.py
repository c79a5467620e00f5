"""Golden examples survive every way that a message can travel."""

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message as Protobuf

from grace.contracts.governance import ApprovalGranted, CapabilityBody
from grace.contracts.htm import TaskUpdate
from grace.contracts.intent import ActionPlanned, Plan
from grace.contracts.message import Message
from grace.contracts.registry import model_of
from grace.contracts.verification import Contract, ContractDrafted

Golden = tuple[str, Any]
M = TypeVar("M", bound=Message)


class LoadExample(Protocol):
    def __call__(self, model: type[M]) -> M: ...


def test_an_example_is_the_same_after_a_round_trip(golden: Golden) -> None:
    schema, document = golden
    message = model_of(schema).from_untrusted_bytes(json.dumps(document).encode())
    assert model_of(schema).from_bytes(message.to_bytes()) == message


def test_an_example_is_written_to_the_letter(golden: Golden) -> None:
    schema, document = golden
    message = model_of(schema).from_bytes(json.dumps(document).encode())
    assert json.loads(message.to_bytes()) == document


def test_protobuf_reads_and_writes_the_same_message(
    golden: Golden, protobuf_class: Callable[[str], type[Protobuf]]
) -> None:
    schema, document = golden
    message = model_of(schema).from_bytes(json.dumps(document).encode())
    parsed = json_format.Parse(message.to_bytes(), protobuf_class(schema)())
    written = json_format.MessageToJson(
        parsed, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    assert model_of(schema).from_bytes(written.encode()) == message


def test_the_bytes_inside_messages_are_messages(load_example: LoadExample) -> None:
    planned = load_example(ActionPlanned)
    assert Plan.from_bytes(planned.plan).mission_id == planned.mission_id
    drafted = load_example(ContractDrafted)
    assert Contract.from_bytes(drafted.contracts[0].contract).plan_hash == planned.plan_hash
    grant = load_example(ApprovalGranted).grants[0]
    assert CapabilityBody.from_bytes(grant.apply.body).step == "apply"


def test_nothing_that_is_none_is_written_except_inside_a_struct(load_example: LoadExample) -> None:
    update = load_example(TaskUpdate)
    written = json.loads(update.model_copy(update={"error_message": None}).to_bytes())
    assert "error_message" not in written
    assert written["result"]["note"] is None


def test_base64_on_the_wire_is_standard_and_padded(load_example: LoadExample) -> None:
    grant = json.loads(load_example(ApprovalGranted).to_bytes())["grants"][0]
    assert len(b64decode(grant["apply"]["signature"], validate=True)) == 64
