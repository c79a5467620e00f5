"""One incident from a healthy target to Grace's verdict, over Grace's real doors only."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from grace.client import Conflict, wait_for_baseline
from grace.contracts.governance import Approval
from grace.contracts.verification import Mission
from grace.stack.demo import people as persons
from grace.stack.demo import watch
from grace.stack.demo.earlier import OPEN
from grace.stack.demo.people import People
from grace.stack.demo.plots import Hurt, Plot, Trouble
from grace.stack.demo.report import Decision, IncidentReport, Learned, Phases
from grace.stack.demo.show import Show
from grace.stack.demo.stage import Stage
from grace.stack.demo.target import ID, SETTING
from grace.stack.demo.throughput import summary
from grace.stack.demo.timeline import Timeline
from grace.stack.demo.waiting import beside, until
from grace.stack.errors import StackError

T = TypeVar("T")

# What the playbooks measure with, too: a baseline of another measurement would not count.
_MEASUREMENT, _PARAMS = "postgres.activity", {"seconds": 4, "warmup_seconds": 1}
_BEFORE, _AFTER = 5, 3  # full seconds that are compared
_HEALTHY = 0.6  # of its rate, two seconds in a row: the load has settled
# How long to wait, in seconds, for what takes a fraction of that on an idle machine.
_SETTLES, _STORED, _SEEN, _OPENED, _ASKED = 30.0, 30.0, 20.0, 15.0, 15.0
_SHOWS, _CLOSED, _OVER, _COUNTED = 15.0, 90.0, 10.0, 15.0


class Incident:
    """One incident, told while it happens."""

    def __init__(self, plot: Plot, stage: Stage, people: People, show: Show) -> None:
        """Nothing happens before `run`."""
        self._plot = plot
        self._stage = stage
        self._read = stage.throughput
        self._people = people
        self._show = show
        self._checks = stage.checks

    async def run(self) -> IncidentReport:
        """Run the load, take the baseline, hurt the target and see what Grace does.

        StackError says what did not happen. Another verdict than the plot's is no error here.
        """
        self._show.title(self._plot.title)
        self._show.line(f"load    {self._plot.load_in_words}")
        self._show.scale(self._plot.rate)
        target = self._stage.target
        async with self._plot.load(target) as load, beside(self._show.move()):
            self._checks = (*self._stage.checks, load.check)
            await self._until(self._settled, within=_SETTLES, what="the load settles")
            await self._take_baseline()
            setting = await target.read_setting(SETTING)
            async with self._plot.fault(target) as trouble:
                self._show.line(f"fault   {self._plot.fault_in_words}", style="yellow")
                return await self._heal(trouble, setting)

    async def _heal(self, trouble: Trouble, setting: str | None) -> IncidentReport:
        """From the first report about the trouble to the end of its mission."""
        known = await self._executions()
        report = await self._until(self._reported, within=_SEEN, what="the watcher reports it")
        timeline = Timeline(self._people.admin, self._show, report.detected_at)
        timeline.begin(report.sighting)

        async def opened() -> Mission | None:
            found = [m for m in await self._missions() if m.opened_at >= report.detected_at]
            return found[0] if found else None

        mission = await self._until(opened, within=_OPENED, what="a mission is opened")
        async with beside(timeline.follow(mission.mission_id)) as following:
            decision = await self._decide(mission.mission_id, trouble)
            ended = await self._ended(mission.mission_id, following.check)
        await timeline.catch_up(mission.mission_id)
        if len([m for m in await self._missions() if m.opened_at >= report.detected_at]) > 1:
            raise StackError("reports of one error opened more than one mission")
        phases = await self._phases(trouble)
        learned = await self._learned(ended.playbook or "", known)
        return IncidentReport(
            name=self._plot.name,
            mission_id=ended.mission_id,
            playbook=ended.playbook or "",
            verdict=ended.status,
            confidence=ended.confidence,
            reason=ended.reason or "",
            reports=len(self._reports()),
            decision=decision,
            learned=learned,
            throughput=phases.throughput,
            error_rate=phases.error_rate,
            full_seconds=phases.full_seconds,
            setting=await self._settings(setting),
            steps=timeline.steps,
        )

    async def _settled(self) -> bool:
        last = self._read.seconds[-2:]
        lowest = min((second.throughput for second in last), default=0.0)
        return len(last) > 1 and lowest >= _HEALTHY * self._plot.rate

    async def _take_baseline(self) -> None:
        """Have Grace measure the healthy target, and wait until it keeps the result."""
        admin, self._show.waits_for = self._people.admin, "Grace measures the healthy target"
        try:
            started = await admin.take_baseline(ID, _MEASUREMENT, _PARAMS)
        except Conflict as conflict:
            seen = [report.sighting.message for report in self._stage.watcher.reports]
            raise StackError(f"{conflict} The watcher saw last: {seen[-1:]}") from conflict
        baseline = await wait_for_baseline(admin, started.baseline_id, timeout=_STORED)
        if baseline.status != "stored":
            raise StackError(f"the baseline could not be measured: {baseline.reason}")
        values = ", ".join(f"{value.field} {value.value:g}" for value in baseline.values)
        self._show.line(f"healthy {values} (kept by Grace as baseline)")

    async def _reported(self) -> watch.Report | None:
        return next(iter(self._reports()), None)

    def _reports(self) -> list[watch.Report]:
        reports = self._stage.watcher.reports
        return [report for report in reports if report.sighting.kind == self._plot.kind]

    async def _missions(self) -> list[Mission]:
        page = await self._people.admin.missions()
        return [m for m in page.items if (m.kind, m.target) == (self._plot.kind, ID)]

    async def _decide(self, mission_id: str, trouble: Trouble) -> Decision:
        """The requester is not let; a second person looks at the target and approves."""

        async def asked() -> Approval | None:
            page = await self._people.admin.approvals(status="pending")
            found = [each for each in page.items if each.mission_id == mission_id]
            if not found:
                await self._refuse_early_end(mission_id)
            return found[0] if found else None

        async def shows() -> bool:
            return trouble.shows(self._read)

        approval = await self._until(asked, within=_ASKED, what="somebody is asked to approve")
        await self._until(shows, within=_SHOWS, what="the target shows it to everybody")
        how_refused = await persons.refused(self._people.admin, approval)
        self._show.line(f"{persons.ADMIN} approves: refused, {how_refused}", style="yellow")
        approved = await persons.approve(self._people.approver, approval.approval_id)
        shown = approved.shown_hash
        self._show.line(f"{persons.APPROVER} approves {shown[:16]}.., the hash of what was shown")
        return persons.decision_of(approved, how_refused)

    async def _refuse_early_end(self, mission_id: str) -> None:
        mission = await self._people.admin.mission(mission_id)
        if mission.status not in OPEN:
            raise StackError(
                f"{mission_id} ended as {mission.status} before anybody was asked: {mission.reason}"
            )

    async def _ended(self, mission_id: str, check: Callable[[], None]) -> Mission:
        async def ended() -> Mission | None:
            check()
            mission = await self._people.admin.mission(mission_id)
            return None if mission.status in OPEN else mission

        return await self._until(ended, within=_CLOSED, what="Grace acts and measures")

    async def _phases(self, trouble: Trouble) -> Phases:
        """Read how the target did, once there are enough seconds after the trouble."""
        give_up = time.monotonic() + _OVER

        async def over() -> Hurt | None:
            hurt, now = trouble.hurt(self._read), time.monotonic()
            if now > give_up:  # it is not healed, and the numbers shall show that
                return hurt or Hurt(trouble.begun, now - _AFTER - 1)
            return hurt if hurt and len(self._read.between(hurt.ended, now)) > _AFTER else None

        hurt = await self._until(over, within=2 * _OVER, what="the target is as it was")
        # The first second after a change is a mixed one.
        after = self._read.between(hurt.ended, time.monotonic())[1:]
        return Phases(
            before=summary(self._read.between(0.0, trouble.begun)[-_BEFORE:]),
            during=summary(self._read.between(hurt.begun, hurt.ended)),
            after=summary(after),
        )

    async def _executions(self) -> dict[str, int]:
        found = (await self._people.admin.learning_summary()).playbooks
        return {record.playbook: record.total_executions for record in found}

    async def _learned(self, playbook: str, known: dict[str, int]) -> Learned:
        """What Grace knows about the playbook, once this incident counts, too."""

        async def counted() -> Learned | None:
            for record in (await self._people.admin.learning_summary()).playbooks:
                if record.playbook == playbook and record.total_executions > known.get(playbook, 0):
                    return Learned(
                        executions=record.total_executions,
                        successes=record.successful_executions,
                        confidence=round(record.confidence, 3),
                    )
            return None

        return await self._until(counted, within=_COUNTED, what="Grace learns from it")

    async def _settings(self, before: str | None) -> dict[str, str | None]:
        """The raw text of the setting as the target had it all along."""
        seen = [s.setting for s in self._read.seconds if s.setting != before]
        now = await self._stage.target.read_setting(SETTING)
        return {"before": before, "during": seen[-1] if seen else before, "after": now}

    async def _until(
        self, question: Callable[[], Awaitable[T | None]], *, within: float, what: str
    ) -> T:
        self._show.waits_for = what
        return await until(question, within=within, what=what, checks=self._checks)
