"""A question that is answered late: nobody waits for it, and it is not asked a second time meanwhile."""

import asyncio

import pytest

from grace.kit.prompt import Prompt


class Oracle:
    """Answers when a test lets it, and does not hear that nobody wants to know any more."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.error: Exception | None = None

    async def ask(self) -> int:
        self.asked += 1
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return self.asked


async def test_who_waits_too_long_is_told_and_the_next_one_gets_the_same_answer() -> None:
    oracle = Oracle()
    prompt = Prompt(oracle.ask, within=0.01)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await prompt.answer()
    oracle.may_answer.set()
    assert await prompt.answer() == 1


async def test_once_answered_it_is_asked_anew() -> None:
    oracle = Oracle()
    oracle.may_answer.set()
    prompt = Prompt(oracle.ask, within=5)
    assert [await prompt.answer() for _ in range(2)] == [1, 2]
    assert await asyncio.gather(prompt.answer(), prompt.answer()) == [3, 3]


async def test_what_goes_wrong_comes_to_all_who_wait() -> None:
    oracle = Oracle()
    oracle.error = ConnectionError()
    oracle.may_answer.set()
    prompt = Prompt(oracle.ask, within=5)
    found = await asyncio.gather(prompt.answer(), prompt.answer(), return_exceptions=True)
    assert found == [oracle.error, oracle.error]
    oracle.error = None
    assert await prompt.answer() == 2


async def test_a_failure_that_nobody_waits_for_is_nobodys_business() -> None:
    oracle, told = Oracle(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    prompt = Prompt(oracle.ask, within=0.01)
    with pytest.raises(TimeoutError):
        await prompt.answer()
    oracle.error = ConnectionError()
    oracle.may_answer.set()
    with pytest.raises(ConnectionError):
        await prompt.answer()
    assert told == []
