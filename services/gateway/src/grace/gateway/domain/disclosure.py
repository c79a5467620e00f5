"""What of an event may leave Grace: names that are listed, and nothing else.

An event has capabilities, documents and whatever a later release adds. A list of what must not leave
would be wrong on the day of that release; this one is merely short.
"""

from collections.abc import Mapping
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_IDS = """
    action_id alert_id approval_id artifact_id content_hash contract_hash contract_id
    fingerprint freeze_id intent_id key_id mission_id plan_hash previous_key_id replayed_as
    review_id run_id shown_hash signal_id task_id
"""
_WORDS = """
    act artifact_type break_glass cause choice component domain environment finding from_time group
    kernel kind message mode operation origin outcome playbook priority reason severity
    sla_state source status step subject suite target timezone title type until_time verdict
"""
_PEOPLE = """
    actor decided_by declared_by delegated_by delegated_to ended_by principal released_by
    requested_by
"""
_NUMBERS = """
    approvals attempts chunk_count confidence data_size_bytes executed hard is_on playbook_version quorum
    reminders revision size sla_ms successful_executions threshold tier total_executions value
"""
_TIMES = """
    broken_at captured_at closed_at created_at declared_at detected_at ended_at ends_at
    expired_at expires_at forbidden_at granted_at held_until raised_at removed_at resolved_at
    reviewed_at seated_at seen_at sla_deadline_at starts_at turned_at voted_at
"""
_LISTS = "alert contracts days freeze jobs tasks"

SHOWN = frozenset(f"{_IDS} {_WORDS} {_PEOPLE} {_NUMBERS} {_TIMES} {_LISTS}".split())


def disclosed(body: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields of an event that may leave, at every depth."""
    return {name: _value(value) for name, value in body.items() if name in SHOWN}


def _value(value: Json) -> Json:
    match value:
        case dict():
            return disclosed(value)
        case list():
            return [_value(item) for item in value]
        case _:
            return value


def belongs_to(body: Mapping[str, Json], *, sent_for: str) -> str:
    """Return the tenant of an event: what its signed body says, else what it was sent for."""
    named = body.get("tenant_id")
    return named if isinstance(named, str) else sent_for
