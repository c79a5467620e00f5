"""What users of the REST door do: reads and durable writes, each with its weight.

A route that a gateway does not have is left out, so that an older one can be measured, too; which
routes were asked stands in the results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Kinds that no playbook knows: the incident is taken in, deduplicated and closed as blocked.
_KINDS = 25


@dataclass(frozen=True, slots=True)
class Operation:
    """One request. `{id}` in the path is a mission's; `{n}` in the body is another number each time."""

    name: str
    weight: int
    expect: int
    body: str | None = None
    query: str = ""

    @property
    def method(self) -> str:
        """GET or POST."""
        return self.name.split(" ")[0]

    @property
    def path(self) -> str:
        """As OpenAPI names it."""
        return self.name.split(" ")[1]


ERROR = Operation(
    "POST /api/errors", 20, 202,
    '{"source":"bench","kind":"bench.unknown-{k}","target":"bench-nowhere","severity":"error",'
    '"message":"number {n}","detected_at":"{now}"}',
)  # fmt: skip
INTENT = Operation(
    "POST /api/intents/submit", 10, 202,
    '{"intent_id":"bench-{n}","goal":"do nothing","domain":"bench","kind":"bench.unknown-{k}",'
    '"priority":"normal","sla_ms":600000}',
)  # fmt: skip
KEY = Operation(
    "POST /api/keys", 5, 201,
    '{"principal":"bench-{n}","name":"made by the bench","scopes":["missions:read"]}',
)  # fmt: skip
# Not in the mix below: it is measured by itself.
TASK = Operation(
    "POST /api/htm/tasks", 1, 202,
    '{"tasks":[{"key":"bench-{n}","type":"bench.rest","kernel":"nobody","target":"nowhere",'
    '"operation":"bench.nothing","sla_ms":600000,"params":{"number":"{n}","note":"' + "x" * 150 +
    '"}}]}',
)  # fmt: skip
MIX = (
    Operation("GET /api/missions", 20, 200, query="?limit=20"),
    Operation("GET /api/missions/{mission_id}", 15, 200),
    Operation("GET /api/missions/{mission_id}/timeline", 10, 200),
    Operation("GET /api/approvals", 10, 200, query="?status=pending"),
    Operation("GET /api/keys", 5, 200, query="?limit=10"),
    Operation("GET /api/intents", 5, 200, query="?limit=10"),
    Operation("GET /api/learning/summary", 5, 200),
    Operation("GET /api/log/checkpoint", 5, 200),
    ERROR, INTENT, KEY,
)  # fmt: skip
SCOPES = (
    "approvals:read", "errors:write", "intents:read", "intents:write", "keys:admin", "keys:read",
    "keys:write", "learning:read", "log:read", "missions:read",
)  # fmt: skip


def there(openapi: Mapping[str, Any], operations: Sequence[Operation]) -> list[Operation]:
    """Those that the gateway has, by its own description."""
    paths = openapi["paths"]
    return [each for each in operations if each.method.lower() in paths.get(each.path, {})]


def durable_write(openapi: Mapping[str, Any]) -> Operation:
    """The write that is measured: an error's intake, or what comes nearest to it."""
    return there(openapi, [ERROR, INTENT, KEY])[0]


def body_of(operation: Operation, *, number: str, turn: int, now: str) -> bytes | None:
    """The body of one request."""
    if operation.body is None:
        return None
    text = operation.body.replace("{n}", number).replace("{k}", str(turn % _KINDS))
    return text.replace("{now}", now).encode()
