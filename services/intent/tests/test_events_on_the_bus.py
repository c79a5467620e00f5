"""CloudEvents on the bus, in both modes, are errors and intents like any other."""

import json

from grace.contracts.intent import ErrorDetected, IntentSubmit
from grace.testkit import House, eventually

EVENT = {
    "specversion": "1.0",
    "id": "A234-1234",
    "source": "monitor",
    "type": "postgres.blocked_sessions",
    "subject": "shop",
    "data": {"message": "7 sessions wait"},
}


async def _missions(house: House, signals: int) -> list[dict[str, object]]:
    async def counted() -> list[dict[str, object]] | None:
        rows = await house.rows("intent", "SELECT * FROM missions ORDER BY mission_id")
        return rows if sum(row["signal_count"] for row in rows) == signals else None

    found: list[dict[str, object]] = await eventually(counted)
    return found


async def test_an_event_in_either_mode_is_one_error_however_often_it_comes(house: House) -> None:
    whole, data = json.dumps(EVENT).encode(), json.dumps(EVENT["data"]).encode()
    attributes = {f"ce-{name}": str(EVENT[name]) for name in EVENT if name != "data"}
    structured = {"Content-Type": "application/cloudevents+json"}
    wrong = json.dumps({**EVENT, "specversion": "0.3"}).encode()
    async with house.running("intent"):
        for body, headers in ((whole, structured), (whole, {}), (data, attributes)):
            await house.publish_raw(
                user="outside", subject=ErrorDetected.SUBJECT, body=body, headers=headers
            )
        await house.publish_raw(user="outside", subject=ErrorDetected.SUBJECT, body=wrong)
        other = json.dumps({**EVENT, "id": "another"}).encode()
        await house.publish_raw(user="outside", subject=ErrorDetected.SUBJECT, body=other)
        (mission,) = await _missions(house, 2)
        (refused,) = await house.rows("intent", "SELECT reason, detail FROM quarantine")
    assert (mission["kind"], mission["target"]) == ("postgres.blocked_sessions", "shop")
    assert (refused["reason"], refused["detail"]) == ("schema", "specversion: 1.0 is needed")


async def test_an_event_is_an_intent(house: House) -> None:
    event = {**EVENT, "data": {"goal": "Let it be written again", "domain": "postgres"}}
    event["data"] |= {"sla_ms": 60_000}
    body = json.dumps(event).encode()
    async with house.running("intent"):
        await house.publish_raw(user="outside", subject=IntentSubmit.SUBJECT, body=body)
        (intent,) = await eventually(lambda: house.rows("intent", "SELECT * FROM intents"))
    assert intent["goal"] == "Let it be written again"
    assert intent["intent_id"].startswith("ce-")
