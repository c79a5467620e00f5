"""Plans are judged by the policies in force; what cannot be judged is refused."""

from collections.abc import Sequence

from grace.governance.domain.facts import facts_of
from grace.governance.domain.plans import Plan
from grace.governance.domain.rulebook import PolicyError
from grace.governance.domain.ruling import Judged, refused, rule
from grace.governance.handlers.rulebooks import Rulebooks
from grace.governance.settings import Settings
from grace.governance.store import Policies
from grace.kit import Unit


class Judge:
    """The policies in force, and from where on a change risks more."""

    def __init__(self, settings: Settings, rulebooks: Rulebooks) -> None:
        self._settings = settings
        self._rulebooks = rulebooks

    async def judge(self, plans: Sequence[Plan], unit: Unit) -> list[Judged]:
        """Return what becomes of each plan, with all that was known of it."""
        now = await unit.now()
        facts = [tuple(facts_of(plan, limits=self._settings.limits, now=now)) for plan in plans]
        try:
            rulebook = await self._rulebooks.current(Policies(unit.tx))
        except PolicyError as error:
            unit.runtime.log.exception("policies.unreadable", problems=error.problems)
            why = f"the policies in force cannot be read: {error.problems[0]}"
            return [Judged(refused(each, why), each) for each in facts]
        return [
            Judged(ruling, each) for ruling, each in zip(rule(rulebook, facts), facts, strict=True)
        ]
