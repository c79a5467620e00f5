"""Tasks of some types are tried again otherwise: later, or not after every failure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from grace.htm.domain.retry import Backoff, Policies, Policy
from grace.htm.loops import Rescue
from grace.htm.settings import Settings
from grace.kit import SettingsError

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

VARIABLE = "GRACE_HTM_RETRY_POLICIES"


def policy(seconds: int) -> Policy:
    return Policy(Backoff(timedelta(seconds=seconds), timedelta(seconds=seconds), 0))


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [
        ("postgres.locks.observe", 3),
        ("postgres.locks.apply", 2),
        ("postgres.bloat.apply", 1),
        ("postgres", 0),
        ("postgresql.locks.apply", 0),
        ("", 0),
    ],
)
def test_a_type_follows_its_own_policy_then_that_of_its_nearest_family(
    kind: str, seconds: int
) -> None:
    special = {"postgres.*": 1, "postgres.locks.*": 2, "postgres.locks.observe": 3}
    policies = Policies(policy(0), {name: policy(wait) for name, wait in special.items()})
    assert policies.of(kind) == policy(seconds)


async def wait_after_failure(crew: Crew, kind: str) -> timedelta:
    task = await crew.claimed(type=kind)
    await crew.done(task, "failed", error_class="transient")
    (row,) = await crew.house.rows(
        "htm", f"SELECT not_before - updated_at AS wait FROM htm_tasks WHERE id = '{task.task_id}'"
    )
    wait: timedelta = row["wait"]
    return wait


async def test_a_type_waits_as_long_as_its_policy_says(patient_crew: Crew) -> None:
    assert await wait_after_failure(patient_crew, "slow.one") == timedelta(minutes=30)
    for kind in ("slow.but.this", "slow", "noop.observe"):
        assert await wait_after_failure(patient_crew, kind) < timedelta(seconds=2), kind


async def test_a_lapse_waits_by_the_same_policy(patient_crew: Crew) -> None:
    task = await patient_crew.claimed(type="slow.one")
    await patient_crew.let_pass("lease_until")
    special = {"slow.*": {"first": "PT20M", "longest": "PT20M", "spread": 0}}
    await Rescue(Settings(retry_policies=special)).tick(patient_crew.htm)
    (row,) = await patient_crew.house.rows(
        "htm", "SELECT id, not_before - updated_at AS wait FROM htm_tasks"
    )
    assert (str(row["id"]), row["wait"]) == (task.task_id, timedelta(minutes=20))


async def test_a_type_is_not_tried_again_after_what_its_policy_leaves_out(
    patient_crew: Crew,
) -> None:
    for error_class, status in (("transient", "failed"), ("timeout", "retrying")):
        task = await patient_crew.claimed(type="once")
        await patient_crew.done(task, "failed", error_class=error_class)
        assert (await patient_crew.task(task.task_id)).status == status, error_class


@pytest.mark.parametrize(
    "given",
    [
        '{"a b": {}}', '{"*": {}}', '{"a.*.b": {}}', '{"a": {"first": "soon"}}', '{"a": {"first": "PT0S"}}',
        '{"a": {"spread": 1}}', '{"a": {"retryable": ["user"]}}', '{"a": {"longer": 1}}', '{"a": 1}', "[]", "{",
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused_by_its_setting(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(SettingsError, match=r"(?i)retry_policies"):
        Settings()
