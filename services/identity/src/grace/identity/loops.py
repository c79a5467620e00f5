"""What identity does on its own: tells of new keys, signs the log's head."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grace.contracts.identity import CheckpointPublished, KeyRotated
from grace.identity.settings import Settings
from grace.identity.store import Head, Store
from grace.kit import KeySource, Runtime
from grace.transparency import Checkpoint as TreeHead
from grace.transparency import sign


class Announce:
    """Publishes identity.key.rotated once for every new key; the log gets it that way."""

    async def tick(self, runtime: Runtime) -> bool:
        """Tell of the keys that nobody was told of."""
        async with runtime.unit() as unit:
            for new in await Store(unit.tx).announce():
                unit.publish(
                    KeyRotated(
                        component=new.component,
                        key_id=new.key_id,
                        previous_key_id=new.previous,
                        reason=new.reason,
                        expires_at=new.expires_at,
                    )
                )
        return False


class Checkpoint:
    """Signs the head of the log when it has grown."""

    def __init__(self, settings: Settings, source: KeySource) -> None:
        self._origin = settings.log_origin
        self._source = source

    async def tick(self, runtime: Runtime) -> bool:
        """Sign the present head unless it is signed."""
        async with runtime.reading() as tx:
            frontier = await Store(tx).frontier()
            newest = await Store(tx).newest_checkpoint()
        if frontier.size == 0 or (newest is not None and newest.size >= frontier.size):
            return False
        head = TreeHead(self._origin, frontier.size, frontier.root())
        own = await self._source.issue(runtime)
        private = Ed25519PrivateKey.from_private_bytes(own.private_key)
        note = sign(head, self._origin, private)
        async with runtime.unit() as unit:
            if await Store(unit.tx).insert_checkpoint(Head(head.size, head.root, note)):
                unit.publish(CheckpointPublished(size=head.size, note=note))
        return False
