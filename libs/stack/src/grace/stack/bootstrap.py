"""`grace bootstrap`: the first proof that an installation does what it is for, on a database of its own.

Everything goes over the same doors as for anybody else: a registered target, a baseline, a benchmark, an
error, the log. What is repaired is small and harmless: the write-ahead log of a SQLite file has grown.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from grace.client import Grace, GraceClientError, NotFound
from grace.contracts.verification import Baseline, Mission
from grace.stack.datadir import DataDir
from grace.stack.demo import evidence
from grace.stack.demo.targets_file import register
from grace.stack.demo.waiting import until
from grace.stack.errors import StackError

TARGET, KIND, OPERATION = "bootstrap", "sqlite.log_grows", "sqlite.look"
FOLDER, REPORT = "bootstrap", "report.json"
_ROWS = (
    1500  # to change one is a page of the log, and so they are more than the playbook lets stand
)
_PROVEN = ("error.captured", "agentic.action_planned", "verification.contract.drafted",
           "verification.action.closed")  # fmt: skip
# How long to wait, in seconds, for what takes a fraction of that on an idle machine.
_KNOWN, _STORED, _OPENED, _ENDED = 20.0, 30.0, 15.0, 60.0

_FILL = """
    WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?)
    INSERT OR IGNORE INTO rows SELECT id, 0 FROM n
"""

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen to hold; written down when all of it did."""

    baseline_id: str
    benchmark_run: str
    mission_id: str
    contract_id: str
    verdict: str
    confidence: float
    log_entries: int
    log_key: str
    proven: list[str]


class Trial:
    """The database, held open by somebody who keeps its log from being emptied, as programs do.

    It has its rows from the beginning: what is measured as healthy is what it is afterwards.
    """

    def __init__(self, file: Path, database: sqlite3.Connection) -> None:
        """Begin with an empty log."""
        self._log, self._database = file.with_name(f"{file.name}-wal"), database
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA wal_autocheckpoint = 0",
            "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, changes INTEGER NOT NULL)",
        ):
            database.execute(statement).fetchall()
        database.execute(_FILL, (_ROWS,))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @property
    def log_bytes(self) -> int:
        """The size of its log."""
        return self._log.stat().st_size

    @property
    def changes(self) -> int:
        """How often a row was changed."""
        (count,) = self._database.execute("SELECT sum(changes) FROM rows").fetchone()
        return int(count)

    def grow(self) -> None:
        """Change every row, each in a transaction of its own."""
        for number in range(_ROWS):
            self._database.execute(
                "UPDATE rows SET changes = changes + 1 WHERE id = ?", (number + 1,)
            )


@contextmanager
def trial(file: Path) -> Iterator[Trial]:
    """Open the database, a new one where there is none."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        yield Trial(file, database)


async def bootstrap(data_dir: Path, say: Say) -> Report:
    """Go through all steps against the Grace that is up there. StackError says which one did not hold."""
    data = DataDir(data_dir).path
    url = _url(data)
    try:
        key = (data / "admin.key").read_text(encoding="utf-8").strip()
        async with Grace(url, key) as admin:
            return await _Steps(admin, data, say).run()
    except (GraceClientError, OSError, sqlite3.Error) as error:
        raise StackError(f"bootstrap: {error}") from error


def _url(data: Path) -> str:
    try:
        return str(json.loads((data / "up.json").read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError):
        raise StackError(f"no Grace is up on {data}: `grace up` starts one") from None


class _Steps:
    """The steps in their order; each says what it found, or raises."""

    def __init__(self, admin: Grace, data: Path, say: Say) -> None:
        self._admin, self._say = admin, say
        self._targets, self._folder = data / "targets.toml", data.resolve() / FOLDER
        self._report = self._folder / REPORT

    async def run(self) -> Report:
        await self._healthy()
        key = await evidence.pin(self._admin)
        entries = await self._entries(key)
        with trial(self._folder / "trial.db") as database:
            baseline, smoke = await self._golden(), await self._smoke()
            mission = await self._earlier() or await self._heal(database)
        proven = await self._prove(mission, key)
        report = Report(
            baseline_id=baseline.baseline_id,
            benchmark_run=smoke,
            mission_id=mission.mission_id,
            contract_id=mission.contracts[0].contract_id,
            verdict=mission.status,
            confidence=mission.confidence,
            log_entries=await self._grown(key, entries),
            log_key=key,
            proven=proven,
        )
        self._report.write_text(json.dumps(asdict(report), indent=2), encoding="utf-8")
        return report

    async def _healthy(self) -> None:
        found = await self._admin.health()
        down = [name for name, status in found.services.items() if status != "up"]
        if down or found.status != "up":
            raise StackError(f"bootstrap: {', '.join(down) or 'Grace'} is {found.status}")
        self._say("services", f"{len(found.services)} answer")

    async def _golden(self) -> Baseline:
        """Have the healthy database measured, and the result kept; the worker reads its targets soon."""
        file = str(self._folder / "trial.db")
        register(self._targets, TARGET, {"kind": "sqlite", "environment": TARGET, "file": file})
        failed: list[Baseline] = []

        async def stored() -> Baseline | None:
            started = await self._admin.take_baseline(TARGET, OPERATION)
            found = await self._admin.wait_for_baseline(started.baseline_id, timeout=_STORED)
            failed[:] = [found]
            return found if found.status == "stored" else None

        try:
            baseline = await until(stored, within=_KNOWN, what="the database is measured")
        except StackError as error:
            why = failed[0].reason if failed else "nothing was said"
            raise StackError(f"bootstrap: {error}: {why}") from None
        values = {value.field: value.value for value in baseline.values}
        self._say("baseline", f"{values['pages']:g} pages, {values['wal_frames']:g} in the log")
        return baseline

    async def _smoke(self) -> str:
        started = await self._admin.run_smoke(TARGET)
        run = await self._admin.wait_for_run(started.run_id, timeout=_ENDED)
        if run.status != "passed" or not run.checks:
            why = "; ".join(check.why for check in run.checks) or "nothing was measured"
            raise StackError(f"bootstrap: the first benchmark is {run.status}: {why}")
        self._say("benchmark", f"smoke {run.status}, {len(run.checks)} of {run.baselines}")
        return run.run_id

    async def _earlier(self) -> Mission | None:
        """The mission of an earlier bootstrap, where it is still verified: once is enough."""
        try:
            known = json.loads(self._report.read_text(encoding="utf-8"))["mission_id"]
            mission = await self._admin.mission(known)
        except (OSError, ValueError, KeyError, NotFound):
            return None
        if mission.status != "verified" or mission.reopened_at is not None:
            return None
        self._say("mission", f"{known} is verified since {mission.closed_at:%Y-%m-%d %H:%M}")
        return mission

    async def _heal(self, database: Trial) -> Mission:
        """Let the log grow, report it, and hold Grace's verdict against the files themselves."""
        known = {mission.mission_id for mission in await self._missions()}
        database.grow()
        changes, grown = database.changes, database.log_bytes
        message = f"the log of {TARGET} has {grown} bytes"
        await self._admin.report_error(KIND, TARGET, message, source=TARGET)

        async def opened() -> Mission | None:
            found = [each for each in await self._missions() if each.mission_id not in known]
            return found[0] if found else None

        begun = await until(opened, within=_OPENED, what="a mission is opened")
        mission = await self._admin.wait_for_mission(begun.mission_id, timeout=_ENDED)
        if mission.status != "verified" or not mission.contracts:
            raise StackError(
                f"bootstrap: {mission.mission_id} is {mission.status}: {mission.reason}"
            )
        left, kept = database.log_bytes, database.changes
        if left >= grown or kept != changes:
            raise StackError(
                f"bootstrap: {mission.mission_id} is said to be verified, but the log has {left}"
                f" bytes of {grown}, and the table {kept} of {changes} changes"
            )
        took = (mission.closed_at or mission.opened_at) - mission.opened_at
        self._say("mission", f"{mission.mission_id} verified in {took.total_seconds():.2f} s")
        self._say("measured", f"{grown} bytes of log are {left}, {kept} changes are all there")
        return mission

    async def _missions(self) -> list[Mission]:
        page = await self._admin.missions()
        return [each for each in page.items if (each.kind, each.target) == (KIND, TARGET)]

    async def _prove(self, mission: Mission, key: str) -> list[str]:
        """Check here that the log has what happened, by the key that it had before."""
        steps = await self._admin.timeline(mission.mission_id)
        wanted = [step.event_id for step in steps if step.subject in _PROVEN]
        told = {step.subject for step in steps}
        if missing := [subject for subject in _PROVEN if subject not in told]:
            raise StackError(f"bootstrap: {mission.mission_id} has no {missing[0]} in its timeline")
        for event_id in wanted:
            await evidence.prove(self._admin, key, event_id, mission.mission_id)
        self._say("log", f"{len(wanted)} messages of the mission are in it, proven here")
        return wanted

    async def _entries(self, key: str) -> int:
        return evidence.check_checkpoint(await self._admin.checkpoint(), key).size

    async def _grown(self, key: str, before: int) -> int:
        now = await self._entries(key)
        if now < before or not now:
            raise StackError(f"bootstrap: the log had {before} entries and has {now}")
        self._say("log", f"{now} entries under a signed head, {now - before} of them new")
        return now
