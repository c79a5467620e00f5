"""Somebody else's change stops a rollback and shows; a person lets it go on or end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY

from grace.contracts.verification import DecideAttention, Mission
from grace.kit import Conflict, GraceError, Invalid, NotFound
from grace.testkit import eventually

if TYPE_CHECKING:
    from conftest import Play

DRIFT = {"waiting": 0, "throughput": 95.0, "error_rate": 1.0}
WAITING = "grace_verification_attention"
THEIRS = {"name": "statement_timeout", "value": "1h"}


async def stopped(play: Play) -> str:
    """A mission whose rollback somebody else's change has stopped."""
    mission_id = await play.start()
    await play.apply()
    await play.work("observe", DRIFT)
    await play.work("revert", failure="changed by somebody else: expected 5ms, found 1h")
    await play.work("observe", THEIRS)
    await play.mission_until(mission_id, "needs_attention")
    return mission_id


async def decide(play: Play, mission_id: str, choice: str, **changes: str) -> Mission:
    body = {"principal": "alice", "reason": "they have set it back", "tenant_id": "default"}
    asked = DecideAttention(mission_id=mission_id, choice=choice, **body | changes)
    return await (await play.actor("gateway")).call(asked)


async def test_a_rollback_that_was_stopped_shows_why_and_is_done_when_a_person_says_so(
    play: Play,
) -> None:
    async with play.open(attention_interval=timedelta(milliseconds=50)):
        mission_id = await stopped(play)
        (contract,) = (await play.mission_until(mission_id, "needs_attention")).contracts
        (conflict,) = contract.conflict
        assert (conflict.field, conflict.before, conflict.expected, conflict.now) == (
            "value", "null", '"5ms"', '"1h"',
        )  # fmt: skip
        assert await play.holds() == [contract.contract_id]
        await eventually(lambda: REGISTRY.get_sample_value(WAITING) == 1)
        await decide(play, mission_id, "retry_revert")
        await play.work("revert", {"after": {}})
        await play.work("observe", play.make.before)
        await play.work("observe", play.make.good)
        mission = await play.mission_until(mission_id, "rolled_back")
        assert mission.contracts[0].conflict == ()
        assert await play.holds() == []
        await eventually(lambda: REGISTRY.get_sample_value(WAITING) == 0)
        (told,) = await eventually(lambda: play.told("verification.attention.decided"))
        assert (told["choice"], told["decided_by"]) == ("retry_revert", "alice")
        keys = await play.house.rows(
            "htm", "select spec->>'key' as key from htm_tasks order by created_at"
        )
        assert len({row["key"] for row in keys}) == len(keys)


@pytest.mark.parametrize(
    ("failure", "error_class"),
    [("no such database", "user"), ("blocked: the kill switch is on", "nonretryable")],
)
async def test_a_revert_that_did_not_succeed_is_shown_and_done_when_a_person_says_so(
    play: Play, failure: str, error_class: str
) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.apply()
        await play.work("observe", DRIFT)
        await play.work("revert", failure=failure, error_class=error_class)
        await play.work("observe", play.make.after)
        mission = await play.mission_until(mission_id, "needs_attention")
        assert f"the revert did not succeed: {failure}" in (mission.reason or "")
        assert await play.holds() == [mission.contracts[0].contract_id]
        (told,) = await eventually(lambda: play.told("verification.attention.needed"))
        assert (told["undoing"], told["contract_id"]) == (True, mission.contracts[0].contract_id)
        assert told["reason"] == mission.reason
        for subject in ("verification.action.closed", "verification.mission.closed"):
            assert await play.told(subject) == []
        await decide(play, mission_id, "retry_revert")
        await play.work("revert", {"after": {}})
        await play.work("observe", play.make.before)
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "rolled_back")


async def test_a_revert_that_no_worker_would_do_any_more_is_refused_at_once(play: Play) -> None:
    play.permitted_for = timedelta(seconds=-1)
    async with play.open():
        mission_id = await stopped(play)
        with pytest.raises(Conflict, match="undo it by hand"):
            await decide(play, mission_id, "retry_revert")
        await decide(play, mission_id, "close")
        await play.mission_until(mission_id, "rollback_failed")


@pytest.mark.parametrize(("choice", "end"), [("accept", "failed"), ("close", "rollback_failed")])
async def test_a_person_ends_what_rests_and_never_as_a_success(
    play: Play, choice: str, end: str
) -> None:
    async with play.open():
        mission_id = await stopped(play)
        await decide(play, mission_id, choice)
        mission = await play.mission_until(mission_id, end)
        assert "alice: they have set it back" in (mission.reason or "")
        assert await play.holds() == []
        with pytest.raises(Conflict):
            await decide(play, mission_id, choice)
        lines = [line.summary for line in await play.timeline(mission_id)]
        assert f"{choice} by alice: they have set it back" in lines


@pytest.mark.parametrize("choice", ["accept", "close"])
async def test_what_may_have_had_its_effect_is_not_told_as_never_executed(
    play: Play, choice: str
) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.work("apply", failure="begun: connection lost")
        await play.mission_until(mission_id, "needs_attention")
        (needed,) = await eventually(lambda: play.told("verification.attention.needed"))
        assert needed["undoing"] is False
        await decide(play, mission_id, choice)
        await play.mission_until(mission_id, "failed")
        (told,) = await eventually(lambda: play.told("verification.action.closed"))
        assert (told["verdict"], told["executed"], told["confidence"]) == ("failed", True, 0)


async def test_what_cannot_be_decided_is_refused_and_changes_nothing(play: Play) -> None:
    async with play.still() as runtime:
        from grace.verification import loops  # noqa: PLC0415 - typed with the runtime

        mission_id = await play.start()
        wrong: list[tuple[type[GraceError], str, dict[str, str]]] = [
            (Conflict, "accept", {}),
            (Invalid, "verify", {}),
            (Invalid, "accept", {"reason": "  "}),
            (NotFound, "accept", {"mission_id": "mission-0"}),
            (NotFound, "accept", {"tenant_id": "another"}),
        ]
        for kind, choice, changes in wrong:
            with pytest.raises(kind):
                await decide(play, changes.pop("mission_id", mission_id), choice, **changes)
        await play.write(
            "update action_contracts set status = 'needs_attention', next_at = null;"
            "update verification.missions set status = 'needs_attention'"
        )
        with pytest.raises(Conflict, match="state before"):
            await decide(play, mission_id, "retry_revert")
        await decide(play, mission_id, "accept")
        assert (await decide(play, mission_id, "accept")).status == "needs_attention"
        with pytest.raises(Conflict, match="already"):
            await decide(play, mission_id, "close", principal="bob")
        await loops.Advance(runtime.settings).tick(runtime)
        await play.mission_until(mission_id, "failed")
