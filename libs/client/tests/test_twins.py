"""The client for asyncio and the one without are the same client."""

import inspect

import pytest

from grace.client import Grace, SyncGrace
from grace.client.twins import twin_of, twins


def test_the_twin_is_what_its_source_makes() -> None:
    stale = [path.name for path, text in twins() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `python -m grace.client.twins`"


def test_both_have_the_same_methods_with_the_same_parameters() -> None:
    def surface(client: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(client, inspect.isfunction)
        return {n: list(inspect.signature(m).parameters) for n, m in methods if n[0] != "_"}

    assert surface(Grace) == surface(SyncGrace)
    assert len(surface(Grace)) > 30
    assert not any(map(inspect.iscoroutinefunction, vars(SyncGrace).values()))


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("async def x() -> AsyncIterator[T]:", "def x() -> Iterator[T]:"),
        ("    async with a, b: await c()", "    with a, b: c()"),
        ("look: Callable[[], Awaitable[T]]", "look: Callable[[], T]"),
        ("async for each in found.aiter_bytes():", "for each in found.iter_bytes():"),
        ("from asyncio import sleep", "from time import sleep"),
        ("class Grace(grace.client.aio.X):", "class SyncGrace(grace.client.sync.X):"),
    ],
)
def test_what_waits_is_written_without_waiting(written: str, made: str) -> None:
    assert twin_of(written).splitlines()[1] == made
