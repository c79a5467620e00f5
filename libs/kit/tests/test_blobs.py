"""The blob store: one set of sentences for a folder and for a real S3 over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from grace.kit import Invalid, SettingsError
from grace.kit.blobs import (
    BlobCorrupt,
    BlobMissing,
    BlobRef,
    Blobs,
    BlobSettings,
    BlobsUnreachable,
    BlobTooLarge,
    open_blobs,
)  # fmt: skip

BUCKET = "grace-blobs"
KEYS = "[default]\naws_access_key_id = tests\naws_secret_access_key = tests\n"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlobSettings]:
    """Settings of one empty bucket on a server that speaks S3."""
    # Who only collects tests need not wait for it.
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(KEYS)
    yield BlobSettings(
        blob_store=f"s3://{BUCKET}/some/prefix",
        blob_endpoint=f"http://{host}:{port}",
        blob_credentials_file=keys,
    )
    server.stop()


@pytest.fixture(scope="module")
def in_bucket(bucket: BlobSettings) -> Blobs:
    """The store of those settings."""
    blobs = open_blobs(bucket)
    blobs._shelf._client.create_bucket(Bucket=BUCKET)
    return blobs


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """Either kind of store."""
    if request.param == "s3":
        return request.getfixturevalue("in_bucket")
    return open_blobs(BlobSettings(blob_store=f"file://{tmp_path}/a%20b"))


@pytest.mark.parametrize("data", [b"", b"x", os.urandom(300_000)], ids=["none", "one", "many"])
async def test_what_was_put_is_read_by_its_reference_again_and_again(blobs, data) -> None:
    ref = await blobs.put(data)
    assert ref == await blobs.put(data) == BlobRef.of(data)
    assert await blobs.get(ref) == await blobs.get(ref) == data


async def test_what_is_not_there_is_missing(blobs) -> None:
    await blobs.put(b"another")
    with pytest.raises(BlobMissing, match=BlobRef.of(b"absent").sha256):
        await blobs.get(BlobRef.of(b"absent"))


@pytest.mark.parametrize("damaged", [b"", b"what was pu", b"what was put.", b"What was put"])
async def test_other_bytes_than_were_put_are_never_returned_and_a_put_heals_them(
    blobs, damaged
) -> None:
    ref = await blobs.put(b"what was put")
    blobs._shelf.write(ref.sha256, damaged)
    with pytest.raises(BlobCorrupt, match=ref.sha256):
        await blobs.get(ref)
    await blobs.put(b"what was put")
    assert await blobs.get(ref) == b"what was put"


async def test_a_reference_with_another_size_is_not_the_blob(blobs) -> None:
    ref = await blobs.put(b"four")
    for size in (3, 5):
        with pytest.raises(BlobCorrupt):
            await blobs.get(BlobRef(ref.sha256, size))


async def test_more_bytes_than_are_allowed_are_refused_both_ways(blobs) -> None:
    large = await blobs.put(b"12345")
    small = Blobs(blobs._shelf, most=4)
    for call in (small.put(b"12345"), small.get(large)):
        with pytest.raises(BlobTooLarge, match="at most 4"):
            await call


async def test_a_bucket_that_nobody_made_is_told_from_a_missing_blob(bucket) -> None:
    blobs = open_blobs(bucket.model_copy(update={"blob_store": "s3://no-such-bucket"}))
    for call in (blobs.put(b"x"), blobs.get(BlobRef.of(b"x"))):
        with pytest.raises(BlobsUnreachable, match="no-such-bucket"):
            await call


async def test_the_bytes_lie_under_the_prefix_by_their_hash(in_bucket) -> None:
    ref = await in_bucket.put(b"here")
    listed = in_bucket._shelf._client.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert f"some/prefix/{ref.sha256[:2]}/{ref.sha256}" in {each["Key"] for each in listed}


async def test_a_folder_that_cannot_be_made_is_said(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    blobs = open_blobs(BlobSettings(blob_store=f"file://{tmp_path}/file"))
    for call in (blobs.put(b"x"), blobs.get(BlobRef.of(b"x"))):
        with pytest.raises(BlobsUnreachable, match="Not a directory"):
            await call


async def test_nothing_but_blobs_is_left_in_a_folder(tmp_path) -> None:
    blobs = open_blobs(BlobSettings(blob_store=f"file://{tmp_path}"))
    ref = await blobs.put(b"one")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [ref.sha256]
    assert (tmp_path / ref.sha256[:2] / ref.sha256).stat().st_mode & 0o777 == 0o640


async def test_without_a_store_it_is_said_which_setting_is_missing() -> None:
    blobs = open_blobs(BlobSettings())
    for call in (blobs.put(b"x"), blobs.get(BlobRef.of(b"x"))):
        with pytest.raises(BlobsUnreachable, match="BLOB_STORE"):
            await call


@pytest.mark.parametrize("store", ["blobs", "file://host/blobs", "s3://", "http://x", "s3:///x"])
def test_a_store_that_is_none_is_refused_at_start(store) -> None:
    with pytest.raises(SettingsError, match="BLOB_STORE"):
        BlobSettings(blob_store=store)


@pytest.mark.parametrize("name", ["", "../" * 21 + "x", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_what_looks_like_a_hash_is_none(name) -> None:
    with pytest.raises(Invalid):
        BlobRef(name, 1)


async def test_what_nobody_has_put_for_long_is_forgotten_and_nothing_else(tmp_path) -> None:
    settings = BlobSettings(blob_store=f"file://{tmp_path}/blobs")
    blobs, states = open_blobs(settings), open_blobs(settings, "states")
    old = [await blobs.put(data) for data in (b"1", b"2", b"3")]
    young, kept = await blobs.put(b"4"), await states.put(b"1")
    foreign = tmp_path / "blobs" / "README"
    foreign.write_text("not ours")
    for path in (tmp_path / "blobs").rglob("*"):
        if path.is_file() and path.name != young.sha256:
            os.utime(path, (1, 1))
    again = await blobs.put(b"3")  # renewed
    day = timedelta(days=1)
    assert await blobs.forget(unused_for=day, most=1) == 1
    assert await blobs.forget(unused_for=day, most=9) == 1
    assert await blobs.forget(unused_for=day, most=9) == 0
    for ref in old[:2]:
        with pytest.raises(BlobMissing):
            await blobs.get(ref)
    assert [await blobs.get(ref) for ref in (again, young)] == [b"3", b"4"]
    assert (await states.get(kept), foreign.read_text()) == (b"1", "not ours")


async def test_a_bucket_has_rules_of_its_own_for_that(in_bucket) -> None:
    ref = await in_bucket.put(b"old")
    assert await in_bucket.forget(unused_for=timedelta(days=-1), most=9) == 0
    assert await in_bucket.get(ref) == b"old"
    for _ in range(2):
        await in_bucket.remove(ref.sha256)
    with pytest.raises(BlobMissing):
        await in_bucket.get(ref)
