"""`grace log verify` on a log of some size: all of it is read, and what is stored is what is checked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grace.contracts.identity import AppendRows, AuditRow
from grace.identity.handlers import log
from grace.kit import Runtime, new_id
from grace.kit.envelope import sign
from grace.testkit import House, eventually
from grace.transparency import Frontier

from .test_cli import grace, told

OpenGrace = Callable[..., Any]
PORTION, MANY = 500, 1000


async def test_a_log_of_many_pages_is_checked_to_its_end(
    open_grace: OpenGrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_grace("identity") as place:
        htm = await place.house.act_as("htm")
        for done in range(0, MANY, PORTION):
            rows = tuple(row(htm, done + number + 1) for number in range(PORTION))
            await htm.call(AppendRows(producer="htm", rows=rows))
        signed = "SELECT FROM checkpoints WHERE size >= $1"
        await eventually(lambda: place.house.rows("identity", signed, MANY))
        assert len(await place.admin.entries(limit=1000)) == 1000
        for page in (1000, 400):  # whatever an identity gives at once
            monkeypatch.setattr(log, "_MOST_ENTRIES", page)
            whole = await told(place, "log", "verify")
            assert (whole["verified"], whole["entries"] == whole["size"] >= MANY) == (True, True)


FORGED = {
    "body": "'[]'",
    "key_id": "'forged'",
    "message_id": "gen_random_uuid()",
    "signature": "body",
    "subject": "'forged'",
}


async def test_a_stored_message_that_somebody_changed_does_not_pass(open_grace: OpenGrace) -> None:
    """The administrator of Postgres changes what is stored, and leaves the hashes beside it alone."""
    async with open_grace("identity") as place:
        signed = "SELECT FROM checkpoints WHERE size >= 2"
        await eventually(lambda: place.house.rows("identity", signed))
        admin = await place.house.installation.admin(place.house.database)
        try:
            await admin.execute("SET session_replication_role = replica")
            await admin.execute("SET search_path TO identity")
            await admin.execute("CREATE TEMP TABLE kept AS TABLE immutable_log")
            for column, forged in FORGED.items():
                change = f"UPDATE immutable_log AS l SET {column} = "
                await admin.execute(f"{change} {forged} WHERE log_index = 1")
                whole = await grace(place, "log", "verify")
                assert (whole.exit_code, whole.stdout) == (1, ""), column
                assert "do not make the signed root" in whole.stderr
                restore = f"{change} k.{column} FROM kept k WHERE l.log_index = k.log_index"
                await admin.execute(restore)
            assert (await grace(place, "log", "verify")).exit_code == 0
        finally:
            await admin.close()


async def test_a_log_that_was_cut_off_does_not_hold_what_its_kept_head_stands_for(
    open_grace: OpenGrace, tmp_path: Path
) -> None:
    """Cut back to an older head, the log is whole and signed: only who kept a newer one sees it."""
    async with open_grace("identity") as place:
        await eventually(lambda: place.house.rows("identity", "SELECT FROM checkpoints"))
        older, newer = tmp_path / "older.json", tmp_path / "newer.json"
        size = int((await kept(place, older))["size"])
        htm = await place.house.act_as("htm")
        await htm.call(AppendRows(producer="htm", rows=(row(htm, 1), row(htm, 2))))
        signed = "SELECT FROM checkpoints WHERE size >= $1"
        await eventually(lambda: place.house.rows("identity", signed, size + 2))
        key = (await kept(place, newer))["verifier_key"]
        verify = ("log", "verify", "--log-key", key)
        whole = await told(place, *verify, "--kept", str(older))
        assert (whole["kept_size"], whole["size"] >= size + 2) == (size, True)
        await cut_off(place.house, size)
        assert (await told(place, *verify, "--kept", str(older)))["verified"]
        cut = await grace(place, *verify, "--kept", str(newer))
        assert (cut.exit_code, cut.stdout) == (1, "")
        assert "the log had" in cut.stderr
        older.write_text("{}")
        assert (await grace(place, *verify, "--kept", str(older))).exit_code == 2
        assert (await grace(place, *verify, "--index", "0", "--kept", str(newer))).exit_code == 2


async def kept(place: Any, file: Path) -> Any:
    """Keep the newest head in a file, as whoever watches the log does."""
    file.write_text((await grace(place, "--json", "log", "checkpoint")).stdout)
    return json.loads(file.read_text())


async def cut_off(house: House, size: int) -> None:
    """Bring the log back to an older head, as the administrator of Postgres can."""
    admin = await house.installation.admin(house.database)
    try:
        await admin.execute("SET session_replication_role = replica")
        await admin.execute("SET search_path TO identity")
        async with admin.transaction():
            await admin.execute("DELETE FROM immutable_log WHERE log_index >= $1", size)
            await admin.execute("DELETE FROM log_subtrees WHERE (index + 1) << level > $1", size)
            await admin.execute("DELETE FROM checkpoints WHERE size > $1", size)
            rows = await admin.fetch("SELECT leaf_hash FROM immutable_log ORDER BY log_index")
            edge = Frontier().extend(found["leaf_hash"] for found in rows).edge
            await admin.execute("UPDATE log_state SET size = $1, edge = $2", size, list(edge))
    finally:
        await admin.close()


def row(producer: Runtime, number: int) -> AuditRow:
    """A row as an outbox keeps it."""
    identity, body = new_id(), b"{}"
    return AuditRow(
        audit_no=number,
        message_id=str(identity),
        subject="thing.mended",
        body=body,
        key_id=producer.keys.key_id,
        signature=sign(producer.keys, "thing.mended", identity, body),
    )
