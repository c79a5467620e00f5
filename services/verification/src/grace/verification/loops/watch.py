"""Looks again at what was verified, and opens the mission again when the fault is back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.contracts.intent import ErrorDetected, ErrorDetectedSeverity
from grace.contracts.verification import ActionClosed, MissionReopened
from grace.kit import Runtime, Unit
from grace.verification.domain.lifecycle import Status
from grace.verification.domain.state import shown_text
from grace.verification.domain.watch import Found, Look, late_look, measures_of_look
from grace.verification.loops.schedule import schedule_look
from grace.verification.metrics import REOPENED
from grace.verification.settings import Settings
from grace.verification.store import Case, Contracts, Missions
from grace.verification.store.takes import Takes
from grace.verification.store.timeline import LONGEST_REASON, About, note, tell
from grace.verification.store.watches import DueWatch, Watches

_OVERTAKEN = "another mission has changed the target since"
_JOINED = "another mission acted on the target meanwhile"


class Watch:
    """Level-based: a look goes on from its row, whoever began it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Advance the looks that are due; True when there may be more."""
        most = self._settings.advance_most
        async with runtime.reading() as tx:
            due = await Watches(tx).claim(most=most, claim_for=self._settings.claim_for)
            cases = await Contracts(tx).cases([watch.contract_id for watch in due])
        by_id = {case.contract_id: case for case in cases}
        for watch in due:
            case = by_id[watch.contract_id]
            async with runtime.unit(correlation_id=case.correlation_id) as unit:
                await _OneLook(unit, watch, case, self._settings).advance()
        return len(due) == most


@dataclass(frozen=True, slots=True)
class _OneLook:
    unit: Unit
    watch: DueWatch
    case: Case
    settings: Settings

    async def advance(self) -> None:
        """Begin to measure, or read what was measured."""
        watches = Watches(self.unit.tx)
        if self.watch.status == "measuring":
            takes = await Takes(self.unit.tx).of([self.case.contract_id], look=self.watch.look)
            look = late_look(self.case.contract, takes.get(self.case.contract_id, ()))
            await self._read(look)
        elif self.watch.is_overtaken:
            await self._skip(f"not taken: {_OVERTAKEN}")
        elif self.watch.late_by > self.settings.watch_late_at_most:
            await self._skip(
                f"not taken: {_words(self.watch.late_by)} late, it says nothing of the action"
            )
        elif self.watch.is_in_hand:  # whether it is overtaken shows when that mission has ended
            await watches.rest(self.watch, pause=self.settings.poll_interval)
        elif await watches.measure(self.watch, pause=self.settings.poll_interval):
            measures = measures_of_look(self.case.contract)
            await schedule_look(
                self.unit, self.case, measures, look=self.watch.look, settings=self.settings
            )

    async def _read(self, look: Look | None) -> None:
        watches = Watches(self.unit.tx)
        if look is None:
            await watches.rest(self.watch, pause=self.settings.poll_interval)
            return
        # In the order in which ends are written: the mission first.
        await Missions(self.unit.tx).lock([self.case.contract.mission_id])
        if look.found is Found.RETURNED and await self._is_not_its_own():
            await self._skip(f"tells nothing: {_JOINED}; {look.reason}")
        elif await watches.end(
            self.watch, look.found, reason=_cut(look.reason), confidence=look.confidence
        ):
            await self._say(f"{look.found}: {look.reason}")
            if look.found is Found.RETURNED:
                await self._reopen(look)

    async def _is_not_its_own(self) -> bool:
        """Whether what a look found may be another mission's doing; asked when its takes are in."""
        return self.watch.is_overtaken or await Watches(self.unit.tx).was_joined(self.watch)

    async def _skip(self, why: str) -> None:
        if await Watches(self.unit.tx).end(self.watch, "skipped", reason=_cut(why)):
            await self._note(f"the look after {_words(self.watch.after)}: {why}")

    async def _reopen(self, look: Look) -> None:
        """Take the verdict back: learning counts the new revision, intent hears of the error."""
        reason = _cut(f"the fault is back {_words(self.watch.elapsed)} later: {look.reason}")
        watches = Watches(self.unit.tx)
        await watches.end_others(self.watch, "another look found the fault back")
        revised = await watches.revise(self.case.contract_id, Status.FAILED, look, reason=reason)
        about, contract = About.case(self.case), self.case.contract
        closed = ActionClosed(
            mission_id=contract.mission_id,
            tenant_id=contract.tenant_id,
            contract_id=contract.contract_id,
            revision=revised.revision,
            playbook=contract.playbook,
            playbook_version=contract.playbook_version,
            operation=contract.action.operation,
            target=contract.action.target,
            verdict=Status.FAILED,
            confidence=look.confidence,
            executed=True,
            closed_at=revised.revised_at,
            reason=reason,
            target_class=contract.action.kernel,
        )
        await tell(self.unit, closed, about, f"revision {revised.revision}: failed")
        reopened = MissionReopened(
            mission_id=contract.mission_id,
            tenant_id=contract.tenant_id,
            contract_id=contract.contract_id,
            revision=revised.revision,
            reason=reason,
            reopened_at=revised.revised_at,
        )
        await tell(self.unit, reopened, about, reason)
        await self._report(reason, revised.revised_at)
        self.unit.after_commit(REOPENED.inc)

    async def _report(self, reason: str, at: datetime) -> None:
        """Tell intent, as anybody who sees an error does: it is answered like any other."""
        contract = self.case.contract
        kind, target = await Watches(self.unit.tx).subject_of(contract.mission_id)
        detected = ErrorDetected(
            source="verification",
            kind=kind or contract.action.operation,
            target=target or contract.action.target,
            message=_cut(f"mission {contract.mission_id} is open again: {reason}"),
            severity=ErrorDetectedSeverity.error,
            detected_at=at,
            # Who may not approve what follows, this time either: neither they nor who asked with them.
            requested_by=contract.requested_by,
            follows=contract.mission_id,
        )
        self.unit.publish(
            detected, tenant=contract.tenant_id, correlation_id=self.case.correlation_id
        )

    async def _say(self, words: str) -> None:
        await self._note(f"looked again after {_words(self.watch.elapsed)}: {words}")

    async def _note(self, summary: str) -> None:
        await note(self.unit, "verification.watch.looked", About.case(self.case), summary)


def _words(after: timedelta) -> str:
    seconds = after.total_seconds()
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"  # noqa: PLR2004 - a minute


def _cut(reason: str) -> str:
    return shown_text(reason, LONGEST_REASON)
