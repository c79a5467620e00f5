"""`grace log verify` on signatures: what identity itself would sign a head over is still not believed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from grace.contracts.identity import AppendRows, AuditRow
from grace.kit import Runtime, new_id
from grace.kit.envelope import sign
from grace.testkit import House, eventually
from grace.transparency import REGISTERED, Frontier, leaf_bytes, leaf_hash

from .test_cli import grace, told

OpenGrace = Callable[..., Any]


def row(
    signer: Runtime, subject: str = "thing.mended", body: bytes = b"{}", **changes: Any
) -> AuditRow:
    """A row as an outbox keeps it, with what somebody changed in it afterwards."""
    identity = new_id()
    made = AuditRow(
        audit_no=1,
        message_id=str(identity),
        subject=subject,
        body=body,
        key_id=signer.keys.key_id,
        signature=sign(signer.keys, subject, identity, body),
    )
    return made.model_copy(update=changes)


async def slip_in(house: House, *rows: tuple[str, AuditRow]) -> int:
    """Append as whoever has identity's database does, and no key; identity then signs the head."""
    admin = await house.installation.admin(house.database)
    try:
        await admin.execute("SET search_path TO identity")
        async with admin.transaction():
            return await _grow(admin, rows)
    finally:
        await admin.close()


async def _grow(admin: asyncpg.Connection, rows: tuple[tuple[str, AuditRow], ...]) -> int:
    state = await admin.fetchrow("SELECT size, edge FROM log_state FOR UPDATE")
    assert state is not None
    leaves = [
        leaf_bytes(r.subject, r.message_id, body=r.body, key_id=r.key_id, signature=r.signature)
        for _, r in rows
    ]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    grown, subtrees = Frontier(state["size"], tuple(state["edge"])).grow(hashes)
    for place, (producer, r) in enumerate(rows):
        index = state["size"] + place
        await admin.execute(
            "INSERT INTO immutable_log VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            index, producer, 1000 + index, UUID(r.message_id), r.subject, r.body, r.key_id,
            r.signature, hashes[place],
        )  # fmt: skip
    values = [(each.level, each.index, each.hash) for each in subtrees]
    await admin.executemany("INSERT INTO log_subtrees VALUES ($1, $2, $3)", values)
    change = "UPDATE log_state SET size = $1, edge = $2"
    await admin.execute(change, grown.size, list(grown.edge))
    return int(state["size"])


async def is_signed(house: House, size: int) -> None:
    """Wait for a head over so many entries."""
    signed = "SELECT FROM checkpoints WHERE size >= $1"
    await eventually(lambda: house.rows("identity", signed, size))


async def keys_in(place: Any, file: Path) -> list[dict[str, Any]]:
    """Keep the log's keys in a file."""
    file.write_text((await grace(place, "--json", "log", "keys")).stdout)
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


async def test_every_signature_of_the_log_is_checked(open_grace: OpenGrace, tmp_path: Path) -> None:
    async with open_grace("identity") as place:
        htm = await place.house.act_as("htm")
        await htm.call(AppendRows(producer="htm", rows=(row(htm),)))
        await is_signed(place.house, await slip_in(place.house, ("htm", row(htm))) + 1)
        result = await grace(place, "--json", "log", "verify")
        whole = json.loads(result.stdout)
        assert (whole["verified"], result.stderr) == (True, "")
        assert whole["signatures_checked"] == whole["entries"] == whole["size"]
        assert whole["signatures_not_checkable"] == 0
        found = await keys_in(place, tmp_path / "keys.json")
        assert {"identity", "gateway", "intent", "htm"} <= {key["component"] for key in found}
        assert {key["ended_at"] for key in found} == {None}


async def test_what_was_slipped_in_is_told_with_its_entry_and_its_key(
    open_grace: OpenGrace,
) -> None:
    """The tree holds it and the head is signed: only the signatures tell."""
    async with open_grace("identity") as place:
        htm, worker = await place.house.act_as("htm"), await place.house.act_as("worker")
        forged = [
            ("htm", row(htm, body=b"[1]", signature=bytes(64)), "the signature is none of key htm"),
            ("htm", row(htm).model_copy(update={"body": b"not JSON"}), "the signature is none of"),
            ("htm", row(worker), "is worker's"),
            ("worker", row(worker, "approval.granted"), "signs approval.granted"),
            ("htm", row(htm, key_id="htm-0"), "introduces no key htm-0"),
            ("identity.keys", row(worker, REGISTERED), "signs an entry about keys"),
        ]
        first = await slip_in(place.house, *(each[:2] for each in forged))
        await is_signed(place.house, first + len(forged))
        result = await grace(place, "log", "verify")
        assert (result.exit_code, result.stdout) == (1, "")
        for index, (_, _, complaint) in enumerate(forged, first):
            (line,) = [each for each in result.stderr.split("; ") if f"entry {index}" in each]
            assert complaint in line
        assert (await grace(place, "log", "keys")).exit_code == 1


async def test_an_entry_that_names_another_producer_is_told(open_grace: OpenGrace) -> None:
    """No hash covers the name beside it."""
    async with open_grace("identity") as place:
        htm = await place.house.act_as("htm")
        index = await slip_in(place.house, ("htm", row(htm)))
        await is_signed(place.house, index + 1)
        assert (await grace(place, "log", "verify")).exit_code == 0
        admin = await place.house.installation.admin(place.house.database)
        await admin.execute("SET session_replication_role = replica")
        swap = "UPDATE identity.immutable_log SET producer = 'worker' WHERE log_index = $1"
        await admin.execute(swap, index)
        await admin.close()
        result = await grace(place, "log", "verify")
        assert result.exit_code == 1
        assert f"entry {index} (thing.mended" in result.stderr
        assert "it is said to be worker's" in result.stderr


async def test_what_is_not_shown_is_not_counted_as_checked(open_grace: OpenGrace) -> None:
    async with open_grace("identity") as place:
        htm = await place.house.act_as("htm")
        index = await slip_in(place.house, ("htm", row(htm, body=b'{"tenant_id":"shop"}')))
        await is_signed(place.house, index + 1)
        result = await grace(place, "--json", "log", "verify")
        whole = json.loads(result.stdout)
        assert whole["signatures_checked"] == whole["entries"] - 1
        assert whole["signatures_not_checkable"] == 1
        assert f"1 signatures could not be checked (entries {index} to {index})" in result.stderr


async def test_ones_own_list_of_keys_tells_of_any_other(
    open_grace: OpenGrace, tmp_path: Path
) -> None:
    async with open_grace("identity") as place:
        htm = await place.house.act_as("htm")
        good, bad = row(htm), row(htm, signature=bytes(64))
        index = await slip_in(place.house, ("htm", good))
        await is_signed(place.house, index + 1)
        file, none = tmp_path / "keys.json", tmp_path / "none.json"
        none.write_text("[]")
        await keys_in(place, file)
        assert (await told(place, "log", "verify", "--keys", str(file)))["verified"]
        one = ("log", "verify", "--index", str(index))
        assert (await told(place, *one))["signatures_checked"] == 0
        assert (await told(place, *one, "--keys", str(file)))["signatures_checked"] == 1
        assert (await grace(place, *one, "--keys", str(none))).exit_code == 1

        learning = await place.house.act_as("learning")
        await is_signed(place.house, await slip_in(place.house, ("htm", row(htm))) + 1)
        result = await grace(place, "log", "verify", "--keys", str(file))
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"your list has not, or otherwise: {learning.keys.key_id}" in result.stderr

        index = await slip_in(place.house, ("htm", bad))
        await is_signed(place.house, index + 1)
        one = ("log", "verify", "--index", str(index), "--keys", str(file))
        result = await grace(place, *one)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "not signed by a key of your list" in result.stderr


@pytest.mark.parametrize("text", ["{}", "[{}]", "no"])
async def test_a_list_that_is_none_is_refused(
    open_grace: OpenGrace, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(text)
    async with open_grace() as place:
        assert (await grace(place, "log", "verify", "--keys", str(file))).exit_code == 2
