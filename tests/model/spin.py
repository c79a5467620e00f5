"""Runs spin: makes a verifier of a model once, and asks it about one property at a time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from model.models import Model, Property

FOLDER = Path(__file__).resolve().parents[2] / ".grace" / "model"
SEARCHES_FAST, COMPILES_FAST = "-O2", "-O0"
_PATIENCE = 300  # seconds; apt gives up after ten
# The depth, and two to this number of slots to begin with: both cost time at once, and too few at last.
_DEPTH, _SLOTS, _SLOTS_OF_MANY = "-m100000", "-w18", "-w24"
_QUIETLY = ["-o", "Acquire::http::Timeout=10", "-o", "Acquire::Retries=0"]


class Unavailable(Exception):
    """Why models cannot be checked on this machine, and what to install."""


class SearchFailed(Exception):
    """The verifier did not come to a verdict: neither a proof nor a counterexample."""


@dataclass(frozen=True)
class Verdict:
    """What a search found; `moves` are the pairs of states that it went through."""

    holds: bool
    states: int
    seconds: float
    moves: frozenset[tuple[str, str]]


def find_compiler() -> str:
    """The C compiler; Unavailable says what to install."""
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if found is None:
        raise Unavailable("spin writes C: install a C compiler as cc, gcc or clang")
    return found


def find_spin() -> str:
    """Spin from the path, else Debian's package unpacked into .grace/model; no root is needed."""
    unpacked = FOLDER / "usr" / "bin" / "spin"
    found = shutil.which("spin") or (str(unpacked) if unpacked.exists() else None)
    if found is None:
        _fetch_spin()
        found = str(unpacked)
    if not _said([found, "-V"], FOLDER).startswith("Spin Version"):
        raise Unavailable(f"{found} is no spin model checker: put another before it in the path")
    return found


def _fetch_spin() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Unavailable("spin is neither in the path nor to be had from apt: install spin 6.5")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        got = subprocess.run(
            ["apt-get", *_QUIETLY, "download", "spin"],
            cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False,
        )  # fmt: skip
        packages = list(Path(folder).glob("spin_*.deb"))
        if got.returncode or len(packages) != 1:
            raise Unavailable(f"apt has no spin, install it by hand: {got.stderr.strip()}")
        _said(["dpkg", "-x", str(packages[0]), str(FOLDER)], folder)


def verifier_of(model: Model, optimised: str = SEARCHES_FAST) -> Path:
    """The verifier of a model as it is written now; made anew only after a change."""
    spin, compiler = find_spin(), find_compiler()
    program = FOLDER / f"{model.name}-{model.digest}{optimised}"
    if not program.exists():
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            _said([spin, f"-P{compiler} -E -x c", "-a", str(model.path)], folder)
            # NFAIR=3: fairness among more than six processes.
            _said([compiler, optimised, "-w", "-DNFAIR=3", "-o", "pan", "pan.c"], folder)
            Path(folder, "pan").rename(program)
    return program


def check(
    model: Model, asked: Property, off: Collection[str] = (), *,
    is_long: bool = False, optimised: str = SEARCHES_FAST,
) -> Verdict:  # fmt: skip
    """Search every run of the model, with these guards off, for one that breaks the property."""
    fair = ["-a", "-f"] if asked.is_liveness else []
    switched = str(sum(1 << model.guards[name] for name in off))
    program, began = verifier_of(model, optimised), time.monotonic()
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        said = _said(
            [str(program), _DEPTH, _SLOTS_OF_MANY if is_long else _SLOTS, *fair, "-N", asked.name],
            folder, GRACE_MODEL_OFF=switched,
        )  # fmt: skip
    return _verdict(said, time.monotonic() - began)


def _verdict(said: str, seconds: float) -> Verdict:
    errors = re.search(r"errors: (\d+)", said)
    states = re.search(r"(\d+) states, stored", said)
    broken = errors is not None and errors[1] != "0"
    if errors is None or states is None or "depth too small" in said or "out of memory" in said:
        raise SearchFailed(said[-2000:])
    if not broken and "Search not completed" in said:
        raise SearchFailed(said[-2000:])
    moves = frozenset(re.findall(r"^took (\w+) (\w+)$", said, re.MULTILINE))
    return Verdict(not broken, int(states[1]), seconds, moves)


def _said(command: list[str], folder: str | Path, **more: str) -> str:
    """What a program says; SearchFailed where it fails."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | more, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=_PATIENCE, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SearchFailed(f"{' '.join(command)}: {done.stdout[-2000:]}")
    return done.stdout
