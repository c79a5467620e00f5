"""Writes the AsyncAPI 3.0 document: what travels over NATS, for people and programs outside."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from grace.contracts.kit import Problem
from grace.contracts.permissions import OUTSIDE, durable
from grace.contracts.registry import SCHEMAS, model_of
from grace.contracts.subject import Kind, Subject
from grace.contracts.subjects import SERVICES, STREAMS, SUBJECTS

from .asyncapi_texts import HEADERS, INFO, PARAMETERS, SECURITY, SERVER

Json = dict[str, Any]

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_BINDING: Final = "0.1.0"
_UNKEPT: Final = {Kind.query: "request-reply", Kind.signal: "core-nats"}


def render_asyncapi(proto: Path, version: str) -> str:
    """Return the document; the golden examples lie below `proto`."""
    payloads, schemas = _payloads()
    document = {
        "asyncapi": "3.0.0",
        "id": "urn:grace:nats",
        "info": {**INFO, "version": version, "tags": [_ref("tags", name) for name in _tags()]},
        "defaultContentType": "application/json",
        "servers": {"nats": SERVER},
        "channels": dict(_channels()),
        "operations": dict(_operations()),
        "components": {
            "messages": {s: _message(s, payloads[s], proto) for s in payloads},
            "schemas": HEADERS | schemas,
            "parameters": PARAMETERS,
            "securitySchemes": SECURITY,
            "tags": _tags(),
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _travels(schema: str) -> bool:
    return bool(model_of(schema).SUBJECT) or schema in _answers()


def _answers() -> set[str]:
    return {s.reply for s in SUBJECTS.values() if s.reply} | {Problem.SCHEMA}


def _tags() -> Json:
    """One tag for each stream, and one for each way past them."""
    kept = {
        stream.name: {
            "name": stream.name,
            "description": f"{stream.description} Kept for {stream.max_age_hours} hours.",
        }
        for stream in STREAMS.values()
    }
    past = {
        "request-reply": "A question that its owner answers; in no stream.",
        "core-nats": "A hint that may be lost; in no stream.",
    }
    return kept | {name: {"name": name, "description": text} for name, text in past.items()}


def _tag(subject: Subject) -> list[Json]:
    return [_ref("tags", subject.stream or _UNKEPT[subject.kind])]


def _channels() -> Iterator[tuple[str, Json]]:
    for subject in SUBJECTS.values():
        yield _channel_name(subject), _channel(subject)
        if subject.reply:
            yield _reply_name(subject), _reply_channel(subject)


def _channel(subject: Subject) -> Json:
    parameters = _PARAMETER.findall(subject.name)
    return {
        "address": subject.name,
        "description": _description(subject),
        "servers": [{"$ref": "#/servers/nats"}],
        "messages": {_short(s): _ref("messages", s) for s in subject.schemas},
        **({"parameters": {p: _ref("parameters", p) for p in parameters}} if parameters else {}),
        "tags": _tag(subject),
        "bindings": {"nats": {}},
        **_facts(subject),
    }


def _reply_channel(subject: Subject) -> Json:
    answers = (str(subject.reply), Problem.SCHEMA)
    return {
        "address": None,
        "description": f"The asker's inbox, for the answer on `{subject.name}`.",
        "servers": [{"$ref": "#/servers/nats"}],
        "messages": {_short(s): _ref("messages", s) for s in answers},
        "tags": _tag(subject),
        "bindings": {"nats": {}},
    }


def _facts(subject: Subject) -> Json:
    """What AsyncAPI has no word for."""
    facts: Json = {
        "x-kind": str(subject.kind),
        "x-owner": subject.owner,
        "x-publishers": list(subject.publishers),
        "x-readers": list(_readers(subject)),
        "x-unsigned-allowed": subject.unsigned_allowed,
        "x-audited": subject.audited,
    }
    if subject.stream:
        names = {s: durable(s, subject.name) for s in subject.consumers if s != OUTSIDE}
        facts["x-jetstream"] = {"stream": subject.stream, "consumers": names}
    return facts


def _description(subject: Subject) -> str:
    documented = (model_of(schema).__doc__ or "" for schema in subject.schemas)
    return "\n\n".join(" ".join(text.split()) for text in documented)


def _readers(subject: Subject) -> tuple[str, ...]:
    return (subject.owner,) if subject.kind is Kind.query else subject.consumers


def _operations() -> Iterator[tuple[str, Json]]:
    """Seen from Grace: it receives what is published outside, and sends what its services say."""
    for subject in SUBJECTS.values():
        name = _channel_name(subject)
        inside = [each for each in subject.publishers if each != OUTSIDE]
        if OUTSIDE in subject.publishers:
            summary = f"Programs outside publish it; {_listed(_readers(subject))} reads it."
            yield f"receive.{name}", _operation(subject, "receive", summary)
        if inside:
            who = "Every service" if set(inside) == set(SERVICES) else _listed(inside)
            summary = f"{who} to {_listed(_readers(subject)) or 'whoever may read the stream'}."
            yield f"send.{name}", _operation(subject, "send", summary)


def _operation(subject: Subject, action: str, summary: str) -> Json:
    channel = f"#/channels/{_channel_name(subject)}"
    found: Json = {
        "action": action,
        "channel": {"$ref": channel},
        "summary": summary,
        "messages": [{"$ref": f"{channel}/messages/{_short(s)}"} for s in subject.schemas],
        "tags": _tag(subject),
        "bindings": {"nats": {"bindingVersion": _BINDING}},
    }
    if subject.kind is Kind.query:
        found["bindings"]["nats"]["queue"] = subject.owner
        found["reply"] = _reply(subject)
    return found


def _reply(subject: Subject) -> Json:
    channel = f"#/channels/{_reply_name(subject)}"
    answers = (str(subject.reply), Problem.SCHEMA)
    return {
        "address": {
            "location": "$message.header#/reply-to",
            "description": "The reply subject of the NATS message itself, no header of it.",
        },
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{_short(s)}"} for s in answers],
    }


def _message(schema: str, payload: Json, proto: Path) -> Json:
    model = model_of(schema)
    found: Json = {
        "name": schema,
        "title": _short(schema),
        "summary": " ".join((model.__doc__ or "").split("\n\n")[0].split()),
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "allOf": [_ref("schemas", _headers(model.SUBJECT))],
            "properties": {"Grace-Schema": {"type": "string", "const": schema}},
        },
        "payload": payload,
        "bindings": {"nats": {}},
    }
    if model.SUBJECT:
        found["examples"] = [{"name": _snake(schema), "payload": _example(schema, proto)}]
    return found


def _headers(subject: str) -> str:
    if not subject:
        return "headers-answer"
    return f"headers-signature-{'optional' if SUBJECTS[subject].unsigned_allowed else 'required'}"


def _payloads() -> tuple[dict[str, Json], Json]:
    """A reference for each message that travels, and the schemas that are referred to."""
    models = {schema: model_of(schema) for schema in sorted(SCHEMAS) if _travels(schema)}
    refs, found = models_json_schema(
        [(model, "validation") for model in models.values()],
        ref_template="#/components/schemas/{model}",
    )
    schemas = {name: _plain(schema) for name, schema in sorted(found["$defs"].items())}
    return {schema: refs[model, "validation"] for schema, model in models.items()}, schemas


def _plain(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Keep what stands beside a `$ref`: readers of draft 7 ignore it there."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {name: _plain(value) for name, value in schema.items() if name != "$ref"}
    if "$ref" not in schema:
        return rest
    ref = {"$ref": schema["$ref"]}
    return {"allOf": [ref], **rest} if rest else ref


def _example(schema: str, proto: Path) -> object:
    service = schema.split(".")[1]
    path = proto / f"grace/{service}/v1/examples/{_snake(schema)}.json"
    found: object = json.loads(path.read_text(encoding="utf-8"))
    return found


def _snake(schema: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", _short(schema)).lower()


def _channel_name(subject: Subject) -> str:
    return _PARAMETER.sub(r"\1", subject.name)


def _reply_name(subject: Subject) -> str:
    return f"{_channel_name(subject)}.reply"


def _short(schema: str) -> str:
    return schema.rpartition(".")[2]


def _ref(kind: str, name: str) -> Mapping[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names)
