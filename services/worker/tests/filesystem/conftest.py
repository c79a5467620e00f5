"""A tree of files with an outside that must stay as it is, and traps that lead there."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

import pytest

from grace.worker.domain.targets import FilesystemTarget
from grace.worker.kernels.filesystem import beneath, quarantine
from grace.worker.kernels.operation import Context, Role

Picture = dict[str, tuple[int, str]]


def picture_of(folder: Path) -> Picture:
    """Every file with mode and hash; the quarantine is no part of it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if quarantine.FOLDER in path.parts:
            continue
        content = sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, content)
    return found


@dataclass
class Tree:
    """A root with an outside that must stay as it is."""

    root: Path
    outside: Path

    def ctx(self, key: str = "action-1", **more: object) -> Context:
        target = FilesystemTarget("files", "demo", PurePosixPath(self.root))
        return Context(target, Role.ACT, idempotency_key=key, **more)  # type: ignore[arg-type]

    def put_device(self, path: str) -> None:
        """Root makes /dev/null; anybody else the one device that Linux lets everybody make."""
        device = os.makedev(1, 3) if os.geteuid() == 0 else os.makedev(0, 0)
        os.mknod(self.root / path, 0o600 | 0o020000, device)

    def picture(self) -> Picture:
        """What is below the root."""
        return picture_of(self.root)

    def picture_outside(self) -> Picture:
        """What is beside the root."""
        return picture_of(self.outside)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "app", root / "app/sub", root / "log", outside):
        folder.mkdir(parents=True)
    for cache in (root / "app/__pycache__", root / "app/sub/__pycache__"):
        cache.mkdir()
        for name in ("a.cpython-311.pyc", "b.cpython-311.pyc"):
            (cache / name).write_bytes(os.urandom(100))
    (root / "app/a.py").write_text("print()\n")
    (root / "log/app.log").write_text("one\ntwo\n")
    (outside / "secret").write_text("secret\n")
    (outside / "__pycache__").mkdir()
    (outside / "__pycache__/x.pyc").write_bytes(b"x")
    return Tree(root, outside)


@pytest.fixture
def trapped(tree: Tree) -> Tree:
    (tree.root / "link-to-secret").symlink_to(tree.outside / "secret")
    (tree.root / "link-to-outside").symlink_to(tree.outside)
    (tree.root / "link-to-root").symlink_to("/")
    (tree.root / "proc-root").symlink_to("/proc/self/root")
    (tree.root / "loop").symlink_to("loop")
    (tree.root / "log/link-up").symlink_to("../..")
    os.link(tree.outside / "secret", tree.root / "hard-link")
    os.mkfifo(tree.root / "fifo")
    tree.put_device("device")
    here = Path.cwd()
    os.chdir(tree.root)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    os.chdir(here)
    return tree


@contextmanager
def kernel_without_openat2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def missing(fd: int, path: str, flags: int) -> int:
        raise OSError(38, "Function not implemented")

    with monkeypatch.context() as patch:
        patch.setattr(beneath, "_openat2", missing)
        yield


@pytest.fixture(params=["openat2", "walk"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "openat2":
        yield request.param
    else:
        with kernel_without_openat2(monkeypatch):
            yield request.param
