"""An example for every schema: from its own examples, else from what its names mean."""

import re
from collections.abc import Mapping
from typing import Any

REQUEST_ID = "01980a52-6c1e-7c33-9f5e-2f5d7f6f1a10"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_DEEPEST = 6
_REF = "#/components/schemas/"
# Many a description of a word lists the words that there are.
_FIRST_WORD = re.compile(r"([a-z_]+)(?:,| or )")
_BY_FORMAT: Mapping[str, str] = {
    "base64": "AAECAw==",
    "date-time": "2026-11-20T12:00:00Z",
    "int64": "17",  # 64-bit integers are text on the wire
    "uuid": REQUEST_ID,
}
# What a field of this name holds, in one schema or in any.
_BY_NAME: Mapping[str, Any] = {
    "Approval.status": "pending",
    "BenchmarkCheck.outcome": "passed",
    "BenchmarkRun.status": "passed",
    "BenchmarkRun.suite": "regression",
    "TakeView.status": "measured",
    "WatchView.status": "quiet",
    "ContractView.status": "verified",
    "IndexStats.note": "Full text search.",
    "Mission.status": "verified",
    "Task.status": "succeeded",
    "Attempt.status": "succeeded",
    "Attempt.outcome": "succeeded",
    "ListedTask.status": "queued",
    "TaskReason.status": "queued",
    "Block.kind": "queue",
    "Schedule.name": "nightly-look",
    "Schedule.sentence": "It fires next at 2026-11-21T01:30Z, in 48600 s.",
    "Schedule.last_outcome": "created",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "catch_up": "one",
    "Block.detail": "3 tasks of its tenant, origin and lane come first",
    "sentence": "queued: 3 tasks of its tenant, origin and lane come first; 27.5 s are left until "
    "its SLA deadline.",
    "ServiceHealth.name": "verification",
    "CubeStep.name": "granted",
    "CubeShare.name": "postgres-blocked-sessions",
    "CubeChange.name": "postgres-blocked-sessions",
    "CubeRun.step": "action",
    "PolicyDocument.name": "night",
    "TriedCase.name": "a setting in production",
    "Ruling.outcome": "asked",
    "StandingApproval.status": "open",
    "Consent.status": "open",
    "Consent.secret": "shop-ops",
    "Consent.asked_by": "bob",
    "level": "approve",
    "target_class": "postgres",
    "TriedCase.outcome": "asked",
    "ComponentHealth.name": "nats",
    "artifact_type": "runbook",
    "actor": "ada",
    "by": "ada",
    "Approval.contracts": ['{"contract_id":"contract-00000000000000aa-1795176000"}'],
    "backend": "pgvector",
    "content": "When orders hang, look for a session that is idle in its transaction.",
    "created_by": "admin",
    "cursor": None,
    "decided_by": "ada",
    "domain": "postgres",
    "goal": "Orders can be placed again.",
    "hash": _HASH,
    "if-match": '"1"',
    "kernel": "postgres",
    "key": "order-1",
    "kind": "postgres.blocked_sessions",
    "name": "Ada's laptop",
    "next_cursor": None,
    "note": "grace/log\n17\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    "operation": "postgres.terminate_blockers",
    "last-event-id": "41",
    "message": "12 sessions wait for one that is idle in its transaction",
    "origin": "intent",
    "outcome": "verified",
    "params": "{}",
    "playbook": "postgres-blocked-sessions",
    "principal": "ada",
    "problems": [],
    "producer": "verification",
    "reason": "Checked with the shop team.",
    "request_id": REQUEST_ID,
    "requested_by": "pg-watch",
    "result": "{}",
    "resolved_at": None,
    "revoked_at": None,
    "root": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "scopes": ["missions:read"],
    "service": "verification",
    "severity": "error",
    "step": "apply",
    "subject": "verification.action.closed",
    "suite": "checkout",
    "summary": "The action was measured and holds.",
    "target": "shop-db",
    "tenant_id": "default",
    "tier": 2,
    "title": "Blocked sessions",
    "type": "postgres.terminate_blockers",
    "verdict": "verified",
    "version": 1,
}


class Examples:
    """Makes examples of the schemas of one document."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas

    def of(self, schema: Mapping[str, Any], name: str = "", owner: str = "", depth: int = 0) -> Any:  # noqa: ANN401 - any JSON
        """Return an example of a schema; `name` is the field's, `owner` the schema's around it."""
        if "$ref" in schema:
            title = str(schema["$ref"]).removeprefix(_REF)
            owner = title.removesuffix("-Output").removesuffix("-Input")
            return self.of(self._schemas[title], name, owner, depth + 1)
        given = _given(schema)
        if given is not _NONE:
            return given
        known = _BY_NAME.get(f"{owner}.{name}", _BY_NAME.get(name, _NONE))
        if known is not _NONE and _is_of(schema, known):
            return known
        return self._made(schema, name, owner, depth)

    def _made(self, schema: Mapping[str, Any], name: str, owner: str, depth: int) -> Any:  # noqa: ANN401 - any JSON
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                return self.of(_first(schema[choice]), name, owner, depth)
        match schema.get("type"):
            case "object":
                return self._object(schema, owner, depth)
            case "array":
                item = schema.get("items", {})
                return [] if depth > _DEEPEST else [self.of(item, name, owner, depth + 1)]
            case _:
                return _plain(schema, name)

    def _object(self, schema: Mapping[str, Any], owner: str, depth: int) -> dict[str, Any]:
        fields: Mapping[str, Any] = schema.get("properties", {})
        return {name: self.of(field, name, owner, depth + 1) for name, field in fields.items()}


_NONE: Any = object()


def _given(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """What a schema says itself."""
    if schema.get("examples"):
        return schema["examples"][0]
    for word in ("example", "const"):
        if word in schema:
            return schema[word]
    return schema["enum"][0] if schema.get("enum") else _NONE


def _first(choices: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next((each for each in choices if each.get("type") != "null"), choices[0])


def _is_of(schema: Mapping[str, Any], value: object) -> bool:
    """Whether what a name means is of the type that is wanted here."""
    names = {"string": str, "integer": int, "array": list}
    kinds = {names.get(each.get("type")) for each in [schema, *schema.get("anyOf", [])]}
    nullable = any(each.get("type") == "null" for each in schema.get("anyOf", []))
    return nullable if value is None else type(value) in kinds


def _plain(schema: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - any JSON
    match schema.get("type"):
        case "integer":
            return max(1, int(schema.get("minimum", 1)))
        case "number":
            return 1.0
        case "boolean":
            return True
        case "string" | ["string", *_]:
            return _text(schema, name)
        case _:
            return None


def _text(schema: Mapping[str, Any], name: str) -> str:
    written = _BY_FORMAT.get(schema.get("format", schema.get("contentEncoding", "")))
    if written is not None:
        return written
    if "hash" in name or "0-9a-f" in schema.get("pattern", ""):
        return _HASH
    if name.endswith("_id"):
        return f"{name.removesuffix('_id')}-{REQUEST_ID}"
    word = _FIRST_WORD.match(schema.get("description", ""))
    return word[1] if word else name.replace("_", "-") or "text"
