"""What waits together goes together, and nobody gets what belongs to another."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, cast

import pytest

from grace.kit import Gathering, Invalid, Runtime, Unavailable


class Owner:
    """Answers with the doubles of numbers, when it is let; remembers what went out together."""

    def __init__(self, *, most: int = 100) -> None:
        self.asked: list[Sequence[int]] = []
        self.door = asyncio.Event()
        self.heard = asyncio.Event()
        self.tasks: list[asyncio.Task[Any]] = []
        self.gathering = Gathering[int, int](
            cast("Runtime", self), self.answer, most=most, weight=lambda number: number
        )

    def soon(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run beside, as the runtime does."""
        self.tasks.append(asyncio.ensure_future(work))

    async def answer(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        """Odd numbers are refused; 13 breaks the answer of all."""
        self.asked.append(numbers)
        self.heard.set()
        await self.door.wait()
        if 13 in numbers:
            raise Unavailable
        return [Invalid() if number % 2 else 2 * number for number in numbers]


async def _all(owner: Owner, *numbers: int) -> list[Any]:
    waiting = [asyncio.ensure_future(owner.gathering.ask(number)) for number in numbers]
    for _ in range(3):
        await asyncio.sleep(0)  # all of them have asked
    owner.door.set()
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_who_comes_while_a_question_is_out_goes_with_the_next() -> None:
    owner = Owner()
    assert await _all(owner, 2, 4, 6) == [4, 8, 12]
    assert owner.asked == [[2, 4, 6]]
    owner.door.clear()
    owner.heard.clear()
    first = asyncio.ensure_future(owner.gathering.ask(8))
    await owner.heard.wait()
    assert await _all(owner, 10, 12) == [20, 24]
    assert await first == 16
    assert owner.asked[1:] == [[8], [10, 12]]


async def test_a_refusal_is_told_to_whom_it_belongs_and_a_failure_to_all() -> None:
    answers = await _all(Owner(), 2, 3, 4)
    assert [answers[0], type(answers[1]), answers[2]] == [4, Invalid, 8]
    assert {type(each) for each in await _all(Owner(), 2, 13)} == {Unavailable}


async def test_what_does_not_fit_goes_later_and_what_is_too_large_goes_alone() -> None:
    owner = Owner(most=6)
    assert await _all(owner, 2, 4, 6, 20, 2) == [4, 8, 12, 40, 4]
    assert owner.asked == [[2, 4], [6], [20], [2]]


async def test_who_has_gone_takes_nobody_else_along() -> None:
    owner = Owner()
    gone, stays = (asyncio.ensure_future(owner.gathering.ask(n)) for n in (2, 4))
    await asyncio.sleep(0)
    gone.cancel()
    owner.door.set()
    assert await stays == 8
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_whoever_waits_for_a_question_that_is_ended_hears_of_it() -> None:
    owner = Owner()
    waiting = asyncio.ensure_future(owner.gathering.ask(2))
    await owner.heard.wait()
    owner.tasks[0].cancel()
    with pytest.raises(Unavailable):
        await waiting
