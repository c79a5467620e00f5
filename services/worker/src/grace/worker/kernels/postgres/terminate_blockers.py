"""postgres.terminate_blockers: ends idle transactions that others wait for, and only those.

It cannot be undone and is tier 2 all the same: what is lost is an uncommitted transaction, which
its client may lose at any time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, TypeAlias, TypedDict, cast

import asyncpg
from pydantic import Field

from grace.kit import Transaction
from grace.worker.domain.failure import (
    BlockedError,
    PartlyError,
    UnfinishedError,
    UnusableError,
)
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.domain.targets import PostgresTarget
from grace.worker.kernels.operation import Change, Context, Diff, Params, Result, Tier
from grace.worker.kernels.postgres.connection import (
    APPLICATION_NAME,
    QUERIES,
    connected,
    target_of,
)

# More root blockers than that are no accident that ending sessions would heal.
MAX_SESSIONS = 20

# What became of sessions, by their pids.
Outcomes: TypeAlias = dict[str, list[int]]


class Blocker(TypedDict):
    """A session in the way; pid, backend_start and xact_start name this one transaction."""

    pid: int
    backend_start: str
    xact_start: str | None
    usename: str | None
    application_name: str | None
    state: str | None
    idle_s: float | None
    direct: int


class TerminateBlockersParams(Params):
    """`min_idle_seconds`: a transaction that was busy more recently is left alone."""

    min_idle_seconds: float = Field(ge=0, le=86400)


class TerminateBlockers:
    """Ends root blockers that idle in a transaction."""

    name: ClassVar[str] = "postgres.terminate_blockers"
    tier: ClassVar[Tier] = Tier.REVERSIBLE
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[TerminateBlockersParams]] = TerminateBlockersParams
    revert: None = None

    def time_needed(self, _: TerminateBlockersParams) -> timedelta:
        """Connecting, looking, and 2 s at most for a session to end; rarely more than one."""
        return timedelta(seconds=30)

    async def observe(self, ctx: Context, _: TerminateBlockersParams) -> State:
        """Return the root blockers and how many sessions wait."""
        async with connected(ctx) as connection:
            tx = Transaction(connection)
            rows = await tx.fetch(QUERIES["list_blockers"])
            waiting = await tx.fetchval(QUERIES["count_waiting"])
        return {"blockers": [cast("State", _blocker(row)) for row in rows], "waiting": waiting}

    async def plan(self, ctx: Context, params: TerminateBlockersParams) -> Diff:
        """Return which sessions would end."""
        chosen = _chosen(await self.observe(ctx, params), target_of(ctx), params)
        changes = [
            Change(f"session {each['pid']}", before=each["state"], after=None) for each in chosen
        ]
        return Diff(ctx.target.id, tuple(changes))

    async def apply(self, ctx: Context, params: TerminateBlockersParams) -> Result:
        """End those blockers of the stored state that are still the same idle transaction."""
        target = target_of(ctx)
        chosen = _chosen(ctx.before or {}, target, params)
        outcomes: Outcomes = {"terminated": [], "gone": [], "denied": [], "alive": []}
        async with connected(ctx) as connection:
            try:
                for each in chosen:
                    outcome = await _terminate(Transaction(connection), each, target, params)
                    outcomes[outcome].append(each["pid"])
            except Exception as error:  # whatever stopped it, a part was done
                if outcomes["terminated"] or outcomes["alive"]:
                    raise PartlyError(error) from error
                raise
        _check(outcomes)
        return {word: list[int | str](pids) for word, pids in outcomes.items()}


def _blocker(row: asyncpg.Record) -> Blocker:
    """Return a blocker. UnusableError for a role that is shown its pid and nothing else."""
    if row["backend_start"] is None:
        raise UnusableError("the role may not see other sessions: it needs pg_read_all_stats")
    xact_start = row["xact_start"]
    return Blocker(
        pid=row["pid"],
        backend_start=row["backend_start"].isoformat(),
        xact_start=xact_start.isoformat() if xact_start else None,
        usename=row["usename"],
        application_name=row["application_name"],
        state=row["state"],
        idle_s=row["idle_s"],
        direct=row["direct"],
    )


def _chosen(
    state: State, target: PostgresTarget, params: TerminateBlockersParams
) -> Sequence[Blocker]:
    """Return the blockers to end. BlockedError for more than one action may hit."""
    blockers = cast("Sequence[Blocker]", state.get("blockers", ()))
    chosen = [each for each in blockers if _may_end(each, target, params)]
    if len(chosen) > MAX_SESSIONS:
        raise BlockedError(f"{len(chosen)} sessions to end, more than {MAX_SESSIONS}")
    return chosen


def _may_end(blocker: Blocker, target: PostgresTarget, params: TerminateBlockersParams) -> bool:
    own = blocker["usename"] in {target.act.user, target.observe.user}
    idle = (blocker["state"] or "").startswith("idle in transaction")
    long_enough = (blocker["idle_s"] or 0.0) >= params.min_idle_seconds
    named = blocker["xact_start"] is not None
    foreign = not own and blocker["application_name"] != APPLICATION_NAME
    return named and foreign and idle and long_enough


async def _terminate(
    tx: Transaction, blocker: Blocker, target: PostgresTarget, params: TerminateBlockersParams
) -> str:
    """Return what became of one blocker: terminated, gone, denied or alive."""
    try:
        row = await tx.fetchrow(
            QUERIES["terminate_blocker"],
            pid=blocker["pid"],
            backend_start=datetime.fromisoformat(blocker["backend_start"]),
            xact_start=datetime.fromisoformat(str(blocker["xact_start"])),
            min_idle_seconds=params.min_idle_seconds,
            own_users=[target.act.user, target.observe.user],
            own_application=APPLICATION_NAME,
        )
    except asyncpg.InsufficientPrivilegeError:
        return "denied"
    if row is None:
        return "gone"
    return "terminated" if row["ended"] else "alive"


def _check(outcomes: Outcomes) -> None:
    """Refuse to call it a success when sessions that had to end did not."""
    if outcomes["alive"]:
        raise UnfinishedError(f"sessions {outcomes['alive']} were told to end and have not yet")
    if outcomes["denied"] and not outcomes["terminated"]:
        raise UnusableError(f"the role may not end the sessions {outcomes['denied']}")
