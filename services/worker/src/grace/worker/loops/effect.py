"""One effect: permitted, stored before it happens, done once, stored after."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import TypeVar
from uuid import UUID

from grace.kit import Runtime, Transaction, new_id
from grace.worker.domain.capability import Refused, Step, check
from grace.worker.domain.failure import (
    BlockedError,
    InvalidError,
    MovedError,
    NoSecretError,
    NotNowError,
    RedactedError,
    UnusableError,
    may_have_acted,
)
from grace.worker.domain.receipt import (
    AnswerAgain,
    Busy,
    Decision,
    Done,
    Foreign,
    Receipt,
    Resume,
    Start,
    decide,
    ends_of_revert,
    hash_of,
)
from grace.worker.domain.redaction import lost
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Context, Result
from grace.worker.loops.job import Errand, check_place
from grace.worker.loops.shelf import Shelf
from grace.worker.loops.tools import Tools
from grace.worker.store import Holder, PutStates, Receipts, Seen

T = TypeVar("T")


class Effect:
    """One attempt to change something, or to change it back."""

    def __init__(self, runtime: Runtime, tools: Tools, errand: Errand) -> None:
        """Nothing happens before `run`."""
        self._runtime = runtime
        self._tools = tools
        self._errand = errand
        self._job = errand.job
        self._act = errand.act
        self._shelf = Shelf(tools.states, runtime.keys.safe, errand.act, self._note_put)
        # Between which states a revert goes; an apply goes from what it finds.
        self._ends: tuple[State, State] | None = None
        # The state that the apply left, as it is stored.
        self._left: State | None = None

    async def run(self) -> State:
        """Return the result to report. Raises KernelError where nothing may or could be done."""
        decision = await self._look()
        match decision:
            case AnswerAgain(receipt, done):
                return self._answer(receipt.id, receipt.before, done)
            case Resume(receipt) if receipt.refused:
                # Nothing of it can have happened: every guard counts again. The before-state stays, once stored.
                await self._prepare()
                self._job.lease.check_wanted()
                await self._take_over()
                return await self._do(receipt.id, receipt.before, resumed=False)
            case Resume(receipt):
                await self._may_go_on()
                await self._take_ends_down()
                await self._take_over()
                return await self._do(receipt.id, receipt.before, resumed=True)
            case Start():
                before = await self._prepare()
                identity = await self._open(before)
                return await self._do(identity, before, resumed=False)
            case Busy():
                raise NotNowError("another attempt may be acting on it")
            case Foreign():
                raise BlockedError("the action id was used for another act")

    async def _may_go_on(self) -> None:
        """Check what may have changed since an earlier attempt, which may have had its effect."""
        try:
            self._check_place(untouched=False)
            await self._open_secrets(untouched=False)
        except (MovedError, NoSecretError) as error:
            error.undecided = self._act.step is Step.APPLY
            raise

    def _check_place(self, *, untouched: bool) -> None:
        permission = self._errand.permission
        definition = permission.definition if permission is not None else None
        check_place(self._job.ctx.target, definition, untouched=untouched)

    async def _look(self) -> Decision:
        """Read the receipts, check the capability against the database's clock, decide."""
        async with self._runtime.reading() as tx:
            return self._judge(await self._receipts(tx).look(self._act))

    def _judge(self, seen: Seen) -> Decision:
        own, applied = seen.receipts.get(self._act.step), seen.receipts.get(Step.APPLY)
        closed = seen.closed and self._act.step is Step.REVERT
        decision = decide(own, hash_of(self._act), self._job.who, now=seen.at)
        started = not isinstance(decision, Start | Foreign) and not _is_refused(decision)
        verdict = check(
            self._errand.permission, self._act, now=seen.at, started=started, closed=closed
        )
        if isinstance(verdict, Refused):
            raise BlockedError(verdict.reason)
        if self._act.step is Step.REVERT:
            self._check_same_contract(applied)
            self._ends = ends_of_revert(
                applied,
                given_before=self._errand.given_before,
                given_after=self._errand.given_after,
            )
            self._left = self._ends[1]
        return decision

    def _check_same_contract(self, applied: Receipt | None) -> None:
        """Refuse to revert what another act did under the same action id."""
        wanted = hash_of(replace(self._act, step=Step.APPLY))
        if applied is not None and applied.act_hash != wanted:
            raise BlockedError("the action id was used for another act")

    async def _prepare(self) -> State:
        """Return the state before the effect, having planned again by it."""
        # What is to be undone is where it was done, and no refusal says that nothing was.
        self._check_place(untouched=self._act.step is Step.APPLY)
        await self._check_switch(untouched=True)
        # A revert that nobody consents to is for people: what is to be undone is there.
        await self._open_secrets(untouched=self._act.step is Step.APPLY)
        await self._take_ends_down()
        before = await self._observe()
        if self._act.step is Step.APPLY:
            await self._plan_again(before)
        try:
            return await self._shelf.put(before)
        except UnusableError as error:
            raise BlockedError(str(error)) from error

    async def _plan_again(self, before: State) -> None:
        ctx = replace(self._job.ctx, before=before)
        diff = await self._read(self._job.operation.plan, ctx)
        if diff.target != self._act.target:
            raise BlockedError(f"it would change {diff.target}, which nobody approved")

    async def _take_ends_down(self) -> None:
        """Have both ends of a revert whole before anything is begun: what is lost is for people."""
        if self._ends is not None:
            before, after = self._ends
            self._ends = await self._shelf.get(before), await self._shelf.get(after)
            self._check_nothing_lost()

    def _check_nothing_lost(self) -> None:
        for end in self._ends or ():
            if field := lost(end, self._job.operation.secrecy):
                raise RedactedError(f"{field} was a secret, and only its fingerprint is kept")

    async def _open(self, before: State) -> UUID:
        self._pass("before_intent")
        # The last moment: with a receipt the effect has begun, and is never broken off.
        self._job.lease.check_wanted()
        identity = new_id()
        async with self._runtime.reading() as tx:  # one statement, which commits by itself
            opened = await self._receipts(tx).open_receipt(
                self._act, hash_of(self._act), self._holder(), identity=identity, before=before
            )
        if not opened:
            raise NotNowError("another attempt began at the same moment")
        self._pass("intent_committed")
        return identity

    async def _open_secrets(self, *, untouched: bool) -> None:
        """Give every further look and the change itself the secrets that somebody consented to."""
        job = self._job
        ctx = await self._tools.consents.opened(
            self._runtime, job.ctx, job.uses, job.door, untouched=untouched
        )
        self._job = replace(job, ctx=ctx)

    async def _take_over(self) -> None:
        async with self._runtime.reading() as tx:
            if not await self._receipts(tx).take_over_receipt(self._act, self._holder()):
                raise NotNowError("another attempt went on with it at the same moment")

    async def _note_put(self, blob: str) -> None:
        async with self._runtime.reading() as tx:
            await PutStates(tx).note(blob, self._act)

    def _receipts(self, tx: Transaction) -> Receipts:
        return Receipts(tx, self._runtime.keys.safe)

    def _holder(self) -> Holder:
        left = timedelta(seconds=self._job.lease.until - monotonic())
        return Holder(self._job.who, self._tools.worker_id, max(left, self._job.timeout))

    async def _do(self, identity: UUID, before: State, *, resumed: bool) -> State:
        """Change the world, look at it, complete the receipt."""
        ctx = await self._ready(before, resumed=resumed)
        self._pass("before_effect")
        result = ctx.conceal(await self._changed(ctx))
        self._note_begun()
        self._pass("after_effect")
        done = Done(result, await self._shelf.put(await self._observe()))
        self._pass("before_receipt")
        await self._complete(done)
        self._pass("after_receipt")
        return self._answer(identity, before, done)

    async def _ready(self, before: State, *, resumed: bool) -> Context:
        """Return what the change goes by; what stops it here has stopped it before it began."""
        try:
            # Again: planning and observing took time, and the permit may have been withdrawn.
            await self._check_switch(untouched=not resumed)
            whole = await self._shelf.get(before)
        except Exception:
            if not resumed:
                await self._refuse()
            raise
        return replace(self._job.ctx, before=whole, resumed=resumed)

    async def _changed(self, ctx: Context) -> Result:
        try:
            return await self._tools.guard.change(
                self._runtime, self._job.at, partial(self._change, ctx), timeout=self._job.timeout
            )
        except Exception as error:
            if may_have_acted(error):
                self._note_begun()
            elif not ctx.resumed:
                await self._refuse()
            raise

    def _note_begun(self) -> None:
        """An apply is no longer as if it had never been; a revert is judged by a look anyway."""
        self._job.lease.begun = self._act.step is Step.APPLY

    async def _refuse(self) -> None:
        async with self._runtime.reading() as tx:
            await self._receipts(tx).refuse_receipt(self._act, self._job.who)

    async def _change(self, ctx: Context) -> Result:
        operation, params = self._job.operation, self._job.params
        if self._ends is not None and operation.revert is not None:
            return await operation.revert(ctx, params, *self._ends)
        if self._act.step is Step.APPLY and operation.apply is not None:
            return await operation.apply(ctx, params)
        raise InvalidError(f"{operation.name} has no {self._act.step}")

    async def _complete(self, done: Done) -> None:
        async with self._runtime.reading() as tx:
            if not await self._receipts(tx).complete_receipt(self._act, self._job.who, done):
                raise NotNowError("another attempt went on with it in the meantime")

    async def _check_switch(self, *, untouched: bool) -> None:
        await self._tools.switch.check(
            self._act.step,
            lease_until=self._job.lease.until,
            timeout=self._job.timeout.total_seconds(),
            untouched=untouched,
        )

    def _pass(self, moment: str) -> None:
        self._runtime.crash_point(f"{self._act.step}.{moment}")

    async def _observe(self) -> State:
        """Look, and keep no secret of what is seen."""
        return self._job.ctx.conceal(await self._read(self._job.operation.observe))

    async def _read(self, question: Callable[..., Awaitable[T]], ctx: Context | None = None) -> T:
        return await self._tools.guard.read(
            self._runtime,
            self._job.at,
            partial(question, ctx or self._job.ctx, self._job.params),
            timeout=self._job.timeout,
        )

    def _answer(self, identity: UUID, before: State, done: Done) -> State:
        told: State = {"after": done.after, "result": done.result, "receipt": str(identity)}
        if self._left is None:
            return {"before": before, **told}
        # By what its kernel compared with, not by what an attempt that was refused had seen.
        return {"restored_from": self._left, **told}


def _is_refused(decision: Decision) -> bool:
    return isinstance(decision, Resume) and decision.receipt.refused
