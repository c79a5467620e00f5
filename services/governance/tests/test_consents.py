"""Consents to use secrets: asked for by one, given by another, told to workers, taken back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.contracts.governance import (
    AskConsent,
    Consent,
    ConsentChanged,
    ConsentList,
    DecideConsent,
    ListConsents,
    RevokeConsent,
    UseConsent,
)
from grace.contracts.worker import SecretRefused
from grace.governance.domain import consents as domain
from grace.governance.domain.consents import (
    FINAL,
    INITIAL,
    TRANSITIONS,
    Event,
    Refusal,
    Scope,
    Status,
    after,
    flaw_of,
    refusal,
)
from grace.kit import Conflict, Forbidden, Invalid, NotFound
from grace.testkit import eventually

OpenOffice = Callable[..., Any]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def question(**changes: Any) -> AskConsent:
    values = {
        "tenant_id": "default",
        "secret": "shop-ops",
        "operation": "postgres.query",
        "target": "shop-db",
        "one_time": False,
        "lifetime_s": 600,
        "principal": "bob",
        "reason": "at night",
    }
    return AskConsent(**values | changes)


def asked(**changes: Any) -> domain.Consent:
    values = {
        "consent_id": "consent-1",
        "tenant_id": "default",
        "scope": Scope("shop-ops", "postgres.query", "shop-db", None),
        "status": Status.ASKED,
        "one_time": False,
        "asked_by": "bob",
        "asked_at": NOW,
        "reason": "x",
        "lifetime": timedelta(hours=1),
    }
    return domain.Consent(**values | changes)


def refused_to(mission: str) -> SecretRefused:
    return SecretRefused(
        tenant_id="default",
        secret="shop-ops",
        operation="postgres.query",
        step="apply",
        target="shop-db",
        target_class="postgres",
        reason="secret shop-ops has no consent",
        refused_at=NOW,
        mission_id=mission,
    )


def reachable(start: Status) -> set[Status]:
    seen, edge = {start}, [start]
    while edge:
        following = set(TRANSITIONS[edge.pop()].values()) - seen
        seen |= following
        edge.extend(following)
    return seen


def test_every_status_is_in_the_table_can_be_reached_and_can_end() -> None:
    assert set(TRANSITIONS) == set(Status) == reachable(INITIAL)
    assert {event for exits in TRANSITIONS.values() for event in exits} == set(Event)
    assert all(reachable(status) & FINAL for status in Status)


def test_only_what_is_asked_is_given_and_only_once() -> None:
    assert after(Status.ASKED, Event.GRANT) is Status.OPEN
    for status in set(Status) - {Status.ASKED}:
        assert after(status, Event.GRANT) is None
        by = refusal(asked(status=status), "ada", requesters=(), is_approver=True)
        assert by is Refusal.DECIDED


@pytest.mark.parametrize(
    ("who", "requesters", "is_approver", "found"),
    [
        ("ada", (), True, None),
        ("bob", (), True, Refusal.OWN),
        ("Bob", (), True, Refusal.OWN),
        ("ada", ("ADA",), True, Refusal.REQUESTER),
        ("ada", (), False, Refusal.NO_SEAT),
    ],
)
def test_another_person_consents(
    who: str, requesters: tuple[str, ...], is_approver: bool, found: Refusal | None
) -> None:
    assert refusal(asked(), who, requesters=requesters, is_approver=is_approver) is found


@pytest.mark.parametrize(
    ("scope", "flaw"),
    [
        (Scope("shop-ops", "postgres.query", "shop-db", None), None),
        (Scope("own", "postgres.*", None, "postgres"), None),
        (Scope("*", "postgres.*", "shop-db", None), "a secret has a name"),
        (Scope("shop-ops", "*", "shop-db", None), "an operation is named"),
        (Scope("shop-ops", "postgres", "shop-db", None), "an operation is named"),
        (Scope("shop-ops", "postgres.query", None, None), "say where"),
        (Scope("shop-ops", "postgres.query", "shop-db", "postgres"), "say where"),
        (Scope("shop-ops", "postgres.query", "*", None), "no wildcards"),
        (Scope("shop-ops", "postgres.query", None, "*"), "the name of a kernel"),
    ],
)
def test_a_question_names_what_it_is_for(scope: Scope, flaw: str | None) -> None:
    found = flaw_of(scope)
    assert (found is None) if flaw is None else flaw in (found or "")


def test_what_is_over_is_shown_as_over() -> None:
    given = asked(status=Status.OPEN, expires_at=NOW)
    assert given.shown(NOW - timedelta(seconds=1)) == "open"
    assert given.shown(NOW) == "expired"


async def test_a_consent_is_asked_given_heard_and_taken_back(open_office: OpenOffice) -> None:
    async with open_office() as office:
        ask = office.gateway.call
        for bad in ({"operation": "*"}, {"target": None}, {"lifetime_s": 91 * 86_400}):
            with pytest.raises(Invalid):
                await ask(question(**bad))
        consent = await ask(question())
        assert (consent.status, consent.asked_by, consent.expires_at) == ("asked", "bob", None)
        with pytest.raises(Conflict, match="asked for already"):
            await ask(question(principal="eve"))
        decide = {"tenant_id": "default", "consent_id": consent.consent_id, "choice": "grant"}
        with pytest.raises(Forbidden, match="another person"):
            await ask(DecideConsent(**decide, principal="BOB"))
        with pytest.raises(Invalid):
            await ask(DecideConsent(**decide | {"choice": "maybe"}, principal="ada"))
        with pytest.raises(NotFound):
            await ask(DecideConsent(**decide | {"tenant_id": "bank"}, principal="ada"))
        given = await ask(DecideConsent(**decide, principal="ada", reason="fine"))
        assert (given.status, given.decided_by, given.note) == ("open", "ada", "fine")
        assert given.expires_at == given.decided_at + timedelta(seconds=600)
        with pytest.raises(Conflict):
            await ask(DecideConsent(**decide, principal="eve"))
        assert await held(office) == {consent.consent_id, "consent-installed"}
        back = RevokeConsent(tenant_id="default", consent_id=consent.consent_id, principal="eve")
        assert (await ask(back)).revoked_by == "eve"
        assert (await ask(back)).status == "revoked"
        assert await held(office) == {"consent-installed"}
        told = await office.told(ConsentChanged, count=3)
        assert [(each.status, each.actor) for each in told] == [
            ("asked", "bob"), ("open", "ada"), ("revoked", "eve"),
        ]  # fmt: skip
        installed = back.model_copy(update={"consent_id": "consent-installed"})
        with pytest.raises(NotFound):
            await ask(installed.model_copy(update={"tenant_id": "bank"}))
        await ask(installed)
        assert await held(office) == set()
        page = await ask(ListConsents(tenant_id="bank", limit=9))
        assert [each.status for each in page.consents] == ["revoked"]


async def test_a_one_time_consent_is_one_contracts_whoever_else_comes(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        ask = office.gateway.call
        consent = await ask(question(one_time=True))
        worker = await office.house.act_as("worker")
        use = UseConsent(consent_id=consent.consent_id, used_by="contract-1")
        early = ConsentList.from_bytes((await worker.call(use)).consents.body)
        assert [each.used_by for each in early.consents] == [None]
        decide = {"tenant_id": "default", "consent_id": consent.consent_id, "choice": "grant"}
        await ask(DecideConsent(**decide, principal="ada"))
        for used_by in ("contract-1", "contract-2", "contract-1"):
            answer = await worker.call(use.model_copy(update={"used_by": used_by}))
            signed = answer.consents
            keys = office.governance.keys
            assert keys.verify(signed.key_id, signed.signature, "grace/consents/v1", signed.body)
            body = ConsentList.from_bytes(signed.body)
            assert {each.used_by for each in body.consents} == {None, "contract-1"}
        assert [each.status for each in await office.told(ConsentChanged, count=3)] == [
            "asked", "open", "used",
        ]  # fmt: skip


async def test_a_refused_use_asks_people_once_and_no_requester_consents(
    open_office: OpenOffice,
) -> None:
    async with open_office() as office:
        approval = await office.hand_in(2)
        refused = refused_to(approval.mission_id)
        worker = await office.house.act_as("worker")
        await worker.report(refused)
        await worker.report(refused)
        found = await eventually(lambda: only(office, "asked"))
        decide = {"tenant_id": "default", "consent_id": found.consent_id, "choice": "grant"}
        with pytest.raises(Forbidden, match="You asked"):
            await office.gateway.call(DecideConsent(**decide, principal="admin"))
        given = await office.gateway.call(DecideConsent(**decide, principal="ada"))
        assert (given.status, given.target, given.mission_id) == (
            "open", "shop-db", approval.mission_id,
        )  # fmt: skip


@pytest.mark.parametrize("asked_first", [True, False])
async def test_no_requester_of_any_mission_that_waits_for_it_consents(
    open_office: OpenOffice, *, asked_first: bool
) -> None:
    async with open_office() as office:
        worker, ask = await office.house.act_as("worker"), office.gateway.call
        missions = [
            (await office.hand_in(2, requested_by=who)).mission_id for who in ("maria", "olaf")
        ]
        if asked_first:  # by a person, for no mission at all
            await ask(question())
        for mission in missions:
            await worker.report(refused_to(mission))
            await eventually(lambda: waits(office, mission))  # noqa: B023
        found = await eventually(lambda: only(office, "asked"))
        assert found.asked_by == ("bob" if asked_first else "worker")
        decide = {"tenant_id": "default", "consent_id": found.consent_id, "choice": "grant"}
        for who in ("maria", "olaf", "OLAF"):
            with pytest.raises(Forbidden, match="You asked"):
                await ask(DecideConsent(**decide, principal=who))
        assert (await ask(DecideConsent(**decide, principal="ada"))).status == "open"


@pytest.mark.parametrize("asked_first", [True, False])
@pytest.mark.parametrize(
    "wider", [{"operation": "postgres.*"}, {"target": None, "target_class": "postgres"}]
)
async def test_no_requester_consents_to_more_than_what_their_mission_waits_for(
    open_office: OpenOffice, wider: dict[str, Any], *, asked_first: bool
) -> None:
    async with open_office() as office:
        worker, ask = await office.house.act_as("worker"), office.gateway.call
        mission = (await office.hand_in(2, requested_by="maria")).mission_id
        found = await ask(question(**wider)) if asked_first else None
        await worker.report(refused_to(mission))
        await eventually(lambda: waits(office, mission))
        found = found or await ask(question(**wider))
        elsewhere = await ask(question(operation="postgres.table"))
        decide = {"tenant_id": "default", "choice": "grant"}
        with pytest.raises(Forbidden, match="You asked"):
            await ask(DecideConsent(**decide, consent_id=found.consent_id, principal="maria"))
        given = DecideConsent(**decide, consent_id=elsewhere.consent_id, principal="maria")
        assert (await ask(given)).status == "open"
        given = DecideConsent(**decide, consent_id=found.consent_id, principal="ada")
        assert (await ask(given)).status == "open"


async def waits(office: Any, mission: str) -> bool:
    sql = "SELECT FROM consent_missions WHERE mission_id = $1"
    return bool(await office.house.rows("governance", sql, mission))


async def only(office: Any, status: str) -> Consent | None:
    page = await office.gateway.call(ListConsents(tenant_id="default", limit=9, status=status))
    assert len(page.consents) <= 1
    return next(iter(page.consents), None)


async def held(office: Any) -> set[str]:
    """What workers hear of, as the answer to a use of nothing tells it."""
    worker = await office.house.act_as("worker")
    answer = await worker.call(UseConsent(consent_id="none", used_by="contract-1"))
    return {each.consent_id for each in ConsentList.from_bytes(answer.consents.body).consents}
