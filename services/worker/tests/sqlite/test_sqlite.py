"""The sqlite kernel: no committed row is ever missing, and busy is not done."""

import os
from pathlib import Path
from typing import Any

import pytest

from grace.worker.domain.failure import (
    BlockedError,
    ChangedError,
    InvalidError,
    KernelError,
    NotNowError,
    UnfinishedError,
    UnusableError,
    may_have_acted,
)
from grace.worker.domain.targets import CommandTarget, InvalidTargetsError, SqliteTarget, parse
from grace.worker.kernels.operation import Context, NoParams, Role, Tier
from grace.worker.kernels.registry import Registry
from grace.worker.kernels.sqlite import child
from grace.worker.kernels.sqlite.checkpoint import Checkpoint
from grace.worker.kernels.sqlite.clear_locks import ClearLocks
from grace.worker.kernels.sqlite.look import Look
from grace.worker.kernels.sqlite.vacuum import Vacuum

from .conftest import INSERT, KEEP_LOG, Shop

CHECKPOINT, CLEAR, LOOK, VACUUM = Checkpoint(), ClearLocks(), Look(), Vacuum()
ACTING = (CHECKPOINT, CLEAR, VACUUM)
NONE = NoParams()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that others hold for ever are not waited for."""
    monkeypatch.setattr(child, "PATIENCE", child.PATIENCE * 0)


async def test_what_is_seen_is_what_sqlite_says_and_nothing_is_made(shop: Shop) -> None:
    shop.run(*[INSERT.format("x" * 4000) for _ in range(50)])
    shop.run("DELETE FROM orders WHERE id > 10")
    held = (KEEP_LOG, INSERT.format("second"), "DELETE FROM orders WHERE id > 5")
    with shop.opened(*held) as other:
        beside = shop.beside()
        found = await LOOK.observe(shop.ctx(), NONE)
        assert shop.beside() == beside
        said = {
            name: shop.run(f"PRAGMA {name}")[0][0]
            for name in ("page_size", "page_count", "freelist_count", "journal_mode")
        }
    assert [found[name] for name in ("page_size", "pages", "free_pages", "journal_mode")] == list(
        said.values()
    )
    assert found["free_pages"] != 0
    assert found["wal_frames"] == shop_frames(found)
    assert [str(each).split()[0] for each in found["holders"]] == [str(other.pid)]
    assert (await LOOK.plan(shop.ctx(), NONE)).changes == ()


def shop_frames(found: Any) -> int:
    """How many frames fit a log of that size: each has a page and 24 bytes, behind 32."""
    frames, rest = divmod(found["wal_bytes"] - 32, found["page_size"] + 24)
    assert rest == 0
    return int(frames)


async def test_a_transaction_that_goes_on_is_not_counted(shop: Shop) -> None:
    with shop.opened(KEEP_LOG, INSERT.format("second")):
        committed = await LOOK.observe(shop.ctx(), NONE)
        big = INSERT.format("x" * 20_000)
        with shop.opened(KEEP_LOG, "PRAGMA cache_size = 1", "BEGIN", *[big] * 20):
            now = await LOOK.observe(shop.ctx(), NONE)
    assert int(str(now["wal_bytes"])) > int(str(committed["wal_bytes"]))  # it is in the file
    assert [now[n] for n in ("wal_frames", "pages")] == [
        committed[n] for n in ("wal_frames", "pages")
    ]


async def test_a_log_is_moved_into_the_database(shop: Shop) -> None:
    with shop.opened(KEEP_LOG, INSERT.format("second")):
        before = await CHECKPOINT.observe(shop.ctx(), NONE)
        (change,) = (await CHECKPOINT.plan(shop.ctx(), NONE)).changes
        assert (change.resource, change.before, change.after) == (
            "wal_bytes",
            before["wal_bytes"],
            0,
        )
        for _ in range(2):  # twice is once
            assert await CHECKPOINT.apply(shop.ctx(before), NONE) == {"wal_bytes": 0}
        after = await CHECKPOINT.observe(shop.ctx(), NONE)
        assert (after["wal_bytes"], after["inode"]) == (0, before["inode"])
        assert (await CHECKPOINT.plan(shop.ctx(), NONE)).changes == ()
    assert shop.notes() == ["first", "second"]


async def test_a_log_that_a_reader_needs_is_not_said_to_be_empty(
    shop: Shop, impatient: None
) -> None:
    with (
        shop.opened(KEEP_LOG, INSERT.format("second"), "BEGIN", "SELECT * FROM orders"),
        shop.opened(KEEP_LOG, INSERT.format("third")),
    ):
        before = await CHECKPOINT.observe(shop.ctx(), NONE)
        with pytest.raises(UnfinishedError, match="in the way") as refused:
            await CHECKPOINT.apply(shop.ctx(before), NONE)
        assert may_have_acted(refused.value)
        assert (await CHECKPOINT.observe(shop.ctx(), NONE))["wal_bytes"] != 0
    assert shop.notes() == ["first", "second", "third"]


async def test_room_of_free_pages_is_given_back(shop: Shop) -> None:
    shop.run(*[INSERT.format("x" * 4000) for _ in range(200)], "DELETE FROM orders WHERE id > 1")
    before = await VACUUM.observe(shop.ctx(), NONE)
    assert (await VACUUM.plan(shop.ctx(), NONE)).changes[0].before == before["free_pages"] != 0
    with shop.opened("SELECT 1"):
        result = await VACUUM.apply(shop.ctx(before), NONE)
    after = await VACUUM.observe(shop.ctx(), NONE)
    assert (after["free_pages"], after["bytes"]) == (0, result["bytes"])
    assert int(str(after["bytes"])) < int(str(before["bytes"])) / 10
    assert shop.notes() == ["first"]
    assert (await VACUUM.plan(shop.ctx(), NONE)).changes == ()


async def test_what_does_not_fit_twice_is_not_rewritten(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is larger than the disk: a sparse one, of which SQLite knows nothing."""
    before = await VACUUM.observe(shop.ctx(), NONE)
    room = os.statvfs(shop.file.parent)
    os.truncate(shop.file, room.f_bavail * room.f_frsize)
    with pytest.raises(UnusableError, match="bytes of room"):
        await VACUUM.apply(shop.ctx(before), NONE)
    with pytest.raises(BlockedError, match="more than one action"):
        await VACUUM.plan(shop.ctx(), NONE)


async def test_what_a_dead_process_left_is_recovered_and_removed(shop: Shop) -> None:
    shop.killed(KEEP_LOG, INSERT.format("second"), "BEGIN", INSERT.format("never committed"))
    assert shop.beside() == {"-wal", "-shm"}
    before = await CLEAR.observe(shop.ctx(), NONE)
    (change,) = (await CLEAR.plan(shop.ctx(), NONE)).changes
    assert (change.resource, change.before) == ("wal_bytes", before["wal_bytes"])
    result = await CLEAR.apply(shop.ctx(before), NONE)
    assert shop.beside() == set()
    assert shop.notes() == ["first", "second"]
    kept = Path(str(result["kept"]))
    assert Shop(kept / shop.file.name).run("SELECT note FROM orders") == [("first",), ("second",)]
    assert kept.stat().st_mode & 0o077 == 0
    again = await CLEAR.apply(shop.ctx(before), NONE)  # twice is once, also of the copy
    assert (again, shop.notes()) == (result, ["first", "second"])


async def test_a_transaction_that_a_crash_cut_off_is_taken_back(shop: Shop) -> None:
    """By its journal, which SQLite would not know of any more if somebody had deleted it."""
    shop.run("PRAGMA journal_mode = DELETE", *[INSERT.format("x" * 3000) for _ in range(20)])
    half = "UPDATE orders SET note = 'half'"
    shop.killed("PRAGMA cache_size = 1", "BEGIN", half)
    assert shop.beside() == {"-journal"}
    before = await CLEAR.observe(shop.ctx(), NONE)
    assert before["journal_mode"] == "rollback"
    assert (await CLEAR.plan(shop.ctx(), NONE)).changes[0].resource == "journal_bytes"
    await CLEAR.apply(shop.ctx(before), NONE)
    assert shop.beside() == set()
    assert set(shop.notes()) == {"first", "x" * 3000}


async def test_what_somebody_has_open_is_left_alone(
    shop: Shop, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.opened(KEEP_LOG, INSERT.format("second")) as other:
        before = await CLEAR.observe(shop.ctx(), NONE)
        with pytest.raises(BlockedError, match=f"process {other.pid} .* has it open"):
            await CLEAR.plan(shop.ctx(), NONE)
        with pytest.raises(BlockedError, match=f"process {other.pid} .* has it open"):
            await CLEAR.apply(shop.ctx(before), NONE)
        hidden = child._PROGRAM.read_text().replace('"[0-9]*"', '"nobody"')
        blind = shop.file.parent / "program.py"
        blind.write_text(hidden)
        monkeypatch.setattr(child, "_PROGRAM", blind)  # as where another user's process has it
        with pytest.raises(NotNowError, match="locked"):
            await CLEAR.apply(shop.ctx(before), NONE)
        assert shop.beside() == {"-wal", "-shm"}
    assert shop.notes() == ["first", "second"]


async def test_what_is_damaged_is_not_called_well(shop: Shop) -> None:
    shop.run(*[INSERT.format("x" * 3000) for _ in range(20)])
    before = await CLEAR.observe(shop.ctx(), NONE)
    with shop.file.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(UnusableError, match=r"damaged|malformed"):
        await CLEAR.apply(shop.ctx(before), NONE)


@pytest.mark.parametrize("operation", ACTING, ids=lambda each: each.name)
async def test_another_file_under_the_name_stops_it(shop: Shop, operation: Any) -> None:
    before = await operation.observe(shop.ctx(), NONE)
    shop.file.rename(shop.file.with_name("moved"))
    Shop(shop.file).run("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT)")
    with pytest.raises(ChangedError, match="another file"):
        await operation.apply(shop.ctx(before), NONE)


@pytest.mark.parametrize("operation", [LOOK, *ACTING], ids=lambda each: each.name)
async def test_only_a_plain_database_is_opened(shop: Shop, operation: Any) -> None:
    def at(file: Path) -> Context:
        return Shop(file).ctx()

    folder = shop.file.parent
    (folder / "link.db").symlink_to(shop.file)
    (folder / "text.db").write_text("no database, but long enough for a header" * 9)
    (folder / "elsewhere").symlink_to(folder)
    expected: dict[str, type[KernelError]] = {
        "link.db": BlockedError,
        "elsewhere/orders.db": BlockedError,
        "text.db": UnusableError,
        "gone.db": UnusableError,
        ".": BlockedError,
    }
    for name, refusal in expected.items():
        with pytest.raises(refusal):
            await operation.observe(at(folder / name), NONE)
    os.link(shop.file, folder / "second.db")
    with pytest.raises(BlockedError, match="one name"):
        await operation.observe(shop.ctx(), NONE)
    with pytest.raises(InvalidError, match="not a sqlite target"):
        await operation.plan(Context(CommandTarget("checks", "demo", ()), Role.OBSERVE), NONE)


async def test_a_database_without_a_log_has_none_to_move(shop: Shop) -> None:
    shop.run("PRAGMA journal_mode = DELETE")
    before = await CHECKPOINT.observe(shop.ctx(), NONE)
    with pytest.raises(BlockedError, match="no write-ahead log"):
        await CHECKPOINT.apply(shop.ctx(before), NONE)


async def test_a_step_that_takes_too_long_is_ended(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.opened("BEGIN EXCLUSIVE"):
        before = await VACUUM.observe(shop.ctx(), NONE)
        monkeypatch.setattr(child, "LONGEST", child.LONGEST / 100)
        with pytest.raises(UnfinishedError, match=r"within 0.25 s"):
            await VACUUM.apply(shop.ctx(before), NONE)
    assert shop.notes() == ["first"]


def test_tiers_and_what_can_be_undone() -> None:
    operations = Registry(["sqlite"]).kernels["sqlite"].operations
    assert {each.name: (each.tier, each.revert) for each in operations} == {
        "sqlite.look": (Tier.HARMLESS, None),
        "sqlite.checkpoint": (Tier.HARMLESS, None),
        "sqlite.clear_locks": (Tier.REVERSIBLE, None),
        "sqlite.vacuum": (Tier.DANGEROUS, None),
    }


@pytest.mark.parametrize(
    "text", ["/srv/o.db", "sqlite:////srv/o.db", "sqlite+aiosqlite:////srv/o.db"]
)
def test_a_target_is_a_path_or_a_url(text: str) -> None:
    target = parse(f'[targets.o]\nkind = "sqlite"\nenvironment = "demo"\nfile = "{text}"\n')["o"]
    assert isinstance(target, SqliteTarget)
    assert str(target.file) == "/srv/o.db"


@pytest.mark.parametrize(
    "text", ["orders.db", "sqlite:///srv/o.db", "/srv/../o.db", "/srv/o.db-wal", "mysql:////o.db"]
)
def test_what_is_no_absolute_path_of_a_database_registers_nothing(text: str) -> None:
    with pytest.raises(InvalidTargetsError, match=r"targets.o: file must be"):
        parse(f'[targets.o]\nkind = "sqlite"\nenvironment = "demo"\nfile = "{text}"\n')
