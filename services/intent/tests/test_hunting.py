"""What comes over the bus is cleaned of secrets before intent keeps or tells of it."""

import json
from collections.abc import Awaitable, Callable

from prometheus_client import REGISTRY

from grace.contracts.intent import ErrorCaptured, ErrorDetected, GetIntent, Intent, IntentSubmit
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
Report = Callable[..., Awaitable[None]]
# Put together here, so that nothing which looks for secrets in sources finds one.
TOKEN = "gh" + "p_" + "a1B2c3D4e5" * 4
MARK = "[removed: GitHub token]"


def counted() -> float:
    labels = {"kind": "GitHub token"}
    return REGISTRY.get_sample_value("grace_intent_secrets_total", labels) or 0


async def test_an_error_of_anybody_is_kept_and_told_without_its_secrets(
    house: House, report: Report, make_error: MakeError
) -> None:
    before = counted()
    async with house.running("intent"):
        await report(make_error(message=f"sent {TOKEN}", details={"password": "hunter2", "pid": 7}))
        (message,) = await eventually(lambda: house.messages(ErrorCaptured.SUBJECT))
    captured = ErrorCaptured.from_bytes(message.data)
    assert captured.message == f"sent {MARK}"
    (signal,) = await house.rows("intent", "SELECT message, details FROM signals")
    assert signal["message"] == f"sent {MARK}"
    assert json.loads(signal["details"]) == {"password": "[removed: password]", "pid": 7}
    assert counted() == before + 1


async def test_an_intent_of_a_service_is_kept_without_what_is_clearly_a_secret(
    house: House,
) -> None:
    sent = IntentSubmit(
        intent_id="i-1",
        goal=f"let it use {TOKEN}",
        domain="thing",
        kind="thing.broken",
        target="t-1",
        sla_ms=60_000,
        # What stands under such a name may be a word that a plan needs; only its form decides.
        details={"password": "hunter2", "argv": [TOKEN]},
    )
    async with house.running("intent"):
        gateway = await house.act_as("gateway")
        await gateway.report(sent)

        async def kept() -> Intent | None:
            rows = await house.rows("intent", "SELECT FROM intents")
            asked = GetIntent(tenant_id="default", intent_id="i-1")
            return await gateway.call(asked) if rows else None

        intent = await eventually(kept)
        (row,) = await house.rows("intent", "SELECT details FROM signals")
    assert intent.goal == f"let it use {MARK}"
    assert json.loads(row["details"]) == {"password": "hunter2", "argv": [MARK]}
