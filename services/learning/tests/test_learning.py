"""Outcomes on real servers: every contract counts once, whatever the bus does."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from grace.contracts.learning import GetSummary, PlaybookScored, Summary
from grace.contracts.verification import ActionClosed
from grace.kit import Runtime
from grace.testkit import House, eventually

MakeClosed = Callable[..., ActionClosed]


@pytest.fixture
def make_closed() -> MakeClosed:
    """Make the verdict on a contract: verified, where a test says nothing else."""

    def make(contract: int = 1, revision: int = 1, **other: object) -> ActionClosed:
        facts = {
            "mission_id": f"mission-{contract}",
            "tenant_id": "default",
            "contract_id": f"contract-{contract}",
            "revision": revision,
            "playbook": "mend-it",
            "playbook_version": 1,
            "operation": "thing.mend",
            "target": "t-1",
            "verdict": "verified",
            "confidence": 1.0,
            "executed": True,
            "closed_at": datetime.now(UTC),
        }
        return ActionClosed(**(facts | other))

    return make


async def _summary(gateway: Runtime, *, total: int) -> Summary:
    """Wait until so many outcomes are counted; return the summary."""

    async def counted() -> Summary | None:
        found = await gateway.call(GetSummary(tenant_id="default"))
        return found if found.total_outcomes == total else None

    found: Summary = await eventually(counted, timeout=15)
    return found


async def _statistics(house: House) -> list[asyncpg.Record]:
    return await house.rows("learning", "SELECT * FROM playbook_statistics ORDER BY playbook")


async def _scored(house: House, wanted: int) -> list[PlaybookScored]:
    async def enough() -> bool:
        return len(await house.messages(PlaybookScored.SUBJECT)) >= wanted

    await eventually(enough)
    found = await house.messages(PlaybookScored.SUBJECT)
    return [PlaybookScored.from_bytes(message.data) for message in found]


async def test_an_outcome_is_recorded_counted_and_told(
    house: House, make_closed: MakeClosed
) -> None:
    async with house.running("learning"):
        verification = await house.act_as("verification")
        gateway = await house.act_as("gateway")
        await verification.report(make_closed())
        summary = await _summary(gateway, total=1)
        (scored,) = await _scored(house, 1)
        (row,) = await house.rows("learning", "SELECT * FROM outcome_records")
    (record,) = summary.playbooks
    assert (record.playbook, record.total_executions, record.successful_executions) == (
        "mend-it",
        1,
        1,
    )
    assert (record.success_rate, record.confidence) == (1, pytest.approx(2 / 3))
    assert record.lower_bound == pytest.approx(0.05**0.5)
    assert (scored.playbook, scored.contract_id, scored.revision) == ("mend-it", "contract-1", 1)
    assert (scored.total_executions, scored.successful_executions) == (1, 1)
    assert scored.confidence == record.confidence
    assert (row["verdict"], row["executed"], row["succeeded"]) == ("verified", True, True)


async def test_thin_evidence_shows_in_the_lower_bound(
    house: House, make_closed: MakeClosed
) -> None:
    async with house.running("learning"):
        verification = await house.act_as("verification")
        gateway = await house.act_as("gateway")
        for n in range(30):
            await verification.report(make_closed(n, playbook="proven"))
        await verification.report(make_closed(100, playbook="new"))
        new, proven = (await _summary(gateway, total=31)).playbooks
    assert new.success_rate == proven.success_rate == 1
    assert new.lower_bound < 0.25
    assert proven.lower_bound > 0.9


async def test_whatever_is_not_verified_and_executed_is_no_success(
    house: House, make_closed: MakeClosed
) -> None:
    verdicts = ["failed", "rolled_back", "rollback_failed", "inconclusive", "blocked", "verified"]
    async with house.running("learning"):
        verification = await house.act_as("verification")
        gateway = await house.act_as("gateway")
        for n, verdict in enumerate(verdicts):
            await verification.report(make_closed(n, verdict=verdict, executed=n < 3))
        (record,) = (await _summary(gateway, total=6)).playbooks
    assert (record.total_executions, record.successful_executions) == (6, 0)
    assert record.success_rate == 0


async def test_a_later_revision_takes_the_place_of_its_predecessor(
    house: House, make_closed: MakeClosed
) -> None:
    async with house.running("learning"):
        verification = await house.act_as("verification")
        await verification.report(make_closed())
        await _scored(house, 1)
        await verification.report(make_closed(revision=3, verdict="rolled_back"))
        await _scored(house, 2)
        await verification.report(make_closed(revision=2))
        await eventually(lambda: _stored(house, 3))
        first, second = await _scored(house, 2)
        (row,) = await _statistics(house)
    assert (first.total_executions, first.successful_executions) == (1, 1)
    assert (second.total_executions, second.successful_executions) == (1, 0)
    assert (row["total_executions"], row["successful_executions"]) == (1, 0)


async def test_outcomes_told_twice_over_two_replicas_count_once(
    house: House, make_closed: MakeClosed
) -> None:
    outcomes = [
        make_closed(n, revision, verdict="verified" if (n + revision) % 2 else "failed")
        for n in range(40)
        for revision in (1, 2)
    ]
    async with house.running("learning"), house.running("learning"):
        verification = await house.act_as("verification")
        gateway = await house.act_as("gateway")
        for _ in range(2):
            await asyncio.gather(*(verification.report(each) for each in outcomes))
        await eventually(lambda: _stored(house, 80))
        (record,) = (await _summary(gateway, total=40)).playbooks
    # The second revision decides: it is verified where n is odd.
    assert record.successful_executions == 20


async def test_a_contract_that_changes_its_playbook_is_quarantined(
    house: House, make_closed: MakeClosed
) -> None:
    async with house.running("learning"):
        verification = await house.act_as("verification")
        await verification.report(make_closed())
        await _scored(house, 1)
        await verification.report(make_closed(revision=2, playbook="other"))
        (refused,) = await eventually(lambda: house.rows("learning", "SELECT * FROM quarantine"))
        rows = await house.rows(
            "learning", "SELECT * FROM playbook_statistics WHERE total_executions > 0"
        )
    assert refused["reason"] == "playbook_changed"
    assert [(row["playbook"], row["total_executions"]) for row in rows] == [("mend-it", 1)]


async def test_only_verification_tells_outcomes(house: House, make_closed: MakeClosed) -> None:
    async with house.running("learning"):
        await house.publish_raw(
            user="tester", subject=ActionClosed.SUBJECT, body=make_closed().to_bytes()
        )
        (refused,) = await eventually(lambda: house.rows("learning", "SELECT * FROM quarantine"))
        assert refused["reason"] == "unsigned"
        assert not await _statistics(house)


async def test_the_summary_of_nothing_is_empty_and_another_tenants_is_its_own(
    house: House, make_closed: MakeClosed
) -> None:
    async with house.running("learning"):
        verification = await house.act_as("verification")
        gateway = await house.act_as("gateway")
        assert await _summary(gateway, total=0) == Summary(total_outcomes=0)
        await verification.report(make_closed(tenant_id="other"))
        await _scored(house, 1)
        assert await _summary(gateway, total=0) == Summary(total_outcomes=0)
        other = await gateway.call(GetSummary(tenant_id="other"))
        assert other.total_outcomes == 1


async def test_outcomes_of_more_playbooks_than_are_listed_are_counted_all_the_same(
    house: House,
) -> None:
    async with house.running("learning"):
        gateway = await house.act_as("gateway")
        await house.rows(
            "learning",
            "INSERT INTO playbook_statistics (tenant_id, playbook, total_executions)"
            " SELECT 'default', 'playbook-' || n, 2 FROM generate_series(1, 1001) AS n",
        )
        found = await gateway.call(GetSummary(tenant_id="default"))
    assert (found.total_outcomes, len(found.playbooks)) == (2002, 1000)


async def test_the_database_itself_refuses_a_false_success_and_a_change_of_the_past(
    house: House, make_closed: MakeClosed
) -> None:
    async with house.running("learning"):
        verification = await house.act_as("verification")
        await verification.report(make_closed(verdict="failed"))
        await _scored(house, 1)
    role = await house.role("learning")
    try:
        await role.execute("SET search_path TO learning")
        for statement in (
            "UPDATE outcome_records SET verdict = 'verified'",
            "DELETE FROM outcome_records",
            "TRUNCATE outcome_records",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)
        with pytest.raises(asyncpg.CheckViolationError):
            await role.execute(
                "INSERT INTO outcome_records SELECT contract_id, 9, mission_id, tenant_id, playbook,"
                " playbook_version, operation, target, verdict, confidence, executed, true, closed_at"
                " FROM outcome_records"
            )
        with pytest.raises(asyncpg.CheckViolationError):
            await role.execute("UPDATE playbook_statistics SET successful_executions = 2")
        with pytest.raises(asyncpg.NotNullViolationError):
            await role.execute("UPDATE playbook_statistics SET total_executions = NULL")
    finally:
        await role.close()


async def _stored(house: House, wanted: int) -> bool:
    return len(await house.rows("learning", "SELECT FROM outcome_records")) == wanted
