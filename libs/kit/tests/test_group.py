import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from grace.contracts.learning import GetSummary, Summary
from grace.kit import Called, NotFound, Unavailable, new_id
from grace.kit.group import Group
from grace.kit.stream import Calls, Weight


def _call(tenant: str) -> Called[GetSummary]:
    body = GetSummary(tenant_id=tenant)
    return Called(body, new_id(), body.SUBJECT, "gateway", None, "default", "c", None)


def _answer(call: Called[GetSummary]) -> Any:
    if call.body.tenant_id == "missing":
        return NotFound("no such tenant")
    return Summary(total_outcomes=int(call.body.tenant_id))


class Ledger:
    """Answers each call by its number, and remembers the transactions."""

    def __init__(
        self,
        check: Callable[[Sequence[str]], None] = lambda _: None,
        weight: Weight | None = None,
    ) -> None:
        self.transactions: list[list[str]] = []
        self.check = check
        self.may_go_on = asyncio.Semaphore(0)
        self.begun = asyncio.Event()
        self.group = Group(self.transact, weight=weight)

    async def transact(self, calls: Calls) -> Sequence[Any]:
        tenants = [call.body.tenant_id for call in calls]
        self.transactions.append(tenants)
        self.begun.set()
        await self.may_go_on.acquire()
        self.check(tenants)
        return [_answer(call) for call in calls]

    async def ask(self, *tenants: str) -> list[Any]:
        """The first has a transaction of its own; the others come while it runs."""
        calls = [asyncio.ensure_future(self.group.call(_call(tenants[0])))]
        await self.begun.wait()
        calls += [asyncio.ensure_future(self.group.call(_call(t))) for t in tenants[1:]]
        await asyncio.sleep(0)
        self.go_on(100)
        return await asyncio.gather(*calls, return_exceptions=True)

    def go_on(self, transactions: int = 1) -> None:
        """Let so many transactions end."""
        for _ in range(transactions):
            self.may_go_on.release()


async def test_all_who_wait_share_the_next_transaction() -> None:
    ledger = Ledger()
    answers = await ledger.ask("0", "1", "2", "3")
    assert [answer.total_outcomes for answer in answers] == [0, 1, 2, 3]
    assert ledger.transactions == [["0"], ["1", "2", "3"]]


async def test_who_comes_in_the_same_moment_comes_along() -> None:
    ledger = Ledger()
    ledger.go_on(2)
    await asyncio.gather(*(ledger.group.call(_call(tenant)) for tenant in ("0", "1")))
    assert ledger.transactions == [["0", "1"]]


async def test_each_gets_its_own_answer_an_error_too() -> None:
    answers = await Ledger().ask("0", "missing", "2")
    assert [type(answer) for answer in answers] == [Summary, NotFound, Summary]


async def test_much_that_waits_has_a_transaction_beside_the_first() -> None:
    ledger = Ledger(weight=lambda call: int(call.body.tenant_id))
    answers = [asyncio.ensure_future(ledger.group.call(_call(t))) for t in ("1", "2")]
    await ledger.begun.wait()
    answers += [asyncio.ensure_future(ledger.group.call(_call(t))) for t in ("30", "33")]
    await _until_begun(ledger, 1)
    answers += [asyncio.ensure_future(ledger.group.call(_call(t))) for t in ("1", "99", "98")]
    await _until_begun(ledger, 2)
    ledger.go_on(100)
    assert [answer.total_outcomes for answer in await asyncio.gather(*answers)] == [
        1, 2, 30, 33, 1, 99, 98,
    ]  # fmt: skip
    # 63 were not enough; who came with the one that made it 64 came along.
    assert ledger.transactions == [["1", "2"], ["30", "33", "1", "99", "98"]]


async def test_a_transaction_may_take_along_who_came_since_it_began() -> None:
    begun, may_join, joined = asyncio.Event(), asyncio.Event(), list[str]()

    async def transact(calls: Calls) -> Sequence[Any]:
        begun.set()
        await may_join.wait()
        joined.extend(call.body.tenant_id for call in calls.join())
        return [_answer(call) for call in calls]

    group = Group(transact)
    answers = [asyncio.ensure_future(group.call(_call("0")))]
    await begun.wait()
    answers += [asyncio.ensure_future(group.call(_call(t))) for t in ("1", "missing")]
    await asyncio.sleep(0)
    may_join.set()
    first, second, missing = await asyncio.gather(*answers, return_exceptions=True)
    assert (first.total_outcomes, second.total_outcomes) == (0, 1)
    assert isinstance(missing, NotFound)
    assert joined == ["1", "missing"]


async def test_who_came_along_fails_alone_too() -> None:
    begun, may_join, tried = asyncio.Event(), asyncio.Event(), list[list[str]]()

    async def transact(calls: Calls) -> Sequence[Any]:
        begun.set()
        await may_join.wait()
        calls.join()
        tried.append([call.body.tenant_id for call in calls])
        if "3" in tried[-1]:
            raise ValueError("three")
        return [_answer(call) for call in calls]

    group = Group(transact)
    first = asyncio.ensure_future(group.call(_call("0")))
    await begun.wait()
    second = asyncio.ensure_future(group.call(_call("3")))
    await asyncio.sleep(0)
    may_join.set()
    answers = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Summary, ValueError]
    assert tried == [["0", "3"], ["0"], ["3"]]


async def test_a_third_transaction_waits_for_one_of_the_two() -> None:
    ledger = Ledger(weight=lambda _: 100)
    answers = [asyncio.ensure_future(ledger.group.call(_call("0")))]
    await _until_begun(ledger, 1)
    answers.append(asyncio.ensure_future(ledger.group.call(_call("1"))))
    await _until_begun(ledger, 2)
    answers += [asyncio.ensure_future(ledger.group.call(_call(t))) for t in ("2", "3")]
    await _until_begun(ledger, 3)
    assert ledger.transactions == [["0"], ["1"]]
    ledger.go_on(100)
    assert [a.total_outcomes for a in await asyncio.gather(*answers)] == [0, 1, 2, 3]
    assert ledger.transactions == [["0"], ["1"], ["2", "3"]]


async def _until_begun(ledger: Ledger, count: int) -> None:
    """Give as many turns as a transaction that may begin needs."""
    for _ in range(20):
        if len(ledger.transactions) >= count:
            return
        await asyncio.sleep(0)


async def test_a_request_that_breaks_the_transaction_fails_alone() -> None:
    def check(tenants: Sequence[str]) -> None:
        if "3" in tenants:
            raise ValueError("three")

    ledger = Ledger(check)
    answers = await ledger.ask("0", "1", "2", "3", "4")
    assert [type(answer) for answer in answers] == [Summary, Summary, Summary, ValueError, Summary]


async def test_an_outage_is_everybodys_answer_and_is_not_tried_in_halves() -> None:
    def check(tenants: Sequence[str]) -> None:
        if len(tenants) > 1:
            raise ConnectionResetError

    ledger = Ledger(check)
    answers = await ledger.ask("0", "1", "2")
    assert [type(answer) for answer in answers] == [Summary, *[ConnectionResetError] * 2]
    assert len(ledger.transactions) == 2


async def test_nobody_waits_for_ever_for_a_transaction_that_was_cancelled() -> None:
    ledger = Ledger()
    first = asyncio.ensure_future(ledger.group.call(_call("1")))
    await ledger.begun.wait()
    second = asyncio.ensure_future(ledger.group.call(_call("2")))
    await asyncio.sleep(0)
    first.cancel()
    ledger.go_on()
    assert (await asyncio.wait_for(second, 5)).total_outcomes == 2
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_those_carried_by_a_cancelled_transaction_are_told() -> None:
    ledger = Ledger()
    calls = [asyncio.ensure_future(ledger.group.call(_call("0")))]
    await ledger.begun.wait()
    calls += [asyncio.ensure_future(ledger.group.call(_call(str(n)))) for n in (1, 2, 3)]
    await asyncio.sleep(0)
    ledger.begun.clear()
    ledger.go_on()
    await calls[0]
    await ledger.begun.wait()
    calls[1].cancel()
    answers = await asyncio.wait_for(asyncio.gather(*calls[1:], return_exceptions=True), 5)
    assert ledger.transactions == [["0"], ["1", "2", "3"]]
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Unavailable) for answer in answers[1:])
