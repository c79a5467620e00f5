"""Plans are judged by the policies in force; what cannot be judged is refused."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from grace.governance.domain.autonomy import Key, Level
from grace.governance.domain.bounds import Bounds, turns_before
from grace.governance.domain.budgets import Room, Trust, Wish, rooms
from grace.governance.domain.facts import Facts, facts_of
from grace.governance.domain.plans import Plan, target_of_all
from grace.governance.domain.rulebook import PolicyError
from grace.governance.domain.ruling import Judged, Outcome, refused, rule
from grace.governance.domain.tiers import Tier
from grace.governance.handlers.rulebooks import Rulebooks
from grace.governance.settings import Settings
from grace.governance.store import Brakes, Levels, Policies, Trusts, Turns
from grace.kit import Transaction, Unit

Rooms = Mapping[Key, Room]


class Judge:
    """The policies in force, and what each playbook may rely on."""

    def __init__(self, settings: Settings, rulebooks: Rulebooks) -> None:
        self._settings = settings
        self._rulebooks = rulebooks

    async def judge(self, plans: Sequence[Plan], unit: Unit) -> list[Judged]:
        """Return what becomes of each plan, with all that was known of it."""
        if not plans:
            return []
        now = await unit.now()
        facts = [facts_of(plan, limits=self._settings.limits, now=now) for plan in plans]
        asked_by = await Trusts(unit.tx).requesters([plan.mission_id for plan in plans])
        wishes = [
            _wishes(each, {plan.requested_by, *asked_by.get(plan.mission_id, ())})
            for plan, each in zip(plans, facts, strict=True)
        ]
        found = await self._rooms(wishes, unit.tx, now)
        bounds = await self._bounds(facts, unit.tx, now)
        known = [
            tuple(each.within(room[_key(each)]).bounded_by(bound) for each in plan)
            for plan, room, bound in zip(facts, found, bounds, strict=True)
        ]
        try:
            rulebook = await self._rulebooks.current(Policies(unit.tx))
        except PolicyError as error:
            unit.runtime.log.exception("policies.unreadable", problems=error.problems)
            why = f"the policies in force cannot be read: {error.problems[0]}"
            return [Judged(refused(each, why), each) for each in known]
        rulings = [
            refused(each, strange) if (strange := target_of_all(plan)) else ruling
            for plan, each, ruling in zip(plans, known, rule(rulebook, known), strict=True)
        ]
        return [
            Judged(ruling, plan, _relied_on(asked, room) if _is_granted(ruling.outcome) else ())
            for ruling, plan, asked, room in zip(rulings, known, wishes, found, strict=True)
        ]

    async def _rooms(
        self, wishes: Sequence[Sequence[Wish]], tx: Transaction, now: datetime
    ) -> list[Rooms]:
        """What each plan may rely on; budgets are looked at only where somebody is at `auto`."""
        keys = list({wish.key for plan in wishes for wish in plan})
        levels = {key: each.level for key, each in (await Levels(tx).find(keys)).items()}
        auto = [key for key, level in levels.items() if level is Level.AUTO]
        trusts, recent = await self._budgets(auto, tx, now) if auto else ([], {})
        found = iter(
            rooms(
                [wish for plan in wishes for wish in plan],
                levels=levels,
                trusts=trusts,
                recent=recent,
                budget=self._settings.change_budget,
                now=now,
            )
        )
        return [{wish.key: next(found) for wish in plan} for plan in wishes]

    async def _bounds(
        self, plans: Sequence[Sequence[Facts]], tx: Transaction, now: datetime
    ) -> list[Bounds]:
        """What holds for each plan whoever planned it."""
        targets = [targets_of(plan) for plan in plans]
        since = now - self._settings.change_window
        recent = await Turns(tx).recent(set().union(*targets), since=since)
        pulled = await Brakes(tx).pulled({plan[0].tenant for plan in plans})
        return [
            Bounds(plan[0].tenant in pulled, before, self._settings.target_budget)
            for plan, before in zip(plans, turns_before(targets, recent), strict=True)
        ]

    async def _budgets(
        self, keys: Sequence[Key], tx: Transaction, now: datetime
    ) -> tuple[list[Trust], dict[tuple[str, str], int]]:
        store, since = Trusts(tx), now - self._settings.change_window
        await store.lock()
        recent = await store.recent({key.tenant_id for key in keys}, since=since)
        return await store.open(keys, now=now), recent


def targets_of(plan: Sequence[Facts]) -> Counter[str]:
    """The targets of a plan, each with the number of its actions there."""
    return Counter(facts.target for facts in plan)


def _key(facts: Facts) -> Key:
    return Key(facts.tenant, facts.playbook, facts.target_class)


def _wishes(plan: Sequence[Facts], requesters: Collection[str]) -> list[Wish]:
    """What a plan would change, by class of targets."""
    changes = Counter({_key(facts): 0 for facts in plan})
    changes.update(_key(facts) for facts in plan if facts.tier > Tier.HARMLESS)
    return [Wish(key, count, frozenset(requesters)) for key, count in changes.items()]


def _is_granted(outcome: Outcome) -> bool:
    return outcome is Outcome.GRANTED


def _relied_on(wishes: Sequence[Wish], found: Rooms) -> tuple[tuple[Trust, int], ...]:
    return tuple(
        (trust, wish.changes)
        for wish in wishes
        if wish.changes and (trust := found[wish.key].trust) is not None
    )
