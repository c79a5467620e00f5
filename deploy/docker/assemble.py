"""Makes the Python of one image: a service's locked dependencies, and the members it is made of.

    python deploy/docker/assemble.py SERVICE TARGET

Standard library only. What another service alone needs never gets in: the part of the lock is cut
out along its `via` lines, and pip refuses a part that is not whole.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The image that migrates, makes keys and keeps the streams: it carries every service's migrations.
INSTALLER = "installer"
_PROGRAMS = ("docker/image.py",)
_INSTALLERS = ("docker/prepare.py", "postgres/migrate.py", "postgres/rights.sql")
_VOLUMES = (INSTALLER, "outside", "postgres", "nats")
_NEXT_PACKAGE = re.compile(r"^(?=[a-z0-9])", re.MULTILINE)
_OFFLINE = ("--no-deps", "--no-index")
_NAME = re.compile(r"[a-z0-9._-]+")
_PARENT = re.compile(r"^ +# +(?:via )?([a-z0-9][a-z0-9._:-]*)$", re.MULTILINE)
_MEMBER = re.compile(r"grace-([a-z]+)")


def main() -> int:
    """Assemble what the arguments name; return the exit code."""
    arguments = sys.argv[1:]
    if len(arguments) != 2 or arguments[0] not in known():  # noqa: PLR2004 - as in the usage
        print(f"usage: assemble.py SERVICE TARGET, where SERVICE is one of {', '.join(known())}")
        return 2
    try:
        assemble(arguments[0], Path(arguments[1]))
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def assemble(service: str, target: Path) -> None:
    """Make the virtual environment `target`; CalledProcessError after a step said what is wrong."""
    needed = members(service)
    with tempfile.TemporaryDirectory() as folder:
        pip = _pip(Path(folder))
        wheels = Path(folder) / "wheels"
        built = [*needed, *(s for s in _carried(service) if s not in needed)]
        pip("wheel", *_OFFLINE, "--no-build-isolation", "-w", str(wheels), *map(_folder, built))
        venv.create(target, with_pip=False, clear=True, symlinks=True)
        into = ["--python", str(target / "bin" / "python"), "install"]
        lock = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
        part = Path(folder) / "part.lock"
        part.write_text(cut(lock, [f"grace-{name}" for name in needed]), encoding="utf-8")
        pip(*into, "--require-hashes", "-r", str(part))
        pip(*into, *_OFFLINE, *(str(wheel) for wheel in sorted(wheels.iterdir())))
    equip(service, target)


def equip(service: str, target: Path) -> None:
    """Lay the image's own programs beside its Python, and the folders that volumes cover.

    The first mount of an empty volume gives it the owner of the folder that it covers.
    """
    programs = [*_PROGRAMS, *(_INSTALLERS if service == INSTALLER else ())]
    for program in programs:
        shutil.copy(ROOT / "deploy" / program, target)
    volumes = [*services(), *_VOLUMES] if service == INSTALLER else []
    for name in ["", *volumes]:
        (target / "volumes" / name).mkdir(parents=True, exist_ok=True)


def services() -> list[str]:
    """The services of this checkout."""
    return sorted(path.parent.name for path in (ROOT / "services").glob("*/pyproject.toml"))


def known() -> list[str]:
    """What an image can be made of."""
    return [*services(), INSTALLER]


def members(service: str) -> list[str]:
    """The members that a service stands on, itself first."""
    found = ["stack" if service == INSTALLER else service]
    for name in found:  # grows while it is walked
        found += [need for need in _needs(name) if need not in found]
    return found


def cut(lock: str, roots: Iterable[str]) -> str:
    """The part of a lock that these names bring in, themselves included."""
    blocks = {_NAME.match(block)[0]: block for block in _NEXT_PACKAGE.split(lock) if block}  # type: ignore[index]
    wanted, size = set(roots), 0
    while size != len(wanted):
        size = len(wanted)
        wanted |= {name for name, block in blocks.items() if wanted & set(_PARENT.findall(block))}
    return "".join(block for name, block in blocks.items() if name in wanted)


def _carried(service: str) -> list[str]:
    """Members whose files an image holds without what it takes to run them."""
    return services() if service == INSTALLER else []


def _needs(member: str) -> Iterator[str]:
    document = tomllib.loads((Path(_folder(member)) / "pyproject.toml").read_text(encoding="utf-8"))
    for dependency in document["project"]["dependencies"]:
        if match := _MEMBER.match(dependency):
            yield match[1]


def _folder(member: str) -> str:
    top = "services" if member in services() else "libs"
    return str(ROOT / top / member)


class _pip:  # noqa: N801 - it is called like the program
    """A pip beside the locked build backend, in an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self._python = folder / "tools" / "bin" / "python"
        venv.create(folder / "tools", with_pip=True)
        lock = (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8")
        part = folder / "tools.lock"
        part.write_text(cut(lock, ["hatchling"]), encoding="utf-8")
        self("install", "--require-hashes", "-r", str(part))

    def __call__(self, *arguments: str) -> None:
        """Run it; CalledProcessError when it fails, after it said why."""
        command = [str(self._python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
