"""Documents of policies: each version is kept for good."""

from dataclasses import dataclass
from datetime import datetime

from grace.governance.domain.rulebook import Kind
from grace.governance.store.rules.statements import QUERIES
from grace.kit import Record, Transaction


@dataclass(frozen=True, slots=True)
class Made:
    """One version of a document, with who made it and why. Without a text it was taken back."""

    name: str
    version: int
    kind: Kind
    text: str | None
    made_by: str
    made_at: datetime | None
    reason: str
    revision: int = 0


class Policies:
    """The documents of policies, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def revision(self) -> int:
        """Return the number that rises with every change of any document."""
        found: int = await self._tx.fetchval(QUERIES["policies_revision"])
        return found

    async def lock(self) -> None:
        """Let nobody else change policies until the transaction ends."""
        await self._tx.execute(QUERIES["lock_policies"])

    async def hold(self) -> None:
        """Let policies stay as they are until the transaction ends; others may hold them, too."""
        await self._tx.execute(QUERIES["hold_policies"])

    async def current(self) -> list[Made]:
        """Return the newest version of each document, those without a text included."""
        return [_made(row) for row in await self._tx.fetch(QUERIES["current_policies"])]

    async def versions(self, name: str, *, limit: int) -> list[Made]:
        """Return the versions of a document, newest first."""
        rows = await self._tx.fetch(QUERIES["policy_versions"], name=name, limit=limit)
        return [_made(row) for row in rows]

    async def insert(self, made: Made) -> int | None:
        """Keep a version; return the new revision, or None where another was faster."""
        revision: int | None = await self._tx.fetchval(
            QUERIES["insert_policy"],
            name=made.name,
            version=made.version,
            kind=made.kind,
            text=made.text,
            made_by=made.made_by,
            made_at=made.made_at,
            reason=made.reason,
        )
        return revision


def _made(row: Record) -> Made:
    columns = dict(row)
    return Made(**(columns | {"kind": Kind(columns["kind"])}))
