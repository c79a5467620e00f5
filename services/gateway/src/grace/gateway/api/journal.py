"""Reads the stream of events by sequence: no consumer, nothing left behind in NATS.

docs/decisions/0008 says why. What comes out is signed by its owner and holds only what may leave.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from grace.contracts.subjects import SUBJECTS
from grace.gateway.domain.disclosure import belongs_to, disclosed
from grace.gateway.domain.following import Extent
from grace.kit import Received, Runtime, Unavailable
from grace.kit.envelope import KEY_ID, Raw, Refusal, open_message

STREAM = "EVENTS"
FOLLOWED = {each.name: each for each in SUBJECTS.values() if each.stream == STREAM}

_READ = f"$JS.API.DIRECT.GET.{STREAM}"
_MOST = 256
_MOST_BYTES = 4 * 1024 * 1024
_ANSWER_SECONDS = 5.0
# ADR-31 of NATS: the end of a batch, and a sequence behind which there is nothing.
_ENDS = frozenset({"204", "404"})


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it leaves: its data, a JSON object in one line, is made once, however many follow."""

    sequence: int
    subject: str
    tenant: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """What was read in one go; `is_last` where the stream had no more at that moment."""

    events: tuple[Event, ...]
    position: int
    is_last: bool


class Journal:
    """The stream of events, as this service may read it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def extent(self) -> Extent:
        """Return where the stream begins and ends. Unavailable where it cannot be asked."""
        try:
            info = await self._runtime.stream.stream_info(STREAM)
        except (NatsError, OSError) as error:
            raise _unreadable(repr(error)) from None
        return Extent(str(info.created), info.state.first_seq, info.state.last_seq)

    async def read(self, after: int) -> Page:
        """Read what comes behind a sequence. Unavailable where it cannot be read."""
        try:
            messages, is_last = await self._fetch(after)
        except (NatsError, OSError) as error:
            raise _unreadable(repr(error)) from None
        raws = dict(map(_raw, messages))
        await self._runtime.keys.learn({raw.headers.get(KEY_ID, "") for raw in raws.values()})
        events = (self._event(sequence, raw) for sequence, raw in sorted(raws.items()))
        return Page(tuple(filter(None, events)), max((after, *raws)), is_last)

    async def _fetch(self, after: int) -> tuple[list[Msg], bool]:
        client = self._runtime.client
        if not client.is_connected:
            raise _unreadable("NATS is unreachable")
        inbox = client.new_inbox()
        wanted = {"seq": after + 1, "next_by_subj": ">", "batch": _MOST, "max_bytes": _MOST_BYTES}
        answers = await client.subscribe(inbox)
        try:
            await client.publish(_READ, json.dumps(wanted).encode(), reply=inbox)
            return await _collect(answers)
        finally:
            await answers.unsubscribe()

    def _event(self, sequence: int, raw: Raw) -> Event | None:
        """Open a message as every reader does: what nobody signed is nobody's event."""
        spec = FOLLOWED.get(raw.subject)
        if spec is None:
            return None
        try:
            return _disclose(sequence, open_message(raw, spec, self._runtime.keys))
        except Refusal as refusal:
            self._runtime.log.warning(
                "event.refused", subject=raw.subject, sequence=sequence, reason=refusal.reason
            )
            return None


async def _collect(answers: Subscription) -> tuple[list[Msg], bool]:
    found: list[Msg] = []
    while True:
        message = await answers.next_msg(timeout=_ANSWER_SECONDS)
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            found.append(message)
        elif status in _ENDS:
            return found, headers.get("Nats-Num-Pending", "0") == "0"
        else:
            raise _unreadable(f"NATS answers {status}")


def _raw(message: Msg) -> tuple[int, Raw]:
    """The message as it was published, by its sequence."""
    headers = dict(message.headers or {})
    at = datetime.fromisoformat(headers["Nats-Time-Stamp"])
    raw = Raw(headers["Nats-Subject"], message.data, headers, "", at)
    return int(headers["Nats-Sequence"]), raw


def _disclose(sequence: int, received: Received[Any]) -> Event:
    body = received.body.model_dump(mode="json", exclude_none=True)
    shown = {
        "subject": received.subject,
        "message_id": str(received.id),
        "issued_at": received.issued_at.isoformat().replace("+00:00", "Z"),
        "correlation_id": received.correlation_id,
        "data": disclosed(body),
    }
    data = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
    tenant = belongs_to(body, sent_for=received.tenant)
    return Event(sequence, received.subject, tenant, data)


def _unreadable(reason: str) -> Unavailable:
    return Unavailable(f"The events cannot be read now: {reason}.")
