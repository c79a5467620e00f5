"""Takes in what became of contracts, and tells how far each playbook has earned trust."""

from collections.abc import Sequence
from datetime import datetime

from grace.contracts.learning import GetSummary, PlaybookRecord, PlaybookScored, Summary
from grace.contracts.verification import ActionClosed
from grace.kit import Called, Received, Rpc, Runtime, Stream, Unit
from grace.learning.domain.record import Name, Outcome, Record
from grace.learning.domain.scoring import Score, Scoring, score
from grace.learning.store import Store


def stream() -> Stream:
    """Return what is read from streams; the unique (contract, revision) makes it idempotent."""
    return Stream().on(ActionClosed, on_action_closed)


def rpc() -> Rpc:
    """Return what is answered."""
    return Rpc().direct(GetSummary, on_get_summary)


async def on_action_closed(messages: Sequence[Received[ActionClosed]], unit: Unit) -> None:
    """Record every outcome once, and count each contract by its highest revision."""
    store = Store(unit.tx)
    told = {_outcome(message.body): message for message in messages}
    outcomes = [_outcome(message.body) for message in messages]
    records = await store.lock_records(outcome.name for outcome in outcomes)
    known = await store.known_revisions(outcome.contract_id for outcome in outcomes)
    found = score(outcomes, known, records)
    await _write(store, found)
    for each in found.scores:
        unit.publish(
            _scored(each),
            tenant=each.record.name.tenant,
            correlation_id=each.outcome.mission_id,
        )
    for outcome in found.repeated:
        unit.count("duplicate", told[outcome])
    for outcome in found.superseded:
        unit.count("stale", told[outcome])
    for outcome in found.misplaced:
        unit.refuse(told[outcome], reason="playbook_changed", detail=outcome.name.playbook)


async def on_get_summary(call: Called[GetSummary], runtime: Runtime) -> Summary:
    """Tell every record of the tenant; how thin the evidence is shows in the lower bound."""
    async with runtime.reading() as tx:
        outcomes, records = await Store(tx).list_records(call.body.tenant_id)
    return Summary(
        total_outcomes=outcomes,
        playbooks=tuple(_playbook_record(record, at) for record, at in records),
    )


async def _write(store: Store, found: Scoring) -> None:
    if found.stored:
        await store.add_outcomes(found.stored)
    if found.scores:
        last: dict[Name, Record] = {each.record.name: each.record for each in found.scores}
        await store.set_records(list(last.values()))


def _outcome(body: ActionClosed) -> Outcome:
    return Outcome(
        contract_id=body.contract_id,
        revision=body.revision,
        mission_id=body.mission_id,
        name=Name(body.tenant_id, body.playbook),
        playbook_version=body.playbook_version,
        operation=body.operation,
        target=body.target,
        verdict=body.verdict,
        confidence=body.confidence,
        executed=body.executed,
        closed_at=body.closed_at,
    )


def _scored(each: Score) -> PlaybookScored:
    return PlaybookScored(
        playbook=each.record.name.playbook,
        contract_id=each.outcome.contract_id,
        revision=each.outcome.revision,
        verdict=each.outcome.verdict,
        total_executions=each.record.total,
        successful_executions=each.record.successful,
        confidence=each.record.confidence,
    )


def _playbook_record(record: Record, at: datetime) -> PlaybookRecord:
    return PlaybookRecord(
        playbook=record.name.playbook,
        total_executions=record.total,
        successful_executions=record.successful,
        success_rate=record.success_rate,
        confidence=record.confidence,
        lower_bound=record.lower_bound,
        updated_at=at,
    )
