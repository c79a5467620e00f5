"""What did not happen begins anew: every guard counts again, and nobody is asked what it left."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.contracts.htm import TaskSpec
from grace.resilience.errors import RateLimited
from grace.worker.domain.definition import definition_of
from grace.worker.loops.guard import Guard

from .conftest import Floor, Opener

CLEARS = {
    "operation": "filesystem.clear_pycache",
    "kernel": "filesystem",
    "target": "files",
    "params": '{"path": "."}',
}
PAST = timedelta(hours=1)


def expired(at: Floor, spec: TaskSpec) -> TaskSpec:
    """The task with a capability that has ended."""
    capability = at.capability(spec, not_after=datetime.now(UTC) - PAST)
    return spec.model_copy(update={"capability": capability})


async def refused_revert(at: Floor) -> TaskSpec:
    """An action whose revert was refused for somebody's change, which is taken back then."""
    wanted = at.permitted(at.spec())
    await at.result(wanted)
    owner = await at.shop.connect("shop_owner")
    await owner.execute(f"ALTER DATABASE {at.shop.database} SET statement_timeout = '9s'")
    back = await at.do(at.permitted(at.spec("revert", action_id=wanted.action_id)))
    assert (back.status, back.error_class) == ("failed", "nonretryable")
    await owner.execute(f"ALTER DATABASE {at.shop.database} SET statement_timeout = '5ms'")
    return wanted


async def test_a_refused_revert_needs_a_capability_that_still_holds(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = await refused_revert(at)
        late = await at.do(expired(at, at.spec("revert", action_id=wanted.action_id)))
        assert late.error_message == "blocked: the capability has expired"
        assert await at.setting() == "5ms"


async def test_a_refused_revert_does_not_begin_for_a_closed_contract(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = await refused_revert(at)
        closes = (
            "INSERT INTO closed_contracts (contract_id, closed_at) VALUES ($1, now()) RETURNING 1"
        )
        await at.house.rows("worker", closes, wanted.contract_id)
        late = await at.do(at.permitted(at.spec("revert", action_id=wanted.action_id)))
        assert late.error_message == "blocked: the contract is closed"
        assert await at.setting() == "5ms"


async def test_a_revert_that_was_refused_once_tells_what_it_restored_from(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = await refused_revert(at)
        back = await at.result(at.permitted(at.spec("revert", action_id=wanted.action_id)))
        assert back["restored_from"] == {"name": "statement_timeout", "value": "5ms"}
        assert await at.setting() is None


async def test_what_was_never_begun_is_no_question_for_a_person(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Any] = []

    async def limited(*args: Any, **named: Any) -> None:
        """The target has had enough for now, and leads elsewhere the next time."""
        tries.append(args)
        there = floor.targets.read_text()
        floor.targets.write_text(there.replace('host = "127.0.0.1"', 'host = "localhost"'))
        raise RateLimited("postgres/shop", 1.0)

    monkeypatch.setattr(Guard, "change", limited)
    async with floor() as at:
        await at.permit()
        spec = at.spec()
        capability = at.capability(spec, target_definition=definition_of(at.shop.target))
        ended = await at.do(spec.model_copy(update={"capability": capability}))
        assert (ended.status, len(tries)) == ("failed", 1)
        assert (ended.error_message or "").startswith("blocked: shop stands for something else")
        assert (await at.receipts())[0]["refused_at"] is not None


async def test_a_revert_that_stopped_half_way_goes_on_with_the_rest(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        for name in ("a", "b"):
            (floor.root / name / "__pycache__").mkdir(parents=True)
            (floor.root / name / "__pycache__/x.pyc").write_bytes(b"x")
        wanted = at.permitted(at.spec(**CLEARS))
        await at.result(wanted)
        in_the_way = floor.root / "b/__pycache__"
        in_the_way.write_text("no cache")
        back = await at.do(at.permitted(at.spec("revert", action_id=wanted.action_id, **CLEARS)))
        assert (back.status, back.error_class) == ("failed", "nonretryable")
        assert (floor.root / "a/__pycache__/x.pyc").exists()
        assert (await at.receipts())[1]["refused_at"] is None
        in_the_way.unlink()
        past = "UPDATE effect_receipts SET held_until = now() - interval '1 s' RETURNING id"
        await at.house.rows("worker", past)
        await at.result(at.permitted(at.spec("revert", action_id=wanted.action_id, **CLEARS)))
        assert (floor.root / "b/__pycache__/x.pyc").exists()
