"""Long states: told by their hash, kept encrypted, given back whole or not at all."""

from pathlib import Path
from typing import Any

import pytest

from grace.kit import Safe
from grace.kit.blobs import Blobs, Folder, NoShelf
from grace.worker.domain.capability import Act, Step
from grace.worker.domain.failure import (
    CorruptError,
    MissingError,
    NotNowError,
    UnusableError,
)
from grace.worker.domain.large import LONGEST, Large, large_in, reference_to
from grace.worker.domain.state import digest, state_of, text_of
from grace.worker.loops.shelf import Shelf

STATE = {"files": ["a \u20ac"] * LONGEST}
ACT = Act("default", "contract-1", "action-1", Step.APPLY, "test.op", "t", "{}")
SAFE = Safe(b"k" * 32)


async def noted(_: str) -> None:
    """Somebody else's business: tests/test_store.py."""


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(Blobs(Folder(tmp_path), most=64 * 1024 * 1024), SAFE, ACT, noted)


def blob(folder: Path) -> Path:
    (found,) = [path for path in folder.rglob("*") if path.is_file()]
    return found


@pytest.mark.parametrize(
    "state",
    [{}, {"$large": 1}, {"$large": {"sha256": "a"}}, {"$large": {}, "x": 1}, {"large": {}}],
)
def test_what_is_no_reference_stands_for_itself(state: Any) -> None:
    assert large_in(state) is None


def test_a_reference_is_what_it_is_after_a_row_and_a_message() -> None:
    large = Large("a" * 64, 5, "b" * 64, 9)
    assert large_in(state_of(text_of(reference_to(large)))) == large


async def test_a_long_state_comes_back_and_does_not_show(shelf: Shelf, tmp_path: Path) -> None:
    assert await shelf.put({"n": 1}) == {"n": 1}
    short = await shelf.put(STATE)
    large = large_in(short)
    assert large is not None
    assert (large.sha256, large.bytes) == (digest(text_of(STATE)), len(text_of(STATE).encode()))
    assert len(text_of(short)) < 300
    assert await shelf.get(short) == STATE
    assert b"files" not in blob(tmp_path).read_bytes()


async def test_a_state_is_as_long_as_its_bytes(shelf: Shelf) -> None:
    wide = {"n": "\u20ac" * (LONGEST // 3)}
    assert large_in(await shelf.put(wide)) is not None
    narrow = {"n": "n" * (LONGEST - len(text_of({"n": ""})))}
    assert await shelf.put(narrow) == narrow


async def test_what_is_gone_or_altered_is_not_given_back(shelf: Shelf, tmp_path: Path) -> None:
    short = await shelf.put(STATE)
    large = large_in(short)
    assert large is not None
    other = Act("default", "contract-1", "action-2", Step.APPLY, "test.op", "t", "{}")
    foreign = Shelf(Blobs(Folder(tmp_path), most=64 * 1024 * 1024), SAFE, other, noted)
    with pytest.raises(CorruptError):
        await foreign.get(short)
    with pytest.raises(CorruptError):
        await shelf.get(
            reference_to(Large("0" * 64, large.bytes, large.blob_sha256, large.blob_bytes))
        )
    path = blob(tmp_path)
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole + b"A", b"x" + whole[1:]):
        path.write_bytes(damaged)
        with pytest.raises(CorruptError):
            await shelf.get(short)
    path.unlink()
    with pytest.raises(MissingError):
        await shelf.get(short)


async def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="too long"):
        await Shelf(Blobs(Folder(tmp_path), most=1000), SAFE, ACT, noted).put(STATE)
    with pytest.raises(NotNowError, match="BLOB_STORE"):
        await Shelf(Blobs(NoShelf(), most=64 * 1024 * 1024), SAFE, ACT, noted).put(STATE)
