"""Large bytes by reference: stored under their SHA-256, shared by services, verified when read.

Rows and messages carry a `BlobRef`. What is stored never changes, so a put may be repeated.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pydantic import ByteSize, Field

from grace.kit.errors import InternalError, Invalid, NotFound, TooLarge, Unavailable
from grace.kit.settings import ServiceSettings

_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobMissing(NotFound):
    """The blob store has no blob of this hash."""


class BlobCorrupt(InternalError):
    """The blob store returned other bytes than were stored."""


class BlobTooLarge(TooLarge):
    """The blob is larger than the setting blob_most allows."""


class BlobsUnreachable(Unavailable):
    """The blob store cannot be used."""


class BlobSettings(ServiceSettings):
    """What a service sets that puts or reads blobs; it inherits these fields."""

    # file:///a/folder that every service sees, or s3://bucket/prefix. Empty: what needs one is refused.
    blob_store: str = Field(default="", pattern=r"^(|file:///.+|s3://[a-z0-9][a-z0-9.-]+(/.*)?)$")
    # Held in memory once while it is put or read.
    blob_most: ByteSize = ByteSize(64 * 1024 * 1024)
    # Of S3: another than Amazon's, where the bucket lies, and a shared credentials file in AWS's form;
    # without one the usual chain of boto3 (a role of the pod or the machine).
    blob_endpoint: str = Field(default="", pattern=r"^(|https?://.+)$")
    blob_region: str = "us-east-1"
    blob_credentials_file: Path | None = None


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Which bytes: their SHA-256 in lower-case hexadecimal, and how many they are."""

    sha256: str
    size: int

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.sha256) or self.size < 0:
            raise Invalid("a blob's reference is 64 hexadecimal digits in lower case and a size")

    @classmethod
    def of(cls, data: bytes) -> BlobRef:
        """The reference of these bytes, whether they are stored or not."""
        return cls(hashlib.sha256(data).hexdigest(), len(data))


class Shelf(Protocol):
    """Where blobs lie, by name. All of it blocks: `Blobs` calls it in a thread."""

    def write(self, name: str, data: bytes) -> None:
        """Store durably; over what is there, which heals a damaged blob."""

    def read(self, name: str, most: int) -> bytes:
        """Return at most so many bytes; BlobMissing where there are none."""

    def forget(self, before: float, most: int) -> int:
        """Forget some that were put last before a moment (seconds since 1970); return how many."""

    def remove(self, name: str) -> None:
        """Remove one; nothing where there is none."""


class Blobs:
    """The blob store of a service: what it puts is there when the call returns."""

    def __init__(self, shelf: Shelf, *, most: int) -> None:
        self._shelf = shelf
        self._most = most

    async def put(self, data: bytes) -> BlobRef:
        """Store the bytes and return their reference."""
        self._refuse_more(len(data))
        return await asyncio.to_thread(self._put, data)

    async def get(self, ref: BlobRef) -> bytes:
        """Return the bytes of this reference, or fail: never other bytes."""
        self._refuse_more(ref.size)
        return await asyncio.to_thread(self._get, ref)

    async def forget(self, *, unused_for: timedelta, most: int) -> int:
        """Forget at most so many blobs that nobody has put for so long; return how many.

        Who calls this knows that nothing refers to them any more.
        """
        before = time.time() - unused_for.total_seconds()
        return await asyncio.to_thread(self._shelf.forget, before, most)

    async def remove(self, sha256: str) -> None:
        """Remove a blob that is put by nobody else and to which nothing refers: who calls this knows."""
        await asyncio.to_thread(self._shelf.remove, BlobRef(sha256, 0).sha256)

    def _put(self, data: bytes) -> BlobRef:
        ref = BlobRef.of(data)
        self._shelf.write(ref.sha256, data)
        return ref

    def _get(self, ref: BlobRef) -> bytes:
        data = self._shelf.read(ref.sha256, ref.size + 1)
        if BlobRef.of(data) != ref:
            raise BlobCorrupt(f"the stored bytes of blob {ref.sha256} are not those that were put")
        return data

    def _refuse_more(self, size: int) -> None:
        if size > self._most:
            raise BlobTooLarge(f"a blob has {size} bytes, and at most {self._most} are allowed")


class Folder:
    """A shelf in a folder: one file per blob, there whole and on the disk, or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, data: bytes) -> None:
        """Write beside its place, then move it there: no reader sees a part of it."""
        path = self._path(name)
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            _write_durably(path, data)
            _sync(self._root)
        except OSError as error:
            raise BlobsUnreachable(f"{path} cannot be written: {error.strerror}") from error

    def read(self, name: str, most: int) -> bytes:
        """Return what the file holds, at most so many bytes."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                return file.read(most)
        except FileNotFoundError:
            raise BlobMissing(f"the folder {self._root} has no blob {name}") from None
        except OSError as error:
            raise BlobsUnreachable(f"{path} cannot be read: {error.strerror}") from error

    def forget(self, before: float, most: int) -> int:
        """Remove files that are older; one that is put again meanwhile stays."""
        try:
            return sum(islice((True for path in self._blobs() if _remove(path, before)), most))
        except OSError as error:
            raise BlobsUnreachable(f"{self._root} cannot be tidied: {error.strerror}") from error

    def remove(self, name: str) -> None:
        """Remove the file."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise BlobsUnreachable(f"{self._root} cannot be tidied: {error.strerror}") from error

    def _blobs(self) -> Iterator[Path]:
        """The files that are blobs of this very folder; what else lies there is not ours."""
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            yield from (path for path in sorted(folder.iterdir()) if _SHA256.fullmatch(path.name))

    def _path(self, name: str) -> Path:
        return self._root / name[:2] / name


class NoShelf:
    """Stands where no store is set: every use is refused with what to do."""

    def write(self, name: str, data: bytes) -> None:  # noqa: ARG002 - as a Shelf
        """Refuse."""
        raise BlobsUnreachable("no blob store: set GRACE_<SERVICE>_BLOB_STORE to file:// or s3://")

    def read(self, name: str, most: int) -> bytes:
        """Refuse."""
        self.write(name, b"")
        raise AssertionError(most)

    def forget(self, before: float, most: int) -> int:  # noqa: ARG002 - as a Shelf
        """Nothing is there."""
        return 0

    def remove(self, name: str) -> None:
        """Refuse: a store that was set before may have it."""
        self.write(name, b"")


def open_blobs(settings: BlobSettings, part: str = "") -> Blobs:
    """The blob store that the settings name, or a part of it that is kept apart; nothing is reached yet."""
    return Blobs(_shelf(settings, part), most=settings.blob_most)


def _shelf(settings: BlobSettings, part: str) -> Shelf:
    where = urlsplit(settings.blob_store)
    match where.scheme:
        case "file":
            return Folder(Path(unquote(where.path)) / part)
        case "s3":
            # boto3 takes a third of a second and 30 MB, and few services carry it.
            from grace.kit.s3 import Bucket  # noqa: PLC0415

            prefix = f"{where.path.strip('/')}/{part}".strip("/")
            return Bucket.open(settings, bucket=where.netloc, prefix=prefix)
        case _:
            return NoShelf()


def _write_durably(path: Path, data: bytes) -> None:
    """Bytes, then name, then the folder that holds it: whatever is cut off, no name lies."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(handle, 0o640)
            os.fsync(handle)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _remove(path: Path, before: float) -> bool:
    """Remove a file if it is older than that; moved aside first, for it may be put again at any moment."""
    aside = path.with_name(f".{path.name}")
    try:
        if path.stat().st_mtime >= before:
            return False
        path.replace(aside)
    except FileNotFoundError:  # somebody else was faster
        return False
    if aside.stat().st_mtime >= before:
        aside.replace(path)
        return False
    aside.unlink()
    return True


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
