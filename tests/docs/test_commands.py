"""Every command of README.md and the guides runs as it is printed, in order, against one Grace.

Two things differ from what a reader types: Grace listens on a free port instead of 8000, and the
data directory `.grace` lies in a copy of this folder's entries. Marks in the documents say which
blocks are not run, and why. `GRACE_DOCS=whole` (`make docs`) also runs what downloads packages, and
starts `grace` anew for each command instead of forking it.
"""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from grace.stack.ports import free_port
from grace.testkit import server_folder

from . import warm
from .blocks import UnclearBlock, program, read_blocks

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs/guides"
# The last one stops Grace: it tells of backups.
LAST = "operations.md"
DOCUMENTS = [
    ROOT / "README.md",
    *sorted(GUIDES.glob("*.md"), key=lambda path: (path.name == LAST, path.name)),
]
URL = "http://127.0.0.1:8000"
_KNOWS_A_CLIENT_ALONE = """
from importlib.util import find_spec
assert find_spec("nats") or find_spec("websockets")
import grace
"""
# Stands for the environment without Grace, where nothing may be downloaded.
INSTEAD_OF_SLOW = 'ln -s "$GRACE_HOME/.venv" outside'
WHOLE = os.environ.get("GRACE_DOCS") == "whole"
_ASSIGNED = re.compile(r"(GRACE_\w+=\S+) ")
_STRICT = """\
set -Eeuo pipefail
trap 'echo "$DOCUMENT:$LINENO: exit code $?: $BASH_COMMAND" >&2' ERR
source "$PROGRAM"
"""


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """This folder as a reader has it, with a `.grace` of its own that Postgres's account can pass."""
    with server_folder() as folder:
        link_all(ROOT, folder, but={".grace", ".git"})
        if WHOLE:
            yield folder
            return
        (folder / ".venv").unlink()
        link_all(ROOT / ".venv", folder / ".venv", but={"bin"})
        link_all(ROOT / ".venv/bin", folder / ".venv/bin", but={"grace"})
        with warm.served(folder / ".venv/bin/grace"):
            yield folder


def link_all(here: Path, there: Path, *, but: set[str]) -> None:
    """Let everything that is here be there, too."""
    there.mkdir(exist_ok=True)
    for entry in here.iterdir():
        if entry.name not in but:
            (there / entry.name).symlink_to(entry)


@pytest.fixture(scope="module")
def url(checkout: Path) -> Iterator[str]:
    """Where the Grace answers that the documents start in their first terminal."""
    port = free_port()
    log = checkout / "up.log"
    with log.open("wb") as out:
        grace = subprocess.Popen(
            ["bash", "-c", f"{_first_terminal()} exec {ROOT}/.venv/bin/grace up --port {port}"],
            cwd=checkout, env=_environment(), stdout=out, stderr=out,
        )  # fmt: skip
        try:
            # A guide stops it, and waits until there is no such process: somebody has to reap it.
            threading.Thread(target=grace.wait, daemon=True).start()
            _wait_for_welcome(grace, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            grace.send_signal(signal.SIGINT)
            grace.wait(timeout=30)


def _first_terminal() -> str:
    """The settings that the documents start Grace with; each document names its own."""
    blocks = [b for path in DOCUMENTS for b in read_blocks(path) if b.is_first_terminal]
    assert blocks
    for block in blocks:
        assert block.lines[-1].endswith("make up"), block
    return " ".join(dict.fromkeys(a for b in blocks for a in _ASSIGNED.findall(b.lines[-1])))


def _environment() -> dict[str, str]:
    """What a new terminal knows, and what this machine's package index needs."""
    kept = {"PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}
    prefixes = ("PIP_", "http", "HTTP", "no_proxy", "NO_PROXY")
    own = {k: v for k, v in os.environ.items() if k in kept or k.startswith(prefixes)}
    # A reader's PATH knows nothing of the environment that the tests run in.
    here = str(ROOT / ".venv")
    path = [p for p in own["PATH"].split(os.pathsep) if not p.startswith(here)]
    return {**own, "PATH": os.pathsep.join(path), "COLUMNS": "200"}


def _wait_for_welcome(grace: "subprocess.Popen[bytes]", log: Path) -> None:
    tail = ["tail", "--follow", "--lines=+1", f"--pid={grace.pid}", str(log)]
    with subprocess.Popen(tail, stdout=subprocess.PIPE, text=True) as lines:
        assert lines.stdout is not None
        for line in lines.stdout:
            if "Ctrl-C stops it" in line:
                lines.terminate()
                return
    raise AssertionError(log.read_text(encoding="utf-8"))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_runs_as_it_is_printed(
    document: Path, checkout: Path, url: str, tmp_path: Path
) -> None:
    text = program(document, instead_of_slow=None if WHOLE else INSTEAD_OF_SLOW)
    assert text.strip(), "a guide without a command that is run"
    script = tmp_path / "program.sh"
    script.write_text(text.replace(URL, url), encoding="utf-8")
    done = subprocess.run(
        ["bash", "-c", _STRICT],
        cwd=checkout, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=150,
        env=_environment() | {
            "DOCUMENT": str(document.relative_to(ROOT)),
            "PROGRAM": str(script),
            "TMPDIR": str(tmp_path),
        },
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"
    if WHOLE:
        for python in tmp_path.glob("tmp.*/outside/bin/python"):
            knows = [str(python), "-c", _KNOWS_A_CLIENT_ALONE]
            refusal = subprocess.run(knows, capture_output=True, text=True, check=False)
            assert "No module named 'grace'" in refusal.stderr


def test_make_up_is_the_command_that_was_run() -> None:
    shown = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "up", "ARGS=--port 1"], cwd=ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert shown.stdout.splitlines()[-1] == ".venv/bin/grace up --port 1"


def test_the_guides_name_the_locked_version_of_the_client() -> None:
    lock = (ROOT / "requirements/runtime.lock").read_text(encoding="utf-8")
    locked = re.search(r"^nats-py==(\S+)", lock, re.MULTILINE)
    named = re.findall(r"nats-py\[nkeys\]==([0-9.]+)", "".join(map(Path.read_text, DOCUMENTS)))
    assert locked is not None
    assert named
    assert set(named) == {locked[1]}


@pytest.mark.parametrize(
    "block",
    [
        "```\nls\n```\n",  # of no language
        "```sh\nls\n```\n",  # of one that is not run
        "```python\nprint()\n```\n",  # neither a file nor marked
        "<!-- not run -->\n```console\nls\n```\n",  # without a reason
        "    ls\n",  # indented
    ],
)
def test_no_command_can_hide(tmp_path: Path, block: str) -> None:
    document = tmp_path / "guide.md"
    document.write_text(f"Text.\n\n{block}", encoding="utf-8")
    with pytest.raises(UnclearBlock):
        program(document, instead_of_slow=None)


def test_a_command_that_fails_is_named_with_its_line(tmp_path: Path) -> None:
    document = tmp_path / "guide.md"
    document.write_text("Text.\n\n```console\ntrue\nls missing-file\n```\n", encoding="utf-8")
    script = tmp_path / "program.sh"
    script.write_text(program(document, instead_of_slow=None), encoding="utf-8")
    done = subprocess.run(
        ["bash", "-c", _STRICT], capture_output=True, text=True, check=False,
        env=_environment() | {"DOCUMENT": "guide.md", "PROGRAM": str(script)},
    )  # fmt: skip
    assert done.returncode != 0
    assert "guide.md:5: exit code 2: ls missing-file" in done.stderr
