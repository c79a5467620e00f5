"""The immutable log: checkpoints and proofs that anybody can verify offline."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from grace.contracts.identity import (
    Checkpoint,
    Entry,
    GetCheckpoint,
    GetProof,
    ListEntries,
    Proof,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope
from grace.gateway.domain.access import HOUSE_TENANT, Scope
from grace.gateway.domain.ownership import may_read
from grace.kit import NotFound
from grace.transparency import KEY_SUBJECTS, parse_leaf

router = APIRouter(prefix="/api/log", tags=["log"])

Reader = Annotated[Caller, needs(Scope.LOG_READ)]
# In the place of what belongs to another tenant.
HIDDEN = "-"
_INT64 = 2**63 - 1


class UnknownEntry(NotFound):
    """The log has no such entry."""


class ProofOf(BaseModel):
    """Which entry, in which tree."""

    model_config = ConfigDict(extra="forbid")

    index: int | None = Field(default=None, ge=0, le=_INT64, description="The entry's index.")
    message_id: str | None = Field(
        default=None, pattern=ID_PATTERN, description="The id of the message that was logged."
    )
    size: int | None = Field(
        default=None, ge=1, le=_INT64, description="The tree size; the newest one where absent."
    )

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.index is None) == (self.message_id is None):
            raise ValueError("give either index or message_id")
        return self


class EntriesPage(BaseModel):
    """Which entries."""

    model_config = ConfigDict(extra="forbid")

    start: int = Field(default=0, ge=0, le=_INT64, description="The index of the first entry.")
    limit: int = Field(default=100, ge=1, le=1000, description="The most entries of a page.")
    leaves: bool = Field(
        default=False,
        description="With `leaf`, in base64: the signed bytes. A page may end sooner.",
    )


@router.get(
    "/checkpoint",
    summary="Read the newest signed checkpoint",
    responses={
        404: {"description": "The log has no checkpoint yet."},
        409: {"description": "It was signed under another origin or key."},
    },
)
async def read_checkpoint(caller: Reader) -> Envelope[Checkpoint]:
    """Return the head of the log: `note` is a C2SP signed note, `root` is base64, `size` text."""
    return caller.answer(await caller.ask(GetCheckpoint()))


@router.get(
    "/proof",
    summary="Prove that an entry is in the log",
    responses={
        404: {"description": "The log has no such entry."},
        409: {"description": "The tree of this size does not hold the entry."},
    },
)
async def read_proof(caller: Reader, of: Annotated[ProofOf, Query()]) -> Envelope[Proof]:
    """Return an RFC 6962 inclusion proof: `leaf` and `hashes` are base64, numbers are text."""
    question = GetProof(index=of.index, message_id=of.message_id, size=of.size)
    proof = await caller.ask(question)
    # The log is one for all; a leaf is a message, and that belongs to its tenant.
    if not may_read(parse_leaf(proof.leaf).body, caller.tenant):
        raise UnknownEntry
    return caller.answer(proof)


@router.get("/entries", summary="List log entries")
async def list_entries(
    caller: Reader, page: Annotated[EntriesPage, Query()]
) -> Envelope[tuple[Entry, ...]]:
    """Return entries from `start` on; `leaf_hash` is hex.

    Everybody gets every hash, without which nobody could check the log. Whose entries they are is for
    the tenant that runs Grace; the others read `-`, and find their own by `message_id` in a proof.
    A leaf is shown to whom its message belongs; public keys are for everybody.
    """
    question = ListEntries(start=page.start, limit=page.limit, leaves=page.leaves or None)
    found = tuple(_shown(each, caller.tenant) for each in (await caller.ask(question)).entries)
    is_house = caller.tenant == HOUSE_TENANT
    return caller.answer(found if is_house else tuple(map(_nameless, found)))


def _shown(entry: Entry, tenant: str) -> Entry:
    if entry.leaf is None or entry.subject in KEY_SUBJECTS:
        return entry
    if _is_theirs(parse_leaf(entry.leaf).body, tenant):
        return entry
    return entry.model_copy(update={"leaf": None})


def _is_theirs(body: bytes, tenant: str) -> bool:
    """What is no JSON names nobody: who checks the log has to see it."""
    try:
        return may_read(body, tenant)
    except (ValueError, RecursionError):
        return tenant == HOUSE_TENANT


def _nameless(entry: Entry) -> Entry:
    hidden = dict.fromkeys(("producer", "subject", "message_id"), HIDDEN)
    return entry.model_copy(update=hidden)
