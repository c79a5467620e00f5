"""Which uses of a secret a list of consents covers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.worker.domain.capability import Step
from grace.worker.domain.consent import (
    FRESH_SECONDS,
    LONGEST_SILENCE,
    OLDEST,
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

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
USE = Use(
    tenant_id="default",
    secret="shop-ops",
    is_own=False,
    operation="postgres.query",
    target="shop",
    target_class="postgres",
    step=Step.APPLY,
    used_by="contract-1",
)
EXACT = Consent(
    consent_id="consent-1",
    tenant_id="default",
    secret="shop-ops",
    operation="postgres.query",
    target="shop",
    target_class=None,
    one_time=False,
    expires_at=NOW + timedelta(hours=1),
    used_by=None,
)
OWN = Consent(
    "consent-0", None, "own", "*", None, None, one_time=False, expires_at=None, used_by=None
)


def ask(use: Use, *consents: Consent, now: datetime = NOW):  # type: ignore[no-untyped-def]
    return may_use(Heard(now, consents, heard_at=7.0), use, now=now, at=7.0)


@pytest.mark.parametrize(
    "wider",
    [
        {},
        {"operation": "postgres.*"},
        {"target": None, "target_class": "postgres"},
        {"tenant_id": None},
    ],
)
def test_a_consent_covers_what_it_names(wider: dict[str, str]) -> None:
    assert ask(USE, replace(EXACT, **wider)) == Granted()


@pytest.mark.parametrize(
    "other",
    [
        {"tenant_id": "bank"},
        {"secret": "shop-eyes"},
        {"secret": "own"},
        {"operation": "postgres.activity"},
        {"operation": "filesystem.*"},
        {"operation": "postgres.quer"},
        {"target": "bank"},
        {"target": None, "target_class": "filesystem"},
        {"expires_at": NOW},
        {"one_time": True, "used_by": "contract-2"},
    ],
)
def test_a_consent_for_anything_else_covers_nothing(other: dict[str, str]) -> None:
    refused = ask(USE, replace(EXACT, **other), OWN)
    assert isinstance(refused, Unconsented)
    assert "secret shop-ops has no consent" in refused.reason
    assert "for postgres.query at shop" in refused.reason
    assert "grace consent grant" in refused.reason


def test_the_installed_consent_covers_own_credentials_alone() -> None:
    assert ask(replace(USE, secret="shop.act", is_own=True), OWN) == Granted()
    assert isinstance(ask(USE, OWN), Unconsented)


def test_a_one_time_consent_is_taken_first_and_serves_its_contract_to_the_end() -> None:
    once = replace(EXACT, one_time=True)
    assert ask(USE, once) == Take("consent-1")
    taken = replace(once, used_by="contract-1")
    assert ask(USE, taken) == Granted()
    undo = replace(USE, step=Step.REVERT)
    assert ask(undo, taken, now=NOW + timedelta(hours=2)) == Granted()
    # A dry run takes none.
    assert isinstance(ask(replace(USE, used_by=None), once), Unconsented)
    assert isinstance(ask(replace(USE, used_by=None), taken), Unconsented)


def test_what_began_in_time_is_undone_after_it_but_nothing_begins() -> None:
    late = NOW + timedelta(minutes=61)
    fresh = Heard(late, (EXACT,), heard_at=7.0)
    assert isinstance(may_use(fresh, USE, now=late, at=7.0), Unconsented)
    undo = replace(USE, step=Step.REVERT)
    assert may_use(fresh, undo, now=late, at=7.0) == Granted()
    assert isinstance(may_use(replace(fresh, consents=()), undo, now=late, at=7.0), Unconsented)


@pytest.mark.parametrize("step", list(Step))
def test_who_has_heard_nothing_uses_nothing(step: Step) -> None:
    assert isinstance(may_use(None, replace(USE, step=step), now=NOW, at=7.0), Unheard)


def test_silence_stops_applies_at_once_and_all_else_after_an_hour() -> None:
    heard = Heard(NOW, (EXACT,), heard_at=7.0)
    at = 7.0 + FRESH_SECONDS + 0.1
    observe = replace(USE, step=Step.OBSERVE)
    assert isinstance(may_use(heard, USE, now=NOW, at=at), Unheard)
    assert may_use(heard, observe, now=NOW, at=at) == Granted()
    recorded = NOW + OLDEST + timedelta(seconds=1)
    assert isinstance(may_use(heard, USE, now=recorded, at=7.0), Unheard)
    assert may_use(heard, observe, now=recorded, at=7.0) == Granted()
    # An earlier process heard it: enough to look and to undo, not to begin.
    kept = replace(heard, heard_at=None)
    assert isinstance(may_use(kept, USE, now=NOW, at=7.0), Unheard)
    assert may_use(kept, observe, now=NOW, at=7.0) == Granted()
    long = NOW + LONGEST_SILENCE + timedelta(seconds=1)
    assert isinstance(may_use(heard, observe, now=long, at=at), Unheard)


def test_an_older_list_changes_nothing() -> None:
    new, old = Heard(NOW, ()), Heard(NOW - timedelta(seconds=1), (EXACT,))
    assert hear(hear(None, new), old) is new
    assert hear(hear(None, old), new) is new


CONSENTS = st.builds(
    Consent,
    consent_id=st.just("consent-1"),
    tenant_id=st.sampled_from([None, "default", "bank"]),
    secret=st.sampled_from(["own", "shop-ops", "other"]),
    operation=st.sampled_from(["*", "postgres.*", "postgres.query", "command.*"]),
    target=st.sampled_from([None, "shop", "bank"]),
    target_class=st.sampled_from([None, "postgres"]),
    one_time=st.booleans(),
    expires_at=st.sampled_from([None, NOW, NOW + timedelta(hours=1)]),
    used_by=st.sampled_from([None, "contract-1", "contract-2"]),
)


@settings(max_examples=60)
@given(st.lists(CONSENTS, max_size=4), st.booleans(), st.sampled_from(list(Step)))
def test_taking_a_consent_away_never_opens_a_secret(
    consents: list[Consent], is_own: bool, step: Step
) -> None:
    use = replace(USE, is_own=is_own, step=step)
    if isinstance(ask(use, *consents), Granted | Take):
        assert any(isinstance(ask(use, one), Granted | Take) for one in consents)
        assert isinstance(ask(use), Unconsented)
    else:
        assert not any(isinstance(ask(use, one), Granted | Take) for one in consents)
