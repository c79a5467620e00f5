"""Hears who may use which secret, and opens secrets for steps that may."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

from grace.contracts.governance import ConsentList, SignedConsents, UseConsent
from grace.contracts.htm import TaskSpec
from grace.contracts.message import ContractError
from grace.contracts.worker import SecretRefused
from grace.kit import GraceError, Runtime
from grace.worker.domain.capability import SIGNER, Step
from grace.worker.domain.consent import (
    Answer,
    Consent,
    Granted,
    Heard,
    Take,
    Unconsented,
    Unheard,
    Use,
    hear,
    may_use,
)
from grace.worker.domain.failure import NotNowError, UnconsentedError
from grace.worker.domain.targets import Login, PostgresTarget, Target
from grace.worker.kernels.operation import Context, Role
from grace.worker.kernels.secrets import Door, opener
from grace.worker.store import HeardConsents

CONSENTS_KIND = "grace/consents/v1"


class Consents:
    """The last word of governance, kept for the next process."""

    def __init__(self, patience: float) -> None:
        """`patience`: the seconds to wait for a first list."""
        self._patience = patience
        self._heard: Heard | None = None
        self._kept: tuple[Consent, ...] | None = None
        self._came = asyncio.Event()

    async def take(self, runtime: Runtime, signed: SignedConsents) -> None:
        """Take up a list that governance signed; keep it where it says something new."""
        found = await _read(runtime, signed)
        if found is None:
            runtime.log.warning("consents.refused", key_id=signed.key_id)
            return
        self._heard = hear(self._heard, replace(found, heard_at=monotonic()))
        self._came.set()
        if self._heard.consents != self._kept:
            async with runtime.unit() as unit:
                await HeardConsents(unit.tx).keep(signed, issued_at=found.issued_at)
            self._kept = self._heard.consents

    async def opened(
        self, runtime: Runtime, ctx: Context, uses: Iterable[Use], door: Door, *, untouched: bool
    ) -> Context:
        """Return a context that gives its step the secrets it needs: all of them, or an error.

        UnconsentedError where nobody consented, NotNowError where nobody knows, UnknownSecretError where
        there is none of that name. `untouched`: nothing was begun for which they are needed.
        """
        door.check(untouched=untouched)
        names = set[str]()
        for use in uses:
            await self._check(runtime, use, untouched=untouched)
            names.add(use.secret)
        granted = frozenset(names)
        return replace(ctx, reveal=opener(granted), secret=door.opened(granted))

    async def _check(self, runtime: Runtime, use: Use, *, untouched: bool) -> None:
        match await self._answer(runtime, use):
            case Granted():
                return
            case Unheard(reason):
                raise NotNowError(reason)
            case Take():
                raise NotNowError("another use took the one-time consent at the same moment")
            case Unconsented(reason):
                raise UnconsentedError(reason, untouched=untouched, use=use)

    async def _answer(self, runtime: Runtime, use: Use) -> Answer:
        answer = self._look(use)
        if isinstance(answer, Unheard):
            await self._wait(runtime)
            answer = self._look(use)
        if isinstance(answer, Take) and use.used_by is not None:
            question = UseConsent(consent_id=answer.consent_id, used_by=use.used_by)
            try:
                used = await runtime.call(question)
            except GraceError as error:
                return Unheard(f"the one-time consent could not be taken: {error.detail}")
            await self.take(runtime, used.consents)
            answer = self._look(use)
        return answer

    def _look(self, use: Use) -> Answer:
        return may_use(self._heard, use, now=datetime.now(UTC), at=monotonic())

    async def _wait(self, runtime: Runtime) -> None:
        """Take up what an earlier process heard, and give a list the time to come."""
        if self._heard is None:
            async with runtime.unit() as unit:
                kept = await HeardConsents(unit.tx).read()
            found = await _read(runtime, kept) if kept is not None else None
            if found is not None:
                self._heard = hear(self._heard, found)
        self._came.clear()
        try:
            async with asyncio.timeout(self._patience):
                await self._came.wait()
        except TimeoutError:
            return


def uses_of(
    target: Target,
    role: Role,
    names: Iterable[str],
    *,
    spec: TaskSpec,
    step: Step,
    task_id: str,
) -> tuple[Use, ...]:
    """Return the secrets that a task's step needs: its target's, and those its parameters name."""
    return _uses(
        target,
        role,
        names,
        tenant_id=spec.tenant_id,
        operation=spec.operation,
        step=step,
        used_by=spec.contract_id or task_id,
    )


def dry_uses_of(target: Target, *, tenant_id: str, operation: str) -> tuple[Use, ...]:
    """Return the secrets that a dry run needs: no parameter's, and no one-time consent is taken."""
    return _uses(
        target,
        Role.OBSERVE,
        (),
        tenant_id=tenant_id,
        operation=operation,
        step=Step.OBSERVE,
        used_by=None,
    )


async def tell_refused(
    runtime: Runtime,
    use: Use,
    reason: str,
    *,
    spec: TaskSpec | None = None,
    task_id: str | None = None,
) -> None:
    """Tell everybody that a secret was refused: people are asked, the mission's story says it."""
    async with runtime.unit() as unit:
        unit.publish(
            SecretRefused(
                tenant_id=use.tenant_id,
                secret=use.secret,
                operation=use.operation,
                step=use.step,
                target=use.target,
                target_class=use.target_class,
                reason=reason,
                refused_at=await unit.now(),
                task_id=task_id,
                contract_id=spec.contract_id if spec else None,
                mission_id=spec.mission_id if spec else None,
            ),
            tenant=use.tenant_id,
        )


def _uses(
    target: Target,
    role: Role,
    names: Iterable[str],
    *,
    tenant_id: str,
    operation: str,
    step: Step,
    used_by: str | None,
) -> tuple[Use, ...]:
    login = _login(target, role)
    needed = dict.fromkeys(sorted(names), False)
    if login is not None:
        needed[login.secret] = login.is_own
    return tuple(
        Use(
            tenant_id=tenant_id,
            secret=secret,
            is_own=is_own,
            operation=operation,
            target=target.id,
            target_class=target.kind,
            step=step,
            used_by=used_by,
        )
        for secret, is_own in needed.items()
    )


def _login(target: Target, role: Role) -> Login | None:
    if not isinstance(target, PostgresTarget):
        return None
    return target.act if role is Role.ACT else target.observe


async def _read(runtime: Runtime, signed: SignedConsents) -> Heard | None:
    """Return what a list says; None where governance did not sign exactly that."""
    await runtime.keys.learn({signed.key_id})
    if runtime.keys.component_of(signed.key_id) != SIGNER or not runtime.keys.verify(
        signed.key_id, signed.signature, CONSENTS_KIND, signed.body
    ):
        return None
    try:
        body = ConsentList.from_bytes(signed.body)
    except ContractError:
        return None
    return Heard(body.issued_at, tuple(Consent(**each.model_dump()) for each in body.consents))
