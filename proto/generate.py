"""Generates everything that follows from proto/: `python proto/generate.py [--out FOLDER]`.

`--baseline` also stores the state that later changes are compared with (at a release).
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from generator.descriptors import Message, compile_protos, read_messages
from generator.docs import render_docs
from generator.models import render_registry, render_service
from generator.stability import without_comments
from generator.subjects import read_tables, render_subjects

PROTO: Final = Path(__file__).resolve().parent
ROOT: Final = PROTO.parent
PACKAGE: Final = Path("libs/contracts/src/grace/contracts")
HAND_WRITTEN: Final = (
    "__init__",
    "cloudevents",
    "hunter",
    "message",
    "permissions",
    "scalars",
    "secrets",
    "subject",
)
BASELINE: Final = Path("tests/upgrade/contracts.binpb")


def main() -> None:
    """Generate into the project, or into another folder to compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT)
    parser.add_argument("--baseline", action="store_true")
    arguments = parser.parse_args()
    generate(arguments.out.resolve())
    if arguments.baseline:
        write_baseline(ROOT / BASELINE)


def generate(out: Path) -> None:
    """Write every generated file below `out`."""
    messages = read_messages(compile_protos(PROTO))
    tables = read_tables(messages, PROTO / "streams.toml")
    _write_modules(out, messages, {"subjects": render_subjects(tables)})
    page = out / "docs/subjects.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render_docs(tables))
    _run_derived(out)


def write_baseline(path: Path) -> None:
    """Store the descriptors of today."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(without_comments(compile_protos(PROTO)).SerializeToString(deterministic=True))


def _write_modules(out: Path, messages: tuple[Message, ...], modules: dict[str, str]) -> None:
    modules["registry"] = render_registry(messages)
    for service in sorted({message.service for message in messages}):
        modules[service] = render_service(service, messages)
    folder = out / PACKAGE
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    _format([folder / f"{name}.py" for name in modules])


def _format(paths: list[Path]) -> None:
    ruff = str(Path(sys.executable).with_name("ruff"))
    flags = ["format", "--isolated", "--quiet", "--line-length=100", "--target-version=py311"]
    subprocess.run([ruff, *flags, *map(str, paths)], check=True)


def _run_derived(out: Path) -> None:
    if out != ROOT:
        for name in HAND_WRITTEN:
            shutil.copy(ROOT / PACKAGE / f"{name}.py", out / PACKAGE / f"{name}.py")
    program = [sys.executable, "-m", "generator.derived", str(out)]
    path = os.pathsep.join([str(out / PACKAGE.parent.parent), str(PROTO)])
    subprocess.run(program, check=True, env={**os.environ, "PYTHONPATH": path})


if __name__ == "__main__":
    main()
