"""Requests about operations and targets, the two signals that the worker hears, and closed contracts."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic

import asyncpg

from grace.contracts.governance import Permit as PermitMessage
from grace.contracts.governance import SignedConsents
from grace.contracts.htm import WorkHint
from grace.contracts.secrets import is_reference
from grace.contracts.verification import ActionClosed
from grace.contracts.worker import (
    ListTargets,
    PreviewAction,
    PreviewedAction,
    PreviewedChange,
    Target,
    Targets,
    ValidateAction,
    ValidateActions,
    ValidatedAction,
    ValidatedActions,
)
from grace.kit import Called, Received, Rpc, Runtime, Stream, Unavailable, Unit
from grace.worker.domain.definition import definition_of
from grace.worker.domain.failure import BlockedError, InvalidError, KernelError, NotNowError
from grace.worker.domain.permit import Permit
from grace.worker.domain.redaction import Mark, concealed_value
from grace.worker.domain.state import Json
from grace.worker.domain.targets import Target as KnownTarget
from grace.worker.kernels.consents import Consents, dry_uses_of
from grace.worker.kernels.operation import Context, Diff, Params, Role
from grace.worker.kernels.references import names_in
from grace.worker.kernels.registry import Entry, Registry, parse_params
from grace.worker.kernels.secrets import Door, Veil, mark_of, unknown
from grace.worker.kernels.targets_file import TargetsFile
from grace.worker.store import Contracts

_LONGEST_LOOK = 8.0  # seconds; somebody waits for the answer
_MOST_CHANGES = 500
_LONGEST_VALUE = 1_000  # characters of a value, so that all of them fit one answer


def rpc(registry: Registry, targets: TargetsFile, consents: Consents, longest: timedelta) -> Rpc:
    """Return what the worker answers. Nothing is touched by it."""
    return (
        Rpc()
        .direct(ValidateAction, partial(on_validate, registry, targets, longest))
        .direct(ValidateActions, partial(on_validate_all, registry, targets, longest))
        .direct(PreviewAction, partial(on_preview, registry, targets, consents))
        .direct(ListTargets, partial(on_targets, targets))
    )


def stream() -> Stream:
    """Return what the worker reads from streams."""
    return Stream().on(ActionClosed, on_action_closed)


async def on_action_closed(messages: Sequence[Received[ActionClosed]], unit: Unit) -> None:
    """Remember that a contract is closed: its capability to revert has ended."""
    closed = [message.body for message in messages]
    await Contracts(unit.tx).close_contracts(
        [each.contract_id for each in closed], [each.closed_at for each in closed]
    )


async def on_validate(
    registry: Registry,
    targets: TargetsFile,
    longest: timedelta,
    call: Called[ValidateAction],
    _: Runtime,
) -> ValidatedAction:
    """Tell whether an operation with these parameters could run, and what it is."""
    return _looked_at(registry, targets, longest, call.body)


async def on_validate_all(
    registry: Registry,
    targets: TargetsFile,
    longest: timedelta,
    call: Called[ValidateActions],
    _: Runtime,
) -> ValidatedActions:
    """Tell the same of many operations."""
    answers = (_looked_at(registry, targets, longest, body) for body in call.body.actions)
    return ValidatedActions(answers=tuple(answers))


def _looked_at(
    registry: Registry, targets: TargetsFile, longest: timedelta, body: ValidateAction
) -> ValidatedAction:
    entry = registry.find(body.operation)
    if entry is None:
        return _unknown(f"{body.operation} is not an operation of this worker")
    problems: list[str] = []
    params = _params(entry, body.params, problems)
    target = _target(entry, targets, body.target, problems)
    if target is None:
        return _validated(entry, params, problems, longest)
    problems += _unknown_secrets(targets, params)
    about = {"environment": target.environment, "definition": definition_of(target)}
    return _validated(entry, params, problems, longest).model_copy(update=about)


async def on_preview(
    registry: Registry,
    targets: TargetsFile,
    consents: Consents,
    call: Called[PreviewAction],
    runtime: Runtime,
) -> PreviewedAction:
    """Tell what an operation would change; the world is only looked at."""
    body = call.body
    entry = registry.find(body.operation)
    if entry is None:
        return _cannot(f"{body.operation} is not an operation of this worker")
    problems: list[str] = []
    params = _params(entry, body.params, problems)
    _target(entry, targets, body.target, problems)
    if params is None or problems:
        return _cannot(*problems)
    target = targets.find(body.target)
    uses = dry_uses_of(target, tenant_id=call.tenant, operation=body.operation)
    try:
        async with asyncio.timeout(_LONGEST_LOOK):
            ctx = await consents.opened(
                runtime,
                Context(target, Role.OBSERVE),
                uses,
                Door(targets, (), Veil()),
                untouched=True,
            )
            diff = await entry.operation.plan(ctx, params)
            mark = mark_of(runtime.keys.safe, target.id)
            return _previewed(diff, mark if entry.operation.secrecy.fields else None)
    except KernelError as error:
        return _cannot(f"{body.operation}: {error}")
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return _cannot(
            f"{body.operation}: {body.target} cannot be looked at: {type(error).__name__}"
        )


async def on_targets(targets: TargetsFile, _: Called[ListTargets], __: Runtime) -> Targets:
    """List the registered targets."""
    try:
        known = targets.read()
    except NotNowError as error:
        raise Unavailable(str(error)) from error
    listed = [
        Target(target=each.id, kind=each.kind, environment=each.environment)
        for each in known.values()
    ]
    return Targets(targets=tuple(listed))


async def on_permit(
    hear: Callable[[Permit], bool], vouch: type, message: Received[PermitMessage], runtime: Runtime
) -> None:
    """Take up a beacon, at a moment of this process's own clock; ask where it counts for nothing."""
    body = message.body
    beacon = Permit(
        version=body.version,
        allowed=body.allowed,
        reverts_allowed=body.reverts_allowed,
        issued_at=body.issued_at,
        heard_at=monotonic(),
    )
    if not hear(beacon):
        runtime.wake(vouch)


async def on_consents(
    consents: Consents, message: Received[SignedConsents], runtime: Runtime
) -> None:
    """Take up who may use which secret from now on."""
    await consents.take(runtime, message.body)


async def on_work_hint(
    registry: Registry, loop: type, message: Received[WorkHint], runtime: Runtime
) -> None:
    """Let the claim loop look at once when there is work for one of this worker's kernels."""
    if message.body.kernel in registry.kernels:
        runtime.wake(loop)


def _params(entry: Entry, text: str, problems: list[str]) -> Params | None:
    try:
        return parse_params(entry.operation, text)
    except InvalidError as error:
        problems.append(f"{entry.operation.name}: {error}")
        return None


def _target(
    entry: Entry, targets: TargetsFile, name: str, problems: list[str]
) -> KnownTarget | None:
    """Return the registered target; a problem where it is not one for this operation."""
    try:
        target = targets.find(name)
    except BlockedError:
        problems.append(f"{name} is not a registered target")
        return None
    except NotNowError as error:
        raise Unavailable(str(error)) from error
    if target.kind != entry.kernel.name:
        problems.append(f"{entry.operation.name} does not fit {name}, a {target.kind}")
    return target


def _unknown_secrets(targets: TargetsFile, params: Params | None) -> list[str]:
    try:
        return [unknown(n) for n in sorted(names_in(params)) if targets.file_of(n) is None]
    except NotNowError as error:
        raise Unavailable(str(error)) from error


def _validated(
    entry: Entry, params: Params | None, problems: list[str], longest: timedelta
) -> ValidatedAction:
    operation = entry.operation
    needed = operation.time_needed(params) if params else timedelta(0)
    # A measurement takes the time that its parameters ask for; a change must fit its lease.
    allowed = needed if operation.apply is None else min(needed, longest)
    return ValidatedAction(
        valid=not problems,
        problems=tuple(problems),
        kernel=entry.kernel.name,
        tier=operation.tier,
        reversible=operation.revert is not None,
        observes_only=operation.apply is None,
        timeout_ms=int(allowed.total_seconds() * 1000),
    )


def _previewed(diff: Diff, mark: Mark | None) -> PreviewedAction:
    """Return the changes; with `mark` fingerprints of what they are from and to."""

    def told(value: Json) -> str:
        return _json(concealed_value(value, mark) if mark and not is_reference(value) else value)

    changes = tuple(
        PreviewedChange(
            resource=change.resource[:4096],
            before=told(change.before),
            after=told(change.after),
        )
        for change in diff.changes[:_MOST_CHANGES]
    )
    more = len(diff.changes) - len(changes)
    problems = (f"{more} changes more than are shown",) if more else ()
    return PreviewedAction(changes=changes, problems=problems)


def _json(value: Json) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else json.dumps({"dropped_characters": len(text)})


def _cannot(*problems: str) -> PreviewedAction:
    return PreviewedAction(problems=tuple(each[:4096] for each in problems))


def _unknown(problem: str) -> ValidatedAction:
    return ValidatedAction(
        valid=False,
        problems=(problem,),
        kernel="",
        tier=0,
        reversible=False,
        observes_only=False,
        timeout_ms=0,
    )
