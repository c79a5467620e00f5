"""Memory of processes, as the kernel tells."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grace.stack import memory
from grace.stack.memory import Memory, memory_of, tree_of

_MIB = 2**20
# A process that holds 32 MiB of its own and then starts one that does so, too.
_HOLD = """
import subprocess, sys
held = bytearray(b"x" * (32 * 2**20))
child = None
if sys.argv[1:]:
    child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
    # It is there once its first line could be read.
print("here", flush=True)
sys.stdin.read()
"""
# A process that holds 32 MiB and forks when it is told to. Not that of the tests: what a process of half a gigabyte
# writes in passing is more than what is measured.
_FORK = """
import os, signal, sys
held = bytearray(os.urandom(32 * 2**20))
print("here", flush=True)
sys.stdin.readline()
child = os.fork()
if child == 0:
    signal.pause()
print(child, flush=True)
sys.stdin.read()
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
"""


@contextmanager
def holding(*arguments: str) -> Iterator[int]:
    """A process with 32 MiB, for the length of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()  # type: ignore[union-attr]  # a pipe, as asked for above
        process.wait(timeout=10)


def test_what_a_process_holds_is_counted() -> None:
    with holding() as pid:
        found = memory_of(pid)
    assert 32 < found.mib < 100
    assert (found.measure, found.processes) == ("PSS", 1)


def test_a_tree_is_the_process_and_what_it_started() -> None:
    with holding("import sys; sys.stdin.read()") as pid:
        tree = tree_of(pid)
        together, alone = memory_of(pid), memory_of(pid, alone=True)
    assert tree[0] == pid
    assert len(tree) == 2
    assert (together.processes, alone.processes) == (2, 1)
    assert together.bytes > alone.bytes > 32 * _MIB


def test_what_is_shared_is_counted_once() -> None:
    """A forked child shares everything: as RSS the pair would count for twice as much."""
    with subprocess.Popen(
        [sys.executable, "-c", _FORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        before = memory_of(process.pid, alone=True)
        process.stdin.write(b"\n")
        process.stdin.flush()
        child = int(process.stdout.readline())
        both = memory_of(process.pid, alone=True) + memory_of(child, alone=True)
        process.stdin.close()
        process.wait(timeout=10)
    assert before.bytes > 32 * _MIB
    assert both.processes == 2
    assert abs(both.bytes - before.bytes) < 16 * _MIB


def test_without_pss_the_word_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = tmp_path / "7"
    process.mkdir()
    (process / "status").write_text("Name:\tx\nVmRSS:\t  2048 kB\n", encoding="utf-8")
    (process / "stat").write_text("7 (a ) b) S 1 7 7", encoding="utf-8")
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    assert memory_of(7) == Memory(2 * _MIB, "RSS", 1)
    assert (memory_of(7) + Memory(_MIB, "PSS", 1)).measure == "RSS"


def test_names_with_brackets_do_not_hide_the_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pid, stat in ((1, "1 (init) S 0 1"), (5, "5 (a) 9 (b c)) S 1 5"), (6, "6 (x) S 5 6")):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(stat, encoding="utf-8")
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    assert tree_of(1) == [1, 5, 6]
    assert tree_of(6) == [6]


def test_a_process_that_has_ended_counts_for_nothing() -> None:
    with holding() as pid:
        pass
    assert memory_of(pid) == Memory()
