"""Every statement of intent, as a typed function; one class per noun."""

from grace.intent.store.captures import Captures, Found
from grace.intent.store.followers import Followers
from grace.intent.store.freezes import Declared, Freezes
from grace.intent.store.holds import Held, Holds
from grace.intent.store.intents import Intents
from grace.intent.store.missions import Closed, Ended, Missions, Settled
from grace.intent.store.playbooks import Playbooks
from grace.intent.store.records import RecordedMission, Records
from grace.intent.store.reopenings import Reopenings
from grace.intent.store.reporters import Joined, Reporters
from grace.intent.store.told import blocked_of, captured_of, planned_of
from grace.intent.store.windows import Window, Windows

__all__ = [
    "Captures",
    "Closed",
    "Declared",
    "Ended",
    "Followers",
    "Found",
    "Freezes",
    "Held",
    "Holds",
    "Intents",
    "Joined",
    "Missions",
    "Playbooks",
    "RecordedMission",
    "Records",
    "Reopenings",
    "Reporters",
    "Settled",
    "Window",
    "Windows",
    "blocked_of",
    "captured_of",
    "planned_of",
]
