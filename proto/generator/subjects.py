"""Gathers the subjects out of the messages' options, checks them, and writes their table."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from .descriptors import Message
from .models import NOTICE
from .refusal import refuse_if

_NOT_SERVICES: Final = frozenset({"kit", "outside", "*"})
_KINDS: Final = frozenset({"command", "event", "query", "signal"})
_ONE_STREAM_PER: Final = frozenset({"command", "event"})


@dataclass(frozen=True, slots=True)
class Subject:
    """One row of the table; `doc` is the comment of its first message."""

    name: str
    owner: str
    kind: str
    stream: str
    publishers: tuple[str, ...]
    consumers: tuple[str, ...]
    unsigned_allowed: bool
    audited: bool
    schemas: tuple[str, ...]
    reply: str | None
    doc: str


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that is known of subjects, streams and services."""

    subjects: tuple[Subject, ...]
    streams: Mapping[str, Mapping[str, Any]]
    services: tuple[str, ...]


def read_tables(messages: Sequence[Message], streams_file: Path) -> Tables:
    """Return the checked tables."""
    streams = tomllib.loads(streams_file.read_text())
    services = _services(messages)
    grouped: dict[str, list[Message]] = {}
    for message in messages:
        if message.subject:
            grouped.setdefault(message.subject, []).append(message)
    subjects = tuple(_subject(grouped[name], services) for name in sorted(grouped))
    for subject in subjects:
        _check(subject, streams, services)
    return Tables(subjects, streams, services)


def render_subjects(tables: Tables) -> str:
    """Return the module with the tables."""
    subjects = "".join(f'    "{s.name}": Subject({_arguments(s)}),\n' for s in tables.subjects)
    streams = "".join(
        f'    "{name}": Stream(name="{name}", {_pairs(stream)}, '
        f"subjects={stream_subjects(tables, name)!r}),\n"
        for name, stream in tables.streams.items()
    )
    return (
        NOTICE.format(title="Every subject, stream and service.")
        + "from collections.abc import Mapping\n"
        + "from types import MappingProxyType\n\n"
        + "from grace.contracts.subject import Kind, Stream, Subject\n\n"
        + f"SERVICES: tuple[str, ...] = {tables.services!r}\n\n"
        + "SUBJECTS: Mapping[str, Subject] = MappingProxyType({\n" + subjects + "})\n\n"
        + "STREAMS: Mapping[str, Stream] = MappingProxyType({\n" + streams + "})\n"
    )  # fmt: skip


def stream_subjects(tables: Tables, stream: str) -> tuple[str, ...]:
    """Return the subjects that a stream keeps, `*` for each parameter."""
    return tuple(_wildcard(s.name) for s in tables.subjects if s.stream == stream)


def _wildcard(name: str) -> str:
    return ".".join("*" if token.startswith("{") else token for token in name.split("."))


def _arguments(subject: Subject) -> str:
    values = {name: repr(value) for name, value in asdict(subject).items() if name != "doc"}
    values["kind"] = f"Kind.{subject.kind}"
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _pairs(stream: Mapping[str, Any]) -> str:
    frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in stream.items()}
    return ", ".join(f"{name}={value!r}" for name, value in frozen.items())


def _services(messages: Sequence[Message]) -> tuple[str, ...]:
    named = {message.service for message in messages if message.subject}
    for message in messages:
        named.update(message.options.get("publishers", ()))
    return tuple(sorted(named - _NOT_SERVICES))


def _subject(messages: Sequence[Message], services: tuple[str, ...]) -> Subject:
    first = messages[0]
    for other in messages[1:]:
        same = (other.service, other.options) == (first.service, first.options)
        refuse_if(not same, f"{first.subject}: {other.name} and {first.name} differ in options")
    options = first.options
    reply = options.get("reply")
    return Subject(
        name=first.subject,
        owner="{service}" if first.service == "kit" else first.service,
        kind=options.get("kind", ""),
        stream=options.get("stream", ""),
        publishers=_expanded(options.get("publishers", ()), services),
        consumers=tuple(options.get("consumers", ())),
        unsigned_allowed=options.get("unsigned_allowed", False),
        audited=bool(options.get("stream")) and not options.get("unaudited", False),
        schemas=tuple(message.schema for message in messages),
        reply=f"grace.{first.service}.v1.{reply}" if reply else None,
        doc=first.doc,
    )


def _expanded(publishers: tuple[str, ...], services: tuple[str, ...]) -> tuple[str, ...]:
    return services if "*" in publishers else publishers


def _check(subject: Subject, streams: Mapping[str, Any], services: tuple[str, ...]) -> None:
    name, people = subject.name, {*services, "outside"}
    refuse_if(subject.kind not in _KINDS, f"{name}: has no kind")
    refuse_if(not subject.publishers, f"{name}: nobody may publish it")
    strangers = {*subject.publishers, *subject.consumers} - people
    refuse_if(bool(strangers), f"{name}: unknown publishers or consumers {strangers}")
    kept = subject.kind in _ONE_STREAM_PER
    refuse_if(
        kept != bool(subject.stream), f"{name}: a {subject.kind} with stream {subject.stream!r}"
    )
    refuse_if(kept and subject.stream not in streams, f"{name}: unknown stream {subject.stream}")
    answered = subject.kind == "query"
    refuse_if(
        answered != bool(subject.reply), f"{name}: a {subject.kind} with reply {subject.reply}"
    )
    wanted = f"rpc.{subject.owner}."
    refuse_if(answered and not name.startswith(wanted), f"{name}: does not start with {wanted}")
