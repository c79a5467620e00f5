"""Reads what people hand in as files: JSON or YAML that means one thing, and plain text."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
import yaml

STDIN = Path("-")
_DEEPEST = 64  # What the gateway takes.
_LARGEST = 1024 * 1024  # What the gateway takes in one body.
# 010 would be 8 and 1:30 be 90, as nobody means them.
_ODD = re.compile(
    r"[-+]?(0[0-9_]+|[1-9][0-9_]*(:[0-5]?[0-9])+|[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*)"
)
_DATE = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """YAML whose dates stay the texts that they are in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in known if tag != _DATE]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_text(file: Path) -> str:
    """Return the text of a file, or of stdin for `-`. BadParameter where it is not readable or empty."""
    try:
        if file == STDIN:
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise typer.BadParameter(f"{file} is larger than {_LARGEST} bytes")
        if not data.strip():
            raise typer.BadParameter(f"{file} is empty")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read {file}: {error}") from None


def read_document(file: Path, *, fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a YAML or JSON file. BadParameter names what is wrong with it."""
    try:
        found = _loaded(read_text(file))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{file}: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{file} must hold fields such as `{fields[0]}: ..`")
    for name in found:
        if name not in fields:
            raise typer.BadParameter(f"{file}: there is no field {name!r}{_meant(name, fields)}")
    return found


def json_object(text: str, name: str) -> dict[str, Any]:
    """Return the JSON object in an option. BadParameter where it holds none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{name} must be a JSON object")
    return found


def merged(document: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a file with those that were given as options instead."""
    return {**document, **{name: value for name, value in options.items() if value is not None}}


def require(fields: Mapping[str, Any], *names: str) -> None:
    """BadParameter names the first field that nobody gave."""
    for name in names:
        if fields.get(name) in (None, ""):
            option = name.replace("_", "-")
            raise typer.BadParameter(f"give --{option}, or `{name}` in --file")


def _loaded(text: str) -> object:
    """YAML without what surprises: endless aliases, keys given twice, numbers that mean others."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        match event:
            case yaml.AliasEvent():
                raise ValueError("an alias (*name) is not allowed: write it out")
            case yaml.ScalarEvent() if event.implicit[0] and _ODD.fullmatch(event.value):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise ValueError(f"line {line}: YAML reads this as another number: quote it")
            case yaml.CollectionStartEvent():
                depth += 1
            case yaml.CollectionEndEvent():
                depth -= 1
        if depth > _DEEPEST:
            raise ValueError(f"nested deeper than {_DEEPEST}")
    for key in _keys_given_twice(yaml.compose(text, yaml.SafeLoader)):
        raise ValueError(f"line {key.start_mark.line + 1}: {key.value} is given twice")
    found: object = yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader
    return found


def _keys_given_twice(node: yaml.Node | None) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _keys_given_twice(child)
    if isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, child in node.value:
            if str(key.value) in seen:
                yield key
            seen.add(str(key.value))
            yield from _keys_given_twice(child)


def _meant(name: object, fields: tuple[str, ...]) -> str:
    close = get_close_matches(str(name), fields, n=1)
    return f": did you mean {close[0]!r}?" if close else f"; known are {', '.join(fields)}"
