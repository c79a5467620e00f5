"""Every statement of intent, as a typed function; one class per noun."""

from grace.intent.store.intents import Intents
from grace.intent.store.missions import Ended, Missions
from grace.intent.store.playbooks import Playbooks
from grace.intent.store.told import blocked_of, captured_of, planned_of

__all__ = [
    "Ended",
    "Intents",
    "Missions",
    "Playbooks",
    "blocked_of",
    "captured_of",
    "planned_of",
]
