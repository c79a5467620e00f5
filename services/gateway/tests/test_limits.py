"""How fast somebody may ask: each key for itself, and strangers by their address."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from grace.gateway.api.limits import Limits, Recent, TooFast, network_of
from grace.gateway.settings import Settings

OpenGateway = Callable[..., Any]
BURST = 4  # two seconds of a limit of 2


async def test_a_key_that_asks_too_fast_is_told_how_long_to_wait(open_gateway: OpenGateway) -> None:
    async with open_gateway(rate_limit=2, admin_rate_limit=0) as front:
        ada, bob = await front.person("ada", "keys:read"), await front.person("bob", "keys:read")
        answers = await at_once(ada, "/api/keys", BURST + 1)
        assert [answer.status_code for answer in answers] == [200] * BURST + [429]
        refused = answers[-1]
        assert refused.json()["code"] == "rate_limited"
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"] == "1"
        told = [answer.headers["ratelimit-remaining"] for answer in answers[:BURST]]
        assert told == sorted(told, reverse=True)
        assert answers[0].headers["ratelimit-limit"] == str(BURST)
        assert 1 <= int(answers[-2].headers["ratelimit-reset"]) <= 2
        assert (await bob.get("/api/keys")).status_code == 200


async def test_only_the_admin_key_gives_a_key_a_limit_of_its_own(open_gateway: OpenGateway) -> None:
    async with open_gateway(rate_limit=2, admin_rate_limit=0) as front:
        body = {"principal": "robot", "scopes": ["keys:read", "keys:write"], "rate_limit": 0}
        made = await front.admin.post("/api/keys", json=body)
        assert (made.status_code, made.json()["data"]["rate_limit"]) == (201, 0)
        robot = await front.client(made.json()["data"]["token"])
        answers = [await robot.get("/api/keys") for _ in range(BURST * 3)]
        assert {answer.status_code for answer in answers} == {200}
        assert "ratelimit-limit" not in answers[0].headers
        refused = await robot.post("/api/keys", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_who_guesses_tokens_is_stopped_and_who_has_one_is_not(
    open_gateway: OpenGateway,
) -> None:
    begun = time.monotonic()
    async with open_gateway(address_rate_limit=1, address_burst=10) as front:
        assert (await front.admin.get("/api/keys")).status_code == 200
        guesser = await front.client("grace_" + "x" * 43)
        found = [each.status_code for each in await at_once(guesser, "/api/keys", 12)]
        assert set(found) == {401, 429}
        stranger = await front.client()
        for path in ("/api/keys", "/openapi.json", "/none"):
            answers = [each.status_code for each in await at_once(stranger, path, 12)]
            assert 429 in answers, path
            found += answers
        # The burst, and one for each second that this machine took.
        assert sum(code != 429 for code in found) <= 10 + time.monotonic() - begun
        assert (await stranger.get("/health/live")).status_code == 200
        assert (await front.admin.get("/api/keys")).status_code == 200


async def at_once(client: httpx.AsyncClient, path: str, count: int) -> list[httpx.Response]:
    """The answers to so many requests at the same time; those that were let in come first."""
    answers = await asyncio.gather(*(client.get(path) for _ in range(count)))
    return sorted(answers, key=lambda answer: (answer.status_code, -left(answer)))


def left(answer: httpx.Response) -> int:
    return int(answer.headers.get("ratelimit-remaining", 0))


def meets(limits: Limits, address: str) -> bool:
    try:
        limits.meet(address)
    except TooFast as refused:
        return refused.retry_after < 1
    return True


@given(st.integers(1, 50), st.integers(1, 200))
def test_an_address_gets_no_more_than_its_burst_at_once(rate: int, burst: int) -> None:
    limits = Limits(Settings(address_rate_limit=rate, address_burst=burst))
    met = [meets(limits, "192.0.2.1") for _ in range(max(rate, burst) + 60)]
    assert all(met[: max(rate, burst)])
    assert not met[-1]
    limits.meet("192.0.2.2")


def test_addresses_of_one_network_are_one_client() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db9::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("") == ""


def test_what_was_used_longest_ago_is_forgotten() -> None:
    recent: Recent[int] = Recent(most=2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)
    recent.drop("a")
    assert recent.get("a") is None
