"""What a webhook is told, whom Grace connects to for it, and when it is tried again."""

import base64
import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit
from uuid import UUID

# Fields that may leave. A grant carries capabilities: a list of what must not leave would be wrong
# on the day on which something is added.
_FIELDS = """
    actor approval_id break_glass broken_at decided_by delegated_by delegated_to ends_at expired_at
    expires_at finding forbidden_at granted_at group mission_id plan_hash quorum reason reminders requested_by
    review_id reviewed_at shown_hash tenant_id tier
"""
SHOWN = frozenset(_FIELDS.split())
_FIRST = timedelta(seconds=1)
_LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Notice:
    """One message for one webhook, at its `tries`-th try."""

    message_id: UUID
    url: str
    subject: str
    body: str
    tries: int
    created_at: datetime


def shown(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields of a message that may leave."""
    return {name: value for name, value in fields.items() if name in SHOWN}


def flaw_of(url: str, hosts: Collection[str]) -> str | None:
    """Why no notice is sent to a URL, or None where it may be. Names, no addresses, are looked at."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        return "must begin with https:// and name a host"
    if parts.username or parts.password or parts.fragment:
        return "may carry no user, password or fragment"
    if host not in hosts:
        return "names a host that webhook_hosts does not list"
    if parts.scheme == "http" and not _is_loopback(host):
        return "must begin with https://: only this machine is told over http"
    return None


def may_connect(address: str, networks: Collection[str]) -> bool:
    """Whether a name may lead to this address: a public one, or one in a network that is allowed.

    What a name leads to is its owner's choice. Without this a webhook could ask a cloud's metadata
    service, or a neighbour that trusts whoever is inside.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if any(found in ip_network(network) for network in networks):
        return True
    return found.is_global and not found.is_multicast


def next_try(notice: Notice, *, now: datetime, give_up_after: timedelta) -> datetime | None:
    """When a notice that was not taken is tried again; None where it is given up."""
    wait = min(_FIRST * 2 ** min(notice.tries - 1, 20), _LONGEST)
    return now + wait if now + wait < notice.created_at + give_up_after else None


def signature(secret: bytes, notice: Notice, *, timestamp: int) -> str:
    """The signature as Standard Webhooks has it: over id, time and the exact body."""
    signed = f"{notice.message_id}.{timestamp}.{notice.body}".encode()
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
