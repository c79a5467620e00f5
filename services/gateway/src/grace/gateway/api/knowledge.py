"""Knowledge: texts that Grace keeps, and passages of them that fit a question."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from grace.contracts.knowledge import (
    Artifact,
    GetArtifact,
    GetIndexStats,
    IndexStats,
    IngestArtifact,
    IngestedArtifact,
    SearchKnowledge,
    SearchResults,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api", tags=["knowledge"])

Reader = Annotated[Caller, needs(Scope.KNOWLEDGE_READ)]
Writer = Annotated[Caller, needs(Scope.KNOWLEDGE_WRITE)]
_ARTIFACTS = "/knowledge/artifacts"
_LONGEST_CONTENT = 512 * 1024


class NewArtifact(BaseModel):
    """A text."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "title": "Blocked sessions in the shop",
                "content": "When orders hang, look for a session that is idle in transaction.",
                "artifact_type": "runbook",
                "actor": "ada",
            }
        },
    )

    content: str = Field(min_length=1, max_length=_LONGEST_CONTENT, description="At most 512 KiB.")
    title: str = Field(min_length=1, max_length=500)
    artifact_type: str = Field(
        default="document", pattern=ID_PATTERN, description="document, runbook, postmortem .."
    )
    actor: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        description="Who is said to bring it; your principal where absent.",
    )
    language: str | None = Field(
        default=None,
        min_length=1,
        max_length=32,
        description="How its words are stemmed: english where absent, simple for none.",
    )

    @field_validator("content", "title", "actor")
    @classmethod
    def _says_something(cls, text: str | None) -> str | None:
        if text is not None and not text.strip():
            raise ValueError("must not be blank")
        return text


class Question(BaseModel):
    """What to look for."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"example": {"query": "orders hang", "top_k": 5}},
    )

    query: str = Field(
        min_length=1,
        max_length=1000,
        description='Words; also "a phrase", `or`, and -without.',
    )
    top_k: int = Field(default=10, ge=1, le=50, description="The most passages to return.")

    @field_validator("query")
    @classmethod
    def _asks_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("must not be blank")
        return text


@router.post(
    "/knowledge/ingest",
    status_code=201,
    summary="Take in a text",
    responses={200: {"model": Envelope[IngestedArtifact], "description": "It was there already."}},
)
async def ingest(
    wanted: NewArtifact, caller: Writer, response: Response
) -> Envelope[IngestedArtifact]:
    """Keep a text; it can be found from now on. 200 with `duplicate` where it was there already."""
    taken = await caller.ask(
        IngestArtifact(
            tenant_id=caller.tenant,
            content=wanted.content,
            title=wanted.title,
            artifact_type=wanted.artifact_type,
            actor=wanted.actor or caller.key.principal,
            language=wanted.language,
            idempotency_key=caller.idempotency_key,
        )
    )
    if taken.duplicate:
        response.status_code = 200
    response.headers["Location"] = f"{router.prefix}{_ARTIFACTS}/{taken.artifact_id}"
    return caller.answer(taken)


@router.get(_ARTIFACTS + "/{artifact_id}", summary="Read one text")
async def read_artifact(artifact_id: Id, caller: Reader) -> Envelope[Artifact]:
    """Return a text to the letter, with where it came from."""
    question = GetArtifact(tenant_id=caller.tenant, artifact_id=artifact_id)
    return caller.answer(await caller.ask(question))


@router.post("/vectors/search", summary="Find passages")
async def search(asked: Question, caller: Reader) -> Envelope[SearchResults]:
    """Return the passages that fit best, each with its similarity and what is needed to cite it."""
    question = SearchKnowledge(tenant_id=caller.tenant, query=asked.query, top_k=asked.top_k)
    return caller.answer(await caller.ask(question))


@router.get("/vectors/index/stats", summary="Read how much can be found")
async def read_stats(caller: Reader) -> Envelope[IndexStats]:
    """Return what is indexed, by what, and what is not there yet."""
    return caller.answer(await caller.ask(GetIndexStats(tenant_id=caller.tenant)))
