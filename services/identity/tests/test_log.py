"""The log on real servers: no gaps, one order for all, and no way to change it unseen."""

import asyncio

import asyncpg
import pytest

from grace.contracts.identity import AppendRows, Entry, GetProof, ListEntries
from grace.kit import Conflict, Forbidden, Invalid, NotFound, new_id
from grace.testkit import House, eventually
from grace.transparency import leaf_hash, verify_inclusion

from .conftest import QUICK, Producer, checkpoint_over, entries, hash_of, tampering


async def _producer(house: House, name: str = "htm") -> Producer:
    return Producer(await house.act_as(name))


async def _count(house: House, producer: str) -> int:
    return sum(row["producer"] == producer for row in await entries(house))


async def test_rows_are_appended_and_the_answer_says_how_far(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        htm = await _producer(house)
        assert await htm.append() == 0
        assert await htm.append(htm.row(1), htm.row(2)) == 2
        assert await htm.append(htm.row(3)) == 3
        await house.dismiss()
    assert await _count(house, "htm") == 3


async def test_what_does_not_connect_is_not_taken_and_the_answer_says_from_where(
    house: House,
) -> None:
    async with house.running("identity", identity=QUICK):
        htm = await _producer(house)
        assert await htm.append(htm.row(2), htm.row(3)) == 0
        assert await htm.append(htm.row(1), htm.row(3)) == 1
        assert await htm.append(htm.row(2), htm.row(3)) == 3
        await house.dismiss()
    assert await _count(house, "htm") == 3


async def test_rows_that_come_twice_are_kept_once(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        htm = await _producer(house)
        one, two = htm.row(1), htm.row(2)
        assert await htm.append(one) == 1
        assert await htm.append(one, one, two, two) == 2
        assert await htm.append(one, two) == 2
        await house.dismiss()
    assert await _count(house, "htm") == 2


async def test_another_message_under_a_number_that_is_taken_is_refused(house: House) -> None:
    """A producer restored from an older backup would else lose what it says from now on."""
    async with house.running("identity", identity=QUICK):
        htm = await _producer(house)
        first = htm.row(1)
        await htm.append(first)
        with pytest.raises(Conflict, match="another message as row 1 of htm"):
            await htm.append(htm.row(1), htm.row(2))
        assert await htm.append(first) == 1
        await house.dismiss()


async def test_a_row_that_the_producer_did_not_sign_is_refused(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        htm, worker = await _producer(house), await _producer(house, "worker")
        good = htm.row(1)
        forged = [
            htm.row(1, signer=worker.runtime),
            good.model_copy(update={"body": b"another"}),
            good.model_copy(update={"subject": "another.subject"}),
            good.model_copy(update={"message_id": str(new_id())}),
            good.model_copy(update={"signature": bytes(64)}),
            good.model_copy(update={"signature": b""}),
            good.model_copy(update={"key_id": "htm-unknown"}),
            good.model_copy(update={"key_id": worker.runtime.keys.key_id}),
            good.model_copy(update={"message_id": "not-a-uuid"}),
            good.model_copy(update={"message_id": good.message_id.upper()}),
        ]
        for row in forged:
            with pytest.raises(Invalid, match="row 1 is not signed by a key of htm"):
                await htm.append(row, htm.row(2))
        assert await htm.append(good) == 1
        await house.dismiss()


async def test_nobody_appends_in_anothers_name(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        htm, worker = await _producer(house), await _producer(house, "worker")
        rows = (worker.row(1),)
        with pytest.raises(Forbidden, match="its own rows only"):
            await htm.runtime.call(AppendRows(producer="worker", rows=rows))
        client = await house.connect("htm")
        request = AppendRows(producer="worker", rows=rows).to_bytes()
        with pytest.raises(TimeoutError):
            await client.request("rpc.identity.append.worker", request, timeout=0.3)
        await house.dismiss()
    assert await _count(house, "worker") == 0


async def test_one_producers_nonsense_does_not_hold_the_others_up(house: House) -> None:
    """They share a transaction."""
    async with house.running("identity", identity=QUICK):
        htm, worker = await _producer(house), await _producer(house, "worker")
        waiting = [
            htm.append(htm.row(1, signer=worker.runtime)),
            worker.append(*(worker.row(n) for n in range(1, 6))),
        ]
        refused, taken = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(refused, Invalid)
        assert taken == 5
        await house.dismiss()


async def test_many_producers_at_once_get_one_order_without_gaps(house: House) -> None:
    names = ("htm", "worker", "intent", "governance")
    async with house.running("identity", identity=QUICK), house.running("identity", identity=QUICK):
        producers = [await _producer(house, name) for name in names]

        async def produce(producer: Producer) -> None:
            sent = 0
            rows = [producer.row(n) for n in range(1, 31)]
            while sent < len(rows):
                sent = await producer.append(*rows[max(0, sent - 2) : sent + 7])

        await asyncio.gather(*(produce(producer) for producer in producers))
        auditor = await house.act_as("gateway")
        kept = await entries(house)
        checkpoint = await checkpoint_over(auditor, len(kept))
        kept = await entries(house)
        await house.dismiss()
    assert tampering(kept, checkpoint) is None
    assert [row["log_index"] for row in kept] == list(range(len(kept)))
    for name in names:
        assert [r["audit_no"] for r in kept if r["producer"] == name] == list(range(1, 31))


async def test_what_services_publish_is_in_the_log_byte_for_byte(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        await house.act_as("htm")
        stored = await eventually(lambda: house.messages("identity.key.rotated"))

        async def logged() -> bool:
            kept = await entries(house)
            ids = {str(row["message_id"]): row for row in kept}
            return all(ids[each.headers["Nats-Msg-Id"]]["body"] == each.data for each in stored)

        await eventually(logged)
        await house.dismiss()


async def test_an_entry_is_proved_by_its_index_or_its_message(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        htm, auditor = await _producer(house), await house.act_as("gateway")
        row = htm.row(1)
        await htm.append(row)
        (entry,) = [
            each
            for each in (await auditor.call(ListEntries(start=0, limit=100))).entries
            if each.message_id == row.message_id
        ]
        checkpoint = await checkpoint_over(auditor, entry.index + 1)
        for question in (
            GetProof(index=entry.index),
            GetProof(message_id=row.message_id),
            GetProof(index=entry.index, size=checkpoint.size),
        ):
            proof = await auditor.call(question)
            assert proof.index == entry.index
            assert leaf_hash(proof.leaf).hex() == entry.leaf_hash
            assert row.body in proof.leaf
            assert verify_inclusion(
                leaf_hash(proof.leaf),
                proof.index,
                size=proof.size,
                proof=proof.hashes,
                root=proof.checkpoint.root,
            )
        await house.dismiss()


async def test_leaves_come_in_answers_that_arrive_however_large_they_are(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        htm, auditor = await _producer(house), await house.act_as("gateway")
        for number in range(1, 4):
            await htm.append(htm.row(number, body=b"x" * 300_000))
        kept, found = await entries(house), list[Entry]()
        while len(found) < len(kept):
            asked = ListEntries(start=len(found), limit=1000, leaves=True)
            part = (await auditor.call(asked)).entries
            assert part
            found += part
        await house.dismiss()
    # The log may have grown meanwhile, and answers come in parts.
    assert [leaf_hash(each.leaf or b"").hex() for each in found[: len(kept)]] == [
        hash_of(row).hex() for row in kept
    ]


async def test_questions_that_make_no_sense_are_told_so(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        auditor = await house.act_as("gateway")
        await checkpoint_over(auditor, 1)
        for question, kind in (
            (GetProof(), Invalid),
            (GetProof(index=-1), Invalid),
            (GetProof(index=2**62), NotFound),
            (GetProof(message_id="x"), Invalid),
            (GetProof(message_id=str(new_id())), NotFound),
            (GetProof(index=0, size=0), Invalid),
            (GetProof(index=0, size=10**9), Conflict),
        ):
            with pytest.raises(kind):
                await auditor.call(question)
        with pytest.raises(Invalid):
            await auditor.call(ListEntries(start=-1, limit=1))
        assert (await auditor.call(ListEntries(start=10**9, limit=1000))).entries == ()
        await house.dismiss()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE immutable_log SET body = 'x'",
        "DELETE FROM immutable_log",
        "TRUNCATE immutable_log",
        "UPDATE checkpoints SET note = 'x'",
        "DELETE FROM checkpoints",
        "UPDATE log_subtrees SET hash = hash",
        "ALTER TABLE immutable_log DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TABLE immutable_log",
    ],
)
async def test_identitys_own_role_cannot_change_the_log(house: House, statement: str) -> None:
    role = await house.role("identity")
    try:
        await role.execute("SET search_path TO identity")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute(statement)
    finally:
        await role.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE immutable_log SET body = 'x'",
        "DELETE FROM immutable_log",
        "TRUNCATE immutable_log",
    ],
)
async def test_not_even_the_owner_changes_the_log_by_accident(house: House, statement: str) -> None:
    async with house.running("identity", identity=QUICK):
        await eventually(lambda: entries(house))
    with pytest.raises(asyncpg.RaiseError, match="the immutable log only grows"):
        await house.rows("identity", statement)


TAMPERINGS = {
    "a body": "UPDATE immutable_log SET body = 'forged' WHERE log_index = 3",
    "a subject": "UPDATE immutable_log SET subject = 'forged' WHERE log_index = 3",
    "a signature": "UPDATE immutable_log SET signature = body WHERE log_index = 3",
    "a signer": "UPDATE immutable_log SET key_id = 'forged' WHERE log_index = 3",
    "a message id": "UPDATE immutable_log SET message_id = gen_random_uuid() WHERE log_index = 3",
    "a row taken out": "DELETE FROM immutable_log WHERE log_index = 3",
    "the end cut off": "DELETE FROM immutable_log WHERE log_index >= 4",
    "a row taken out and the last one in its place": """
        WITH gone AS (DELETE FROM immutable_log WHERE log_index = 3)
        UPDATE immutable_log SET log_index = -1
         WHERE log_index = (SELECT max(log_index) FROM immutable_log);
        UPDATE immutable_log SET log_index = 3 WHERE log_index = -1
    """,
    "two rows exchanged": """
        UPDATE immutable_log AS one
           SET message_id = other.message_id, body = other.body, signature = other.signature,
               key_id = other.key_id, subject = other.subject, leaf_hash = other.leaf_hash
          FROM immutable_log AS other
         WHERE (one.log_index, other.log_index) IN ((3, 4), (4, 3))
    """,
}


async def test_whatever_a_superuser_changes_an_auditor_sees(house: House) -> None:
    async with house.running("identity", identity=QUICK):
        htm, auditor = await _producer(house), await house.act_as("gateway")
        await htm.append(*(htm.row(n) for n in range(1, 9)))
        checkpoint = await checkpoint_over(auditor, 8)
        await house.dismiss()
    assert tampering(await entries(house), checkpoint) is None
    for name, statement in TAMPERINGS.items():
        found = await _after(house, statement)
        assert tampering(found, checkpoint) is not None, name


async def _after(house: House, statement: str) -> list[asyncpg.Record]:
    """The log as it would be: looked at inside a transaction that is then rolled back."""
    admin = await house.installation.admin(house.database)
    try:
        change = admin.transaction()
        await change.start()
        await admin.execute("SET LOCAL search_path TO identity")
        await admin.execute("SET LOCAL session_replication_role = replica")
        await admin.execute(statement)
        found: list[asyncpg.Record] = await admin.fetch(
            "SELECT * FROM immutable_log ORDER BY log_index"
        )
        await change.rollback()
        return found
    finally:
        await admin.close()


async def test_a_log_rewritten_to_the_last_hash_does_not_fit_a_checkpoint_kept_elsewhere(
    house: House,
) -> None:
    """Whoever has the database and its key can make a consistent log; not the one that was seen."""
    async with house.running("identity", identity=QUICK):
        htm, auditor = await _producer(house), await house.act_as("gateway")
        await htm.append(*(htm.row(n) for n in range(1, 5)))
        checkpoint = await checkpoint_over(auditor, 4)
        await house.dismiss()
    kept = [dict(row) for row in await entries(house)]
    kept[2] |= {"body": b"forged"}
    kept[2]["leaf_hash"] = hash_of(kept[2])
    assert tampering(kept, checkpoint) == "the root is another"


async def test_a_checkpoint_is_signed_once_for_each_size_and_each_covers_the_last(
    house: House,
) -> None:
    async with house.running("identity", identity=QUICK), house.running("identity", identity=QUICK):
        htm, auditor = await _producer(house), await house.act_as("gateway")
        for number in range(1, 4):
            await htm.append(htm.row(number))
            await checkpoint_over(auditor, number)
        await house.dismiss()
    rows = await house.rows("identity", "SELECT size FROM checkpoints ORDER BY created_at")
    sizes = [row["size"] for row in rows]
    assert sizes == sorted(set(sizes))
    published = await house.messages("identity.checkpoint.published")
    assert len(published) == len(sizes)
