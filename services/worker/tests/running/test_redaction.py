"""A secret in a state leaves the worker as a fingerprint, and is restored only where it need not be known."""

import json
from typing import Any

import pytest

from grace.contracts.worker import PreviewAction
from grace.worker.domain.failure import ChangedError
from grace.worker.domain.redaction import Secrecy
from grace.worker.kernels.postgres import set_database_setting as module
from grace.worker.kernels.postgres.set_database_setting import SetDatabaseSetting

Floor = Any
Opener = Any
FIELDS = frozenset({"value", "replaced"})


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting's value is a secret, without which nothing is restored."""
    monkeypatch.setattr(SetDatabaseSetting, "secrecy", Secrecy(FIELDS, needed=frozenset({"value"})))


@pytest.fixture
def careful(secret: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its revert compares fingerprints, so that it needs to know none."""

    async def revert(self: Any, ctx: Any, params: Any, before: Any, after: Any) -> Any:
        now = await self.observe(ctx, params)
        if ctx.conceal(now) != after:
            raise ChangedError("somebody else has set it")
        return await module._compare_and_set(
            ctx, params, expected=now["value"], value=before["value"]
        )

    monkeypatch.setattr(SetDatabaseSetting, "secrecy", Secrecy(FIELDS))
    monkeypatch.setattr(SetDatabaseSetting, "revert", revert)


async def everything(at: Floor) -> str:
    """All that the worker and htm keep and tell, but for what was asked."""
    kept = [dict(row) for row in await at.receipts()]
    for row in kept:
        safe = at.worker.keys.safe
        for word in ("before", "after", "result"):
            column = word if word == "result" else f"{word}_state"
            place = f"effect_receipts|{row['action_id']}|{row['step']}|{word}"
            row[column] = row[column] and safe.open(row[column], place=place)
        del row["params"]
    told = await at.house.rows("htm", "SELECT result_json, error_message FROM htm_tasks")
    return json.dumps([kept, [dict(row) for row in told]], default=str)


async def test_a_secret_is_told_and_kept_by_its_fingerprint(floor: Opener, secret: None) -> None:
    async with floor() as at:
        await at.permit()
        intent = await at.house.act_as("intent")
        spec = at.spec()
        look = PreviewAction(operation=spec.operation, target="shop", params=spec.params)
        (change,) = (await intent.call(look)).changes
        assert (change.before, set(json.loads(change.after))) == ("null", {"redacted"})
        applied = await at.result(at.permitted(spec))
        assert applied["before"] == {"name": "statement_timeout", "value": None}
        seen = await at.result(at.spec("observe"))
        assert seen == applied["after"]
        assert (set(seen["value"]), await at.setting()) == ({"redacted"}, "5ms")
        back = await at.do(at.permitted(at.spec("revert", action_id=spec.action_id)))
        assert (back.status, back.error_class) == ("failed", "nonretryable")
        assert back.error_message == "value was a secret, and only its fingerprint is kept"
        assert await at.setting() == "5ms"
        assert "5ms" not in await everything(at)


async def test_what_need_not_be_known_is_restored(floor: Opener, careful: None) -> None:
    async with floor() as at:
        await at.permit()
        wanted = at.permitted(at.spec())
        applied = await at.result(wanted)
        owner = await at.shop.connect("shop_owner")
        await owner.execute(f"ALTER DATABASE {at.shop.database} SET statement_timeout = '9s'")
        back = at.permitted(at.spec("revert", action_id=wanted.action_id))
        assert (await at.do(back)).error_message == "somebody else has set it"
        await owner.execute(f"ALTER DATABASE {at.shop.database} SET statement_timeout = '5ms'")
        reverted = await at.result(back.model_copy(update={"key": "again"}))
        assert reverted["after"] == applied["before"]
        assert await at.setting() is None
        assert "9s" not in await everything(at)
