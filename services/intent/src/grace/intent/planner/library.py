"""The playbooks in force, each text compiled once."""

from collections.abc import Iterable, Sequence

from grace.intent.domain.playbook import Playbook, PlaybookError
from grace.intent.planner.reading import read_playbook


class Library:
    """Remembers what the texts in force mean; texts that are no longer in force are forgotten."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._compiled: dict[bytes, Playbook | None] = {}

    def compile(self, sources: Iterable[bytes]) -> list[Playbook]:
        """Return the playbooks that the texts say.

        A text that an older release took and this one does not is left out: one playbook must not
        keep all others from being planned with. The loader tells which file it is.
        """
        known = self._compiled
        self._compiled = {
            each: known[each] if each in known else _understood(each) for each in sources
        }
        return [playbook for playbook in self._compiled.values() if playbook is not None]


class Rules:
    """The playbooks that shape the intake, as they were seen last; the mark tells them from others."""

    def __init__(self) -> None:
        """Know of none yet."""
        self.mark: str | None = None
        self.playbooks: Sequence[Playbook] = ()
        self._library = Library()

    def learn(self, mark: str | None, sources: Iterable[bytes]) -> None:
        """These are in force now."""
        self.playbooks = self._library.compile(sources)
        self.mark = mark


def _understood(source: bytes) -> Playbook | None:
    try:
        return read_playbook(source)
    except PlaybookError:
        return None
