"""Keeps the playbooks table equal to the playbook files."""

from collections.abc import Sequence
from pathlib import Path

from grace.intent.domain.playbook import Playbook, PlaybookError
from grace.intent.metrics import PLAYBOOKS_REFUSED
from grace.intent.planner.reading import read_playbook
from grace.intent.settings import Settings
from grace.intent.store import Playbooks
from grace.kit import Conflict, Runtime

_FIXTURES = ".test.yaml"  # beside a playbook lie the errors that it is tested with
_SHIPPED = Path(__file__).parent.parent / "playbooks"


class PlaybookRefused(Conflict):
    """A playbook file is not in force as it is written."""


class LoadPlaybooks:
    """Reads the playbook files and pins every version to its text."""

    def __init__(self, settings: Settings) -> None:
        """Read the shipped files, and the operator's where the settings name a folder."""
        self._own = settings.playbook_dir
        self.loaded = False
        self._told: list[str] = []

    async def tick(self, runtime: Runtime) -> bool:
        """Pin what is new; sound files count even where others are refused.

        PlaybookRefused once for the same complaints: the gauge goes on saying how many there are.
        """
        shipped, refused = _read(_SHIPPED)
        own, unsound = _read(self._own) if self._own else ([], [])
        refused += unsound
        async with runtime.unit() as unit:
            store = Playbooks(unit.tx)
            for playbook in (*shipped, *own):
                if not await store.pin(playbook):
                    refused.append(_changed(playbook))
            # What is shipped nobody can change here: who imports a newer version means it.
            for name, version in sorted(_newest(own).items()):
                in_force = await store.newest(name)
                if in_force is not None and in_force > version:
                    refused.append(_behind(name, version, in_force))
        self.loaded = True
        PLAYBOOKS_REFUSED.set(len(refused))
        runtime.complaints["playbooks"] = refused
        news, self._told = refused != self._told, refused
        if refused and news:
            raise PlaybookRefused("; ".join(refused))
        return False


def _read(folder: Path) -> tuple[list[Playbook], list[str]]:
    """Return the sound playbooks, and a line for each file that is not sound."""
    playbooks: list[Playbook] = []
    refused: list[str] = []
    if not folder.is_dir():
        refused.append(f"{folder} is no folder: make it, or change GRACE_INTENT_PLAYBOOK_DIR")
    for file in sorted(folder.glob("*.yaml")):
        if file.name.endswith(_FIXTURES):
            continue
        try:
            playbooks.append(read_playbook(file.read_bytes()))
        except (PlaybookError, OSError) as failure:
            refused.append(f"{file}: {failure}")
    return playbooks, refused


def _newest(playbooks: Sequence[Playbook]) -> dict[str, int]:
    """Return the newest version of each: files of older ones may lie beside it."""
    found: dict[str, int] = {}
    for each in playbooks:
        found[each.name] = max(each.version, found.get(each.name, 0))
    return found


def _changed(playbook: Playbook) -> str:
    return (
        f"{playbook.name} version {playbook.version} is pinned to another text and stays as it "
        f"was: raise the version to {playbook.version + 1}"
    )


def _behind(name: str, version: int, in_force: int) -> str:
    return (
        f"{name} version {version} is passed over, since version {in_force} is in force: raise the "
        f"version to {in_force + 1}, or take the file away"
    )
