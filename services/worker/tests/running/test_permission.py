"""Nothing runs unauthorised: capabilities, the permit beacon, the lease."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.contracts.governance import Capability
from grace.contracts.verification import ActionClosed
from grace.kit import new_id
from grace.testkit import eventually
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Context, Diff
from grace.worker.kernels.postgres.set_database_setting import SetDatabaseSetting
from grace.worker.loops.switch import KillSwitch

Floor = Any
Opener = Any


def forged(at: Floor) -> dict[str, Any]:
    """Capabilities that must not open anything, by what is wrong with them."""
    good = at.spec()
    right = at.capability(good)
    other = Capability(key_id="nobody", body=right.body, signature=right.signature)
    return {
        "none": None,
        "altered": right.model_copy(update={"body": right.body.replace(b"apply", b"apply ")}),
        "no signature": right.model_copy(update={"signature": b"\x00" * 64}),
        "short signature": right.model_copy(update={"signature": b""}),
        "signed by verification": at.capability(good, signer=at.verification),
        "an unknown key": other,
        "expired": at.capability(good, not_after=datetime.now(UTC) - timedelta(seconds=1)),
        "for a revert": at.capability(good, step="revert"),
        "for another action": at.capability(good, action_id="action-other"),
        "for another contract": at.capability(good, contract_id="contract-other"),
        "for another operation": at.capability(good, operation="postgres.terminate_blockers"),
        "for another target": at.capability(good, target="bank"),
        "for another tenant": at.capability(good, tenant_id="other"),
        "for other parameters": at.capability(good, params_hash="0" * 64),
        "not a capability": at.capability(good).model_copy(
            update={
                "body": b"{}",
                "signature": at.governance.keys.sign("grace/capability/v1", b"{}"),
            }
        ),
        "signed as something else": right.model_copy(
            update={"signature": at.governance.keys.sign("grace/message/v1", right.body)}
        ),
        "spec": good,
    }


async def test_without_a_valid_capability_nothing_is_touched(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        cases = forged(at)
        good = cases.pop("spec")
        ids = {}
        for name, capability in cases.items():
            key = name.replace(" ", "-")
            ids[name] = await at.submit(
                good.model_copy(update={"key": key, "capability": capability})
            )
        for name, task_id in ids.items():
            task = await at.ended(task_id)
            assert (name, task.status, task.error_class) == (name, "failed", "nonretryable")
            assert (task.error_message or "").startswith("blocked: "), name
            assert task.attempt_number == 1
        assert await at.setting() is None
        assert await at.receipts() == []
        assert await at.result(at.permitted(good))


async def test_a_revert_needs_its_own_capability_and_its_own_receipt(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        lonely = await at.do(at.permitted(at.spec("revert")))
        assert (lonely.error_message or "").endswith("there is no before-state to restore")
        wanted = at.permitted(at.spec())
        await at.result(wanted)
        names = {"action_id": wanted.action_id, "contract_id": "contract-other"}
        other = at.spec("revert", key="other-revert", **names)
        foreign = await at.do(at.permitted(other))
        assert foreign.error_message == "blocked: the action id was used for another act"
        assert await at.setting() == "5ms"
        back = at.spec("revert", action_id=wanted.action_id)
        with_apply = back.model_copy(update={"capability": wanted.capability, "key": "a"})
        refused = await at.do(with_apply)
        assert (refused.error_message or "").startswith("blocked: ")
        smuggled = at.permitted(back).model_copy(
            update={"before": '{"name": "statement_timeout", "value": "0"}', "key": "b"}
        )
        refused = await at.do(smuggled)
        assert (refused.error_message or "").startswith("blocked: ")
        assert await at.setting() == "5ms"


async def test_what_was_done_for_a_closed_contract_is_not_undone(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = at.permitted(at.spec())
        await at.result(wanted)
        await at.verification.report(closed(wanted.contract_id))

        async def is_known() -> bool:
            rows = await at.house.rows("worker", "SELECT contract_id FROM closed_contracts")
            return [row["contract_id"] for row in rows] == [wanted.contract_id]

        await eventually(is_known)
        refused = await at.do(at.permitted(at.spec("revert", action_id=wanted.action_id)))
        assert refused.error_message == "blocked: the contract is closed"
        assert await at.setting() == "5ms"


def closed(contract_id: str) -> ActionClosed:
    return ActionClosed(
        mission_id="mission-1",
        tenant_id="default",
        contract_id=contract_id,
        revision=1,
        playbook="postgres-runaway-queries",
        playbook_version=1,
        operation="postgres.set_database_setting",
        target="shop",
        verdict="verified",
        confidence=1.0,
        executed=True,
        closed_at=datetime.now(UTC),
    )


async def test_without_a_permit_nothing_begins_and_it_is_tried_again(floor: Opener) -> None:
    async with floor(permit_patience=timedelta(0)) as at:
        task = await at.do(at.permitted(at.spec()))
        assert task.status == "dead_letter"
        assert task.error_class == "transient"
        assert "no permit" in (task.error_message or "")
        assert task.attempt_number == 3
        await at.permit(allowed=False)
        await eventually(lambda: at.permits.answered)
        task = await at.do(at.permitted(at.spec()))
        # It is told at once, and does not spring to life when others go on.
        assert (task.status, task.attempt_number) == ("failed", 1)
        stopped = "blocked: applies are stopped by the kill switch (permit version 1)"
        assert task.error_message == stopped
        assert await at.receipts() == []
        assert await at.setting() is None
        await at.permit()
        assert await at.result(at.permitted(at.spec()))


async def test_what_is_stopped_while_it_looks_never_acts(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, take, look = asyncio.Event(), KillSwitch._take, SetDatabaseSetting.observe

    def listen(switch: KillSwitch, word: Any) -> bool:
        taken = take(switch, word)
        if word.permit is not None and not word.permit.allowed:
            heard.set()
        return taken

    monkeypatch.setattr(KillSwitch, "_take", listen)
    async with floor() as at:

        async def observe(*args: Any) -> Any:
            found = await look(*args)
            if not heard.is_set():
                await at.permit(allowed=False)
                await asyncio.wait_for(heard.wait(), 5)
            return found

        await at.permit()
        monkeypatch.setattr(SetDatabaseSetting, "observe", observe)
        task = await at.do(at.permitted(at.spec()))
        assert (task.status, task.error_class) == ("failed", "nonretryable")
        assert "blocked: applies are stopped" in (task.error_message or "")
        assert await at.setting() is None
        assert (await at.receipts())[0]["refused_at"] is not None


async def test_a_worker_waits_for_the_first_beacon(floor: Opener) -> None:
    async with floor(permit_patience=timedelta(seconds=10)) as at:
        task_id = await at.submit(at.permitted(at.spec()))

        async def is_running() -> bool:
            return bool((await at.task(task_id)).status == "running")

        await eventually(is_running)
        await at.permit()
        assert (await at.ended(task_id)).attempt_number == 1


async def test_reverts_go_on_without_a_permit_unless_they_are_stopped(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = at.permitted(at.spec())
        await at.result(wanted)
        await at.permit(allowed=False, reverts_allowed=False)
        back = at.permitted(at.spec("revert", action_id=wanted.action_id))
        stopped = await at.do(back)
        assert "reverts are stopped" in (stopped.error_message or "")
        assert await at.setting() == "5ms"
        await at.permit(allowed=False)
        await at.silence()

        async def reverted() -> bool:
            again = back.model_copy(update={"key": str(new_id())})
            return bool((await at.do(again)).status == "succeeded")

        await eventually(reverted)
        assert await at.setting() is None


async def test_an_apply_does_not_begin_on_a_lease_shorter_than_its_timeout(floor: Opener) -> None:
    async with floor(htm={"lease": timedelta(seconds=10)}) as at:
        await at.permit()
        task = await at.do(at.permitted(at.spec()))
        assert "the lease has" in (task.error_message or "")
        assert await at.receipts() == []


@pytest.mark.usefixtures("short_seconds")
async def test_observing_needs_no_capability_and_no_permit(floor: Opener) -> None:
    async with floor() as at:
        seen = await at.result(at.spec("observe", action_id="", contract_id=None))
        assert seen == {"name": "statement_timeout", "value": None}
        measured = at.spec(
            "observe",
            operation="postgres.activity",
            params='{"seconds": 1, "warmup_seconds": 0}',
        )
        assert (await at.result(measured))["seconds"] == 1


async def test_what_would_change_another_target_is_blocked(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def astray(*_: object) -> Diff:
        return Diff("bank")

    monkeypatch.setattr(SetDatabaseSetting, "plan", astray)
    async with floor() as at:
        await at.permit()
        task = await at.do(at.permitted(at.spec()))
        assert task.error_message == "blocked: it would change bank, which nobody approved"
        assert await at.receipts() == []


async def test_a_plan_is_made_again_by_the_very_state_that_is_kept(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says would change is then no other state than the one that the change starts from."""
    planned_by: list[State | None] = []
    usual = SetDatabaseSetting.plan

    async def noting(operation: SetDatabaseSetting, ctx: Context, params: Any) -> Diff:
        planned_by.append(ctx.before)
        return await usual(operation, ctx, params)

    monkeypatch.setattr(SetDatabaseSetting, "plan", noting)
    async with floor() as at:
        await at.permit()
        applied = await at.result(at.permitted(at.spec()))
    assert planned_by == [applied["before"]]
