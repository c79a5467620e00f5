"""What became of contracts moves their playbooks up and down the ladder, and pulls brakes."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from grace.contracts.governance import AutonomyChanged
from grace.contracts.verification import ActionClosed, AttentionNeeded
from grace.governance.domain.autonomy import (
    RESTING,
    UNDO_STOPPED,
    VERIFIED,
    Key,
    Measured,
    Standing,
    after,
)
from grace.governance.domain.brake import Failure
from grace.governance.handlers.brakes import count_failures
from grace.governance.settings import Settings
from grace.governance.store import Counted, Levels
from grace.kit import Received, Unit

Told = Received[ActionClosed] | Received[AttentionNeeded]
# Before every end: the first end of a contract takes its place.
_BEFORE_ENDS = 0


async def on_action_closed(
    settings: Settings, messages: Sequence[Received[ActionClosed]], unit: Unit
) -> None:
    """Count every contract once, by its highest revision, and move whoever it moves."""
    await _count(settings, [(message, _ended(message.body)) for message in messages], unit)


async def on_attention_needed(
    settings: Settings, messages: Sequence[Received[AttentionNeeded]], unit: Unit
) -> None:
    """Count what rests at once: nobody waits for a person to take a playbook down."""
    await _count(settings, [(message, _resting(message.body)) for message in messages], unit)


async def _count(settings: Settings, told: Sequence[tuple[Told, Counted]], unit: Unit) -> None:
    store = Levels(unit.tx)
    standings = await store.lock({key_of(message.body) for message, _ in told})
    counted = await store.counted([found.contract_id for _, found in told])
    now = await unit.now()
    fresh: dict[str, Counted] = {}
    unsaved: set[Key] = set()
    failed: dict[str, list[Failure]] = defaultdict(list)
    for message, found in sorted(told, key=lambda each: each[1].revision):
        key = key_of(message.body)
        earlier = counted.get(found.contract_id)
        if earlier is not None and earlier.revision >= found.revision:
            unit.count("duplicate", message)
            continue
        counted[found.contract_id] = fresh[found.contract_id] = found
        if _stopped_holding(found, earlier):
            failed[key.tenant_id].append(Failure(found.contract_id, _found_at(message.body)))
        before = standings[key]
        standings[key] = after(before, _measured(found, earlier), settings.bar, now=now)
        unsaved.add(key)
        if standings[key].version > before.version:  # each move is kept for good
            await store.set(before, standings[key])
            unsaved.discard(key)
            tell_move(before, standings[key], unit)
    await store.count(list(fresh.values()))
    for key in unsaved:
        await store.set(standings[key], standings[key])
    await count_failures(settings, failed, unit)


def tell_move(before: Standing, now: Standing, unit: Unit) -> None:
    """Tell that a playbook was moved; nothing where it was not."""
    if now.version == before.version:
        return
    unit.publish(
        AutonomyChanged(
            tenant_id=now.key.tenant_id,
            playbook=now.key.playbook,
            target_class=now.key.target_class,
            level=now.level,
            before=before.level,
            version=now.version,
            actor=now.changed_by,
            reason=now.reason,
        ),
        tenant=now.key.tenant_id,
    )


def key_of(body: ActionClosed | AttentionNeeded) -> Key:
    """Whose outcome it is; where the class is not told, an operation's name begins with it."""
    return Key(body.tenant_id, body.playbook, body.target_class or body.operation.partition(".")[0])


def _found_at(body: ActionClosed | AttentionNeeded) -> datetime:
    return body.closed_at if isinstance(body, ActionClosed) else body.needed_at


def _ended(body: ActionClosed) -> Counted:
    return Counted(body.contract_id, body.revision, body.verdict, body.executed)


def _resting(body: AttentionNeeded) -> Counted:
    verdict = UNDO_STOPPED if body.undoing else RESTING
    return Counted(body.contract_id, _BEFORE_ENDS, verdict, executed=True)  # it may have been


def _stopped_holding(found: Counted, before: Counted | None) -> bool:
    """Whether an effect fails for the first time: one that failed is not counted again at its end."""
    held = before is None or not before.executed or before.verdict == VERIFIED
    return found.executed and found.verdict != VERIFIED and held


def _measured(found: Counted, before: Counted | None) -> Measured:
    return Measured(
        verdict=found.verdict,
        executed=found.executed,
        contract_id=found.contract_id,
        before=before.verdict if before is not None and before.executed else None,
    )
