"""Asks the chat, with a question for every topic."""

from typing import Any

from grace.gateway.domain.questions import Topic
from grace.kit import new_id

CHAT = "/api/chat"
# A question for each topic that needs nothing else to be asked.
QUESTIONS = {
    Topic.MISSIONS: "which missions are there",
    Topic.INTENTS: "list intents",
    Topic.TASKS: "list tasks",
    Topic.APPROVALS: "which approvals wait for me",
    Topic.TARGETS: "who holds shop-db",
    Topic.QUEUES: "how are the queues",
    Topic.HEALTH: "is everything healthy",
    Topic.PLAYBOOKS: "how did the playbooks do",
    Topic.HOLDS: "what is on hold",
    Topic.FREEZES: "which freezes are there",
    Topic.KILL_SWITCH: "how stands the kill switch",
    Topic.BRAKE: "how stands the brake",
    Topic.ALERTS: "which alerts are there",
    Topic.DEAD_LETTERS: "dead letters",
    Topic.KNOWLEDGE: "orders hang checkout",
    Topic.MISSION: f"mission-{new_id()}",
    Topic.PLAN: f"why mission-{new_id()}",
    Topic.DECISION: f"why mission-{new_id()}",
    Topic.LINE: f"why mission-{new_id()}",
    Topic.TASK: f"task {new_id()}",
    Topic.INTENT: "intent none-of-these",
    Topic.APPROVAL: f"approval-{new_id()}",
    Topic.CONTRACT: "contract-00000000000000ab-1795176000",
}  # fmt: skip


async def ask(client: Any, message: str, about: Any = ()) -> dict[str, Any]:
    answer = await client.post(CHAT, json={"message": message, "about": list(about)})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    data: dict[str, Any] = answer.json()["data"]
    return data


def routes(found: dict[str, Any]) -> list[str]:
    return [source["route"] for part in found["parts"] for source in part["sources"]]


def states(found: dict[str, Any]) -> dict[str, str]:
    return {part["topic"]: part["state"] for part in found["parts"]}
