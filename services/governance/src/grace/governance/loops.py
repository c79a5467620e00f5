"""What governance does on its own: let approvals expire, and say that workers may act."""

import asyncio
import socket
import stat
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx

from grace.contracts.governance import ApprovalExpired, Permit
from grace.governance.domain.approvals import Request
from grace.governance.domain.notices import Notice, flaw_of, may_connect, next_try, signature
from grace.governance.domain.reminders import Rhythm, next_reminder
from grace.governance.metrics import (
    count_notice,
    gauge_brakes,
    gauge_ending_words,
    gauge_open_reviews,
    observe_latency,
)
from grace.governance.settings import Settings
from grace.governance.store import (
    Brakes,
    Consents,
    Notices,
    Reminders,
    Reviews,
    Store,
    Switches,
    Trusts,
    due_message,
    reminder_message,
    signed_list,
    tell,
)
from grace.kit import Runtime, Unit

_AT_ONCE = 100
# Longer than any try takes: who claimed is gone by then, or has said how it went.
_CLAIM = timedelta(minutes=1)
_KEPT = timedelta(days=7)
_LONGEST_ERROR = 300
_SHORTEST_SECRET = 24


class Expire:
    """Close approvals that nobody decided in time."""

    async def tick(self, runtime: Runtime) -> bool:
        """Close some that are due. True where more may be."""
        async with runtime.unit() as unit:
            closed = await Store(unit.tx).expire_requests(now=await unit.now(), limit=_AT_ONCE)
            for request in closed:
                await _announce_expiry(request, unit)
        return len(closed) == _AT_ONCE


class Remind:
    """Say again that approvals wait, each time to a group further up the chain."""

    def __init__(self, rhythm: Rhythm) -> None:
        self._rhythm = rhythm

    async def tick(self, runtime: Runtime) -> bool:
        """Remind of some that are due. True where more may be."""
        async with runtime.unit() as unit:
            now = await unit.now()
            waiting = await Reminders(unit.tx).lock_waiting(
                now=now, interval=self._rhythm.interval, limit=_AT_ONCE
            )
            said = [(w, next_reminder(w.reminders, self._rhythm, now=now)) for w in waiting]
            if said:
                await Reminders(unit.tx).keep(said)
            for each, reminder in said:
                await tell(
                    unit,
                    reminder_message(each, reminder),
                    tenant=each.tenant_id,
                    correlation_id=each.correlation_id,
                )
        return len(waiting) == _AT_ONCE


class RemindReviews:
    """Say again that broken glass waits for a second person. Nothing but that person ends it."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    async def tick(self, runtime: Runtime) -> bool:
        """Remind of some that are due. True where more may be."""
        async with runtime.unit() as unit:
            reviews = Reviews(unit.tx)
            due = await reviews.remind(
                now=await unit.now(), interval=self._interval, limit=_AT_ONCE
            )
            for review in due:
                await tell(unit, due_message(review), tenant=review.tenant_id)
            count = await reviews.count_open()
            unit.after_commit(partial(gauge_open_reviews, count))
        return len(due) == _AT_ONCE


class LookAround:
    """Say what alerts watch: brakes that are on, and people's words that end soon."""

    def __init__(self, warning: timedelta) -> None:
        self._warning = warning

    async def tick(self, runtime: Runtime) -> bool:
        """Count them. Nothing is left to do."""
        async with runtime.reading() as tx:
            gauge_brakes(await Brakes(tx).count_on())
            gauge_ending_words(
                consents=await Consents(tx).count_ending(self._warning),
                standing=await Trusts(tx).count_ending(self._warning),
            )
        return False


class Notify:
    """Tell webhooks what people must hear of, again and again until they take it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Send what is due. True where more may be."""
        if not self._settings.webhook_urls:
            return False
        async with runtime.unit() as unit:
            due = await Notices(unit.tx).claim(claim_for=_CLAIM, limit=_AT_ONCE)
        problems = await asyncio.gather(*(self._send(notice) for notice in due))
        async with runtime.unit() as unit:
            for notice, problem in zip(due, problems, strict=True):
                await self._account(notice, problem, unit)
            await Notices(unit.tx).forget(kept_for=_KEPT, limit=_AT_ONCE)
        return len(due) == _AT_ONCE

    async def _send(self, notice: Notice) -> str | None:
        """Return why a webhook did not take a notice; None where it did."""
        settings = self._settings
        if flaw := flaw_of(notice.url, settings.webhook_hosts):
            return f"the URL {flaw}"
        try:
            async with asyncio.timeout(settings.webhook_timeout.total_seconds()):
                status = await post(
                    notice,
                    networks=settings.webhook_networks,
                    secret=self._secret(),
                    timeout=settings.webhook_timeout,
                )
        except TimeoutError:
            return "it did not answer in time"
        except (httpx.HTTPError, OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
        return None if httpx.codes.is_success(status) else f"it answered {status}"

    def _secret(self) -> bytes:
        """Read at each use: a new secret needs no restart. OSError or ValueError where it is none."""
        file = self._settings.webhook_secret_file
        if file is None:
            raise ValueError("no webhook_secret_file is set")
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise ValueError(f"others can read {file}: chmod 600 it")
        secret = file.read_bytes().strip()
        if len(secret) < _SHORTEST_SECRET:
            raise ValueError(f"{file} holds less than {_SHORTEST_SECRET} bytes")
        return secret

    async def _account(self, notice: Notice, problem: str | None, unit: Unit) -> None:
        notices = Notices(unit.tx)
        if problem is None:
            await notices.sent(notice)
            unit.after_commit(partial(count_notice, "sent"))
            return
        later = next_try(notice, now=await unit.now(), give_up_after=self._settings.webhook_give_up)
        unit.runtime.log.warning(
            "notice.not_taken", message_id=str(notice.message_id), tries=notice.tries, why=problem
        )
        if later is None:
            await notices.given_up(notice, problem)
        else:
            await notices.postpone(notice, problem, next_at=later)
        outcome = "given_up" if later is None else "postponed"
        unit.after_commit(partial(count_notice, outcome))


async def post(
    notice: Notice, *, networks: Collection[str], secret: bytes, timeout: timedelta
) -> int:
    """Send one notice to the address that was looked at; return the status. No redirect, no proxy."""
    url = httpx.URL(notice.url)
    address = await _address(url, networks)
    timestamp = int(datetime.now(UTC).timestamp())
    headers = {
        "Host": url.netloc.decode(),
        "Content-Type": "application/json",
        "webhook-id": str(notice.message_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, notice, timestamp=timestamp),
    }
    # The address that was checked is the one that is asked; certificates are of the name.
    async with (
        httpx.AsyncClient(
            timeout=timeout.total_seconds(), trust_env=False, follow_redirects=False
        ) as client,
        client.stream(
            "POST",
            url.copy_with(host=address),
            content=notice.body.encode(),
            headers=headers,
            extensions={"sni_hostname": url.host},
        ) as answer,
    ):
        return answer.status_code


async def _address(url: httpx.URL, networks: Collection[str]) -> str:
    """Return an address of a URL's host; OSError where any of them is not to be connected to."""
    port = url.port or (443 if url.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        if not may_connect(address, networks):
            raise OSError(f"{url.host} leads to {address}, which webhook_networks does not list")
    return addresses[0]


class Beacon:
    """Tell workers several times a second that they may act: silence forbids it."""

    async def tick(self, runtime: Runtime) -> bool:
        """Send one beacon out of what is read now, or none: a read that fails sends nothing."""
        async with runtime.reading() as tx:
            permit = await Switches(tx).read_permit()
        if permit is None:
            runtime.log.error("permit.unknown")
            return False
        await runtime.signal(
            Permit(
                version=permit.version,
                allowed=permit.allowed,
                reverts_allowed=permit.reverts_allowed,
                issued_at=datetime.now(UTC),
            )
        )
        return False


class TellConsents:
    """Tell workers every second who may use which secret; what they do not hear of they refuse."""

    def __init__(self, settings: Settings) -> None:
        self._kept = settings.revert_ttl

    async def tick(self, runtime: Runtime) -> bool:
        """Send the list as it is read now, or none: a read that fails sends nothing."""
        async with runtime.reading() as tx:
            held = await Consents(tx).held(kept=self._kept)
        await runtime.signal(signed_list(held, runtime.keys))
        return False


async def _announce_expiry(request: Request, unit: Unit) -> None:
    expired_at = request.decided_at or request.expires_at
    await tell(
        unit,
        ApprovalExpired(
            approval_id=request.approval_id,
            mission_id=request.mission_id,
            tenant_id=request.tenant_id,
            expired_at=expired_at,
        ),
        tenant=request.tenant_id,
        correlation_id=request.correlation_id,
    )
    waited = expired_at - request.requested_at
    unit.after_commit(
        partial(observe_latency, tier=request.tier, outcome=request.status, waited=waited)
    )
