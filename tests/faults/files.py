"""Two incidents of files, quick to measure: one playbook heals, the other one's promise cannot come true."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TARGET = "files"
_CONTENT = b"x" * 20_000
_PLAYBOOK = """
playbook: {name}
version: 1
trigger:
  condition: kind == "{kind}"
steps:
  - action:
      operation: filesystem.rotate_log
      params: {{path: {name}/app.log}}
    measurement:
      operation: filesystem.usage
      params: {{path: {name}}}
    expectations:
      - {{field: {field}, comparison: at_most, value: 0}}
"""


@dataclass(frozen=True, slots=True)
class Incident:
    """A log that is too large; `field` is what has to be nothing once it is rotated."""

    name: str
    field: str
    verdict: str

    @property
    def kind(self) -> str:
        """What is reported, and what the playbook waits for."""
        return f"files.{self.name}"

    def is_over(self, root: Path) -> bool:
        """Whether the file itself is as the verdict says."""
        return (root / self.name / "app.log").read_bytes() == (
            b"" if self.verdict == "verified" else _CONTENT
        )


HEALED = Incident("too-large", "bytes", "verified")
TAKEN_BACK = Incident("kept", "files", "rolled_back")  # rotated or not, there is a file


def prepare(root: Path, playbooks: Path, targets_file: Path, *incidents: Incident) -> None:
    """The logs, a playbook for each, and the folder as a registered target."""
    playbooks.mkdir()
    for each in incidents:
        (root / each.name).mkdir(parents=True)
        (root / each.name / "app.log").write_bytes(_CONTENT)
        text = _PLAYBOOK.format(name=each.name, kind=each.kind, field=each.field)
        (playbooks / f"{each.name}.yaml").write_text(text, encoding="utf-8")
    targets_file.write_text(
        f'[targets.{TARGET}]\nkind = "filesystem"\nenvironment = "test"\nroot = "{root}"\n',
        encoding="utf-8",
    )
