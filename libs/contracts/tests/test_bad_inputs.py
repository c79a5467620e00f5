"""What a message refuses, and how it says so."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from grace.contracts.htm import TaskReports, TaskUpdate, TaskUpdateStatus
from grace.contracts.identity import AppendedRows, IssueKey, ListEntries
from grace.contracts.intent import Expectation
from grace.contracts.message import MAX_BYTES, ContractError, Message
from grace.contracts.registry import SCHEMAS, model_of

UPDATE = {
    "task_id": "task-1",
    "status": "completed",
    "worker_id": "worker-1",
    "attempt_number": 1,
    "at": "2026-11-20T10:00:00Z",
}
EXPECTATION = {"field": "load", "comparison": "at_most", "value": 1.5}
KEY = {"component": "htm", "ephemeral_public_key": "QQ=="}


def nested(depth: int) -> dict[str, Any]:
    return {"a": nested(depth - 1)} if depth else {}


Case = tuple[type[Message], dict[str, Any], str, Any]

NOT_NUMBERS: list[object] = [float("nan"), float("inf"), "1", True]
TABLE: list[tuple[type[Message], dict[str, Any], str, list[object]]] = [
    (TaskUpdate, UPDATE, "attempt_number", [True, "1", 1.0, 0, -1, 2**32, None, []]),
    (TaskUpdate, UPDATE, "task_id", ["", "a b", "a\n", "ä", "a" * 129, "a/b", 7]),
    (TaskUpdate, UPDATE, "status", [2, None, True, ["completed"]]),
    (TaskUpdate, UPDATE, "retryable", [0, "true"]),
    (TaskUpdate, UPDATE, "error_message", ["a\x00", "a" * 4097, 1]),
    (TaskUpdate, UPDATE, "result", [[1], "{}", {"a": 2**60}, {"\x00": 1}, {"a": ["b\x00"]}]),
    (TaskUpdate, UPDATE, "result", [{"a": float("nan")}, {"a": float("inf")}, nested(64)]),
    (TaskUpdate, UPDATE, "at", ["2026-11-20T10:00:00", "2026-11-20 10:00:00Z", "2026-11-20"]),
    (TaskUpdate, UPDATE, "at", [1763632800, "1763632800", "", "2026-13-20T10:00:00Z"]),
    (TaskUpdate, UPDATE, "at", ["0001-01-01T00:00:00+01:00", "2026-11-20T10:00:00z"]),
    (TaskUpdate, UPDATE, "at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]),
    (Expectation, EXPECTATION, "value", NOT_NUMBERS),
    (AppendedRows, {}, "contiguous_to", [2**63, "9223372036854775808", 1.0, "1 "]),
    (AppendedRows, {}, "contiguous_to", [True, "", "0x1", "1e3", None]),
    (IssueKey, KEY, "ephemeral_public_key", ["QQ", "Q_-=", "QQ==\n", "é", 1]),
    (ListEntries, {"start": 0}, "limit", [0, -1]),
    (TaskReports, {}, "updates", [[UPDATE] * 1001]),
]
BAD: list[Case] = [
    (model, good, field, value) for model, good, field, values in TABLE for value in values
]


@pytest.mark.parametrize(("model", "good", "field", "value"), BAD)
def test_a_bad_field_is_refused_and_named(
    model: type[Message], good: dict[str, Any], field: str, value: object
) -> None:
    data = json.dumps(good | {field: value}).encode()
    for read in (model.from_bytes, model.from_untrusted_bytes):
        with pytest.raises(ContractError, match=r"^grace\.\w+\.v1\.\w+: ") as caught:
            read(data)
        assert len(str(caught.value)) <= 400
    with pytest.raises(ContractError, match=rf": {field}: | NaN "):
        model.from_untrusted_bytes(data)


GOOD: list[Case] = [
    (TaskUpdate, UPDATE, "task_id", "a" * 128),
    (TaskUpdate, UPDATE, "attempt_number", 2**32 - 1),
    (TaskUpdate, UPDATE, "error_message", "ä" * 4096),
    (TaskUpdate, UPDATE, "result", nested(63)),
    (TaskUpdate, UPDATE, "at", "2026-11-20T12:00:00.123456789+02:00"),
    (TaskUpdate, UPDATE, "at", "0001-01-01T00:00:00.000001Z"),
    (TaskUpdate, UPDATE, "at", "9999-12-31T23:59:59.999998Z"),
    (Expectation, EXPECTATION, "value", 1),
    (AppendedRows, {}, "contiguous_to", 2**63 - 1),
    (AppendedRows, {}, "contiguous_to", str(-(2**63))),
    (IssueKey, KEY, "ephemeral_public_key", ""),
    (TaskReports, {}, "updates", [UPDATE] * 1000),
    (TaskUpdate, UPDATE, "a_field_from_the_future", {"a": 1}),
]


@pytest.mark.parametrize(("model", "good", "field", "value"), GOOD)
def test_the_limit_itself_is_accepted(
    model: type[Message], good: dict[str, Any], field: str, value: object
) -> None:
    message = model.from_untrusted_bytes(json.dumps(good | {field: value}).encode())
    assert model.from_bytes(message.to_bytes()) == message


BROKEN = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe",
    b"{",
    b"[" * 100_000,
    b'{"x":' * 100_000,
    b"\xef\xbb\xbf{}",
    json.dumps(KEY).encode() + b"x",
    json.dumps(KEY).encode("utf-16"),
    b'{"component":"htm","ephemeral_public_key":"\\ud800"}',
    b" " * (MAX_BYTES + 1),
]


@pytest.mark.parametrize("data", BROKEN, ids=lambda data: repr(data[:16]))
def test_what_is_not_a_json_object_is_refused(data: bytes) -> None:
    for read in (IssueKey.from_bytes, IssueKey.from_untrusted_bytes):
        with pytest.raises(ContractError):
            read(data)


@pytest.mark.parametrize("field", sorted(UPDATE))
def test_a_field_without_presence_is_required(field: str) -> None:
    rest = {name: value for name, value in UPDATE.items() if name != field}
    with pytest.raises(ContractError, match=f"{field}: Field required"):
        TaskUpdate.from_bytes(json.dumps(rest).encode())


@pytest.mark.parametrize(
    "data",
    [
        b'{"component":"htm","component":"htm","ephemeral_public_key":""}',
        b'{"component":"htm","ephemeral_public_key":"","x":{"y":[{"z":1,"z":1}]}}',
        b'{"component":"htm","ephemeral_public_key":"","x":NaN}',
        b'{"component":"htm","ephemeral_public_key":"","x":[-Infinity]}',
    ],
)
def test_untrusted_bytes_with_two_readings_are_refused(data: bytes) -> None:
    with pytest.raises(ContractError, match="twice|NaN"):
        IssueKey.from_untrusted_bytes(data)


def test_an_error_never_repeats_the_input() -> None:
    secret = "hunter2-hunter2"
    for field in UPDATE:
        data = json.dumps(UPDATE | {field: {secret: secret}, secret: 1, "result": {secret: 2**60}})
        with pytest.raises(ContractError) as caught:
            TaskUpdate.from_bytes(data.encode())
        assert secret not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_status_from_the_future_reads_as_unspecified() -> None:
    message = TaskUpdate.from_bytes(json.dumps(UPDATE | {"status": "paused"}).encode())
    assert message.status is TaskUpdateStatus.unspecified


def test_a_time_is_kept_in_utc_and_written_with_microseconds() -> None:
    late = {"at": "2026-11-20T12:00:00+02:00"}
    message = TaskUpdate.from_bytes(json.dumps(UPDATE | late).encode())
    assert message.at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert b'"at":"2026-11-20T10:00:00.000000Z"' in message.to_bytes()


def test_64_bits_are_written_as_text() -> None:
    assert (
        AppendedRows(contiguous_to=2**53 + 1).to_bytes() == b'{"contiguous_to":"9007199254740993"}'
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"at": datetime(2026, 11, 20, 10)},  # noqa: DTZ001
        {"error_message": "\ud800"},
        {"result": {"a": "\ud800"}},
        {"result": {1: 2}},
        {"result": {"a": {1, 2}}},
        {"attempt_number": True},
    ],
)
def test_a_bad_message_cannot_be_made_in_python_either(bad: dict[str, Any]) -> None:
    good = TaskUpdate.from_bytes(json.dumps(UPDATE).encode())
    with pytest.raises(ValidationError):
        TaskUpdate.model_validate(dict(good) | bad)


def test_a_message_does_not_change() -> None:
    message = AppendedRows(contiguous_to=1)
    with pytest.raises(ValidationError, match="frozen"):
        message.contiguous_to = 2


def test_more_than_the_bus_carries_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ContractError, match="more than"):
        IssueKey(component="htm", ephemeral_public_key=bytes(MAX_BYTES)).to_bytes()


def test_a_model_is_imported_when_it_is_asked_for() -> None:
    program = (
        "import sys; from grace.contracts.registry import model_of; model_of('grace.htm.v1.Beat');"
        "print(*(name for name in sys.modules if name.startswith('grace.contracts.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    imported = done.stdout.decode().split()
    assert "grace.contracts.htm" in imported
    assert "grace.contracts.observability" not in imported


def test_every_schema_finds_its_model_and_no_other_does() -> None:
    assert all(schema == model_of(schema).SCHEMA for schema in SCHEMAS)
    with pytest.raises(ContractError, match="unknown schema"):
        model_of("grace.htm.v1.Nothing")
