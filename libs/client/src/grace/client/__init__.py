"""Grace over REST, typed.

async with Grace(url, token) as grace: await grace.missions()
with SyncGrace(url, token) as grace: grace.missions()
"""

from grace.client.aio import Grace
from grace.client.errors import (
    ApiError,
    Conflict,
    Forbidden,
    GatewayTimeout,
    GraceClientError,
    Invalid,
    Misconfigured,
    NotFound,
    RateLimited,
    ServerFailed,
    Stale,
    StillOpen,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unreachable,
    Unsendable,
)
from grace.client.models import Accepted, ApiKey, Event, Health, NewApiKey, Page
from grace.client.patience import Patience
from grace.client.shown import PlanAltered, hash_shown
from grace.client.sync import SyncGrace
from grace.client.waiting import wait_for_baseline, wait_for_mission

__all__ = [
    "Accepted",
    "ApiError",
    "ApiKey",
    "Conflict",
    "Event",
    "Forbidden",
    "GatewayTimeout",
    "Grace",
    "GraceClientError",
    "Health",
    "Invalid",
    "Misconfigured",
    "NewApiKey",
    "NotFound",
    "Page",
    "Patience",
    "PlanAltered",
    "RateLimited",
    "ServerFailed",
    "Stale",
    "StillOpen",
    "SyncGrace",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "Unsendable",
    "hash_shown",
    "wait_for_baseline",
    "wait_for_mission",
]
