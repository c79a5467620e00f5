"""Whose turn has come, as far as this process knows it from memory. Rows tell of it, too, only later."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from grace.verification.store.cases import Case


@dataclass(slots=True)
class Turns:
    """Contracts to look at at once. What gets lost with the process is due by its row soon after."""

    _named: dict[str, None] = field(default_factory=dict)
    _acting: list[Case] = field(default_factory=list)
    _in_hand: set[str] = field(default_factory=set)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._named or self._acting)

    def name(self, contract_ids: Collection[str]) -> None:
        """Something happened to tasks of these contracts."""
        self._named.update(dict.fromkeys(contract_ids))

    def go_on(self, acting: Collection[Case]) -> None:
        """These hold their targets since a commit, and htm does not have their tasks yet."""
        self._acting += acting

    def take(self, *, most: int) -> tuple[Sequence[str], Sequence[Case]]:
        """Return contracts to read, and contracts to go on with; nobody else gets them."""
        named = list(self._named)[:most]
        for contract_id in named:
            del self._named[contract_id]
        acting, self._acting = self._acting[:most], self._acting[most:]
        return named, acting

    @contextmanager
    def in_hand(self, contract_ids: Collection[str]) -> Iterator[None]:
        """Tell those who want to know that a round has these in hand."""
        mine = set(contract_ids) - self._in_hand
        self._in_hand |= mine
        try:
            yield
        finally:
            self._in_hand -= mine
            over, self._over = self._over, asyncio.Event()
            over.set()

    async def settled(self, contract_ids: Collection[str]) -> None:
        """Wait until what a round is writing about these is written."""
        while self._in_hand.intersection(contract_ids):
            await self._over.wait()
