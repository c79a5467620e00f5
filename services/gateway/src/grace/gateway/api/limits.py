"""How fast somebody may ask: a bucket for each key, and one for each address that has none."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Generic, TypeVar

from grace.gateway.domain.access import Key
from grace.gateway.settings import Settings
from grace.kit import RateLimited
from grace.resilience.ratelimit import RateLimit, TokenBucket

V = TypeVar("V")

# Enough for every client of one gateway; whoever is forgotten begins with a full bucket.
_MOST = 10_000
_BURST_SECONDS = 2
# One customer's network in IPv6: whoever has a /64 has 2^64 addresses.
_NETWORK_BITS = 64


class TooFast(RateLimited):
    """Too many requests; wait as long as Retry-After says."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.retry_after = math.ceil(seconds)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key has left, as its holder is told."""

    limit: int
    remaining: int
    reset: int  # Seconds until it has all of it again.

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-06."""
        given = {"limit": self.limit, "remaining": self.remaining, "reset": self.reset}
        return [(f"ratelimit-{name}".encode(), b"%d" % value) for name, value in given.items()]


class Recent(Generic[V]):
    """Remembers what was used last, and forgets the rest."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._found: OrderedDict[object, V] = OrderedDict()

    def get(self, name: object) -> V | None:
        """Return what is remembered, and know that it is in use."""
        if name in self._found:
            self._found.move_to_end(name)
        return self._found.get(name)

    def put(self, name: object, value: V) -> None:
        """Remember it instead of what was used longest ago."""
        self._found[name] = value
        self._found.move_to_end(name)
        if len(self._found) > self._most:
            self._found.popitem(last=False)

    def drop(self, name: object) -> None:
        """Forget it."""
        self._found.pop(name, None)


class Limits:
    """The buckets of one gateway; replicas have their own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._buckets: Recent[TokenBucket] = Recent()
        # Tokens that opened the door lately: they need not queue behind who guesses.
        self._known: Recent[bool] = Recent()

    def meet(self, address: str, token_hash: bytes | None = None) -> None:
        """Count a stranger's request. TooFast before anything is looked up."""
        rate = self._settings.address_rate_limit
        if rate == 0 or (token_hash is not None and self._known.get(token_hash)):
            return
        limit = RateLimit(rate, max(rate, self._settings.address_burst))
        self._take("address", network_of(address), limit)

    def learn(self, token_hash: bytes, *, opens: bool) -> None:
        """Remember whether a token is good."""
        if opens:
            self._known.put(token_hash, value=True)
        else:
            self._known.drop(token_hash)

    def charge(self, key: Key) -> Allowance | None:
        """Count a request of a key. TooFast where it has none left; None where it has no limit."""
        rate = self._settings.rate_limit if key.rate_limit is None else key.rate_limit
        if rate == 0:
            return None
        bucket = self._take("key", key.key_id, RateLimit(rate, rate * _BURST_SECONDS))
        missing = bucket.limit.burst - bucket.tokens
        return Allowance(int(bucket.limit.burst), int(bucket.tokens), math.ceil(missing / rate))

    def charge_chat(self, key: Key) -> None:
        """Count a question to the chat. TooFast where a key has none left; a key without a limit has none here."""
        rate = self._settings.chat_rate_limit
        if rate and key.rate_limit != 0:
            self._take("chat", key.key_id, RateLimit(rate, rate * _BURST_SECONDS))

    def _take(self, kind: str, name: str, limit: RateLimit) -> TokenBucket:
        now = monotonic()
        found = self._buckets.get((kind, name))
        known = found is not None and found.limit == limit
        bucket, seconds = (found if found and known else TokenBucket.full(limit, now)).take(now)
        self._buckets.put((kind, name), bucket)
        if seconds:
            raise TooFast(seconds)
        return bucket


def network_of(address: str) -> str:
    """What counts as one client."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return f"{int(found) >> _NETWORK_BITS:x}/{_NETWORK_BITS}"
