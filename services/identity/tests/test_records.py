"""The log knows every key, before anything that the key signed and for the reader who has no registry."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grace.contracts.identity import IssueKey
from grace.identity.domain.records import PRODUCER
from grace.kit.sealing import Opener
from grace.testkit import House, eventually
from grace.transparency import (
    Frontier,
    Leaf,
    Signatures,
    parse_and_verify,
    parse_verifier_key,
)

from .conftest import QUICK, Producer, checkpoint_over, entries, hash_of, tampering

KEYS = "SELECT component, recorded FROM component_crypto_identities"
FORGED_KEY = """
    INSERT INTO component_crypto_identities (key_id, component, public_key, status, reason, expires_at)
    VALUES ('htm-forged', 'htm', $1, 'retired', 'first', now() + interval '1 day')
"""
# Older than the others: identity tries its master key with the newest, and would make no key at all.
FORGED_PRIVATE = """
    INSERT INTO crypto_key_store (key_id, component, suite, wrapped_key, ciphertext, created_at)
    SELECT 'htm-forged', component, suite, wrapped_key, ciphertext, created_at - interval '1 day'
      FROM crypto_key_store WHERE component = 'htm'
"""
RECORDS = f"SELECT * FROM immutable_log WHERE producer = '{PRODUCER}' ORDER BY log_index"


async def read(house: House) -> Signatures:
    """The whole log as a stranger reads it who has the log's key and nothing else."""
    checkpoint = await checkpoint_over(await house.act_as("gateway"), len(await entries(house)))
    rows = await entries(house)
    assert tampering(rows, checkpoint) is None
    signatures = Signatures()
    for row in rows:
        leaf = Leaf(
            row["subject"], str(row["message_id"]), row["body"], row["key_id"], row["signature"]
        )
        signatures.show(row["log_index"], leaf, row["producer"])
    verifier = parse_verifier_key(checkpoint.verifier_key)
    assert parse_and_verify(checkpoint.note, verifier.name, verifier.public_key)
    signatures.close(verifier.public_key)
    return signatures


async def test_every_signature_is_checked_with_nothing_but_the_log(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        htm = Producer(await house.act_as("htm"))
        assert await htm.append(htm.row(1), htm.row(2)) == 2  # at once: its key is there
        found = await read(house)
        await house.dismiss()
    assert (found.complaints, found.not_checkable, found.late) == ([], 0, 0)
    assert found.checked >= 5  # three keys, two rows
    assert {each.logged.component for each in found.keys.values()} == {"identity", "htm", "gateway"}
    assert not any(each.logged.recorded_later for each in found.keys.values())


async def test_a_replaced_key_has_ended_and_its_successor_is_vouched_for(house: House) -> None:
    short = {"key_lifetime": timedelta(microseconds=1)} | QUICK
    async with house.running("identity", identity=short):
        htm = Producer(await house.act_as("htm"))
        row = htm.row(1)
        request = IssueKey(component="htm", ephemeral_public_key=Opener().public_key)
        await htm.runtime.call(request)  # another replica of htm gets the next key
        assert await htm.append(row) == 1
        await house.dismiss()
    async with house.running("identity", identity=QUICK):
        found = await read(house)
        await house.dismiss()
    assert (found.complaints, found.not_checkable) == ([], 0)
    assert found.late >= 1
    ended = found.keys[row.key_id].ended
    assert ended is not None
    assert ended.reason == "replaced"
    keepers = [each for each in found.keys.values() if each.logged.component == "identity"]
    assert sum(each.ended is None for each in keepers) == 1 < len(keepers)


async def test_a_key_that_an_operator_revokes_has_ended_in_the_log(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        htm = Producer(await house.act_as("htm"))
        revoke = "UPDATE component_crypto_identities SET status = 'revoked' WHERE component = 'htm'"
        await house.rows("identity", revoke)
        worker = Producer(await house.act_as("worker"))  # its new key makes the log grow
        ended = f"{KEYS} WHERE recorded = 'ended'"
        await eventually(lambda: house.rows("identity", ended))
        assert await worker.append(worker.row(1)) == 1
        good = await read(house)
        row = htm.row(1)
        await htm.runtime.keys.load()  # requests by the old key are refused, its rows are not
        assert await htm.append(row) == 1  # what happened is in the log, whatever it is worth
        found = await read(house)
        await house.dismiss()
    assert good.complaints == []
    assert [str(row.message_id) in text for text in found.complaints] == [True]
    assert "had ended (revoked)" in found.complaints[0]


async def test_a_key_that_somebody_wrote_into_the_registry_does_not_enter_the_log(
    house: House,
) -> None:
    """Identity would vouch for it, and whatever it signs would be its component's."""
    forger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    async with house.running("identity", identity=QUICK):
        await house.act_as("htm")
        await house.rows("identity", FORGED_KEY, forger)
        await house.rows("identity", FORGED_PRIVATE)
        await house.act_as("learning")  # its new key is recorded, with whatever is due
        found = await read(house)
        await house.dismiss()
    assert (found.complaints, "htm-forged" in found.keys) == ([], False)
    assert "learning" in {each.logged.component for each in found.keys.values()}


async def test_a_log_from_before_learns_each_key_once_and_says_what_it_cannot_check(
    house: House,
) -> None:
    async with house.running("identity", identity=QUICK):
        htm = Producer(await house.act_as("htm"))
        await htm.append(htm.row(1), htm.row(2))
        await house.dismiss()
    await become_older(house)
    before = len(await entries(house))
    async with house.running("identity", identity=QUICK), house.running("identity", identity=QUICK):
        htm = Producer(await house.act_as("htm"))
        assert await htm.append(htm.row(3)) == 3
        found = await read(house)
        await house.dismiss()
    recorded = await house.rows("identity", RECORDS)
    async with house.running("identity", identity=QUICK):
        pass
    assert len(await house.rows("identity", RECORDS)) == len(recorded)
    assert len({json.loads(row["body"])["key_id"] for row in recorded}) == len(recorded) >= 2
    assert found.complaints == []
    assert (found.not_checkable, found.unrecorded.first) == (before, 0)
    assert found.checked == len(await entries(house)) - before
    assert {row["recorded"] for row in await house.rows("identity", KEYS)} == {"registered"}


async def become_older(house: House) -> None:
    """Bring the log to what an identity had written that knew nothing of such entries."""
    admin = await house.installation.admin(house.database)
    try:
        await admin.execute("SET session_replication_role = replica")
        await admin.execute("SET search_path TO identity")
        async with admin.transaction():
            await admin.execute("DELETE FROM immutable_log WHERE producer = $1", PRODUCER)
            await admin.execute("DELETE FROM log_producers WHERE producer = $1", PRODUCER)
            await admin.execute("TRUNCATE log_subtrees, checkpoints")
            await admin.execute("UPDATE component_crypto_identities SET recorded = 'none'")
            await renumber(admin)
    finally:
        await admin.close()


async def renumber(admin: Any) -> None:
    rows = await admin.fetch("SELECT * FROM immutable_log ORDER BY log_index")
    for place, row in enumerate(rows):
        change = "UPDATE immutable_log SET log_index = $1 WHERE log_index = $2"
        await admin.execute(change, place, row["log_index"])
    grown, subtrees = Frontier().grow([hash_of(row) for row in rows])
    values = [(each.level, each.index, each.hash) for each in subtrees]
    await admin.executemany("INSERT INTO log_subtrees VALUES ($1, $2, $3)", values)
    state = "UPDATE log_state SET size = $1, edge = $2"
    await admin.execute(state, grown.size, list(grown.edge))
