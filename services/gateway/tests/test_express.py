"""The short way past the router: it answers as FastAPI would, or leaves it to FastAPI."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import Message

from grace.gateway.api import errors
from grace.gateway.api.application import rest
from grace.gateway.api.bodies import again
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.cursors import Seal
from grace.gateway.api.envelope import Envelope, Id, Page
from grace.gateway.api.express import Express
from grace.gateway.api.intake import BinaryMode, Header
from grace.gateway.api.shortcut import shortcut_of
from grace.gateway.api.visit import Visit
from grace.gateway.domain.access import Key, Scope
from grace.gateway.settings import Settings
from grace.kit import NotFound

Reader = Annotated[Caller, needs(Scope.MISSIONS_READ)]
NOW = datetime(2026, 11, 20, tzinfo=UTC)
SEALING = bytes(32)


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=8)
    count: int = 1


class More(Thing):
    secret: str


def house() -> FastAPI:
    app = FastAPI(telemetry={"tracing": False}, redirect_slashes=False)
    app.state.runtime = app.state.submissions = app.state.reports = app.state.limits = (
        app.state.sign_on
    ) = None
    app.state.settings, app.state.cursor_key = Settings(), SEALING
    errors.install(app)

    @app.get("/api/things")
    async def pages(caller: Reader, page: Annotated[Page, Query()]) -> Envelope[Page]:
        return caller.answer(page, next_cursor="bmV4dA")

    @app.get("/api/things/first")
    async def first(caller: Reader, which: int = 7) -> Envelope[int]:
        return caller.answer(which)

    @app.get("/api/things/{thing_id}")
    async def one(thing_id: Id, caller: Reader, response: Response) -> Envelope[Thing]:
        if thing_id == "absent":
            raise NotFound
        if thing_id == "gone":
            raise HTTPException(410, "It was here.", {"X-Since": "today"})
        response.headers["ETag"] = '"1"'
        return caller.answer(More(name=thing_id, secret="never told"))  # type: ignore[arg-type]

    @app.post("/api/things", status_code=201)
    async def make(
        thing: Thing, caller: Reader, binary: Annotated[BinaryMode, Header()], response: Response
    ) -> Envelope[dict[str, Any]]:
        if thing.count == 0:
            response.status_code = 200
        return caller.answer({"thing": thing.model_dump(), "id": binary.ce_id})

    return app


@dataclass
class Told:
    """What was sent in answer to a request."""

    messages: list[Message]

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    def shown(self) -> tuple[int, list[tuple[bytes, bytes]], Any]:
        body = b"".join(each.get("body", b"") for each in self.messages[1:])
        return self.messages[0]["status"], sorted(self.messages[0]["headers"]), json.loads(body)


async def nothing() -> Message:
    raise AssertionError("nobody reads on")


def scope_of(method: str, path: str, headers: Mapping[str, str], *scopes: str) -> dict[str, Any]:
    route, _, query = path.partition("?")
    key = Key("key-1", "default", "ada", "", scopes, "ada", NOW)
    given = {"content-type": "application/json", "x-request-id": "request-1", **headers}
    return {
        "type": "http", "method": method, "path": route, "raw_path": route.encode(),
        "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "state": {"key": key, "request_id": "request-1"},
    }  # fmt: skip


async def both(
    method: str, path: str, body: bytes, headers: Mapping[str, str], *scopes: str
) -> tuple[Any, Any]:
    """What the short way answers (None where it leaves it), and what the ordinary one does."""
    app, short, ordinary = house(), Told([]), Told([])
    visit = Visit(scope_of(method, path, headers, *scopes), short.send)
    answer = await Express(app).answer(visit, body)
    if answer is not None:
        await answer(visit.scope, nothing, short.send)
    scope = scope_of(method, path, headers, *scopes)
    await app(scope, again(body, nothing), ordinary.send)
    assert answer is None or visit.route == scope["route"].path
    return short.shown() if answer else None, ordinary.shown()


SEALED = Seal(SEALING, "default", "/api/things").sealed("bmV4dA")
MISSIONS = "missions:read"
FLAWLESS = (
    ("GET", "/api/things", b"", {}),
    ("GET", f"/api/things?limit=3&cursor={SEALED}", b"", {}),
    ("GET", "/api/things/first", b"", {}),
    ("GET", "/api/things/first?which=%31&other=2", b"", {}),
    ("GET", "/api/things/a-1", b"", {}),
    ("GET", "/api/things/absent", b"", {}),
    ("GET", "/api/things/gone", b"", {}),
    ("POST", "/api/things", b'{"name":"a"}', {}),
    ("POST", "/api/things", b'{"name":"a","count":0}', {"ce-id": "event-1"}),
)
FLAWED = (
    ("GET", "/api/things?limit=0", b"", {}, 422),
    ("GET", "/api/things?limit=", b"", {}, 422),
    ("GET", "/api/things?stranger=1", b"", {}, 422),
    ("GET", "/api/things?cursor=bmV4dA.forged", b"", {}, 400),
    ("GET", "/api/things?c%75rsor=bmV4dA.forged", b"", {}, 400),
    ("GET", "/api/things/first?which=seven", b"", {}, 422),
    ("GET", "/api/things/a%20b", b"", {}, 422),
    ("GET", "/api/things/a/b", b"", {}, 404),
    ("GET", "/api/other", b"", {}, 404),
    ("PUT", "/api/things", b"{}", {}, 405),
    ("POST", "/api/things", b'{"name":"much too long"}', {}, 422),
    ("POST", "/api/things", b'{"name":"a","count":"1"}', {}, 422),
    ("POST", "/api/things", b'{"name":"a","more":1}', {}, 422),
    ("POST", "/api/things", b"", {}, 422),
)


@pytest.mark.parametrize(("method", "path", "body", "headers"), FLAWLESS)
async def test_the_short_way_answers_as_the_ordinary_one(
    method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> None:
    short, ordinary = await both(method, path, body, headers, MISSIONS)
    assert short == ordinary
    assert "never told" not in str(short)


@pytest.mark.parametrize(("method", "path", "body", "headers", "status"), FLAWED)
async def test_what_is_not_flawless_is_left_to_the_ordinary_way(
    method: str, path: str, body: bytes, headers: Mapping[str, str], status: int
) -> None:
    short, ordinary = await both(method, path, body, headers, MISSIONS)
    assert short is None
    assert ordinary[0] == status


async def test_a_key_without_the_scope_is_refused_before_anything_is_read() -> None:
    short, ordinary = await both("GET", "/api/things?limit=0", b"", {}, "log:read")
    assert (short, ordinary[0]) == (None, 403)


@cache
def ways() -> dict[tuple[str, str], bool]:
    """Whether there is a short one, by method and path."""
    routes = [each for each in rest(None, Settings()).routes if isinstance(each, APIRoute)]
    return {
        (method, route.path): shortcut_of(route) is not None
        for route in routes
        for method in route.methods or ()
    }


def test_nearly_every_route_has_a_short_way() -> None:
    found = ways()
    assert found["POST", "/api/htm/tasks"]
    assert found["GET", "/api/missions/{mission_id}/timeline"]
    assert found["POST", "/api/chat"]
    assert not found["GET", "/api/events/stream"]  # answers as long as its client stays
    assert sum(found.values()) > len(found) * 0.8
