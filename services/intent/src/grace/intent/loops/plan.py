"""Plans for missions: picks the playbook, asks the workers, writes the plan down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from grace.contracts import intent as wire
from grace.intent.domain.consideration import Considered, considered
from grace.intent.domain.document import LONGEST, MAX_FLAP
from grace.intent.domain.freeze import NOBODY_KNOWS, Freeze, TargetClass, freeze_hold
from grace.intent.domain.hold import Hold, Limits, Past, hold_of, stale
from grace.intent.domain.lifecycle import State
from grace.intent.domain.mission import Mission
from grace.intent.domain.planning import (
    Answers,
    Blocked,
    Decision,
    Postponed,
    Question,
    Ready,
    Shortlist,
    decide,
    questions,
    retry_after,
    shortlist,
)
from grace.intent.domain.playbook import Playbook, Threshold
from grace.intent.loops.load import LoadPlaybooks
from grace.intent.metrics import HOLDS
from grace.intent.planner import Library, Workers, document, ranked
from grace.intent.settings import Settings
from grace.intent.store import Freezes, Holds, Missions, Playbooks, Settled
from grace.kit import Runtime, Unit

# Where only a person ends a hold nothing is due; a release makes it due.
_NOT_BY_ITSELF = timedelta(days=36_500)
_NOT_YET = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a batch is decided by; the pasts and the clock are those of the last transaction."""

    answers: Answers
    freezes: Sequence[Freeze]
    classes: Mapping[str, TargetClass]
    limits: Limits
    pasts: Mapping[str, Past] = field(default_factory=dict)
    now: datetime = _NOT_YET


@dataclass(frozen=True, slots=True)
class _Due:
    """Missions to plan for, and what the rows say about them."""

    missions: Sequence[Mission]
    playbooks: Sequence[Playbook]
    evidence: Mapping[str, str | None]
    freezes: Sequence[Freeze]


class Plan:
    """Gives every mission its plan, or the reason why there is none or not yet one."""

    def __init__(self, settings: Settings, loaded: LoadPlaybooks) -> None:
        """Plan with what was loaded; before that, nothing is decided."""
        self._settings = settings
        self._loaded = loaded
        self._library = Library()
        self._workers = Workers(timeout=settings.validate_timeout, kept=settings.answers_kept)

    async def tick(self, runtime: Runtime) -> bool:
        """Claim what is due, ask the workers outside the transaction, then write it down."""
        if not self._loaded.loaded:
            return False
        due = await self._claim(runtime)
        if not due.missions:
            return False
        found = [
            (mission, shortlist(mission, due.playbooks, due.evidence.get(mission.mission_id)))
            for mission in due.missions
        ]
        work = await ranked(runtime, found)
        facts = await self._ask(runtime, work, due.freezes)
        async with runtime.unit() as unit:
            await _settle(unit, work, facts)
        return len(due.missions) == self._settings.plan_batch

    async def _claim(self, runtime: Runtime) -> _Due:
        """Take what is due. What cannot be read then is due again when the lease ends."""
        async with runtime.reading() as tx:
            missions = Missions(tx)
            due = await missions.claim_captured(
                most=self._settings.plan_batch, lease=self._settings.plan_lease
            )
            if not due:
                return _Due((), (), {}, ())
            playbooks = self._library.compile(await Playbooks(tx).active())
            wanted = any(playbook.extractions for playbook in playbooks)
            evidence = await missions.evidence(due) if wanted else {}
            freezes = await Freezes(tx).current(mission.tenant_id for mission in due)
        return _Due(due, playbooks, evidence, freezes)

    async def _ask(
        self,
        runtime: Runtime,
        work: Sequence[tuple[Mission, Shortlist]],
        freezes: Sequence[Freeze],
    ) -> _Facts:
        """Ask the workers what could run, and what the targets are where a freeze asks for it."""
        asked = (each for mission, found in work for each in _asked(mission, found))
        answers = await self._workers.answers(runtime, asked)
        by_class = any(freeze.needs_class for freeze in freezes)
        classes = await self._workers.classes(runtime) if by_class else NOBODY_KNOWS
        return _Facts(answers, freezes, classes, _limits(self._settings))


async def _settle(unit: Unit, work: Sequence[tuple[Mission, Shortlist]], facts: _Facts) -> None:
    """Write the decisions down and tell them; a stale attempt changes and tells nothing."""
    pasts = await Holds(unit.tx).histories(
        [mission.mission_id for mission, _ in work], within=LONGEST, most=MAX_FLAP + 1
    )
    facts = replace(facts, pasts=pasts, now=await unit.now())
    settled = [
        _settled(mission, found, decide(mission, found, facts.answers), facts)
        for mission, found in work
    ]
    stored = await Missions(unit.tx).settle(settled)
    for one in settled:
        if one.mission.mission_id in stored:
            _tell(unit, one)


def _asked(mission: Mission, found: Shortlist) -> frozenset[Question]:
    return questions(found.playbooks, mission.target or "")


def _limits(settings: Settings) -> Limits:
    return Limits(
        flap=Threshold(settings.flap_count, settings.flap_within),
        cooldown=settings.target_cooldown,
        loop=settings.loop_limit,
        stale=settings.stale_after,
    )


def _settled(mission: Mission, found: Shortlist, decision: Decision, facts: _Facts) -> Settled:
    looked_at = considered(found, decision)
    match decision:
        case Ready(playbook):
            why_not = _why_not(mission, playbook, facts)
            if isinstance(why_not, str):
                return Settled(mission, State.BLOCKED, looked_at, reason=why_not)
            if why_not is not None:
                return _held(mission, playbook, why_not, looked_at, facts.now)
            plan = document(mission, decision, facts.now, looked_at).to_bytes()
            plan_hash = sha256(plan).hexdigest()
            return Settled(mission, State.PLANNED, looked_at, playbook, plan, plan_hash)
        case Blocked(reason):
            return Settled(mission, State.BLOCKED, looked_at, reason=reason)
        case Postponed(reason):
            due = facts.now + retry_after(mission.attempt)
            return Settled(mission, State.CAPTURED, looked_at, reason=reason, due=due)


def _why_not(mission: Mission, playbook: Playbook, facts: _Facts) -> Hold | str | None:
    """Return why it waits, or why it is given up.

    What was released is not held again, but for a freeze that nobody could know of then, or where that was long ago.
    """
    frozen = freeze_hold(
        facts.freezes,
        tenant=mission.tenant_id,
        target=mission.target or "",
        classes=facts.classes,
        now=facts.now,
        released_at=mission.released_at,
    )
    found = frozen or stale(mission, facts.limits, now=facts.now)
    if found is not None or mission.released_at is not None:
        return found
    return hold_of(playbook, facts.pasts[mission.mission_id], facts.limits, now=facts.now)


def _held(
    mission: Mission,
    playbook: Playbook,
    hold: Hold,
    looked_at: tuple[Considered, ...],
    now: datetime,
) -> Settled:
    return Settled(
        mission,
        State.CAPTURED,
        looked_at,
        playbook,
        reason=hold.reason,
        due=hold.until or now + _NOT_BY_ITSELF,
        hold=hold.cause.value,
        until=hold.until,
    )


def _tell(unit: Unit, one: Settled) -> None:
    mission = one.mission
    told = _told(one)
    if told is not None:
        unit.publish(told, tenant=mission.tenant_id, correlation_id=mission.mission_id)
    if one.state is State.CAPTURED:
        fields = {"mission_id": mission.mission_id, "reason": one.reason, "hold": one.hold}
        unit.runtime.log.warning("plan.waits", **fields)


def _told(one: Settled) -> wire.ActionPlanned | wire.PlanningBlocked | wire.HoldPlaced | None:
    mission, tenant = one.mission.mission_id, one.mission.tenant_id
    if one.plan is not None and one.plan_hash is not None:
        return wire.ActionPlanned(
            mission_id=mission, tenant_id=tenant, plan_hash=one.plan_hash, plan=one.plan
        )
    if one.state is State.BLOCKED:
        return wire.PlanningBlocked(mission_id=mission, tenant_id=tenant, reason=one.reason or "")
    if one.hold is None or one.hold == one.mission.hold:
        return None
    HOLDS.labels(one.hold).inc()
    return wire.HoldPlaced(
        mission_id=mission,
        tenant_id=tenant,
        cause=one.hold,
        reason=one.reason or "",
        playbook=one.playbook.name if one.playbook else "",
        held_until=one.until,
    )
