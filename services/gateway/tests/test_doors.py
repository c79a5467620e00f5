"""The anonymous matrix: every route of the OpenAPI document, without and with the wrong key."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle
from typing import Any

import httpx

from grace.gateway.api.application import rest
from grace.gateway.settings import Settings

OpenGateway = Callable[..., Any]
OPEN = {"/health/live", "/health/ready"}
# Any key may ask; what its scopes do not open is refused part by part (test_chat).
OF_EVERY_KEY = {("POST", "/api/chat")}


@cache
def described() -> dict[str, Any]:
    document: dict[str, Any] = rest(None, Settings()).openapi()
    return document


def routes() -> Iterator[tuple[str, str]]:
    for path, methods in described()["paths"].items():
        yield from ((method.upper(), path) for method in methods)


def guarded() -> list[tuple[str, str]]:
    return [(method, path) for method, path in routes() if path not in OPEN]


def at(path: str) -> str:
    """The path with an id in place of each parameter."""
    parts = ("some-id" if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


def test_every_route_is_behind_the_door_but_the_probes() -> None:
    assert {path for _, path in routes()} - {path for _, path in guarded()} == OPEN
    assert all(path.startswith("/api/") for _, path in guarded())
    assert len(guarded()) >= 17
    assert set(guarded()) >= OF_EVERY_KEY


def test_every_guarded_route_names_its_scope() -> None:
    document = described()
    for method, path in guarded():
        security = document["paths"][path][method.lower()]["security"]
        assert security, (method, path)


async def ask(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    return await client.request(method, at(path))


async def test_every_route_answers_401_without_a_key_that_opens(open_gateway: OpenGateway) -> None:
    """Each without a key and with one that opens nothing, in turn; the first with each of these."""
    wrong = ["grace_" + "x" * 43, "Bearer", "password", "grace_short", "é" * 60]
    (first, *others), turns = guarded(), cycle(wrong)
    asked = [(*first, token) for token in ("", *wrong)]
    asked += [(*route, token) for route in others for token in ("", next(turns))]
    async with open_gateway(address_rate_limit=0) as front:
        client = await front.client()
        for method, path, token in asked:
            headers = {"X-API-Key": token.encode()} if token else {}
            answer = await client.request(method, at(path), headers=headers)
            assert answer.status_code == 401, (method, path, token)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["code"] == "unauthenticated"


async def test_every_route_answers_403_with_every_other_scope(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        await front.person("nobody", "missions:read")
        nobody = await front.person("other", "missions:read")
        await front.house.rows(
            "gateway", "UPDATE api_keys SET scopes = '{none:read}' WHERE principal = 'other'"
        )
        for method, path in set(guarded()) - OF_EVERY_KEY:
            body = {"json": {}} if method in {"PATCH", "POST", "PUT"} else {}
            answer = await nobody.request(method, at(path), **body)
            assert answer.status_code == 403, (method, path, answer.text)
            assert answer.json()["code"] == "forbidden"
            assert "lacks the scope" in answer.json()["detail"]


async def test_two_different_keys_at_once_open_nothing(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        both = await front.admin.get("/api/keys", headers={"X-API-Key": "grace_" + "x" * 43})
        assert both.status_code == 401


async def test_what_does_not_exist_is_not_told_to_strangers(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        stranger = await front.client()
        for path in ("/api", "/api/", "/api/nothing", "/api/keys/a/b"):
            assert (await stranger.get(path)).status_code == 401, path
            assert (await front.admin.get(path)).status_code == 404, path
