"""Idempotency-Key: a repeated POST gets the first one's answer, and nothing is done twice.

This remembers answers. Whether something is done twice is decided by who owns it: a repeat of a
request whose answer was lost has the first one's id, and what is new is named after it. What has an
`idempotency_key` of its own is given ours, also when this gateway forgot.
"""

import hashlib
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.exceptions import HTTPException
from starlette.types import Message, Scope, Send

from grace.gateway.api.bodies import header_of
from grace.gateway.domain.access import Key
from grace.gateway.domain.intake import repeatable_id
from grace.gateway.domain.repeats import (
    KeptAnswer,
    Repeat,
    Slot,
    idempotency_key,
    is_begun,
    is_kept,
    on_taken,
)
from grace.gateway.settings import Settings
from grace.gateway.store import Store
from grace.kit import Conflict, Invalid, Runtime
from grace.kit.database import TRANSIENT

HEADER = "Idempotency-Key"
_NONCE = 12
_REPLAYED = (b"idempotency-replayed", b"true")


class InHand(Conflict):
    """A request with this Idempotency-Key is in hand; ask again when it has ended."""

    retry_after = 1  # seconds


class OtherRequest(Invalid):
    """This Idempotency-Key was used for another request; take a new one."""


class Unreadable(Conflict):
    """This Idempotency-Key was used with a token that has been replaced; take a new one."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST with an Idempotency-Key."""

    slot: Slot
    request_hash: bytes
    sealing_key: bytes

    @classmethod
    def of(cls, scope: Scope, body: bytes, *, key: Key, token: str) -> "Attempt | None":
        """Return the attempt that a POST with a key is; None for others. 400 for what is no key."""
        given = header_of(scope, HEADER.lower().encode())
        if given is None or scope["method"] != "POST":
            return None
        name = idempotency_key(given)
        if name is None:
            raise HTTPException(400, f"{HEADER} must be 1 to 255 visible ASCII characters.")
        slot = Slot(key.tenant_id, key.key_id, f"{scope['method']} {scope['path']}", name)
        asked = [scope["query_string"], (header_of(scope, b"if-match") or "").encode(), body]
        # An event in binary mode says in its head what it is.
        asked += (
            b"%s:%s" % each for each in sorted(scope["headers"]) if each[0].startswith(b"ce-")
        )
        return cls(slot, _hash(*asked), _hash(b"grace/answers/1", token.encode()))

    @property
    def for_owner(self) -> str:
        """What the owner of the data gets as its key: one key's are not another's."""
        slot = self.slot
        return _hash(*(part.encode() for part in (slot.key_id, slot.route, slot.key))).hex()

    def identity(self, since: datetime) -> UUID:
        """The id of what is asked of owners, the same for every repeat since the first came."""
        return repeatable_id(self.for_owner, at=since, now=since)


class Repeats:
    """The kept answers."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self._runtime = runtime
        self._settings = settings

    async def run(
        self, attempt: Attempt, request: Callable[[UUID, Send], Awaitable[None]], send: Send
    ) -> None:
        """Run a request, or answer as before. Conflict or Invalid where neither is right."""
        claim = uuid4()
        found = await self._claim(attempt, claim)
        if isinstance(found, KeptAnswer):
            await _open(attempt, found).play(send, replayed=True)
            return
        answer = Answer()
        try:
            await request(attempt.identity(found), answer.take)
        except Exception:
            await self._release(attempt, claim, begun=True)
            raise
        await self._keep(attempt, claim, answer)
        await answer.play(send)

    async def _claim(self, attempt: Attempt, claim: UUID) -> KeptAnswer | datetime:
        """Take the slot and return since when it is this request's, or what is kept in it."""
        async with self._runtime.unit() as unit:
            store = Store(unit.tx)
            since = await store.claim_answer(
                attempt.slot,
                claim,
                request_hash=attempt.request_hash,
                claim=self._settings.idempotency_claim,
                lifetime=self._settings.idempotency_lifetime,
            )
            if since is not None:
                return since
            kept = await store.find_answer(attempt.slot)
        match on_taken(kept, attempt.request_hash):
            case Repeat.OTHER_REQUEST:
                raise OtherRequest
            case Repeat.IN_HAND:
                raise InHand
            case Repeat.REPLAY:
                assert kept is not None  # noqa: S101 - what is replayed was found
                return kept

    async def _keep(self, attempt: Attempt, claim: UUID, answer: "Answer") -> None:
        """Keep an answer before it is given: who has seen it can rely on it."""
        if not is_kept(answer.status):
            await self._release(attempt, claim, begun=is_begun(answer.status))
            return
        sealed = _seal(attempt, answer.packed())
        try:
            async with self._runtime.unit() as unit:
                await Store(unit.tx).keep_answer(
                    attempt.slot, claim, status=answer.status, body=sealed
                )
        except TRANSIENT as error:
            # What was asked for is done: a failure told now would be a lie. The claim lapses.
            self._runtime.log.warning("repeats.not_kept", error=repr(error))

    async def _release(self, attempt: Attempt, claim: UUID, *, begun: bool) -> None:
        try:
            async with self._runtime.unit() as unit:
                store = Store(unit.tx)
                if not begun:
                    lifetime = self._settings.idempotency_claim
                    await store.release_answer(attempt.slot, claim, claim=lifetime)
                await store.lapse_answer(attempt.slot, claim)
        except TRANSIENT as error:
            self._runtime.log.warning("repeats.not_released", error=repr(error))


class Answer:
    """An answer that is held back until it is kept."""

    def __init__(self, status: int = 0, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.status = status
        self.headers = headers or []
        self.body = b""

    async def take(self, message: Message) -> None:
        """Take a message of the app's."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        else:
            self.body += message.get("body", b"")

    async def play(self, send: Send, *, replayed: bool = False) -> None:
        """Give the answer."""
        headers = [*self.headers, _REPLAYED] if replayed else self.headers
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def packed(self) -> bytes:
        """Headers and body as bytes."""
        headers = [
            [name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers
        ]
        return json.dumps([headers, b64encode(self.body).decode()]).encode()

    @classmethod
    def unpacked(cls, status: int, packed: bytes) -> "Answer":
        """The inverse of `packed`."""
        headers, body = json.loads(packed)
        answer = cls(
            status, [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        )
        answer.body = b64decode(body)
        return answer


def _seal(attempt: Attempt, packed: bytes) -> bytes:
    """Encrypt to the asker's token, which nobody keeps: an answer may hold a token of its own."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(attempt.sealing_key).encrypt(nonce, packed, attempt.request_hash)


def _open(attempt: Attempt, kept: KeptAnswer) -> Answer:
    sealed = kept.body or b""
    try:
        packed = AESGCM(attempt.sealing_key).decrypt(
            sealed[:_NONCE], sealed[_NONCE:], attempt.request_hash
        )
    except InvalidTag:
        raise Unreadable from None
    return Answer.unpacked(kept.status or 0, packed)


def _hash(*parts: bytes) -> bytes:
    """Hash parts so that no two lists of parts are alike."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
