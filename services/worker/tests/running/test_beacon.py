"""A beacon counts only behind governance's own answer: what somebody recorded permits nothing."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from grace.contracts.governance import Permit, PermitWord, VouchedPermit, VouchPermit
from grace.kit import Called, Rpc, Runtime, end_tasks
from grace.testkit import House, eventually
from grace.worker.loops.switch import KillSwitch
from grace.worker.loops.vouch import Vouch

Floor = Any
Opener = Any
_OFTEN_SECONDS = 0.02  # ten times as often as governance itself


async def replay(at: Floor) -> None:
    """Send what governance signed an hour ago, when everything was allowed, as if it were now."""
    recorded_at = datetime.now(UTC) - timedelta(hours=1)
    for number in itertools.count():
        issued = recorded_at + timedelta(milliseconds=number)
        beacon = Permit(version=9, allowed=True, reverts_allowed=True, issued_at=issued)
        await at.governance.signal(beacon)
        await asyncio.sleep(_OFTEN_SECONDS)


async def test_a_worker_that_just_began_takes_no_recorded_beacon(floor: Opener) -> None:
    async with floor(permit_patience=timedelta(0)) as at:
        replayed = asyncio.create_task(replay(at))
        task = await at.do(at.permitted(at.spec()))
        assert (task.status, task.error_message) == ("dead_letter", "no permit was heard for 1 s")
        await at.permit(allowed=False)
        await eventually(lambda: at.permits.answered)
        task = await at.do(at.permitted(at.spec()))
        assert "stopped by the kill switch (permit version 1)" in (task.error_message or "")
        await end_tasks([replayed])
        assert await at.receipts() == []


async def test_an_answer_that_governance_did_not_sign_to_this_question_is_none(
    house: House,
) -> None:
    async with house.running("identity"):
        worker, htm = await house.act_as("worker"), await house.act_as("htm")
        forged = ""

        async def answer(call: Called[VouchPermit], governance: Runtime) -> VouchedPermit:
            nonce = "0" * 32 if forged == "nonce" else call.body.nonce
            body = word(nonce)
            keys = htm.keys if forged == "signer" else governance.keys
            kind = "grace/message/v1" if forged == "kind" else "grace/permit/v1"
            signature = keys.sign(kind, b"{}" if forged == "bytes" else body)
            return VouchedPermit(key_id=keys.key_id, body=body, signature=signature)

        await house.act_as("governance", Rpc().direct(VouchPermit, answer))
        for forged in ("nonce", "signer", "kind", "bytes"):
            switch = KillSwitch(0)
            await Vouch(switch, timedelta(seconds=30)).tick(worker)
            assert (forged, switch.is_silent()) == (forged, True)
        forged, switch = "", KillSwitch(0)
        await Vouch(switch, timedelta(seconds=30)).tick(worker)
        assert not switch.is_silent()


def word(nonce: str) -> bytes:
    """What governance says to a question with this nonce."""
    said = PermitWord(
        nonce=nonce, version=1, allowed=True, reverts_allowed=True, issued_at=datetime.now(UTC)
    )
    return said.to_bytes()
