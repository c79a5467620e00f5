"""How the chat asks: by the functions of Grace's own routes, with what the caller's key may and no more."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import TypeVar

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from grace.gateway.api.callers import Caller
from grace.gateway.api.envelope import Envelope
from grace.gateway.api.shortcut import shortcut_of
from grace.gateway.domain.questions import Name
from grace.gateway.domain.wishes import Offer
from grace.kit import Forbidden, new_id

T = TypeVar("T")


class Source(BaseModel):
    """What a part of an answer is based on."""

    route: str = Field(description="The same over REST.", examples=["GET /api/missions"])
    ids: tuple[str, ...] = Field(default=(), description="Of what was read there, as far as told.")
    title: str | None = Field(default=None, description="Of the text that is cited, as it is.")
    start_offset: int | None = Field(
        default=None, description="The passage is content[start_offset:end_offset] of the artifact."
    )
    end_offset: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What came of looking at one thing, in plain text."""

    text: str
    about: tuple[Name, ...] = ()
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """Where a route's function stands in the API, and the scope that it needs."""

    name: str
    scope: str


class Asker:
    """Asks for one part of an answer, and notes what that is based on."""

    def __init__(self, caller: Caller) -> None:
        # A question of the chat repeats no other, whatever key the request was given.
        self.caller = replace(caller, identity=new_id(), idempotency_key=None)
        self.sources: list[Source] = []

    async def ask(
        self, route: Callable[..., Awaitable[Envelope[T]]], *ids: str, **given: object
    ) -> T:
        """Return what a route answers this caller. Forbidden where its key would not open that route."""
        way = way_of(route)
        self.sources.append(Source(route=way.name, ids=ids))
        if way.scope not in self.caller.key.scopes:
            raise Forbidden(f"This API key lacks the scope {way.scope}, which {way.name} needs.")
        return (await route(caller=self.caller, **given)).data

    def cite(self, source: Source) -> None:
        """Note a passage in the place of the search that found it."""
        self.sources.append(source)


@cache
def way_of(route: Callable[..., object]) -> Way:
    """Find the route of a function: its scope is the route's own, and cannot become another."""
    router: APIRouter = import_module(route.__module__).router
    found = next(
        each for each in router.routes if isinstance(each, APIRoute) and each.endpoint is route
    )
    shortcut = shortcut_of(found)
    assert shortcut is not None  # noqa: S101 - the chat asks plain routes only
    (scope,) = shortcut.scopes
    return Way(f"{'/'.join(sorted(found.methods or []))} {found.path}", scope)
