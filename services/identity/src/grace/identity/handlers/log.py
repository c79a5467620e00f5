"""Appends to the immutable log and proves what is in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.signing import VerifyKey

from grace.contracts.identity import (
    AppendedRows,
    AppendRows,
    AuditRow,
    Checkpoint,
    Entries,
    Entry,
    GetCheckpoint,
    GetProof,
    ListEntries,
    Proof,
)  # fmt: skip
from grace.identity.domain import log as domain
from grace.identity.domain.keys import ComponentKey
from grace.identity.settings import Settings
from grace.identity.store import Head, LogEntry, Store
from grace.kit import (
    Called,
    Conflict,
    Forbidden,
    GraceError,
    Invalid,
    NotFound,
    Runtime,
    Unit,
)  # fmt: skip
from grace.kit.keys import is_signed
from grace.transparency import (
    MESSAGE_KIND,
    encode_verifier_key,
    leaf_hash,
    pae,
    parse_and_verify,
    prove_inclusion,
)

# As many as the gateway lets anybody ask for: who asks for a page and gets less takes it for the last.
_MOST_ENTRIES = 1000
# Bodies have up to 512 KiB, and a page is not to fill the memory with them.
_AT_ONCE = 100
# NATS takes 1 MiB, and base64 makes three bytes four. One leaf alone may be larger and fits.
_LEAF_BYTES = 400_000


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key it is, and what its signatures are checked with."""

    component: str
    public: VerifyKey


class Signers:
    """The public keys of those who sign rows; a key never changes, so each is read once."""

    def __init__(self) -> None:
        self._known: dict[str, Signer] = {}

    async def of(self, key_ids: Collection[str], store: Store) -> Mapping[str, Signer]:
        """Those of these keys that there are."""
        if unknown := sorted(set(key_ids) - self._known.keys()):
            for key in (await store.public_keys(unknown)).values():
                self._known[key.key_id] = Signer(key.component, VerifyKey(key.public_key))
        return self._known


async def on_append(
    signers: Signers, calls: Sequence[Called[AppendRows]], unit: Unit
) -> Sequence[AppendedRows | GraceError]:
    """Give the rows of all waiting producers their place; the answer says how far each is."""
    store = Store(unit.tx)
    frontier = await store.lock_log()
    contiguous = await store.contiguous(sorted({call.body.producer for call in calls}))
    keys = await signers.of({row.key_id for call in calls for row in call.body.rows}, store)
    taken: list[tuple[str, domain.Row]] = []
    answers: list[AppendedRows | GraceError] = []
    for call in calls:
        try:
            rows = await _acceptable(call, contiguous[call.body.producer], keys, unit)
        except GraceError as error:
            answers.append(error)
            continue
        taken += [(call.body.producer, row) for row in rows]
        contiguous[call.body.producer] += len(rows)
        answers.append(AppendedRows(contiguous_to=contiguous[call.body.producer]))
    if taken:
        growth = domain.grow(frontier, [row for _, row in taken])
        await store.append(frontier, taken, growth, contiguous)
    return answers


async def _acceptable(
    call: Called[AppendRows], contiguous: int, keys: Mapping[str, Signer], unit: Unit
) -> Sequence[domain.Row]:
    """What one producer may append; its rows must be its own, and follow what the log holds."""
    producer, log = call.body.producer, unit.runtime.log.bind(producer=call.body.producer)
    if producer != call.caller or producer != call.subject.rsplit(".", 1)[-1]:
        raise Forbidden("a service may append its own rows only")
    rows = [_row(row) for row in call.body.rows]
    if domain.has_gap(rows, contiguous):
        log.error("log.gap", held=contiguous)
    known = [row.audit_no for row in rows if row.audit_no <= contiguous]
    other = domain.contradicts(rows, await Store(unit.tx).held(producer, known)) if known else None
    if other is not None:
        log.error("log.contradicted", audit_no=other)
        raise Conflict(f"the log holds another message as row {other} of {producer}")
    accepted = domain.next_rows(rows, contiguous)
    strange = [row.audit_no for row in accepted if not _is_signed(row, producer, keys)]
    if strange:
        log.error("log.bad_signature", audit_no=strange[0])
        raise Invalid(f"row {strange[0]} is not signed by a key of {producer}")
    return accepted


def _row(row: AuditRow) -> domain.Row:
    return domain.Row(
        row.audit_no, row.message_id, row.subject, row.body, row.key_id, row.signature
    )


def _is_signed(row: domain.Row, producer: str, keys: Mapping[str, Signer]) -> bool:
    key = keys.get(row.key_id)
    if key is None or key.component != producer or not _is_uuid(row.message_id):
        return False
    signed = pae(MESSAGE_KIND, row.subject.encode(), row.message_id.encode(), row.body)
    return is_signed(key.public, row.signature, signed)


def _is_uuid(text: str) -> bool:
    """Whether it is a UUID in the one form in which the log gives it back."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


class Heads:
    """Signed heads as they leave: with the verifier key of whoever signed them, and checked."""

    def __init__(self, settings: Settings) -> None:
        self._name = settings.log_origin
        # Most ask for the newest, which is another one a few times a minute.
        self._last: Checkpoint | None = None

    async def checked(self, head: Head, store: Store) -> Checkpoint:
        """A head that a key of identity signed. Conflict where none did."""
        if self._last is None or self._last.note != head.note:
            self._last = self._check(head, await store.registry())
        return self._last

    def _check(self, head: Head, keys: Sequence[ComponentKey]) -> Checkpoint:
        for key in keys:
            if key.component != "identity":
                continue
            public = Ed25519PublicKey.from_public_bytes(key.public_key)
            try:
                parse_and_verify(head.note, self._name, public)
            except ValueError:
                continue
            return Checkpoint(
                origin=self._name,
                size=head.size,
                root=head.root,
                note=head.note,
                verifier_key=encode_verifier_key(self._name, public),
            )
        raise Conflict("the newest checkpoint was signed under another origin or key")


async def on_checkpoint(heads: Heads, _: Called[GetCheckpoint], runtime: Runtime) -> Checkpoint:
    """The newest signed head."""
    async with runtime.reading() as tx:
        head = await Store(tx).newest_checkpoint()
        if head is None:
            raise NotFound("the log has no checkpoint yet")
        return await heads.checked(head, Store(tx))


async def on_proof(heads: Heads, call: Called[GetProof], runtime: Runtime) -> Proof:
    """An inclusion proof of one entry against a signed head; what the log holds never changes."""
    async with runtime.reading() as tx:
        store, body = Store(tx), call.body
        entry = await _entry(store, body)
        head = await _head(store, entry, body.size)
        hashes = await _prove(store, entry.index, head.size)
        return Proof(
            index=entry.index,
            size=head.size,
            leaf=entry.row.leaf(),
            hashes=tuple(hashes),
            checkpoint=await heads.checked(head, store),
        )


async def _entry(store: Store, body: GetProof) -> LogEntry:
    if body.index is None and body.message_id is None:
        raise Invalid("give index or message_id")
    try:
        message_id = UUID(body.message_id) if body.message_id else None
    except ValueError:
        raise Invalid("message_id is not a UUID") from None
    if body.index is not None and not 0 <= body.index < 2**63:
        raise Invalid("index must be 0 or more")
    entry = await store.entry(index=body.index, message_id=message_id)
    if entry is None:
        raise NotFound("the log has no such entry")
    return entry


async def _head(store: Store, entry: LogEntry, size: int | None) -> Head:
    """The head to prove against: the newest, or the one of exactly the size asked for."""
    if size is not None and not 0 < size < 2**63:
        raise Invalid("size must be 1 or more")
    head = await (store.newest_checkpoint() if size is None else store.checkpoint_at(size))
    if head is None or head.size <= entry.index or size not in {None, head.size}:
        raise Conflict("the entry is not under such a checkpoint yet; ask again in a moment")
    return head


async def _prove(store: Store, index: int, size: int) -> list[bytes]:
    """First learn which subtrees the proof needs, then read them at once."""
    wanted: list[tuple[int, int]] = []

    def note(level: int, place: int) -> bytes:
        wanted.append((level, place))
        return bytes(32)

    prove_inclusion(note, index, size)
    found = await store.subtrees(wanted)
    return prove_inclusion(lambda level, place: found[level, place], index, size)


async def on_entries(call: Called[ListEntries], runtime: Runtime) -> Entries:
    """A page of the log in order."""
    if not 0 <= call.body.start < 2**63:
        raise Invalid("start must be 0 or more")
    start, most = call.body.start, min(call.body.limit, _MOST_ENTRIES)
    found: list[Entry] = []
    room = _LEAF_BYTES
    async with runtime.reading() as tx:
        while wanted := min(_AT_ONCE, most - len(found)):
            part = await Store(tx).entries(start + len(found), wanted)
            for entry, at in part:
                listed = _listed(entry, at, with_leaf=bool(call.body.leaves))
                room -= len(listed.leaf or b"")
                if room < 0 and found:
                    return Entries(entries=tuple(found))
                found.append(listed)
            if len(part) < wanted:
                break
    return Entries(entries=tuple(found))


def _listed(entry: LogEntry, at: datetime, *, with_leaf: bool) -> Entry:
    """The hash is made anew of what is stored: one that is stored beside it would hide a change."""
    leaf = entry.row.leaf()
    return Entry(
        index=entry.index,
        producer=entry.producer,
        subject=entry.row.subject,
        message_id=entry.row.message_id,
        leaf_hash=leaf_hash(leaf).hex(),
        at=at,
        leaf=leaf if with_leaf else None,
    )
