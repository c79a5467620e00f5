"""Grace over REST, typed. `async with Grace(url, token) as grace: await grace.missions()`."""

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
)
from grace.client.models import ApiKey, Health, NewApiKey, Page
from grace.client.rest import Grace
from grace.client.shown import PlanAltered, hash_shown
from grace.client.waiting import wait_for_baseline, wait_for_mission

__all__ = [
    "ApiError",
    "ApiKey",
    "Conflict",
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
    "PlanAltered",
    "RateLimited",
    "ServerFailed",
    "Stale",
    "StillOpen",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "hash_shown",
    "wait_for_baseline",
    "wait_for_mission",
]
