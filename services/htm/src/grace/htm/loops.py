"""Periodic duties. Any replica may tick, and a tick too many changes nothing."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import SystemRandom

from grace.htm import metrics
from grace.htm.domain.following import Ask, Cancel, End, Release, Step, follow
from grace.htm.domain.reports import lapse_of
from grace.htm.domain.schedules import Due, Fired, Firing, Slot, fire
from grace.htm.domain.sla import sla_of
from grace.htm.settings import Settings
from grace.htm.store import Attempts, Schedules, Tasks, UniqueKeys, hint_work, tell_moved, tell_sla
from grace.htm.store.relations import Followers
from grace.htm.store.retention import Ended
from grace.htm.store.watch import COUNTED, Hours, Kernels, Levels, SlaMove
from grace.kit import Runtime, Unit

_DICE = SystemRandom()
# What another replica has in hand is due, too: it is not looked at again and again.
_SHORTEST_REST = timedelta(milliseconds=5)
_NOW = timedelta(0)


class Promote:
    """Queues tasks when their time has come: that of a retry, or the one they were given."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool | timedelta:
        """Promote what is due and wake its workers; comes again when the next one is due."""
        async with runtime.reading() as tx:  # one round trip while nothing is due
            left = await Tasks(tx).next_due()
        if left is None:
            return False
        return await self._promote(runtime) if left <= _NOW else max(left, _SHORTEST_REST)

    async def _promote(self, runtime: Runtime) -> bool | timedelta:
        most = self._settings.sweep_most
        async with runtime.unit() as unit:
            store = Tasks(unit.tx)
            kernels = await store.promote_tasks(aging_step=self._settings.aging_step, most=most)
            hint_work(unit, kernels)
            left = await store.next_due()
        if len(kernels) == most or left is None:
            return len(kernels) == most
        return max(left, _SHORTEST_REST)


TakeIn = Callable[[Settings, Sequence[Slot], Unit], Awaitable[list[Fired]]]


class Fire:
    """Submits the tasks of schedules when their slots come."""

    def __init__(self, settings: Settings, take_in: TakeIn) -> None:
        self._settings = settings
        self._take_in = take_in

    async def tick(self, runtime: Runtime) -> bool | timedelta:
        """Fire what is due, and come again when the next slot does."""
        async with runtime.reading() as tx:  # one round trip while nothing is due
            left = await Schedules(tx).next_slot()
        if left is None:
            return False
        return await self._fire(runtime) if left <= _NOW else max(left, _SHORTEST_REST)

    async def _fire(self, runtime: Runtime) -> bool | timedelta:
        most, late_after = self._settings.sweep_most, self._settings.schedule_late_after
        async with runtime.unit() as unit:
            schedules = Schedules(unit.tx)
            due = await schedules.due(most=most)
            firings = [fire(each, late_after=late_after) for each in due]
            last = await self._submit(due, firings, unit)
            moves = [
                (d, f.next_at, last.get((d.tenant_id, d.name)))
                for d, f in zip(due, firings, strict=True)
            ]
            if moves:
                await schedules.note_fired(moves)
            left = await schedules.next_slot()
        return len(due) == most or (left is not None and max(left, _SHORTEST_REST))

    async def _submit(
        self, due: Sequence[Due], firings: Sequence[Firing], unit: Unit
    ) -> dict[tuple[str, str], Fired]:
        """What became of the last slot of each schedule."""
        slots = [
            Slot(each.tenant_id, each.name, at, each.order)
            for each, firing in zip(due, firings, strict=True)
            for at in firing.slots
        ]
        fired = await self._take_in(self._settings, slots, unit) if slots else []
        return {(each.slot.tenant_id, each.slot.name): each for each in fired}


class Rescue:
    """Takes tasks back from workers that were not heard of for a lease."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """End lapsed attempts: another follows, or the task is buried."""
        most, policies = self._settings.sweep_most, self._settings.policies
        async with runtime.unit() as unit:
            store = Attempts(unit.tx)
            lapsed = await store.lapsed_tasks(most=most)
            closings = [lapse_of(each, policies=policies, jitter=_DICE.random()) for each in lapsed]
            tell_moved(unit, await store.close_attempts(closings))
        for task in lapsed:
            runtime.log.warning("task.lapsed", task_id=str(task.task_id), worker=str(task.owner))
        return len(lapsed) == most


class Expire:
    """Ends tasks that nobody began in time, and stops those that run beyond their own deadline."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Expire what is late."""
        most = self._settings.sweep_most
        async with runtime.unit() as unit:
            expired = await Tasks(unit.tx).expire_tasks(most=most)
            tell_moved(unit, expired)
            stopped = await Tasks(unit.tx).stop_overdue(most=most)
        return most in {len(expired), stopped}


class Follow:
    """Carries the ends of tasks on to those that wait for them: dependents, parents, children."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Follow the oldest ends; each step may be the end that another task waits for."""
        async with runtime.reading() as tx:  # one round trip while there is none
            if not await Followers(tx).find_end():
                return False
        most = self._settings.sweep_most
        async with runtime.unit() as unit:
            store = Followers(unit.tx)
            ended = await store.take_ends(most=most)
            if ended:
                locked = await store.lock_followers(ended, most=most)
                if len(locked) == most:
                    await store.return_ends(ended)
                await self._take(follow(await store.find_followers(locked)), unit)
        return bool(ended)

    async def _take(self, steps: Sequence[Step], unit: Unit) -> None:
        store, aging_step = Followers(unit.tx), self._settings.aging_step
        released = [step for step in steps if isinstance(step, Release)]
        hint_work(unit, await store.release_waiting(released, aging_step=aging_step))
        await store.ask_followers([step for step in steps if isinstance(step, Ask)])
        cancelled = [step for step in steps if isinstance(step, Cancel)]
        tell_moved(unit, await store.cancel_followers(cancelled))
        tell_moved(unit, await store.end_parents([s for s in steps if isinstance(s, End)]))


class Warn:
    """Tells which tasks come close to their deadlines, miss them, or end in time after all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Move open tasks to their service level; tell every change, also those by an end."""
        most, history = self._settings.sweep_most, self._settings.sla_history
        async with runtime.unit() as unit:
            levels = Levels(unit.tx)
            found = await levels.candidates(history=history, most=most)
            await levels.change([SlaMove(i, old, sla_of(timing, old)) for i, old, timing in found])
            changes = await levels.take_changes(most=most)
            tell_sla(unit, changes)
        return len(changes) == most


class RollUp:
    """Turns the tasks that ended in an hour into that hour's figures."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Roll up one hour; the open one after its rest, after an outage one after another."""
        settings = self._settings
        async with runtime.unit() as unit:
            hours = Hours(unit.tx)
            hour = await hours.due_hour(rest=settings.roll_up_rest)
            if hour is not None:
                await hours.roll_up(hour, settles_after=settings.roll_up_settles_after)
        return hour is not None


class Prune:
    """Forgets what has served its time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Forget tasks that ended long ago, and unique keys that ended tasks held."""
        most, keep = self._settings.sweep_most, self._settings.keep_ended
        async with runtime.unit() as unit:
            tasks = Ended(unit.tx)
            ended = await tasks.drop(await tasks.lock(keep=keep, most=most))
            keys = await UniqueKeys(unit.tx).drop(most=most)
        return most in {ended, keys}


class Count:
    """Shows how many tasks wait; each replica for itself, or a former leader would tell old news."""

    async def tick(self, runtime: Runtime) -> bool:
        """Count what waits for each kernel."""
        async with runtime.reading() as tx:
            metrics.show_queued(await Kernels(tx).queued(most=COUNTED))
        return False
