"""What is done to a database file, in a process of its own: the standard library and nothing else.

POSIX takes all locks of a process on a file away when the process closes any descriptor of it
(sqlite.org/howtocorrupt.html, 2.2), and the worker opens files for other operations. A process of its own
can also be ended in the middle, which SQLite stands. Run as a script: a request in JSON on standard input,
an answer on standard output, either `{"state": ..}` or `{"refusal": kind, "words": ..}`.
"""

import json
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

MAGIC = b"SQLite format 3\x00"
SIDECARS = ("-wal", "-journal", "-shm")
QUARANTINE = ".grace-quarantine"
_HEADER, _WAL_HEADER, _FRAME_HEADER = 100, 32, 24  # bytes; sqlite.org/fileformat2.html
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_WAL = 2  # the version of the file format that says so
_LARGEST_PAGE = 65_536  # stands as 1
_MARGIN = 16 * 1024**2
_PRIVATE = 0o700
# Their locks are not, or not always, those of all who use the file (sqlite.org/faq.html, 5).
_REMOTE = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "fuse.sshfs", "ncpfs")

Answer = dict[str, object]


class Refusal(Exception):
    """It was not done; `kind` says which error of the kernel it is."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


def look(file: Path) -> Answer:
    """Read what the files say, without SQLite: to open a database can change what lies beside it."""
    checked(file)
    with file.open("rb") as opened:
        found = os.fstat(opened.fileno())
        header = opened.read(_HEADER)
    if header and not header.startswith(MAGIC):
        raise Refusal("unusable", f"{file} is no SQLite database")
    wal = _read_wal(_beside(file, "-wal"))
    header = wal.header or header
    size = page_size(header)
    holders, unseen = _holders(file)
    return {
        "inode": found.st_ino,
        "bytes": found.st_size,
        "page_size": size,
        "pages": wal.pages or (found.st_size // size if size else 0),
        "free_pages": int.from_bytes(header[36:40], "big"),
        "journal_mode": "wal" if header[18:19] == bytes([_WAL]) else "rollback",
        "wal_bytes": _size(_beside(file, "-wal")),
        "wal_frames": wal.frames,
        "journal_bytes": _size(_beside(file, "-journal")),
        # No numbers: whoever holds a baseline against them would hear of each start of a program.
        "holders": holders,
        "sees_all": unseen == 0,
    }


def checkpoint(file: Path, before: Mapping[str, object], wait: float) -> Answer:
    """Move what stands in the log into the database, all of it, and empty the log."""
    _guarded(file, before)
    with _connected(file, wait) as database:
        if _one(database, "PRAGMA journal_mode") != "wal":
            raise Refusal("blocked", "it keeps no write-ahead log")
        _same(file, before)
        _emptied(database)
    return {"wal_bytes": _size(_beside(file, "-wal"))}


def vacuum(file: Path, before: Mapping[str, object], wait: float) -> Answer:
    """Write the database anew without its free pages, and give their room back."""
    _guarded(file, before)
    size, room = _sizes(file), _room(file.parent)
    if room < 2 * size + _MARGIN:
        raise Refusal("unusable", f"it needs {2 * size + _MARGIN} bytes of room, {room} are free")
    with _connected(file, wait) as database:
        _same(file, before)
        database.execute("VACUUM")
        if _one(database, "PRAGMA journal_mode") == "wal":
            _emptied(database)
    return {"bytes": file.stat().st_size}


def clear_locks(file: Path, before: Mapping[str, object], wait: float, keep: str) -> Answer:
    """Bring to its end what a dead process left, and have SQLite remove the files beside it.

    Nothing is unlinked here: what stands in a log and not in the database would be lost.
    """
    _guarded(file, before)
    _refuse_holders(file)
    kept = _copied(file, keep)
    with _connected(file, wait) as database:
        database.execute(
            "PRAGMA locking_mode = EXCLUSIVE"
        )  # before the first look: no shared memory
        database.execute("BEGIN EXCLUSIVE")
        _same(file, before)
        if (said := _one(database, "PRAGMA quick_check(1)")) != "ok":
            raise Refusal("unusable", f"it is damaged ({said}); {kept} holds it as it was")
        database.execute("COMMIT")
        if _one(database, "PRAGMA journal_mode") == "wal":
            _emptied(database)
    with _connected(file, wait) as database:  # whoever closes it last takes the shared memory along
        _one(database, "SELECT count(*) FROM sqlite_schema")
    left = [name for name in SIDECARS if _beside(file, name).exists()]
    if left:
        raise Refusal("unfinished", f"{file}{left[0]} is still there: somebody has opened it")
    return {"kept": kept}


def page_size(header: bytes) -> int:
    """The size of a page by the header; 0 for a database without a page."""
    found = int.from_bytes(header[16:18], "big")
    return _LARGEST_PAGE if found == 1 else found


def checked(file: Path) -> os.stat_result:
    """What lies there. Refusal for anything but one plain file with one name and no link on the way."""
    try:
        found = file.lstat()
    except OSError as error:
        raise Refusal("unusable", f"{file} cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise Refusal("blocked", f"{file} is not a regular file with one name")
    if os.path.realpath(file) != str(file):
        raise Refusal("blocked", f"{file} leads over a link: register where it leads")
    return found


def _guarded(file: Path, before: Mapping[str, object]) -> None:
    """Refusal where files beside it would get another owner, or locks do not hold."""
    found = _same(file, before)
    if os.geteuid() not in {0, found.st_uid}:
        raise Refusal("unusable", "it belongs to another user: its worker must run as that user")
    if (kind := _file_system(found.st_dev)).startswith(_REMOTE):
        raise Refusal("blocked", f"it lies on {kind}, whose locks cannot be relied on")


def _same(file: Path, before: Mapping[str, object]) -> os.stat_result:
    found = checked(file)
    if found.st_ino != before.get("inode"):
        raise Refusal("changed", f"{file} is another file by now")
    return found


@contextmanager
def _connected(file: Path, wait: float) -> Iterator[sqlite3.Connection]:
    """A connection that makes no file, in no transaction of its own."""
    address = f"{file.as_uri()}?mode=rw"
    with closing(
        sqlite3.connect(address, uri=True, timeout=wait, isolation_level=None)
    ) as database:
        yield database


def _one(database: sqlite3.Connection, statement: str) -> object:
    row = database.execute(statement).fetchone()
    return row[0] if row else None


def _emptied(database: sqlite3.Connection) -> None:
    """Its answer is whether somebody was in the way, and how far it came: never an error."""
    busy, frames, done = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy or done != frames:
        words = (
            f"readers or writers are in the way: {max(done, 0)} of {max(frames, 0)} frames are in"
        )
        raise Refusal("unfinished", words)


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return 0


def _sizes(file: Path) -> int:
    return sum(_size(each) for each in (file, _beside(file, "-wal"), _beside(file, "-journal")))


def _room(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Wal(NamedTuple):
    """The log up to its last commit, and what the database is then, where the log says it."""

    frames: int = 0
    pages: int = 0
    header: bytes = b""


def _read_wal(file: Path) -> Wal:
    """Read frames by their salts; checksums are left to SQLite."""
    with suppress(FileNotFoundError), file.open("rb") as opened:
        head = opened.read(_WAL_HEADER)
        size = int.from_bytes(head[8:12], "big")
        if len(head) == _WAL_HEADER and int.from_bytes(head[:4], "big") in _WAL_MAGIC and size:
            return _frames(opened.fileno(), head[16:24], size)
    return Wal()


def _frames(fd: int, salts: bytes, size: int) -> Wal:
    found, header, number = Wal(), b"", 0
    while True:
        at = _WAL_HEADER + number * (_FRAME_HEADER + size)
        frame = os.pread(fd, _FRAME_HEADER + _HEADER, at)
        if len(frame) < _FRAME_HEADER or frame[8:16] != salts:
            return found
        number += 1
        if int.from_bytes(frame[:4], "big") == 1:
            header = frame[_FRAME_HEADER:]
        if pages := int.from_bytes(frame[4:8], "big"):  # the frame ends a commit
            found = Wal(number, pages, header)


def _holders(file: Path) -> tuple[list[str], int]:
    """Other processes that have it open, by number and name, and how many may not be looked into."""
    wanted = {(s.st_dev, s.st_ino) for s in _stats(file)}
    holders, unseen = [], 0
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if any(_is_one(each, wanted) for each in (process / "fd").iterdir()):
                holders.append(f"{process.name} {(process / 'comm').read_text().strip()}")
        except PermissionError:
            unseen += 1
        except OSError:  # it has ended meanwhile
            continue
    return sorted(holders), unseen


def _stats(file: Path) -> Iterator[os.stat_result]:
    for ending in ("", *SIDECARS):
        with suppress(FileNotFoundError):
            yield _beside(file, ending).lstat()


def _is_one(descriptor: Path, wanted: set[tuple[int, int]]) -> bool:
    try:
        found = descriptor.stat()
    except OSError:
        return False
    return (found.st_dev, found.st_ino) in wanted


def _refuse_holders(file: Path) -> None:
    """What cannot be seen here is found by the lock: nobody who has it open lets it go."""
    holders, _ = _holders(file)
    if holders:
        raise Refusal("blocked", f"process {holders[0]} has it open")


def _copied(file: Path, keep: str) -> str:
    """Copy the database and what lies beside it, once for an action; where to."""
    folder = file.parent / QUARANTINE
    kept = folder / keep
    if kept.is_dir():
        return str(kept)
    if _room(file.parent) < _sizes(file) + _MARGIN:
        raise Refusal("unusable", f"there is no room for a copy of {_sizes(file)} bytes")
    folder.mkdir(_PRIVATE, exist_ok=True)
    draft = folder / f".{keep}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(_PRIVATE)
    before = _picture(file)
    for ending in ("", "-wal", "-journal"):
        with suppress(FileNotFoundError):
            _copy(_beside(file, ending), draft)
    if _picture(file) != before:
        raise Refusal("not_now", "it was written to while it was copied")
    draft.rename(kept)
    _settle(folder)
    return str(kept)


def _copy(file: Path, folder: Path) -> None:
    with file.open("rb") as source, (folder / file.name).open("xb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())


def _settle(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


def _picture(file: Path) -> list[tuple[int, int, int]]:
    return [(s.st_ino, s.st_size, s.st_mtime_ns) for s in _stats(file)]


def _file_system(device: int) -> str:
    """The kind of file system of a device, by this process's own mounts."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines():
            fields, _, kind = line.partition(" - ")
            if fields.split()[2] == wanted:
                return kind.split()[0]
    return ""


_DO: Mapping[str, Callable[..., Answer]] = {
    "look": look,
    "checkpoint": checkpoint,
    "vacuum": vacuum,
    "clear_locks": clear_locks,
}


def answer(request: Mapping[str, object]) -> Answer:
    """Do what is asked for."""
    do, file = _DO[str(request["do"])], Path(str(request["file"]))
    given = {name: value for name, value in request.items() if name not in {"do", "file"}}
    try:
        return {"state": do(file, **given)}
    except Refusal as refusal:
        return {"refusal": refusal.kind, "words": str(refusal)}
    except sqlite3.Error as error:
        return {"refusal": _kind_of(error), "words": f"SQLite: {error}"}
    except OSError as error:
        return {"refusal": "unusable", "words": f"{error.filename}: {error.strerror}"}


def _kind_of(error: sqlite3.Error) -> str:
    is_busy = str(getattr(error, "sqlite_errorname", "")).startswith(
        ("SQLITE_BUSY", "SQLITE_LOCKED")
    )
    return "not_now" if is_busy else "unusable"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(json.load(sys.stdin))))
