"""A named secret is used where somebody consented, and nowhere else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.contracts.governance import (
    AskConsent,
    ConsentList,
    DecideConsent,
    HeldConsent,
    ListConsents,
    RevokeConsent,
    SignedConsents,
)
from grace.contracts.worker import PreviewAction, SecretRefused
from grace.kit import new_id
from grace.testkit import eventually
from grace.testkit.consents import OWN, signed

Floor = Any
Opener = Any
Shop = Any
WHAT = "secret shop-ops has no consent for postgres.set_database_setting at shop"


@pytest.fixture
def named(shop: Shop) -> Shop:
    """The shop, whose acting credentials have a name."""
    shop.toml = shop.toml.replace('user = "grace_ops"', 'user = "grace_ops", secret = "shop-ops"')
    return shop


def held(**changes: Any) -> HeldConsent:
    values = {
        "consent_id": "consent-1",
        "tenant_id": "default",
        "secret": "shop-ops",
        "operation": "postgres.set_database_setting",
        "target": "shop",
        "one_time": False,
        "expires_at": datetime.now(UTC) + timedelta(hours=1),
    }
    return HeldConsent(**values | changes)


async def refused(at: Floor, count: int = 1) -> list[SecretRefused]:
    """Wait until so many refusals are told."""

    async def told() -> list[SecretRefused]:
        found = await at.house.messages(SecretRefused.SUBJECT)
        return [SecretRefused.from_bytes(one.data) for one in found] if len(found) >= count else []

    found: list[SecretRefused] = await eventually(told)
    return found


async def test_without_a_consent_nothing_is_touched_and_everybody_hears_of_it(
    floor: Opener, named: Shop
) -> None:
    async with floor() as at:
        await at.permit()
        wanted = at.permitted(at.spec())
        task = await at.do(wanted)
        assert (task.status, task.error_class, task.attempt_number) == ("failed", "nonretryable", 1)
        assert (task.error_message or "").startswith(f"blocked: {WHAT}: another person")
        assert (await at.receipts(), await at.setting()) == ([], None)
        (told,) = await refused(at)
        assert (told.secret, told.step, told.mission_id) == ("shop-ops", "apply", "mission-1")
        assert (told.contract_id, told.task_id) == (wanted.contract_id, task.task_id)
        # Its eyes have credentials of the target's own, which is what an installation consents to.
        assert (await at.do(at.spec("observe"))).status == "succeeded"
        await at.consent(OWN, held(operation="postgres.terminate_blockers"), held(target="bank"))
        assert (await at.do(at.permitted(at.spec()))).status == "failed"
        for forger in (at.verification, at.worker):
            await at.governance.signal(signed(forger.keys, OWN, held()))
        body = ConsentList(issued_at=datetime.now(UTC), consents=(held(),)).to_bytes()
        keys = at.governance.keys
        forged = SignedConsents(
            key_id=keys.key_id, body=body, signature=keys.sign("grace/capability/v1", body)
        )
        await at.governance.signal(forged)
        assert (await at.do(at.permitted(at.spec()))).status == "failed"
        await at.consent(OWN, held())
        assert await at.result(at.permitted(at.spec()))
        assert await at.setting() == "5ms"


async def test_a_revert_that_nobody_consents_to_is_for_people(floor: Opener, named: Shop) -> None:
    async with floor() as at:
        await at.permit()
        await at.consent(OWN, held())
        wanted = at.permitted(at.spec())
        await at.result(wanted)
        await at.consent(OWN)
        back = at.permitted(at.spec("revert", action_id=wanted.action_id))
        task = await at.do(back)
        # Not `blocked: `: what is to be undone is there, and a person has to decide.
        assert (task.status, task.error_class) == ("failed", "nonretryable")
        assert (task.error_message or "").startswith("secret shop-ops has no consent")
        assert await at.setting() == "5ms"
        # Its time is over, and nobody took it back: what began under it is undone.
        await at.consent(OWN, held(expires_at=datetime.now(UTC) - timedelta(minutes=1)))
        assert (await at.do(at.permitted(at.spec()))).status == "failed"
        await at.result(back.model_copy(update={"key": "again"}))
        assert await at.setting() is None


async def test_a_worker_that_starts_in_silence_looks_and_undoes_by_what_was_heard(
    floor: Opener, named: Shop
) -> None:
    soon = {"targets_file": floor.targets, "permit_patience": timedelta(milliseconds=200)}
    async with floor(names=("htm",)) as at:
        await at.permit()
        await at.consent(OWN, held())
        wanted = at.permitted(at.spec())
        async with at.house.running("worker", worker=soon):
            await eventually(at.are_heard)
            await at.result(wanted)
        await at.consenting.silence()
        async with at.house.running("worker", worker=soon):
            assert (await at.do(at.spec("observe"))).status == "succeeded"
            late = await at.do(at.permitted(at.spec()))
            assert (late.status, late.error_class) == ("dead_letter", "transient")
            assert "governance was not heard" in (late.error_message or "")
            await at.result(at.permitted(at.spec("revert", action_id=wanted.action_id)))
            assert await at.setting() is None


async def test_people_are_asked_consent_once_and_take_it_back(floor: Opener, named: Shop) -> None:
    async with floor(names=("htm", "worker", "governance")) as at:
        await at.consenting.silence()
        await at.permit()
        gateway = await at.house.act_as("gateway")

        async def asked() -> Any:
            query = ListConsents(tenant_id="default", limit=9, status="asked")
            return next(iter((await gateway.call(query)).consents), None)

        assert (await at.do(at.permitted(at.spec()))).status == "failed"
        found = await eventually(asked)
        assert (found.asked_by, found.secret, found.target) == ("worker", "shop-ops", "shop")
        decide = {"tenant_id": "default", "consent_id": found.consent_id, "principal": "ada"}
        await gateway.call(DecideConsent(**decide, choice="reject"))
        once = await gateway.call(ask_once())
        decide["consent_id"] = once.consent_id
        await gateway.call(DecideConsent(**decide, choice="grant"))
        wanted = at.permitted(at.spec())

        async def first() -> bool:
            task = await at.do(wanted.model_copy(update={"key": str(new_id())}))
            return bool(task.status == "succeeded")

        await eventually(first)
        assert (await at.do(at.permitted(at.spec()))).status == "failed"
        await at.result(at.permitted(at.spec("revert", action_id=wanted.action_id)))
        assert await at.setting() is None
        revoked = await gateway.call(RevokeConsent(**decide))
        assert (revoked.status, revoked.used_by) == ("revoked", wanted.contract_id)


async def test_a_dry_run_needs_a_consent_and_takes_none(floor: Opener, shop: Shop) -> None:
    shop.toml = shop.toml.replace('user = "grace_eyes"', 'user = "grace_eyes", secret = "eyes"')
    async with floor() as at:
        intent = await at.house.act_as("intent")
        spec = at.spec()
        look = PreviewAction(operation=spec.operation, target="shop", params=spec.params)
        await at.consent(OWN, held(secret="eyes", one_time=True))
        (problem,) = (await intent.call(look)).problems
        assert "secret eyes has no consent" in problem
        await at.consent(OWN, held(secret="eyes"))
        assert (await intent.call(look)).changes


def ask_once() -> AskConsent:
    return AskConsent(
        tenant_id="default",
        secret="shop-ops",
        operation="postgres.*",
        target_class="postgres",
        one_time=True,
        lifetime_s=600,
        principal="bob",
        reason="tonight",
    )
