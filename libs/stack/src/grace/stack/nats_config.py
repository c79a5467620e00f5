"""The configuration file of nats-server: who may say what, where the store is."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grace.stack.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class UserPermissions:
    """What one user may do: subjects to publish and to subscribe, wildcards allowed.

    An empty tuple allows nothing. With `allow_responses` the user may also answer each request
    that it received, once.
    """

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    allow_responses: bool = False


@dataclass(frozen=True, slots=True)
class NatsLimits:
    """What the server refuses to exceed, and when it syncs; as nats-server writes sizes and times.

    The default of nats-server answers before the write is on disk: a power cut then takes whole
    streams. Only tests, which cut no power, name another `sync_interval`.
    """

    max_payload: str = "1MB"
    max_file_store: str = "4GB"
    max_memory_store: str = "64MB"
    sync_interval: str = "always"


@dataclass(frozen=True, slots=True)
class NatsPlace:
    """Where one server listens (TCP ports on loopback) and keeps its store and pid."""

    client_port: int
    monitor_port: int
    store: Path
    pid_file: Path


def render(
    place: NatsPlace, limits: NatsLimits, users: Iterable[tuple[str, str, UserPermissions]]
) -> str:
    """Write the configuration; `users` are (name, public nkey, permissions)."""
    return f"""\
server_name: grace
listen: "{LOOPBACK}:{place.client_port}"
http: "{LOOPBACK}:{place.monitor_port}"
pid_file: {_quote(str(place.pid_file))}
max_payload: {limits.max_payload}
max_pending: 64MB
write_deadline: "10s"
ping_interval: "20s"
ping_max: 2
jetstream {{
  store_dir: {_quote(str(place.store))}
  sync_interval: "{limits.sync_interval}"
  max_file_store: {limits.max_file_store}
  max_memory_store: {limits.max_memory_store}
  strict: true
}}
authorization {{
  timeout: 2
  users: [
{_users(users)}
  ]
}}
"""


def _users(users: Iterable[tuple[str, str, UserPermissions]]) -> str:
    # Commas between them: without, a reload fails and the server keeps the old users.
    return ",\n".join(_user(*each) for each in users)


def _user(name: str, public_key: str, may: UserPermissions) -> str:
    responses = ', allow_responses: { max: 1, expires: "30s" }' if may.allow_responses else ""
    return (
        f"    # {name}\n"
        f"    {{ nkey: {public_key}, permissions: {{ publish: {_rule(may.publish)}, "
        f"subscribe: {_rule(may.subscribe)}{responses} }} }}"
    )


def _rule(subjects: tuple[str, ...]) -> str:
    if not subjects:  # nats-server takes an empty list of allowed subjects for "everything"
        return '{ deny: [">"] }'
    return f"{{ allow: [{', '.join(_quote(subject) for subject in subjects)}] }}"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
