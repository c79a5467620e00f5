"""Writes into the log what there is to say of keys, in the transaction of whoever made or ended one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grace.identity.domain import log
from grace.identity.domain.keys import ComponentKey
from grace.identity.domain.records import PRODUCER, Record, Unrecorded, records_of
from grace.identity.store import Store
from grace.kit import SigningKey, new_id
from grace.transparency import MESSAGE_KIND, pae

IsOurs = Callable[[ComponentKey], Awaitable[bool]]
"""Whether identity made this key: somebody else may have written its row."""


async def record_keys(store: Store, signer: SigningKey, is_ours: IsOurs) -> None:
    """Append an entry for each key, and each end of one, that the log does not know of.

    It does so itself: through the outbox a key's first messages could come before their key.
    """
    frontier = await store.lock_log()
    due = [each for each in await store.unrecorded_keys() if await _may_enter(each, is_ours)]
    records = records_of(due, signer.key_id)
    if not records:
        return
    held = (await store.contiguous([PRODUCER]))[PRODUCER]
    rows = _rows(records, held, signer)
    growth = log.grow(frontier, rows)
    taken = [(PRODUCER, row) for row in rows]
    await store.append(frontier, taken, growth, {PRODUCER: held + len(rows)})
    await store.mark_recorded([each.key.key_id for each in due])


async def _may_enter(each: Unrecorded, is_ours: IsOurs) -> bool:
    return each.is_registered or await is_ours(each.key)


def _rows(records: Sequence[Record], held: int, signer: SigningKey) -> list[log.Row]:
    private = Ed25519PrivateKey.from_private_bytes(signer.private_key)
    return [
        _row(each, held + place, signer.key_id, private) for place, each in enumerate(records, 1)
    ]


def _row(record: Record, number: int, key_id: str, private: Ed25519PrivateKey) -> log.Row:
    message_id = str(new_id())
    signed = pae(MESSAGE_KIND, record.subject.encode(), message_id.encode(), record.body)
    return log.Row(number, message_id, record.subject, record.body, key_id, private.sign(signed))
