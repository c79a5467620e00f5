"""Lets contracts act in the transaction that allows it, so that nobody has to find them first."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from grace.kit import Unit
from grace.verification.domain.advance import next_step
from grace.verification.domain.decision import TakeHold
from grace.verification.domain.facts import Limits
from grace.verification.loops.advance import Advance
from grace.verification.loops.crash import moments_of, pass_all
from grace.verification.loops.forward import take_targets
from grace.verification.settings import Settings
from grace.verification.store import Contracts
from grace.verification.store.turns import Turns


@dataclass(frozen=True, slots=True)
class Begin:
    """Takes the targets of contracts that were just approved. What cannot begin is due by its row."""

    settings: Settings
    turns: Turns

    async def __call__(self, unit: Unit, contract_ids: Sequence[str]) -> None:
        """Their missions are locked. Once this has committed, the loop goes on with them."""
        cases = await Contracts(unit.tx).cases(contract_ids)
        limits = Limits(self.settings.measure_within, self.settings.wait_at_most)
        decided = [(c, next_step(c.facts, None, now=c.seen_at, limits=limits)) for c in cases]
        ready = [(case, found) for case, found in decided if isinstance(found, TakeHold)]
        acting = await take_targets(unit, ready, self.settings)
        runtime, moments = unit.runtime, [moments_of(decision) for _, decision in ready]

        def go_on() -> None:
            pass_all(runtime, chain.from_iterable(each.committed for each in moments))
            self.turns.go_on(acting)
            runtime.wake(Advance)

        pass_all(runtime, chain.from_iterable(each.written for each in moments))
        unit.after_commit(go_on)
