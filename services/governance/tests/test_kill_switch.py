"""The kill switch: one order, every worker hears it within a second, and it outlives the process."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.msg import Msg

from grace.contracts.governance import (
    GetKillSwitch,
    KillSwitch,
    KillSwitchTurned,
    Permit,
    PermitWord,
    TurnKillSwitch,
    VouchPermit,
)
from grace.governance.domain.kill_switch import Switch, Wanted, turned
from grace.kit import Forbidden, Unavailable
from grace.kit.flushing import flush
from grace.testkit import House

OpenOffice = Callable[..., Any]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
positions = st.tuples(st.booleans(), st.booleans()).filter(lambda each: each[0] or not each[1])


def order(*, is_on: bool, hard: bool = False, **how: str) -> TurnKillSwitch:
    given_ = {"tenant_id": "default", "principal": "ada", "reason": "a fire", **how}
    return TurnKillSwitch(is_on=is_on, hard=hard, **given_)


class Ear:
    """Hears the beacon as a worker does, and tells of the first that says what is waited for."""

    def __init__(self) -> None:
        self.last: Permit | None = None
        self._changed = asyncio.Condition()

    async def hear(self, message: Msg) -> None:
        async with self._changed:
            self.last = Permit.from_bytes(message.data)
            self._changed.notify_all()

    async def until(self, says: Callable[[Permit], bool], *, seconds: float = 3) -> Permit:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: self.last is not None and says(self.last))
        assert self.last is not None
        return self.last


async def ear(house: House) -> Ear:
    made = Ear()
    client = await house.connect("worker")
    await client.subscribe(Permit.SUBJECT, cb=made.hear)
    await flush(client)
    return made


@given(positions, positions)
def test_a_turn_makes_the_next_version_and_the_same_again_none(
    stands: tuple[bool, bool], wanted: tuple[bool, bool]
) -> None:
    switch = Switch(7, *stands, NOW, "bob", "before")
    found = turned(switch, Wanted(*wanted, by="ada", reason="now"), now=NOW)
    if stands == wanted:
        assert found is None
    else:
        assert found == Switch(8, *wanted, NOW, "ada", "now")


def test_off_lets_reverts_go_on_whatever_is_said_beside() -> None:
    switch = Switch(2, is_on=True, hard=True, changed_at=NOW, changed_by="bob", reason="")
    found = turned(switch, Wanted(is_on=False, hard=True, by="ada", reason="over"), now=NOW)
    assert found is not None
    assert (found.is_on, found.hard) == (False, False)


async def test_workers_hear_within_a_second_that_nothing_may_begin(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        worker = await ear(office.house)
        first = await worker.until(lambda permit: permit.allowed)
        before = monotonic()
        answer = await office.gateway.call(order(is_on=True))
        heard = await worker.until(lambda permit: not permit.allowed, seconds=1)
        assert monotonic() - before < 1
        assert (heard.version, heard.reverts_allowed) == (first.version + 1, True)
        assert (answer.version, answer.is_on, answer.hard) == (heard.version, True, False)
        assert (answer.changed_by, answer.reason) == ("ada", "a fire")


async def test_a_worker_is_answered_how_it_stands_signed_to_its_own_question(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        worker = await office.house.act_as("worker")
        for nonce, is_on in (("one", False), ("two", True)):
            await office.gateway.call(order(is_on=is_on))
            answer = await worker.call(VouchPermit(nonce=nonce))
            await worker.keys.learn({answer.key_id})
            assert worker.keys.component_of(answer.key_id) == "governance"
            signed = (answer.key_id, answer.signature, "grace/permit/v1", answer.body)
            assert worker.keys.verify(*signed)
            word = PermitWord.from_bytes(answer.body)
            assert (word.nonce, word.allowed, word.reverts_allowed) == (nonce, not is_on, True)


async def test_the_switch_stands_as_it_was_after_a_restart(open_office: OpenOffice) -> None:
    async with open_office() as office:
        stood = await office.gateway.call(order(is_on=True, hard=True))
    async with open_office() as office:
        heard = await (await ear(office.house)).until(lambda _: True)
        assert (heard.version, heard.allowed, heard.reverts_allowed) == (2, False, False)
        assert await office.gateway.call(GetKillSwitch(tenant_id="default")) == stood


async def test_who_turned_it_and_why_is_kept_told_and_never_changed(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        await office.gateway.call(order(is_on=True))
        again: KillSwitch = await office.gateway.call(order(is_on=True, principal="bob"))
        assert (again.version, again.changed_by) == (2, "ada")
        off = await office.gateway.call(
            order(is_on=False, principal="bob", reason="the fire is out")
        )
        assert [(o.version, o.is_on, o.ordered_by, o.reason) for o in off.orders] == [
            (3, False, "bob", "the fire is out"),
            (2, True, "ada", "a fire"),
        ]
        told = await office.told(KillSwitchTurned, count=2)
        assert [(each.actor, each.is_on, each.version) for each in told] == [
            ("ada", True, 2),
            ("bob", False, 3),
        ]
        role = await office.house.role("governance")
        await role.execute("SET search_path TO governance")
        for statement in ("UPDATE kill_switch_orders SET reason = ''", "DELETE FROM permits"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)
        await role.close()


async def test_thirty_two_orders_at_once_make_one_version(open_office: OpenOffice) -> None:
    async with open_office() as office:
        answers = await asyncio.gather(
            *(office.gateway.call(order(is_on=True, principal=f"p{n}")) for n in range(32))
        )
        assert {(each.version, each.changed_by) for each in answers} == {(2, answers[0].changed_by)}
        assert len(answers[0].orders) == 1


async def test_strangers_turn_nothing_and_what_nobody_knows_is_said_so(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        with pytest.raises(Forbidden, match="tenant that runs Grace"):
            await office.gateway.call(order(is_on=True, tenant_id="shop"))
        with pytest.raises(Forbidden):
            await office.gateway.call(GetKillSwitch(tenant_id="shop"))
        await office.house.rows("governance", "DELETE FROM permits")
        with pytest.raises(Unavailable, match="Nobody knows"):
            await office.gateway.call(order(is_on=False))
