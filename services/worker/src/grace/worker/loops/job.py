"""Turns a claimed task into something that can be done, or says why it cannot."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from grace.contracts.governance import Capability, CapabilityBody
from grace.contracts.htm import ClaimedTask, TaskSpec
from grace.contracts.message import ContractError
from grace.kit import Runtime, Safe
from grace.worker.domain.capability import Act, Permission, Step
from grace.worker.domain.consent import Use
from grace.worker.domain.definition import definition_of
from grace.worker.domain.failure import BlockedError, InvalidError, MovedError
from grace.worker.domain.receipt import Claimant
from grace.worker.domain.redaction import concealed
from grace.worker.domain.state import NotAStateError, State, state_of
from grace.worker.domain.targets import Target
from grace.worker.kernels.consents import uses_of
from grace.worker.kernels.operation import AnyOperation, Context, Params, Role
from grace.worker.kernels.references import names_in
from grace.worker.kernels.registry import Entry, parse_params
from grace.worker.kernels.secrets import Door, Veil, mark_of
from grace.worker.loops.tools import Lease, Tools

CAPABILITY_KIND = "grace/capability/v1"


@dataclass(frozen=True, slots=True)
class Job:
    """One step of one operation at one target, all of it found and validated."""

    who: Claimant
    lease: Lease
    step: Step
    operation: AnyOperation
    params: Params
    ctx: Context
    at: tuple[str, str]
    timeout: timedelta
    uses: tuple[Use, ...]
    door: Door


@dataclass(frozen=True, slots=True)
class Errand:
    """A job that changes something: what it asks for, and what permits it.

    `given_before` and `given_after`: what the task says of a revert's two ends.
    """

    job: Job
    act: Act
    permission: Permission | None
    given_before: State | None
    given_after: State | None


def job_of(tools: Tools, task: ClaimedTask, lease: Lease, safe: Safe, veil: Veil) -> Job:
    """Return the job of a task, what it tells under the veil. InvalidError or BlockedError: none."""
    spec = task.spec
    entry = tools.registry.find(spec.operation)
    if entry is None:
        raise InvalidError(f"{spec.operation} is not an operation of this worker")
    step = _step(spec, entry)
    target = tools.targets.find(spec.target)
    if target.kind != entry.kernel.name or spec.kernel != entry.kernel.name:
        raise InvalidError(f"{spec.operation} does not fit {spec.target}, a {target.kind}")
    if step is Step.OBSERVE:
        check_place(target, spec.target_definition, untouched=True)
    role = Role.OBSERVE if step is Step.OBSERVE else Role.ACT
    params = parse_params(entry.operation, spec.params)
    names = names_in(params)
    conceal = partial(concealed, secrecy=entry.operation.secrecy, mark=mark_of(safe, target.id))
    return Job(
        who=Claimant(task.task_id, task.attempt_number),
        lease=lease,
        step=step,
        operation=entry.operation,
        params=params,
        ctx=Context(
            target,
            role,
            idempotency_key=spec.action_id or "",
            tell=lambda percent, message: lease.tell(percent, veil.text(message)),
            # Fingerprints first: of a value that is about to be replaced they would change with it.
            conceal=lambda state: veil.state(conceal(state)),
        ),
        at=(entry.kernel.name, target.id),
        timeout=timedelta(milliseconds=spec.timeout_ms),
        uses=uses_of(target, role, names, spec=spec, step=step, task_id=task.task_id),
        door=Door(tools.targets, names, veil),
    )


async def errand_of(runtime: Runtime, job: Job, spec: TaskSpec) -> Errand:
    """Return what a job that changes something needs besides."""
    if not spec.action_id or not spec.contract_id or spec.capability is None:
        raise BlockedError("no capability")
    act = Act(
        tenant_id=spec.tenant_id,
        contract_id=spec.contract_id,
        action_id=spec.action_id,
        step=job.step,
        operation=spec.operation,
        target=spec.target,
        params=spec.params,
    )
    permission = await _permission(runtime, spec.capability)
    return Errand(job, act, permission, _state(spec.before), _state(spec.after))


def check_place(target: Target, definition: str | None, *, untouched: bool) -> None:
    """Refuse where the target's name leads elsewhere by now: neither act there nor judge by it."""
    if definition is not None and definition != definition_of(target):
        raise MovedError(target.id, untouched=untouched)


def _step(spec: TaskSpec, entry: Entry) -> Step:
    try:
        step = Step(spec.step)
    except ValueError:
        raise InvalidError(f"{spec.step} is not a step") from None
    if step is Step.APPLY and entry.operation.apply is None:
        raise InvalidError(f"{spec.operation} only observes")
    if step is Step.REVERT and entry.operation.revert is None:
        raise InvalidError(f"{spec.operation} cannot be reverted")
    return step


async def _permission(runtime: Runtime, capability: Capability) -> Permission | None:
    """Return what a capability says, and who signed exactly that; None when it is unreadable."""
    await runtime.keys.learn({capability.key_id})
    signed = runtime.keys.verify(
        capability.key_id, capability.signature, CAPABILITY_KIND, capability.body
    )
    try:
        body = CapabilityBody.from_bytes(capability.body)
    except ContractError:
        return None
    return Permission(
        signer=runtime.keys.component_of(capability.key_id) if signed else None,
        tenant_id=body.tenant_id,
        contract_id=body.contract_id,
        action_id=body.action_id,
        step=body.step,
        operation=body.operation,
        target=body.target,
        params_hash=body.params_hash,
        not_after=body.not_after,
        definition=body.target_definition,
    )


def _state(text: str | None) -> State | None:
    try:
        return None if text is None else state_of(text)
    except NotAStateError as error:
        raise InvalidError("the task's before or after is no JSON object") from error
