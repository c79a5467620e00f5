"""People ask that an operation may use a secret, and others consent; workers hear of it at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from grace.contracts.governance import (
    AskConsent,
    ConsentChanged,
    DecideConsent,
    ListConsents,
    RevokeConsent,
    UseConsent,
    UsedConsent,
)
from grace.contracts.governance import Consent as ConsentView
from grace.contracts.governance import Consents as ConsentsView
from grace.contracts.worker import SecretRefused
from grace.governance.domain.consents import (
    ASKED_BY_WORKER,
    Consent,
    Event,
    Refusal,
    Scope,
    Status,
    after,
    flaw_of,
    refusal,
)
from grace.governance.settings import Settings
from grace.governance.store import Consents, Trusts, signed_list, tell
from grace.kit import (
    Called,
    Conflict,
    Forbidden,
    GraceError,
    Invalid,
    NotFound,
    Received,
    Unit,
    new_id,
)

_LARGEST_PAGE = 100
_LONGEST_REASON = 1000
_CHOICES = {"grant": Event.GRANT, "reject": Event.REJECT}


class UnknownConsent(NotFound):
    """There is no such consent."""


class UnknownStatus(Invalid):
    """A consent is asked, open, used, expired, rejected or revoked."""


class UnknownChoice(Invalid):
    """A choice is grant or reject."""


class NoSuchScope(Invalid):
    """Nothing can be consented to that way."""


class AskedAlready(Conflict):
    """The very same consent is asked for already: list those that are asked, and decide on it."""


class DecidedAlready(Conflict):
    """Somebody has decided on this consent, or taken it back; ask for another."""


class OwnQuestion(Forbidden):
    """Who asks does not consent: another person has to."""


class OwnMission(Forbidden):
    """You asked for what needs this secret: another person has to consent."""


class NoConsenter(Forbidden):
    """Only approvers consent, and you have no seat among them."""


class TooMany(Conflict):
    """More consents hold than workers can hear of: revoke some first."""


_REFUSALS: Mapping[Refusal, type[GraceError]] = {
    Refusal.OWN: OwnQuestion,
    Refusal.REQUESTER: OwnMission,
    Refusal.NO_SEAT: NoConsenter,
    Refusal.DECIDED: DecidedAlready,
}


async def on_ask_consent(settings: Settings, call: Called[AskConsent], unit: Unit) -> ConsentView:
    """Keep what somebody wants; nothing may use the secret before another person consents.

    A repeat finds what the first asked.
    """
    body, now, consent_id = call.body, await unit.now(), f"consent-{call.id}"
    await unit.wait_turn(call.id)
    if (before := await Consents(unit.tx).find(body.tenant_id, consent_id)) is not None:
        return _view(before, now)
    scope = Scope(body.secret, body.operation, body.target, body.target_class)
    if flaw := flaw_of(scope):
        raise NoSuchScope(flaw)
    lifetime = timedelta(seconds=body.lifetime_s)
    if lifetime > settings.longest_standing:
        raise NoSuchScope(f"a consent holds at most {settings.longest_standing.days} days")
    consent = Consent(
        consent_id=consent_id,
        tenant_id=body.tenant_id,
        scope=scope,
        status=Status.ASKED,
        one_time=body.one_time,
        asked_by=body.principal,
        asked_at=now,
        reason=body.reason,
        lifetime=lifetime,
    )
    if not await Consents(unit.tx).ask(consent):
        raise AskedAlready
    await _tell(consent, body.principal, body.reason, unit)
    return _view(consent, now)


async def on_decide_consent(
    settings: Settings, teller: type, call: Called[DecideConsent], unit: Unit
) -> ConsentView:
    """Consent or refuse, as another person than who asked."""
    body, store, now = call.body, Consents(unit.tx), await unit.now()
    consent = await store.lock(body.tenant_id, body.consent_id)
    if consent is None:
        raise UnknownConsent
    status = await _decided(body, consent, unit)
    if status is Status.OPEN and await store.is_full(kept=settings.revert_ttl):
        raise TooMany
    if not await store.decide(consent, status, by=body.principal, note=body.reason, now=now):
        raise DecidedAlready
    return await _changed(consent, body.principal, body.reason or "", teller, unit)


async def on_revoke_consent(teller: type, call: Called[RevokeConsent], unit: Unit) -> ConsentView:
    """Take a consent back, or the question for one. Twice is the same answer."""
    body, store, now = call.body, Consents(unit.tx), await unit.now()
    consent = await store.lock(body.tenant_id, body.consent_id)
    if consent is None:
        raise UnknownConsent
    if after(consent.status, Event.REVOKE) is None:
        return _view(consent, now)
    await store.revoke(body.tenant_id, body.consent_id, by=body.principal, now=now)
    return await _changed(consent, body.principal, "taken back", teller, unit)


async def on_list_consents(call: Called[ListConsents], unit: Unit) -> ConsentsView:
    """Answer with a page of the tenant's, newest first."""
    body, now = call.body, await unit.now()
    if body.status not in {None, "expired", *Status}:
        raise UnknownStatus
    found = await Consents(unit.tx).page(
        body.tenant_id,
        status=body.status,
        before=body.before,
        limit=min(body.limit, _LARGEST_PAGE),
        now=now,
    )
    return ConsentsView(consents=tuple(_view(each, now) for each in found))


async def on_use_consent(
    settings: Settings, teller: type, call: Called[UseConsent], unit: Unit
) -> UsedConsent:
    """Give a one-time consent to whom it comes first; who has it reads that in the list."""
    body, store, now = call.body, Consents(unit.tx), await unit.now()
    used = await store.use(body.consent_id, body.used_by, now=now)
    if used is not None:
        await _changed(
            used, call.caller or ASKED_BY_WORKER, f"used by {body.used_by}", teller, unit
        )
    held = await store.held(kept=settings.revert_ttl)
    return UsedConsent(consents=signed_list(held, unit.runtime.keys))


async def on_secret_refused(
    settings: Settings, messages: Sequence[Received[SecretRefused]], unit: Unit
) -> None:
    """Ask people for what a worker was refused; once, until somebody decides.

    Every mission that waits for the answer is kept: none of their requesters may give it.
    """
    for message in messages:
        consent = _question(message.body, settings.longest_standing, await unit.now())
        if await Consents(unit.tx).ask(consent):
            await _tell(consent, ASKED_BY_WORKER, consent.reason, unit)
        if consent.mission_id is not None:
            await Consents(unit.tx).refused(consent.tenant_id, consent.scope, consent.mission_id)


def _question(body: SecretRefused, lifetime: timedelta, now: datetime) -> Consent:
    return Consent(
        consent_id=f"consent-{new_id()}",
        tenant_id=body.tenant_id,
        scope=Scope(body.secret, body.operation, body.target, None),
        status=Status.ASKED,
        one_time=False,
        asked_by=ASKED_BY_WORKER,
        asked_at=now,
        reason=body.reason[:_LONGEST_REASON],
        lifetime=lifetime,
        mission_id=body.mission_id,
    )


async def _decided(body: DecideConsent, consent: Consent, unit: Unit) -> Status:
    if body.choice not in _CHOICES:
        raise UnknownChoice
    why = refusal(
        consent,
        body.principal,
        requesters=await Consents(unit.tx).askers(consent),
        is_approver=await Trusts(unit.tx).is_approver(body.tenant_id, body.principal),
    )
    if why is not None:
        raise _REFUSALS[why]
    status = after(consent.status, _CHOICES[body.choice])
    if status is None:
        raise DecidedAlready
    return status


async def _changed(
    before: Consent, actor: str, reason: str, teller: type, unit: Unit
) -> ConsentView:
    """Tell everybody how it stands now, and workers as soon as it is committed."""
    found = await Consents(unit.tx).find(before.tenant_id, before.consent_id)
    if found is None:
        raise UnknownConsent
    await _tell(found, actor, reason, unit)
    unit.after_commit(lambda: unit.runtime.wake(teller))
    return _view(found, await unit.now())


async def _tell(consent: Consent, actor: str, reason: str, unit: Unit) -> None:
    message = ConsentChanged(
        consent_id=consent.consent_id,
        tenant_id=consent.tenant_id,
        secret=consent.scope.secret,
        operation=consent.scope.operation,
        target=consent.scope.target,
        target_class=consent.scope.target_class,
        status=consent.status,
        one_time=consent.one_time,
        actor=actor,
        reason=reason,
        expires_at=consent.expires_at,
        mission_id=consent.mission_id,
    )
    await tell(unit, message, tenant=consent.tenant_id)


def _view(consent: Consent, now: datetime) -> ConsentView:
    lifetime = consent.lifetime
    return ConsentView(
        consent_id=consent.consent_id,
        tenant_id=consent.tenant_id,
        secret=consent.scope.secret,
        operation=consent.scope.operation,
        target=consent.scope.target,
        target_class=consent.scope.target_class,
        status=consent.shown(now),
        one_time=consent.one_time,
        asked_by=consent.asked_by,
        reason=consent.reason,
        asked_at=consent.asked_at,
        expires_at=consent.expires_at,
        decided_by=consent.decided_by,
        decided_at=consent.decided_at,
        note=consent.note,
        used_by=consent.used_by,
        used_at=consent.used_at,
        revoked_by=consent.revoked_by,
        revoked_at=consent.revoked_at,
        mission_id=consent.mission_id,
        lifetime_s=int(lifetime.total_seconds()) if lifetime else None,
    )
