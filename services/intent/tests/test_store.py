"""What the statements guard: attempts, plans and ends, whoever comes at the same time."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import asyncpg
import pytest

from grace.intent.domain.document import parse_playbook
from grace.intent.domain.lifecycle import State
from grace.intent.domain.mission import Mission
from grace.intent.domain.playbook import Playbook
from grace.intent.domain.signal import Group, Signal
from grace.intent.store import Captures, Ended, Missions, Playbooks, Settled
from grace.intent.store.captures.rows import QUERIES as CAPTURES
from grace.intent.store.statements import QUERIES
from grace.kit import Runtime, Transaction, database
from grace.kit.sql import Query
from grace.testkit import House, eventually

MakePlaybook = Callable[..., Playbook]
PLAN = b"{}"
PLAN_HASH = sha256(PLAN).hexdigest()


@pytest.fixture
async def intent(house: House) -> Runtime:
    """Mission without its handlers and loops: only the test acts."""
    return await house.act_as("intent")


@pytest.fixture
async def captured(intent: Runtime, make_signal: Callable[..., Signal]) -> Mission:
    """One captured error."""
    signal = make_signal()
    async with intent.unit() as unit:
        (found,), _ = await Captures(unit.tx).capture(
            [Group(signal.fingerprint, (signal,))],
            ["mission-1"],
            recall_after=timedelta(minutes=1),
        )
    return found


async def _claim(intent: Runtime, *, lease: timedelta = timedelta()) -> list[Mission]:
    async with intent.unit() as unit:
        return await Missions(unit.tx).claim_captured(most=1, lease=lease)


async def test_a_claim_holds_for_its_lease(intent: Runtime, captured: Mission) -> None:
    (claimed,) = await _claim(intent, lease=timedelta(hours=1))
    assert (claimed.mission_id, claimed.attempt) == (captured.mission_id, 1)
    assert await _claim(intent) == []


async def test_a_row_that_a_storm_keeps_locked_is_waited_for_and_claimed_once(
    house: House, intent: Runtime, captured: Mission
) -> None:
    storm = await house.role("intent")
    async with storm.transaction():
        await storm.execute("UPDATE intent.missions SET signal_count = signal_count + 1")
        claims = [asyncio.create_task(_claim(intent, lease=timedelta(hours=1))) for _ in range(2)]
        await eventually(lambda: _waiting(house, 2))
    await storm.close()
    claimed = [each for some in await asyncio.gather(*claims) for each in some]
    assert [(each.mission_id, each.signal_count) for each in claimed] == [(captured.mission_id, 2)]


async def test_only_the_latest_attempt_may_decide_and_only_once(
    intent: Runtime, captured: Mission, make_playbook: MakePlaybook
) -> None:
    (old,), (new,) = await _claim(intent), await _claim(intent)
    assert (old.attempt, new.attempt) == (captured.attempt + 1, captured.attempt + 2)
    playbook = make_playbook()
    async with intent.unit() as unit:
        store = Missions(unit.tx)
        assert not await store.settle([_planned(old, playbook)])
        assert not await store.settle([Settled(old, State.BLOCKED, reason="stale")])
        assert not await store.settle([Settled(old, State.CAPTURED, reason="stale")])
        assert await store.settle([_planned(new, playbook)]) == {new.mission_id}
        assert not await store.settle([_planned(new, playbook)])
        assert not await store.settle([Settled(new, State.BLOCKED, reason="late")])


async def test_a_mission_that_ended_is_not_planned_any_more(
    intent: Runtime, captured: Mission, make_playbook: MakePlaybook
) -> None:
    (claimed,) = await _claim(intent)
    async with intent.unit() as unit:
        store = Missions(unit.tx)
        end = Ended(captured.mission_id, "cancelled", await unit.now())
        assert [each.mission_id for each in await store.close([end])] == [captured.mission_id]
        assert await store.close([end]) == []
        assert not await store.settle([_planned(claimed, make_playbook())])
        assert not await store.settle([Settled(claimed, State.CAPTURED, reason="late")])
        found = await store.find(captured.mission_id)
    assert found is not None
    assert (found.state, found.plan) == (State.CLOSED, None)


async def test_a_plan_that_stands_cannot_be_changed_and_an_end_is_an_end(
    house: House, intent: Runtime, captured: Mission, make_playbook: MakePlaybook
) -> None:
    (claimed,) = await _claim(intent)
    async with intent.unit() as unit:
        assert await Missions(unit.tx).settle([_planned(claimed, make_playbook())])
    role = await house.role("intent")
    other = "plan = '[]', plan_hash = encode(sha256('[]'), 'hex')"
    with pytest.raises(asyncpg.RaiseError, match="stands and does not change"):
        await role.execute(f"UPDATE intent.missions SET {other}")
    with pytest.raises(asyncpg.CheckViolationError):
        await role.execute("UPDATE intent.missions SET plan_hash = 'x'")
    await role.execute(
        "UPDATE intent.missions SET status = 'closed', outcome = 'failed', closed_at = now()"
    )
    with pytest.raises(asyncpg.RaiseError, match="has ended and does not go on"):
        await role.execute("UPDATE intent.missions SET outcome = 'verified'")
    for statement in (
        "DELETE FROM intent.missions",
        "DELETE FROM intent.intents",
        "UPDATE intent.intents SET requested_by = 'somebody-else'",
        "UPDATE intent.playbooks SET source = ''",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute(statement)
    await role.close()


async def test_a_version_is_pinned_to_its_first_text_and_the_newest_version_is_in_force(
    intent: Runtime, make_playbook: MakePlaybook
) -> None:
    first, other = make_playbook(), make_playbook(priority=7)
    async with intent.unit() as unit:
        store = Playbooks(unit.tx)
        assert await store.pin(first)
        assert await store.pin(first)
        assert not await store.pin(other)
        assert await store.active() == [first.source.encode()]
        newer = first.source.replace("version: 1", "version: 10").encode()
        assert await store.pin(parse_playbook(newer))
        assert await store.active() == [newer]


async def test_the_database_knows_exactly_the_states_of_the_lifecycle(house: House) -> None:
    (row,) = await house.rows(
        "intent",
        "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint"
        " WHERE conrelid = 'missions'::regclass AND conname = 'missions_status_check'",
    )
    assert sorted(re.findall(r"'(\w+)'::text", row["text"])) == sorted(State)


def _planned(mission: Mission, playbook: Playbook) -> Settled:
    return Settled(mission, State.PLANNED, playbook=playbook, plan=PLAN, plan_hash=PLAN_HASH)


async def _waiting(house: House, wanted: int) -> bool:
    query = (
        "SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return len(await house.rows("intent", query)) == wanted


_HOUR = timedelta(hours=1)
SHORT_LISTS: list[tuple[Query, dict[str, object]]] = [
    (CAPTURES["lock_missions"], {"fingerprints": ["f"], "late_window": _HOUR}),
    (QUERIES["find_histories"], {"mission_ids": ["mission-1"], "within": _HOUR, "most": 10}),
    (QUERIES["find_intents"], {"tenants": ["default"], "intent_ids": ["i"]}),
    (QUERIES["known_intents"], {
        "tenants": ["default"], "intent_ids": ["i"], "principals": ["p"], "keys": ["k"],
    }),
    (QUERIES["close_missions"], {
        "mission_ids": ["mission-1"], "outcomes": ["verified"],
        "closed_at": [datetime(2026, 1, 1, tzinfo=UTC)], "reasons": [None],
    }),
]  # fmt: skip


async def test_a_statement_for_a_short_list_is_planned_a_few_times_and_no_more(
    intent: Runtime, make_signal: Callable[..., Signal]
) -> None:
    signal = make_signal()
    group = Group(signal.fingerprint, (signal,))
    connection = await database.connect("intent", intent.settings)
    try:
        for number in range(7):  # Postgres compares five plans for these values with one for any
            for query, given in SHORT_LISTS:
                await connection.fetch(query.text, *query.arguments(given))
            await Captures(Transaction(connection)).capture(
                [group],
                [f"mission-{number}"],
                recall_after=_HOUR,
                reports={group.fingerprint: group.reports},
            )
        kept = await connection.fetch(
            "SELECT statement FROM pg_prepared_statements WHERE generic_plans = 2"
        )
    finally:
        await connection.close()
    wanted = [*(query for query, _ in SHORT_LISTS), CAPTURES["capture_signals"]]
    assert {row["statement"] for row in kept} == {query.text for query in wanted}
