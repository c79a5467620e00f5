"""Playbooks and their trigger rules, every version pinned to its text."""

from grace.intent.domain.playbook import Playbook
from grace.intent.store.statements import QUERIES
from grace.kit import Transaction


class Playbooks:
    """The playbooks, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def pin(self, playbook: Playbook) -> bool:
        """Keep this version with its rule; False when the version stands for another text."""
        named = {"name": playbook.name, "version": playbook.version}
        added = await self._tx.execute(
            QUERIES["pin_playbook"],
            **named,
            content_hash=playbook.content_hash,
            source=playbook.source,
        )
        if added:
            await self._tx.execute(
                QUERIES["add_rule"],
                **named,
                condition=playbook.trigger.condition.text,
                priority=playbook.trigger.priority,
                enabled=playbook.enabled,
                shapes=playbook.trigger.shapes,
            )
        pinned: str = await self._tx.fetchval(QUERIES["find_pin"], **named)
        return pinned == playbook.content_hash

    async def newest(self, name: str) -> int | None:
        """Return the newest version of a playbook, or None."""
        version: int | None = await self._tx.fetchval(QUERIES["newest_version"], name=name)
        return version

    async def active(self) -> list[bytes]:
        """Return the texts of the playbooks in force."""
        return [source for _, source in await self._active()]

    async def shaping(self) -> tuple[str | None, list[bytes]]:
        """Return the mark and the texts of the playbooks in force; nothing where none shapes the intake."""
        found = await self._active()
        mark = found[0][0] if found else None
        return mark, [source for _, source in found] if mark else []

    async def _active(self) -> list[tuple[str | None, bytes]]:
        rows = await self._tx.fetch(QUERIES["active_playbooks"])
        return [(row["mark"], row["source"].encode()) for row in rows]
