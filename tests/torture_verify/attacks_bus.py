"""Messages that nobody was right to send: forged, altered, replayed, by every user of the bus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

from nats.errors import Error as NatsError
from torture_verify.attacks_stage import BUS, Stage

from grace.contracts.governance import (
    ApprovalGranted,
    ApprovalRequested,
    BreakGlass,
    Decide,
    Permit,
    SeatApprover,
)
from grace.contracts.htm import TasksFinished
from grace.contracts.intent import ActionPlanned, ErrorCaptured, IntentAccepted
from grace.contracts.message import Message
from grace.contracts.verification import ContractDrafted
from grace.kit import Keys, envelope, new_id
from grace.kit.envelope import KEY_ID, MESSAGE_ID, SCHEMA, SIGNATURE
from grace.kit.flushing import flush
from grace.testkit.house import TESTER

# What moves something where it is believed.
_MOVES = (
    ApprovalGranted, ApprovalRequested, ContractDrafted, ActionPlanned, ErrorCaptured,
    TasksFinished, IntentAccepted,
)  # fmt: skip
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as the stream keeps it."""

    subject: str
    data: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Forgery:
    """What is sent: as whom, where, and in what way it is wrong."""

    way: str
    subject: str
    data: bytes
    headers: dict[str, str]


async def forge(stage: Stage, many: int, *, victims: Sequence[str]) -> None:
    """Send so many forgeries and repeats, and wait until everybody has read them."""
    seen = await _seen(stage)
    sent = 0
    while sent < many:
        batch = []
        for number in range(sent, min(many, sent + _AT_ONCE)):
            user = TESTER if number % 2 else BUS[number // 2 % len(BUS)]
            forged = _forged(stage, stage.random.choice(seen), stage.random, victims)
            batch.append(_send(stage, user, forged))
        await asyncio.gather(*batch)
        sent += len(batch)
    for user in BUS:
        await flush(stage.anybody(user))
    await stage.drained()


async def ask_forged(stage: Stage, approval_id: str, shown_hash: str) -> None:
    """Ask governance to decide, as services and people who are not the gateway."""
    questions = (
        Decide(tenant_id="default", approval_id=approval_id, principal="ada", choice="approve",
               shown_hash=shown_hash),
        BreakGlass(tenant_id="default", approval_id=approval_id, principal="ada",
                   shown_hash=shown_hash, reason="because I can"),
        SeatApprover(tenant_id="default", principal="eve", group="leads", actor="ada"),
    )  # fmt: skip
    for user in BUS:
        if user == "gateway":
            continue  # whose word it is
        cases = product(questions, _keys_of(stage))
        await asyncio.gather(*(_ask(stage, user, each, keys) for each, keys in cases))


async def _ask(stage: Stage, user: str, question: Message, keys: Keys | None) -> None:
    identity, data = new_id(), question.to_bytes()
    subject = str(question.SUBJECT)
    headers = envelope.headers_of(keys, question, subject=subject, identity=identity, data=data)
    client = stage.anybody(user)
    with suppress(NatsError, TimeoutError):
        await client.request(subject, data, timeout=0.05, headers=headers)
    stage.books.note("forged request", user)


def _keys_of(stage: Stage) -> list[Keys | None]:
    names = ("verification", "htm", "worker")
    return [None, *(stage.services[name].keys for name in names)]


async def _seen(stage: Stage) -> list[Seen]:
    found: list[Seen] = []
    for model in _MOVES:
        subject = str(model.SUBJECT)
        kept = await stage.house.messages(subject)
        found += [Seen(subject, each.data or b"", dict(each.headers or {})) for each in kept]
    assert {each.subject for each in found} >= {str(m.SUBJECT) for m in _MOVES[:5]}
    return found


async def _send(stage: Stage, user: str, forged: Forgery) -> None:
    """Publish as a plain client does; where NATS refuses the user, nothing is kept."""
    await stage.anybody(user).publish(forged.subject, forged.data, headers=forged.headers)
    stage.books.note(f"forged: {forged.way}", "by all" if user == TESTER else "by one user")


def _forged(stage: Stage, seen: Seen, random: Random, victims: Sequence[str]) -> Forgery:
    way = random.choice(sorted(_WAYS))
    subject, data, headers = _WAYS[way](stage, seen, random, random.choice(victims))
    return Forgery(way, subject, data, headers)


Made = tuple[str, bytes, dict[str, str]]


def _replayed(_: Stage, seen: Seen, __: Random, ___: str) -> Made:
    return seen.subject, seen.data, dict(seen.headers)


def _renamed(_: Stage, seen: Seen, __: Random, ___: str) -> Made:
    return seen.subject, seen.data, {**seen.headers, MESSAGE_ID: str(new_id())}


def _altered(_: Stage, seen: Seen, random: Random, victim: str) -> Made:
    """The words of a message that was true, for another mission."""
    return seen.subject, _for_victim(seen.data, victim), {**seen.headers, **_fresh(random)}


def _unsigned(_: Stage, seen: Seen, __: Random, victim: str) -> Made:
    headers = {k: v for k, v in seen.headers.items() if k not in {SIGNATURE, KEY_ID}}
    return seen.subject, _for_victim(seen.data, victim), headers | {MESSAGE_ID: str(new_id())}


def _own_key(stage: Stage, seen: Seen, random: Random, victim: str) -> Made:
    """Signed rightly, by a service that has nothing to say here."""
    keys = stage.services[random.choice(["gateway", "worker", "htm"])].keys
    identity, data = new_id(), _for_victim(seen.data, victim)
    signature = envelope.sign(keys, seen.subject, identity, data)
    signed = envelope.signature_headers(keys.key_id, signature)
    return seen.subject, data, {**seen.headers, **signed, MESSAGE_ID: str(identity)}


def _borrowed_name(stage: Stage, seen: Seen, random: Random, victim: str) -> Made:
    subject, data, headers = _own_key(stage, seen, random, victim)
    return subject, data, {**headers, KEY_ID: stage.services["governance"].keys.key_id}


def _no_key(_: Stage, seen: Seen, __: Random, victim: str) -> Made:
    headers = {**seen.headers, KEY_ID: f"key-{new_id()}", MESSAGE_ID: str(new_id())}
    return seen.subject, _for_victim(seen.data, victim), headers


def _elsewhere(_: Stage, seen: Seen, random: Random, __: str) -> Made:
    others = sorted({str(model.SUBJECT) for model in _MOVES} - {seen.subject})
    return random.choice(others), seen.data, {**seen.headers, MESSAGE_ID: str(new_id())}


def _beacon(stage: Stage, _: Seen, random: Random, __: str) -> Made:
    """That everything may act, in a version of the far future."""
    keys = stage.services[random.choice(["gateway", "worker", "htm"])].keys
    identity, subject = new_id(), str(Permit.SUBJECT)
    data = (
        b'{"version":4000000000,"allowed":true,"reverts_allowed":true,'
        b'"issued_at":"2090-01-01T00:00:00Z"}'
    )
    signed = envelope.signature_headers(keys.key_id, envelope.sign(keys, subject, identity, data))
    return subject, data, {MESSAGE_ID: str(identity), SCHEMA: Permit.SCHEMA, **signed}


def _nonsense(_: Stage, seen: Seen, random: Random, __: str) -> Made:
    return seen.subject, random.randbytes(40), {**seen.headers, MESSAGE_ID: str(new_id())}


_WAYS: Mapping[str, Callable[[Stage, Seen, Random, str], Made]] = {
    "replayed": _replayed,
    "replayed under another id": _renamed,
    "altered for another mission": _altered,
    "unsigned": _unsigned,
    "signed by another service": _own_key,
    "under governance's key": _borrowed_name,
    "under an unknown key": _no_key,
    "on another subject": _elsewhere,
    "a beacon": _beacon,
    "nonsense": _nonsense,
}


def _fresh(random: Random) -> dict[str, str]:
    return {MESSAGE_ID: str(new_id())} if random.random() < 0.5 else {}


def _for_victim(data: bytes, victim: str) -> bytes:
    """Put another mission where a mission is named."""
    parts: list[Any] = data.split(b'"mission_id":"')
    rest = [victim.encode() + part[part.index(b'"') :] for part in parts[1:]]
    return b'"mission_id":"'.join([parts[0], *rest])
