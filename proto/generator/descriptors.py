"""Runs protoc in process and turns its descriptor set into plain facts about messages."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.message import Message as Message_
from grpc_tools import protoc

from .refusal import refuse_if

_MESSAGE, _NESTED_ENUM, _FIELD, _ENUM_VALUE = 4, 4, 2, 2  # Field numbers within descriptor.proto.
_MESSAGE_OPTIONS: Final = (
    "subject",
    "kind",
    "stream",
    "publishers",
    "consumers",
    "reply",
    "unsigned_allowed",
    "unaudited",
)
_FIELD_OPTIONS: Final = ("id", "max_length", "at_least", "max_items")

Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an enum."""

    name: str
    doc: str


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum, named after the message it is nested in."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `type` is the scalar's name, or the full name of a message or enum."""

    name: str
    number: int
    type: str
    repeated: bool
    optional: bool
    doc: str
    options: Options


@dataclass(frozen=True, slots=True)
class Message:
    """One message and its options."""

    schema: str
    name: str
    service: str
    doc: str
    enums: tuple[Enum, ...]
    fields: tuple[Field, ...]
    options: Options

    @property
    def subject(self) -> str:
        """The NATS subject; empty for a message that only travels inside others."""
        return str(self.options.get("subject", ""))


def compile_protos(proto: Path) -> FileDescriptorSet:
    """Compile every .proto file under `proto`, comments included."""
    sources = sorted(str(path.relative_to(proto)) for path in proto.glob("grace/**/*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "set.binpb")
        includes = [f"-I{proto}", f"-I{files('grpc_tools') / '_proto'}"]
        flags = ["--include_imports", "--include_source_info", f"--descriptor_set_out={target}"]
        failed = protoc.main(["protoc", *includes, *flags, *sources])
        refuse_if(bool(failed), "protoc refused the .proto files")
        return FileDescriptorSet.FromString(target.read_bytes())


def read_messages(descriptors: FileDescriptorSet) -> tuple[Message, ...]:
    """Return the messages of all services, in the order of the files."""
    reader = OptionReader(descriptors)
    return tuple(
        message
        for file in descriptors.file
        if file.package.startswith("grace.")
        for message in _file_messages(file, reader)
    )


class OptionReader:
    """Reads Grace's own options, which the stock descriptor classes do not know."""

    def __init__(self, descriptors: FileDescriptorSet) -> None:
        """Build a pool from the set, so that its extensions are known."""
        self._pool = descriptor_pool.DescriptorPool()
        for file in descriptors.file:
            self._pool.Add(file)

    def of_message(self, message: DescriptorProto) -> Options:
        """Return the options set on a message."""
        return self._read("MessageOptions", message.options, _MESSAGE_OPTIONS)

    def of_field(self, field: FieldDescriptorProto) -> Options:
        """Return the options set on a field."""
        return self._read("FieldOptions", field.options, _FIELD_OPTIONS)

    def _read(self, kind: str, raw: Message_, names: tuple[str, ...]) -> Options:
        descriptor = self._pool.FindMessageTypeByName(f"google.protobuf.{kind}")
        options: Any = message_factory.GetMessageClass(descriptor).FromString(
            raw.SerializeToString()
        )
        found: Options = {}
        for name in names:
            extension: Any = self._pool.FindExtensionByName(f"grace.{name}")
            value = options.Extensions[extension]
            if extension.is_repeated:
                found[name] = tuple(value)
            elif options.HasExtension(extension):
                named = extension.enum_type and extension.enum_type.values_by_number[value].name
                found[name] = named or value
        return found


def _file_messages(file: FileDescriptorProto, reader: OptionReader) -> Iterator[Message]:
    comments = _comments(file)
    refuse_if(bool(file.enum_type), f"{file.name}: nest enums in their message")
    for index, message in enumerate(file.message_type):
        path = (_MESSAGE, index)
        yield Message(
            schema=f"{file.package}.{message.name}",
            name=message.name,
            service=file.package.split(".")[1],
            doc=comments.get(path, ""),
            enums=tuple(_enums(message, path, comments)),
            fields=tuple(_fields(message, path, comments, reader)),
            options=reader.of_message(message),
        )


Path_ = tuple[int, ...]


def _comments(file: FileDescriptorProto) -> dict[Path_, str]:
    return {
        tuple(location.path): " ".join(
            (location.leading_comments + location.trailing_comments).split()
        )
        for location in file.source_code_info.location
    }


def _enums(message: DescriptorProto, path: Path_, comments: dict[Path_, str]) -> Iterator[Enum]:
    for index, enum in enumerate(message.enum_type):
        values = tuple(
            Value(value.name, comments.get((*path, _NESTED_ENUM, index, _ENUM_VALUE, number), ""))
            for number, value in enumerate(enum.value)
        )
        _check_enum(message, enum)
        yield Enum(message.name + enum.name, values)


def _check_enum(message: DescriptorProto, enum: EnumDescriptorProto) -> None:
    name = f"{message.name}.{enum.name}"
    refuse_if(enum.value[0].name != "unspecified", f"{name}: its first value is not `unspecified`")
    for value in enum.value:
        shadows = value.name != value.name.lower() or hasattr(str, value.name)
        refuse_if(shadows, f"{name}.{value.name}: not lower case, or the name of a method of str")


def _fields(
    message: DescriptorProto, path: Path_, comments: dict[Path_, str], reader: OptionReader
) -> Iterator[Field]:
    plain_oneofs = [f for f in message.field if f.HasField("oneof_index") and not f.proto3_optional]
    refuse_if(bool(plain_oneofs), f"{message.name}: no oneof; another message is simpler")
    refuse_if(bool(message.nested_type), f"{message.name}: no map and no nested message")
    for index, field in enumerate(message.field):
        yield Field(
            name=field.name,
            number=field.number,
            type=_type(field),
            repeated=field.label == FieldDescriptorProto.LABEL_REPEATED,
            optional=field.proto3_optional,
            doc=comments.get((*path, _FIELD, index), ""),
            options=reader.of_field(field),
        )


def _type(field: FieldDescriptorProto) -> str:
    if field.type_name:
        return field.type_name.removeprefix(".")
    return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
