"""Every statement of the gateway, a typed function each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from grace.gateway.domain.access import Key
from grace.gateway.domain.repeats import KeptAnswer, Slot
from grace.kit import Queries, Record, Transaction

QUERIES = Queries.beside(__file__)

# A key that was used within this need not be noted again.
_NOTED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key with the moment at which it was looked up."""

    key: Key
    now: datetime

    @property
    def to_be_noted(self) -> bool:
        """Whether the last noted use is old."""
        last = self.key.last_used_at
        return last is None or self.now - last >= _NOTED


class Store:
    """The tables of the gateway, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def insert_key(
        self,
        key_id: str,
        token_hash: bytes,
        *,
        tenant_id: str,
        principal: str,
        name: str,
        scopes: list[str],
        created_by: str,
        expires_at: datetime | None,
        rate_limit: int | None,
    ) -> Key | None:
        """Keep a new key. None where it was made before, and its token is in somebody's hands."""
        row = await self._tx.fetchrow(
            QUERIES["insert_key"],
            key_id=key_id,
            token_hash=token_hash,
            tenant_id=tenant_id,
            principal=principal,
            name=name,
            scopes=scopes,
            created_by=created_by,
            expires_at=expires_at,
            rate_limit=rate_limit,
        )
        return None if row is None else _key(row)

    async def seat_admin(
        self,
        key_id: str,
        token_hash: bytes,
        *,
        principal: str,
        name: str,
        scopes: list[str],
        rate_limit: int | None,
    ) -> None:
        """Let the operator's token be the admin key."""
        await self._tx.execute(
            QUERIES["seat_admin"],
            key_id=key_id,
            token_hash=token_hash,
            principal=principal,
            name=name,
            scopes=scopes,
            rate_limit=rate_limit,
        )

    async def find_keys(self, token_hashes: Sequence[bytes]) -> Mapping[bytes, FoundKey]:
        """Return the keys of tokens, by the hashes of those that open something."""
        rows = await self._tx.fetch(QUERIES["find_keys"], token_hashes=token_hashes)
        return {row["token_hash"]: FoundKey(_key(row), row["now"]) for row in rows}

    async def touch_key(self, key_id: str) -> None:
        """Note that a key is used."""
        await self._tx.execute(QUERIES["touch_key"], key_id=key_id)

    async def count_ending_keys(self, within: timedelta) -> int:
        """Return how many keys in use end within this time, or ended so lately, of all tenants."""
        found: int = await self._tx.fetchval(QUERIES["count_ending_keys"], within=within)
        return found

    async def list_keys(self, tenant_id: str, *, before: str | None, limit: int) -> list[Key]:
        """Return a page, newest first."""
        rows = await self._tx.fetch(
            QUERIES["list_keys"], tenant_id=tenant_id, before=before, limit=limit
        )
        return [_key(row) for row in rows]

    async def revoke_key(self, tenant_id: str, key_id: str) -> bool:
        """Close a key for good. False where there is none."""
        rows = await self._tx.execute(QUERIES["revoke_key"], tenant_id=tenant_id, key_id=key_id)
        return rows == 1

    async def find_sealing_key(self, name: str) -> bytes:
        """Return the 32 bytes that every replica seals with."""
        value: bytes = await self._tx.fetchval(QUERIES["find_sealing_key"], name=name)
        return value

    async def claim_answer(
        self,
        slot: Slot,
        claim_id: UUID,
        *,
        request_hash: bytes,
        claim: timedelta,
        lifetime: timedelta,
    ) -> datetime | None:
        """Take an Idempotency-Key; return when its request first came. None where somebody has it."""
        since: datetime | None = await self._tx.fetchval(
            QUERIES["claim_answer"],
            **asdict(slot),
            claim_id=claim_id,
            request_hash=request_hash,
            claim=claim,
            lifetime=lifetime,
        )
        return since

    async def find_answer(self, slot: Slot) -> KeptAnswer | None:
        """Return what is kept under an Idempotency-Key."""
        row = await self._tx.fetchrow(QUERIES["find_answer"], **asdict(slot))
        return None if row is None else KeptAnswer(**row)

    async def keep_answer(self, slot: Slot, claim_id: UUID, *, status: int, body: bytes) -> bool:
        """Keep an answer for repeats. False where the claim has lapsed."""
        rows = await self._tx.execute(
            QUERIES["keep_answer"], **asdict(slot), claim_id=claim_id, status=status, body=body
        )
        return rows == 1

    async def lapse_answer(self, slot: Slot, claim_id: UUID) -> None:
        """Let a repeat of the very request run again."""
        await self._tx.execute(QUERIES["lapse_answer"], **asdict(slot), claim_id=claim_id)

    async def release_answer(self, slot: Slot, claim_id: UUID, *, claim: timedelta) -> None:
        """Let any request have the key, unless it was claimed before."""
        await self._tx.execute(
            QUERIES["release_answer"], **asdict(slot), claim_id=claim_id, claim=claim
        )

    async def forget_answers(self, most: int) -> int:
        """Delete answers that have expired; return how many."""
        return await self._tx.execute(QUERIES["forget_answers"], most=most)


def _key(row: Record) -> Key:
    columns = dict(row)
    for other in ("now", "token_hash"):
        columns.pop(other, None)
    columns["scopes"] = tuple(columns["scopes"])
    return Key(**columns)
