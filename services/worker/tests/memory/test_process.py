"""memory.process: what listed processes take, and what is not listed is not looked at."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from grace.worker.domain.failure import BlockedError, InvalidError, UnusableError
from grace.worker.domain.targets import (
    FilesystemTarget,
    InvalidTargetsError,
    MemoryTarget,
    parse,
)
from grace.worker.kernels.memory import proc
from grace.worker.kernels.memory.process import Process, ProcessParams
from grace.worker.kernels.operation import Context, Role
from grace.worker.kernels.registry import Registry, parse_params

HELD = 30_000_000  # bytes
_HOLD = f"held = bytearray({HELD}); print(flush=True); input()"
WORDS = (sys.executable, "-c", _HOLD, str(os.getpid()))


@pytest.fixture(scope="module")
def holder() -> Iterator[int]:
    """A process that holds memory until it is let go."""
    with subprocess.Popen(WORDS, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate(b"\n")


def ctx(*words: tuple[str, ...], files: tuple[Path, ...] = ()) -> Context:
    paths = tuple(PurePosixPath(each) for each in files)
    return Context(MemoryTarget("web", "demo", words, paths), Role.OBSERVE)


async def of_file(path: Path) -> dict[str, object]:
    return dict(await Process().observe(ctx(files=(path,)), ProcessParams(pid_file=str(path))))


async def test_a_listed_process_is_measured_by_its_words_and_by_its_pid_file(
    holder: int, tmp_path: Path
) -> None:
    found = await Process().observe(ctx(WORDS), ProcessParams(argv=WORDS))
    assert found["processes"] == found["threads"] == 1
    assert HELD < int(str(found["rss_bytes"])) < 10 * HELD
    assert found["largest_rss_bytes"] == found["rss_bytes"]
    assert 0 < float(str(found["cpu_seconds"])) < 60
    file = tmp_path / "web.pid"
    file.write_text(f"{holder}\n")
    again = await of_file(file)
    assert (again["processes"], again["swap_bytes"]) == (1, found["swap_bytes"])
    assert int(str(again["rss_bytes"])) > HELD


async def test_where_nothing_runs_there_is_no_number_of_bytes(holder: int, tmp_path: Path) -> None:
    """It would hold for every upper limit."""
    other = (*WORDS[:-1], "another")
    nothing = await Process().observe(ctx(other), ProcessParams(argv=other))
    assert nothing.pop("processes") == 0
    assert set(nothing.values()) == {None}
    gone, stale = tmp_path / "gone.pid", tmp_path / "stale.pid"
    assert (await of_file(gone))["processes"] == 0
    stale.write_text(str(holder))
    os.utime(
        stale, (1_000_000_000, 1_000_000_000)
    )  # of a process long before, with the same number
    assert (await of_file(stale))["processes"] == 0


async def test_nothing_else_is_looked_at() -> None:
    listed = ctx(WORDS, files=(Path("/run/web.pid"),))
    for params in (
        ProcessParams(argv=WORDS[:-1]),
        ProcessParams(argv=(*WORDS, "more")),
        ProcessParams(pid_file="/run/other.pid"),
    ):
        with pytest.raises(BlockedError, match="not listed for web"):
            await Process().observe(listed, params)
    files = Context(FilesystemTarget("files", "demo", PurePosixPath("/srv")), Role.OBSERVE)
    with pytest.raises(InvalidError, match="not a memory target"):
        await Process().plan(files, ProcessParams(argv=WORDS))
    entry = Registry(["memory"]).find("memory.process")
    assert entry is not None
    assert entry.operation.apply is None


async def test_what_cannot_be_trusted_or_seen_was_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "web.pid"
    for text in ("", "x", "-1", "1 2", "9" * 65):
        file.write_text(text)
        with pytest.raises(UnusableError, match="no number"):
            await of_file(file)
    file.write_text("1")
    file.chmod(0o666)
    with pytest.raises(UnusableError, match="everybody may write"):
        await of_file(file)
    monkeypatch.setattr(proc, "PROC", tmp_path)  # as with hidepid: nobody else is there
    with pytest.raises(UnusableError, match="hidepid"):
        await Process().observe(ctx(WORDS), ProcessParams(argv=WORDS))


def test_the_parameters_of_a_plan_are_read_and_nothing_else_is() -> None:
    assert parse_params(Process(), '{"argv":["/bin/a","b"]}') == ProcessParams(argv=("/bin/a", "b"))
    for text in ("{}", '{"argv":[]}', '{"argv":"a"}', '{"pid_file":"a"}', '{"pid":1}',
                 '{"argv":["a"],"pid_file":"/a"}'):  # fmt: skip
        with pytest.raises(InvalidError):
            parse_params(Process(), text)


@pytest.mark.parametrize(
    "lists", ["", "processes = []", 'processes = ["web"]', "processes = [[]]", 'pid_files = ["web"]',
              'pid_files = ["/run/../x"]', "pid_files = [1]", 'processes = [["a"]]\nshell = true'],
)  # fmt: skip
def test_a_target_that_lists_no_process_is_refused(lists: str) -> None:
    with pytest.raises(InvalidTargetsError):
        parse(f'[targets.web]\nkind = "memory"\nenvironment = "demo"\n{lists}\n')
