"""The models as they are written: properties and guards are read from the .pml files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HERE = Path(__file__).parent
_GUARD = re.compile(r"^#define (\w+)\s+ON\((\d+)\)", re.MULTILINE)
_PROPERTY = re.compile(r"^ltl (\w+)\s*\{(.*)\}\s*/\* (.*) \*/$", re.MULTILINE)
_DOOR = re.compile(r"\bDOOR\((\w+), (\w+)\)")


@dataclass(frozen=True)
class Property:
    """What must hold in every run; a liveness says what must happen at last."""

    name: str
    says: str
    is_liveness: bool


@dataclass(frozen=True)
class Model:
    """One .pml file."""

    name: str

    @property
    def path(self) -> Path:
        """The model itself."""
        return HERE / f"{self.name}.pml"

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that the verifier is made of."""
        return self.path, HERE / "guards.h"

    @cached_property
    def digest(self) -> str:
        """What changes when the model does."""
        content = b"".join(path.read_bytes() for path in self.files)
        return hashlib.sha256(content).hexdigest()[:16]

    @cached_property
    def text(self) -> str:
        """The model as it is written."""
        return self.path.read_text(encoding="utf-8")

    @property
    def guards(self) -> dict[str, int]:
        """The guards that can be switched off, and their bits."""
        return {name: int(bit) for name, bit in _GUARD.findall(self.text)}

    @property
    def properties(self) -> dict[str, Property]:
        """What is to hold, by its name."""
        found = _PROPERTY.findall(self.text)
        return {name: Property(name, says, "<>" in formula) for name, formula, says in found}

    @property
    def doors(self) -> set[tuple[str, str]]:
        """The moves that the model allows."""
        return {(start, end) for start, end in _DOOR.findall(self.text) if start != "from"}


HTM, FAMILY, OUTBOX = Model("htm"), Model("family"), Model("outbox")
MODELS = {
    model.name: model
    for model in (
        HTM, FAMILY, Model("report"), OUTBOX, Model("approval"), Model("act"), Model("leadership"),
        Model("rotation"),
    )
}  # fmt: skip
