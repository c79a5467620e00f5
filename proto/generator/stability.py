"""Compares two states of the contracts: what was promised once must still hold."""

from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from .descriptors import Enum, Field, Message, read_messages

_PROMISES = ("subject", "kind", "stream", "reply", "unsigned_allowed")
_LONGEST, _MOST_ITEMS, _LEAST = 4096, 1000, -(2**63)


def without_comments(descriptors: FileDescriptorSet) -> FileDescriptorSet:
    """Return the same set without source positions."""
    plain = FileDescriptorSet()
    plain.CopyFrom(descriptors)
    for file in plain.file:
        file.ClearField("source_code_info")
    return plain


def broken_promises(before: FileDescriptorSet, now: FileDescriptorSet) -> list[str]:
    """Return what an older reader or writer would trip over; empty if there were only additions."""
    present = {message.schema: message for message in read_messages(now)}
    return [
        problem
        for message in read_messages(before)
        for problem in _message(message, present.get(message.schema))
    ]


def _message(before: Message, now: Message | None) -> Iterator[str]:
    if now is None:
        yield f"{before.schema} is gone"
        return
    for name in _PROMISES:
        if before.options.get(name) != now.options.get(name):
            yield f"{before.schema}: another {name}"
    yield from _fields(before, now)
    yield from _enums(before.enums, now.enums)


def _fields(before: Message, now: Message) -> Iterator[str]:
    present = {field.number: field for field in now.fields}
    for field in before.fields:
        yield from _field(f"{before.schema}.{field.name}", field, present.pop(field.number, None))
    for field in present.values():
        if not (field.optional or field.repeated):
            yield f"{before.schema}.{field.name} is new and required: older writers do not send it"


def _field(name: str, before: Field, now: Field | None) -> Iterator[str]:
    if now is None:
        if not (before.optional or before.repeated):
            yield f"{name} is gone, and older readers require it"
        return
    shape = ("name", "type", "repeated", "optional")
    if any(getattr(before, part) != getattr(now, part) for part in shape):
        yield f"{name} changed its name, type or presence"
    if _is_tighter(before, now):
        yield f"{name} accepts less than it did"


def _is_tighter(before: Field, now: Field) -> bool:
    old, new = before.options, now.options
    return bool(
        new.get("id", False) > old.get("id", False)
        or new.get("max_length", _LONGEST) < old.get("max_length", _LONGEST)
        or new.get("max_items", _MOST_ITEMS) < old.get("max_items", _MOST_ITEMS)
        or new.get("at_least", _LEAST) > old.get("at_least", _LEAST)
    )


def _enums(before: tuple[Enum, ...], now: tuple[Enum, ...]) -> Iterator[str]:
    present = {enum.name: {value.name for value in enum.values} for enum in now}
    for enum in before:
        for value in enum.values:
            if value.name not in present.get(enum.name, ()):
                yield f"{enum.name}.{value.name} is gone"
