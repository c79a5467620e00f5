"""Policies: the Cedar documents that decide on plans, each version with who made it and why."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.governance import (
    ListPolicies,
    ListPolicyVersions,
    PolicyDocument,
    PolicyDocuments,
    SetPolicy,
)
from grace.gateway.api.approvals import IfMatch, version_in
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope
from grace.gateway.domain.access import Scope
from grace.kit import NotFound

router = APIRouter(prefix="/api/governance/policies", tags=["governance"])

Reader = Annotated[Caller, needs(Scope.GOVERNANCE_READ)]
Writer = Annotated[Caller, needs(Scope.GOVERNANCE_WRITE)]
NAME = r"^[a-z0-9][a-z0-9-]{0,63}$"
Name = Annotated[str, Path(pattern=NAME, description="The name of a document.", examples=["night"])]
EXAMPLE = (
    '@id("no-changes-at-night") @why("nobody is there to look")\n'
    'forbid (principal, action == Action::"run", resource) when { context.hour < 6 };'
)
_SHOWN = Field(min_length=1, max_length=1000, pattern=r"\S", description="Why; kept for good.")
Kind = Literal["policy", "constitution"]


class UnknownPolicy(NotFound):
    """There is no document of policies of this name."""


class Text(BaseModel):
    """A text of policies."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {"text": EXAMPLE, "kind": "policy", "reason": "Nobody is there to look."}
        },
    )

    text: str = Field(
        min_length=1,
        max_length=65_536,
        description="Cedar policies, each with an `@id` of its own; `@why` is shown to people.",
    )
    kind: Kind = Field(
        default="policy", description="A constitution only forbids, and no approval lifts it."
    )
    reason: str = _SHOWN


class NewPolicy(Text):
    """A document that is not there yet."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "night",
                "text": EXAMPLE,
                "kind": "policy",
                "reason": "Nobody is there to look.",
            }
        },
    )

    name: str = Field(pattern=NAME, description="How it is called from now on.")


@router.get("", summary="List policies in force")
async def list_policies(caller: Reader) -> Envelope[PolicyDocuments]:
    """Return every document in force, what came with Grace first, and the schema of what they speak of.

    403 for a key of any other than the tenant that runs Grace; so for all of this.
    """
    return caller.answer(await caller.ask(ListPolicies(tenant_id=caller.tenant)))


@router.get("/{name}", summary="Read one document of policies")
async def read_policy(name: Name, caller: Reader, response: Response) -> Envelope[PolicyDocument]:
    """Return the version in force. The ETag is its version."""
    found = await caller.ask(ListPolicyVersions(tenant_id=caller.tenant, name=name))
    standing = next((each for each in found.documents if each.in_force), None)
    if standing is None:
        raise UnknownPolicy
    return _tagged(caller, standing, response)


@router.get("/{name}/versions", summary="List the versions of a document, newest first")
async def list_policy_versions(name: Name, caller: Reader) -> Envelope[tuple[PolicyDocument, ...]]:
    """Return up to 100 versions with who made each and why; one without a text took it back."""
    found = await caller.ask(ListPolicyVersions(tenant_id=caller.tenant, name=name))
    return caller.answer(found.documents)


@router.post(
    "",
    status_code=201,
    summary="Add a document of policies",
    responses={409: {"description": "There is a document of this name."}},
)
async def add_policy(
    wanted: NewPolicy, caller: Writer, response: Response
) -> Envelope[PolicyDocument]:
    """Put a new document into force. 422 where the whole would not be valid: nothing changes then."""
    return await _set(caller, response, wanted.name, wanted, if_version=0)


@router.put("/{name}", summary="Change a document of policies")
async def change_policy(
    name: Name, wanted: Text, caller: Writer, response: Response, if_match: IfMatch = None
) -> Envelope[PolicyDocument]:
    """Put another text into force. 422 where the whole would not be valid: the old one stays then.

    The document `defaults` came with Grace: the first text of its own takes its place, and has
    `"0"` or `*` as If-Match. The shipped `constitution` is only added to (403).
    """
    return await _set(caller, response, name, wanted, if_version=version_in(if_match))


@router.delete("/{name}", summary="Take a document of policies back")
async def drop_policy(
    name: Name,
    caller: Writer,
    response: Response,
    if_match: IfMatch = None,
    reason: Annotated[
        str, Query(min_length=1, max_length=1000, description="Why; kept for good.")
    ] = "taken back",
) -> Envelope[PolicyDocument]:
    """Let a document hold no longer; its versions stay readable. `defaults` falls back to Grace's."""
    wanted = SetPolicy(
        tenant_id=caller.tenant,
        name=name,
        kind="policy",
        principal=caller.key.principal,
        reason=reason,
        if_version=version_in(if_match),
    )
    return _tagged(caller, await caller.ask(wanted), response)


async def _set(
    caller: Caller, response: Response, name: str, wanted: Text, *, if_version: int | None
) -> Envelope[PolicyDocument]:
    question = SetPolicy(
        tenant_id=caller.tenant,
        name=name,
        kind=wanted.kind,
        text=wanted.text,
        principal=caller.key.principal,
        reason=wanted.reason,
        if_version=if_version,
    )
    return _tagged(caller, await caller.ask(question), response)


def _tagged(
    caller: Caller, document: PolicyDocument, response: Response
) -> Envelope[PolicyDocument]:
    response.headers["ETag"] = f'"{document.version}"'
    return caller.answer(document)
