"""Every statement of intent, as a typed function; one class per noun."""

from grace.intent.store.freezes import Declared, Freezes
from grace.intent.store.holds import Held, Holds
from grace.intent.store.intents import Intents
from grace.intent.store.missions import Closed, Ended, Missions, Settled
from grace.intent.store.playbooks import Playbooks
from grace.intent.store.records import RecordedMission, Records
from grace.intent.store.reopenings import Reopenings
from grace.intent.store.told import blocked_of, captured_of, planned_of
from grace.intent.store.windows import Windows

__all__ = [
    "Closed",
    "Declared",
    "Ended",
    "Freezes",
    "Held",
    "Holds",
    "Intents",
    "Missions",
    "Playbooks",
    "RecordedMission",
    "Records",
    "Reopenings",
    "Settled",
    "Windows",
    "blocked_of",
    "captured_of",
    "planned_of",
]
