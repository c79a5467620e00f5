"""Keys on real servers: they outlive restarts and rotations, and nothing else opens them."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from grace.contracts.identity import IssueKey, KeyRotated
from grace.identity.app import build
from grace.identity.settings import Settings
from grace.kit import Forbidden, SettingsError, service
from grace.kit.envelope import SCHEMA
from grace.kit.flushing import flush
from grace.kit.keys import Keys
from grace.kit.sealing import Opener
from grace.testkit import House, eventually

from .conftest import QUICK, checkpoint_over, entries, tampering


async def _keys(house: House) -> list[tuple[str, str, str]]:
    rows = await house.rows(
        "identity",
        "SELECT component, key_id, status FROM component_crypto_identities ORDER BY created_at, key_id",
    )
    return [(row["component"], row["key_id"], row["status"]) for row in rows]


@pytest.mark.parametrize("suite", ["aes-256-gcm", "fernet"])
async def test_every_key_survives_three_restarts(house: House, suite: str) -> None:
    """Also under the other suite: what one has closed is read whichever is written now."""
    other = {"aes-256-gcm": "fernet", "fernet": "aes-256-gcm"}[suite]
    names = ("htm", "worker", "gateway")
    async with house.running("identity", identity={"cipher_suite": suite} | QUICK):
        first = {name: (await house.act_as(name)).keys for name in names}
        # There as soon as they are handed out, and not when the service stops.
        assert len(await _keys(house)) == 4
        signatures = {name: keys.sign("test", b"x") for name, keys in first.items()}
        kept = await checkpoint_over(await house.act_as("gateway"), 4)
        await house.dismiss()
    for now in (suite, other, suite):
        async with house.running("identity", identity={"cipher_suite": now} | QUICK) as services:
            own = services["identity"].keys
            for name in names:
                again = (await house.act_as(name)).keys
                assert again.key_id == first[name].key_id
                assert again.sign("test", b"x") == signatures[name]
                assert own.verify(first[name].key_id, signatures[name], "test", b"x")
                assert own.component_of(first[name].key_id) == name
            await house.act_as("learning")  # one more key, made by the first of the three
            grown = await checkpoint_over(await house.act_as("gateway"), kept.size + 1)
            await house.dismiss()
    # The log went on where it was: what an auditor kept of it before still fits.
    assert [tampering(await entries(house), each) for each in (kept, grown)] == [None, None]
    stored = await house.rows("identity", "SELECT * FROM crypto_key_store")
    assert {row["suite"] for row in stored} == {suite}
    assert len(stored) == 5
    for row in stored:
        assert not any(_private(keys) in row["ciphertext"] for keys in first.values())


def _private(keys: Keys) -> bytes:
    assert keys._signer is not None
    return bytes(keys._signer)


async def test_an_expired_key_is_followed_by_another_and_its_signatures_hold(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself, while the services run: nobody has to ask for it."""
    monkeypatch.setattr(service, "_KEY_REFRESH", timedelta(milliseconds=50))
    short = {"key_lifetime": timedelta(seconds=0.2)}
    async with house.running("identity", "learning", identity=short) as services:
        keys = services["learning"].keys
        old_id, signature = keys.key_id, keys.sign("test", b"x")
        await eventually(lambda: keys.key_id != old_id)
        assert keys.verify(old_id, signature, "test", b"x")
        assert not keys.verify(keys.key_id, signature, "test", b"x")
        statuses = {key_id: status for _, key_id, status in await _keys(house)}
        assert statuses[old_id] == "retired"

        async def told() -> KeyRotated:
            for stored in await house.messages("identity.key.rotated"):
                message = KeyRotated.from_bytes(stored.data)
                if message.previous_key_id == old_id:
                    return message
            raise LookupError

        message: KeyRotated = await eventually(told)
        assert (message.component, message.reason) == ("learning", "expired")

        async def is_in_the_log() -> bool:
            return message.to_bytes() in {row["body"] for row in await entries(house)}

        await eventually(is_in_the_log)

        # Nothing in Grace revokes a key yet; an operator does it in the registry.
        revoke = "UPDATE component_crypto_identities SET status = 'revoked' WHERE key_id = $1"
        await house.rows("identity", revoke, old_id)
        await keys.load()
        assert not keys.verify(old_id, signature, "test", b"x")


async def test_a_component_has_one_active_key_however_many_ask(house: House) -> None:
    async with house.running("identity"), house.running("identity"):
        for _ in range(3):
            await house.act_as("htm")
        await house.dismiss()
    assert [name for name, _, status in await _keys(house) if status == "active"] == [
        "identity",
        "htm",
    ]


async def _refused(house: House, **identity: object) -> str:
    before = await _keys(house)
    with pytest.raises(SettingsError) as refused:
        async with house.running("identity", identity=identity):
            pass
    assert await _keys(house) == before
    return str(refused.value)


def _key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "master.key"
    file.write_text(text)
    file.chmod(mode)
    return file


async def test_another_master_key_stops_the_start_and_changes_nothing(
    house: House, tmp_path: Path
) -> None:
    async with house.running("identity"):
        pass
    told = await _refused(house, master_key_file=_key_file(tmp_path, "x" * 43))
    assert "nothing was changed" in told


async def test_another_master_key_makes_no_key_even_when_all_have_expired(
    house: House, tmp_path: Path
) -> None:
    """A silent new key would hide for good that the old ones cannot be read."""
    async with house.running("identity", identity={"key_lifetime": timedelta(microseconds=1)}):
        pass
    told = await _refused(house, master_key_file=_key_file(tmp_path, "x" * 43))
    assert "the master key does not open" in told


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("x" * 43, 0o644, "can be read by others: chmod 600"),
        ("x" * 43, 0o640, "can be read by others: chmod 600"),
        ("short", 0o600, "fewer than 16 characters"),
        ("", 0o600, "fewer than 16 characters"),
    ],
)
def test_a_master_key_file_that_will_not_do_is_refused(
    tmp_path: Path, text: str, mode: int, told: str
) -> None:
    with pytest.raises(SettingsError, match=told) as refused:
        build(Settings(master_key_file=_key_file(tmp_path, text, mode)))
    assert "xxx" not in str(refused.value)


def test_a_missing_master_key_file_is_refused_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the master key file .*: No such file"):
        build(Settings(master_key_file=tmp_path / "master.key"))
    assert list(tmp_path.iterdir()) == []


def test_a_master_key_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_bytes(b"\xff" * 43)
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="it is not text"):
        build(Settings(master_key_file=file))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_somebody_elses_master_key_file_is_refused(tmp_path: Path) -> None:
    file = _key_file(tmp_path, "x" * 43)
    os.chown(file, 65534, 65534)
    with pytest.raises(SettingsError, match="belongs to another user"):
        build(Settings(master_key_file=file))


async def test_a_private_key_moved_to_another_row_does_not_open(house: House) -> None:
    """Somebody who can write the database cannot make one service sign as another."""
    async with house.running("identity"):
        await house.act_as("htm")
        await house.act_as("worker")
        await house.rows(
            "identity",
            """
            UPDATE crypto_key_store AS to_row
               SET wrapped_key = from_row.wrapped_key, ciphertext = from_row.ciphertext
              FROM crypto_key_store AS from_row
             WHERE to_row.component = 'worker' AND from_row.component = 'htm'
            """,
        )
        assert await _ask_as(house, "worker", "worker") == "grace.kit.v1.Problem"
        await house.dismiss()


async def _ask_as(house: House, user: str, component: str, *, within: float = 10) -> str:
    """Ask for a component's key by that user's connection; the schema of the answer."""
    client = await house.connect(user)
    request = IssueKey(component=component, ephemeral_public_key=Opener().public_key)
    subject = f"rpc.identity.issue.{component}"
    reply = await client.request(subject, request.to_bytes(), timeout=within)
    assert reply.headers is not None
    return reply.headers[SCHEMA]


async def test_nats_lets_nobody_ask_for_anothers_key(house: House) -> None:
    async with house.running("identity"):
        assert await _ask_as(house, "worker", "worker") == "grace.identity.v1.IssuedKey"
        for user in ("htm", "gateway", "outside"):
            with pytest.raises(TimeoutError):
                await _ask_as(house, user, "worker", within=0.3)
    assert [name for name, _, _ in await _keys(house)] == ["identity", "worker"]


async def test_identity_lets_nobody_ask_for_anothers_key_on_the_own_subject(house: House) -> None:
    async with house.running("identity"):
        htm = await house.act_as("htm")
        for component in ("worker", "identity", "nobody"):
            with pytest.raises(Forbidden, match="its own key only"):
                await htm.call(
                    IssueKey(component=component, ephemeral_public_key=Opener().public_key)
                )
        await house.dismiss()


async def test_an_answer_on_the_bus_holds_no_private_key(house: House) -> None:
    """Whoever reads along has a box that only the asker opens."""
    async with house.running("identity"):
        spy = await house.connect("tester")
        heard = await spy.subscribe("_INBOX_htm.>")
        await flush(spy)
        htm = await house.act_as("htm")
        assert htm.keys._signer is not None
        private = bytes(htm.keys._signer)
        answers = [await heard.next_msg(timeout=5), await heard.next_msg(timeout=5)]
        assert all(private not in each.data for each in answers)
        await house.dismiss()
