"""Writes the pydantic models of one service, and the registry of all of them."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from .descriptors import Enum, Field, Message
from .refusal import refuse_if

NOTICE: Final = '"""{title} Generated from proto/ by proto/generate.py: do not edit."""\n\n'
_SCALARS: Final = {
    "bool": "Bool",
    "bytes": "Bytes",
    "double": "Double",
    "int32": "Int32",
    "int64": "Int64",
    "uint32": "UInt32",
    "google.protobuf.Struct": "Struct",
    "google.protobuf.Timestamp": "Timestamp",
}
_TAKEN: Final = frozenset(_SCALARS.values()) | {"Id", "Text", "LongText", "Message", "Field"}
_MAX_ITEMS: Final = 1000


def render_service(service: str, messages: Sequence[Message]) -> str:
    """Return the module of one service: its enums and models, each after what it needs."""
    everything = {message.schema: message for message in messages}
    own = [message for message in messages if message.service == service]
    body = "".join(_render(message, everything) for message in _in_order(own, everything))
    title = NOTICE.format(title=f"The messages of grace.{service}.v1.")
    names = sorted([enum.name for message in own for enum in message.enums] + _names(own))
    exported = f"__all__ = {names!r}\n\n\n"
    return title + _imports(own, body, everything) + exported + body


def render_registry(messages: Sequence[Message]) -> str:
    """Return the module that finds a model by its schema, and imports it only then."""
    entries = "".join(f'    "{schema}",\n' for schema in sorted(each.schema for each in messages))
    return (
        NOTICE.format(title="Every message by the name of its schema.")
        + "from functools import cache\nfrom importlib import import_module\n\n"
        + "from grace.contracts.message import ContractError, Message\n\n"
        + "SCHEMAS: frozenset[str] = frozenset({\n" + entries + "})\n\n\n"
        + "@cache\n"
        + "def model_of(schema: str) -> type[Message]:\n"
        + '    """Return the model of a schema such as `grace.htm.v1.TaskUpdate`.\n\n'
        + "    Its module is imported when it is asked for: a service meets few of them.\n"
        + '    """\n'
        + "    if schema not in SCHEMAS:\n"
        + '        reason = f"unknown schema {schema[:128]!r}"\n'
        + "        raise ContractError(reason)\n"
        + '    _, service, _, name = schema.split(".")\n'
        + '    model: type[Message] = getattr(import_module(f"grace.contracts.{service}"), name)\n'
        + "    return model\n"
    )  # fmt: skip


def _names(messages: Iterable[Message]) -> list[str]:
    names = [message.name for message in messages]
    taken = sorted(_TAKEN.intersection(names))
    refuse_if(bool(taken), f"the generated code needs these names for itself: {taken}")
    return names


def _imports(own: Sequence[Message], body: str, everything: Mapping[str, Message]) -> str:
    def used(names: Iterable[str]) -> list[str]:
        return [name for name in sorted(names) if _mentions(body, name)]

    lines = ["from enum import StrEnum"] if any(message.enums for message in own) else []
    typing = used(["Annotated", "ClassVar", "Self"])
    lines.append(f"from typing import {', '.join(typing)}\n")
    if _mentions(body, "Field"):
        lines.append("from pydantic import Field\n")
    for service, names in sorted(_foreign(own, everything).items()):
        lines.append(f"from grace.contracts.{service} import {', '.join(sorted(names))}")
    lines.append("from grace.contracts.message import Message")
    if scalars := used(_TAKEN - {"Message", "Field"}):
        lines.append(f"from grace.contracts.scalars import {', '.join(scalars)}")
    return "\n".join(lines) + "\n\n"


def _mentions(body: str, name: str) -> bool:
    return any(f"{before}{name}{after}" in body for before in " [(" for after in " ([,])\n")


def _foreign(own: Sequence[Message], everything: Mapping[str, Message]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for message in own:
        for needed in _needs(message, everything):
            if needed.service != message.service:
                found.setdefault(needed.service, set()).add(needed.name)
    return found


def _needs(message: Message, everything: Mapping[str, Message]) -> Iterator[Message]:
    for field in message.fields:
        if field.type in everything:
            yield everything[field.type]
    if reply := message.options.get("reply"):
        yield everything[_reply_schema(message, reply)]


def _reply_schema(message: Message, reply: str) -> str:
    return message.schema.rpartition(".")[0] + "." + reply


def _in_order(own: Sequence[Message], everything: Mapping[str, Message]) -> list[Message]:
    ordered: dict[str, Message] = {}

    def visit(message: Message) -> None:
        if message.schema in ordered or message.service != own[0].service:
            return
        for needed in _needs(message, everything):
            visit(needed)
        ordered[message.schema] = message

    for message in own:
        visit(message)
    return list(ordered.values())


def _render(message: Message, everything: Mapping[str, Message]) -> str:
    lines = [f"class {message.name}(Message):", _docstring(_doc(message, everything)), ""]
    lines.append(f'    SCHEMA: ClassVar[str] = "{message.schema}"')
    if message.subject:
        lines.append(f'    SUBJECT: ClassVar[str] = "{message.subject}"')
    if reply := message.options.get("reply"):
        lines.append(f"    REPLY: ClassVar[type[{reply}]] = {reply}")
    lines.append("")
    lines += [f"    {_render_field(field, message, everything)}" for field in message.fields]
    enums = "".join(_render_enum(enum) for enum in message.enums)
    return enums + "\n".join(lines) + "\n\n\n"


def _doc(message: Message, everything: Mapping[str, Message]) -> str:
    if message.doc:
        return message.doc
    if message.subject:
        return f"Asks on `{message.subject}`."
    asked = [
        other.subject
        for other in everything.values()
        if other.options.get("reply") == message.name and other.service == message.service
    ]
    if asked:
        return f"The answer on {_listed(asked)}."
    return f"Part of {_listed(_holders(message, everything))}."


def _holders(message: Message, everything: Mapping[str, Message]) -> list[str]:
    return [
        other.name
        for other in everything.values()
        if any(field.type == message.schema for field in other.fields)
    ]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no other message"


def _docstring(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"""', "'''")
    first, stop, rest = quoted.partition(". ")
    if not rest:
        return f'    """{quoted}"""'
    body = textwrap.fill(rest, width=96)
    return textwrap.indent(f'"""{first}{stop.strip()}\n\n{body}\n"""', "    ")


def _render_enum(enum: Enum) -> str:
    values = "".join(
        f'    {value.name} = "{value.name}"{"  # " + value.doc if value.doc else ""}\n'
        for value in enum.values
    )
    return (
        f"class {enum.name}(StrEnum):\n"
        f'    """A value that is not known here, sent by a newer program, reads as unspecified."""\n\n'
        f"{values}\n"
        "    @classmethod\n"
        "    def _missing_(cls, value: object) -> Self | None:\n"
        "        return cls.unspecified if isinstance(value, str) else None\n\n\n"
    )


def _render_field(field: Field, message: Message, everything: Mapping[str, Message]) -> str:
    arguments = {}
    kind = _item_type(field, message, everything)
    if field.repeated:
        kind = f"tuple[{kind}, ...]"
        arguments = {"default": "()", "max_length": str(field.options.get("max_items", _MAX_ITEMS))}
    elif field.optional:
        kind = f"{kind} | None"
        arguments = {"default": "None"}
    if field.doc:
        arguments["description"] = _quoted(field.doc)
    return f"{field.name}: {kind}{_assigned(arguments)}"


def _assigned(arguments: Mapping[str, str]) -> str:
    if list(arguments) == ["default"]:
        return f" = {arguments['default']}"
    if not arguments:
        return ""
    return f" = Field({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _item_type(field: Field, message: Message, everything: Mapping[str, Message]) -> str:
    if field.type == "string":
        return _text_type(field)
    if field.type in everything:
        return everything[field.type].name
    if field.type.startswith(f"{message.schema}."):
        return message.name + field.type.rpartition(".")[2]
    unknown = field.type not in _SCALARS
    refuse_if(unknown, f"{message.schema}.{field.name}: {field.type} is not used in Grace")
    scalar = _SCALARS[field.type]
    least = field.options.get("at_least")
    return scalar if least is None else f"Annotated[{scalar}, Field(ge={least})]"


def _text_type(field: Field) -> str:
    if field.options.get("id"):
        return "Id"
    if longest := field.options.get("max_length"):
        return f"Annotated[LongText, Field(max_length={longest})]"
    return "Text"
