"""Write the locks anew from the members' pyproject files: names, versions and hashes, no hosts.

uv.lock itself names the package index, so it stays out of git; what is committed is its export.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "deploy" / "local"))
import setup  # noqa: E402 - lies outside of any package

UV_PIN = "uv==0.13.8"
FOLDER = ROOT / "requirements"
EXPORT = [
    "export", "--quiet", "--locked", "--all-packages", "--no-emit-workspace", "--no-header",
    "--format", "requirements.txt",
]  # fmt: skip
COMPILE = [
    "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header",
    "--no-annotate", "--python-version", "3.11",
]  # fmt: skip


def main() -> int:
    """Resolve once, write the four locks; return the exit code."""
    uv("lock", "--quiet", *sys.argv[1:])
    uv(*EXPORT, "--no-default-groups", "-o", str(FOLDER / "runtime.lock"))
    uv(*EXPORT, "--all-groups", "-o", str(FOLDER / "dev.lock"))
    uv(*COMPILE, "-", "-o", str(FOLDER / "bootstrap.lock"), given=UV_PIN)
    peers = (FOLDER / "peers.in").read_text(encoding="utf-8")
    uv(*COMPILE, "-", "-o", str(FOLDER / "peers.lock"), given=peers)
    return refuse_hosts()


def uv(*arguments: str, given: str = "") -> None:
    """Run the uv of .venv on this workspace; its output goes to the lock alone."""
    environment = setup.child_environment()
    environment.update(setup.index_settings(environment))
    subprocess.run(
        [setup.UV, *arguments],
        check=True,
        cwd=ROOT,
        env=environment,
        input=given,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def refuse_hosts() -> int:
    """Complain about every line that only holds on this machine or with its package index."""
    bad = [
        f"{lock.name}: {line}"
        for lock in sorted(FOLDER.glob("*.lock"))
        for line in lock.read_text(encoding="utf-8").splitlines()
        if "://" in line or str(ROOT) in line or line.startswith(("/", "-e", "--"))
    ]
    print("\n".join(bad) if bad else "locks: written")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
