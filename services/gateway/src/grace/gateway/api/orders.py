"""Orders: tasks that a caller hands to HTM, a thousand at a time."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from grace.contracts.governance import Capability
from grace.contracts.htm import SubmittedTask, TaskSpec
from grace.contracts.secrets import OPERATIONS, objection
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope
from grace.gateway.api.instants import Instant
from grace.gateway.api.intake import refused
from grace.gateway.domain.access import Scope
from grace.gateway.domain.orders import LONGEST_KEY, key_of, origin_of, own_key
from grace.kit import Conflict

PREFIX = "/api/htm/tasks"
router = APIRouter(prefix=PREFIX, tags=["htm"])

Writer = Annotated[Caller, needs(Scope.HTM_WRITE)]
Base64 = Annotated[
    str,
    Field(
        min_length=4,
        max_length=65_536,
        pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        examples=["AAECAw=="],
    ),
]
Identifier = Annotated[str, Field(pattern=ID_PATTERN)]
OwnKey = Annotated[str, Field(pattern=ID_PATTERN, max_length=LONGEST_KEY)]
_UINT32 = 2**32 - 1
_LONGEST_PARAMS = 64 * 1024
_LONGEST_STATE = 256 * 1024


class KeysTaken(Conflict):
    """Every one of these keys belongs to a task with another body; take new keys."""


class UniqueKeysHeld(Conflict):
    """Live tasks hold these unique keys; wait for their ends, or choose to replace or to join."""


class SignedCapability(BaseModel):
    """What governance signed; without it nothing is changed."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key_id: str = Field(pattern=ID_PATTERN)
    body: Base64 = Field(description="The JSON of a CapabilityBody, in base64.")
    signature: Base64 = Field(description="Ed25519, in base64.")


class Work(BaseModel):
    """What a worker kernel is to do."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: str = Field(pattern=ID_PATTERN, description="What it is counted under.")
    kernel: str = Field(
        pattern=r"^[A-Za-z0-9_:-]{1,128}$", description="Which kernel of the workers runs it."
    )
    operation: str = Field(pattern=ID_PATTERN, description="What the kernel does.")
    target: str = Field(pattern=ID_PATTERN, description="A registered target.")
    params: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="For the operation; at most 64 KiB of JSON. A secret is given by its name, as "
        '{"secret": "NAME"}, never as it is.',
    )
    priority: int = Field(default=0, ge=-100, le=100, description="Higher is more urgent.")
    timeout_ms: int = Field(default=30_000, ge=1, le=_UINT32, description="Of one attempt.")
    max_attempts: int = Field(default=3, ge=1, le=100, description="Attempts in all.")
    sla_ms: int = Field(
        default=300_000, ge=1, le=_UINT32, description="From its acceptance to its deadline."
    )
    limit_key: str | None = Field(
        default=None, pattern=ID_PATTERN, description="The limit of this key holds for it."
    )
    requires: tuple[Identifier, ...] = Field(
        default=(),
        max_length=8,
        strict=False,
        description="Capabilities that its worker must have.",
    )
    affinity: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="The worker that it prefers, for a short time.",
    )
    unique_key: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        max_length=LONGEST_KEY,
        description="At most one live task holds it.",
    )
    unique_policy: Literal["refuse", "replace", "join"] | None = Field(
        default=None,
        description="Where a live task holds the unique key: refuse this one (also where nothing is "
        "said), put it in the place of one that nobody works on, or take that one for this one.",
    )

    @field_validator("params")
    @classmethod
    def _fits(cls, params: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if len(_written(params)) > _LONGEST_PARAMS:
            raise ValueError(f"longer than {_LONGEST_PARAMS} characters of JSON")
        return params

    @model_validator(mode="after")
    def _names_its_secrets(self) -> "Work":
        # Most operations take none: nothing is written for them only to be looked at.
        if self.operation in OPERATIONS:
            found = objection(self.operation, _written(self.params))
            if found is not None:
                raise ValueError(str(found))
        return self

    @model_validator(mode="after")
    def _has_what_its_policy_is_for(self) -> "Work":
        if self.unique_policy is not None and self.unique_key is None:
            raise ValueError("unique_policy needs a unique_key")
        return self


class NewTask(Work):
    """One unit of work for a worker kernel."""

    key: str = Field(
        pattern=ID_PATTERN,
        max_length=LONGEST_KEY,
        description="Your own. The same key and body is the same task, another body a conflict.",
    )
    step: Literal["observe", "apply", "revert"] = "observe"
    run_at: Instant | None = Field(
        default=None,
        strict=False,
        description="Nobody begins it before; its deadline counts from then. RFC 3339 with a zone.",
        examples=["2026-11-20T12:00:00Z"],
    )
    deadline_at: Instant | None = Field(
        default=None,
        strict=False,
        description="After it nobody begins it, and who runs it is told to stop.",
        examples=["2099-11-20T18:00:00Z"],
    )
    depends_on: tuple[Identifier, ...] = Field(
        default=(),
        max_length=64,
        strict=False,
        description="Ids of tasks that must succeed before it begins; else it is cancelled.",
    )
    depends_on_keys: tuple[OwnKey, ...] = Field(
        default=(),
        max_length=64,
        strict=False,
        description="The same by your own keys, of this request or of one before.",
    )
    parent_id: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="The task that ends only after this one; one of your own.",
    )
    parent_key: OwnKey | None = Field(default=None, description="The same by your own key.")
    mission_id: str | None = Field(default=None, pattern=ID_PATTERN)
    contract_id: str | None = Field(default=None, pattern=ID_PATTERN)
    action_id: str | None = Field(default=None, pattern=ID_PATTERN)
    capability: SignedCapability | None = Field(
        default=None, description="Apply and revert need one, with action_id and contract_id."
    )
    before: str | None = Field(
        default=None, max_length=_LONGEST_STATE, description="For a revert: the state to restore."
    )
    after: str | None = Field(
        default=None, max_length=_LONGEST_STATE, description="For a revert: the state that is left."
    )

    @model_validator(mode="after")
    def _may_change(self) -> "NewTask":
        allowed = self.capability and self.action_id and self.contract_id
        if self.step != "observe" and not allowed:
            raise ValueError("apply and revert need capability, action_id and contract_id")
        return self


class NewTasks(BaseModel):
    """Tasks that are accepted together, or refused together."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "tasks": [
                    {
                        "key": "look-at-shop-17",
                        "type": "postgres.blocked_sessions.observe",
                        "kernel": "postgres",
                        "operation": "postgres.blocked_sessions",
                        "target": "shop-db",
                        "sla_ms": 30000,
                    }
                ]
            }
        },
    )

    tasks: list[NewTask] = Field(min_length=1, max_length=1000)


class AcceptedTask(BaseModel):
    """What became of one of them."""

    key: str = Field(description="Your own.", examples=["look-at-shop-17"])
    outcome: Literal["created", "existing", "conflict", "joined", "refused"] = Field(
        description="conflict: the key belongs to a task with another body; yours was not accepted. "
        "joined, refused: a live task holds the unique key; it stands for yours, or yours was not "
        "accepted."
    )
    task_id: str = Field(
        description="The task that the key stands for, or that holds the unique key."
    )


@router.post(
    "",
    status_code=202,
    summary="Submit tasks",
    responses={409: {"description": "Every task is refused, for its key or for its unique key."}},
)
async def submit_tasks(wanted: NewTasks, caller: Writer) -> Envelope[tuple[AcceptedTask, ...]]:
    """Take tasks in; 202 once they are committed, in the order that you gave.

    Each tells its own outcome. They are charged to you, and belong to your tenant. 409 where none
    was accepted.
    """
    specs = tuple(_spec(task, caller, place) for place, task in enumerate(wanted.tasks))
    # With those of everybody who waits.
    taken = tuple(map(_accepted, await caller.submissions.ask(specs)))
    outcomes = {each.outcome for each in taken}
    if outcomes <= {"conflict", "refused"}:
        raise KeysTaken if outcomes == {"conflict"} else UniqueKeysHeld
    return caller.answer(taken)


def _accepted(task: SubmittedTask) -> AcceptedTask:
    outcome = task.model_dump()["outcome"]
    return AcceptedTask(key=own_key(task.key), outcome=outcome, task_id=task.task_id)


def _spec(task: NewTask, caller: Caller, place: int) -> TaskSpec:
    more = {
        "key": key_of(task.key),
        "step": task.step,
        "capability": _capability(task.capability),
        "depends_on_keys": tuple(map(key_of, task.depends_on_keys)),
        "parent_key": key_of(task.parent_key) if task.parent_key is not None else None,
    }
    return spec_of(task, caller, prefix=f"tasks.{place}.", more=more)


def spec_of(work: Work, caller: Caller, *, prefix: str, more: Mapping[str, object]) -> TaskSpec:
    """The order of a caller's work; 422 names the field that HTM would not take."""
    given = dict(work) | {
        "params": _written(work.params),
        "unique_key": key_of(work.unique_key) if work.unique_key else None,
        "tenant_id": caller.tenant,
        "origin": origin_of(caller.key.principal),
    }
    try:
        return TaskSpec.model_validate({**given, **more})
    except ValidationError as error:
        raise refused(error, "body", prefix=prefix) from None


def _capability(given: SignedCapability | None) -> Capability | None:
    if given is None:
        return None
    return Capability(
        key_id=given.key_id, body=b64decode(given.body), signature=b64decode(given.signature)
    )


def _written(params: dict[str, JsonValue]) -> str:
    """One text for one meaning: the same parameters are the same body."""
    return json.dumps(params, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
