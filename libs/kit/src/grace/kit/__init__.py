"""The skeleton of every Grace service; services contain only their domain."""

from grace.kit.ending import end_tasks
from grace.kit.envelope import Received
from grace.kit.errors import (
    Conflict,
    Forbidden,
    GraceError,
    InternalError,
    Invalid,
    Kind,
    NotFound,
    RateLimited,
    Stale,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
    error_of,
)  # fmt: skip
from grace.kit.gathering import Gathering
from grace.kit.ids import derived_id, issued_at, new_id
from grace.kit.keys import Keys, KeySource, PublicKey, SigningKey
from grace.kit.life import Running
from grace.kit.loops import Loop
from grace.kit.running import main, running, running_all
from grace.kit.runtime import Runtime
from grace.kit.safe import Safe, SafeError
from grace.kit.service import Service
from grace.kit.settings import Duration, ServiceSettings, SettingsError, service_config
from grace.kit.sql import Queries, Query, Record, Transaction
from grace.kit.stream import Called, Calls, Rpc, Stream
from grace.kit.unit import Unit

__all__ = [
    "Called", "Calls", "Conflict", "Duration", "Forbidden", "Gathering", "GraceError", "InternalError", "Invalid",
    "KeySource", "Keys", "Kind", "Loop", "NotFound", "PublicKey", "Queries", "Query", "RateLimited", "Received",
    "Record", "Rpc", "Running", "Runtime", "Safe", "SafeError", "Service", "ServiceSettings", "SettingsError",
    "SigningKey", "Stale", "Stream", "TimedOut", "TooLarge", "Transaction", "Unauthenticated",
    "Unavailable", "Unit", "derived_id", "end_tasks", "error_of", "issued_at", "main", "new_id", "running",
    "running_all", "service_config",
]  # fmt: skip
