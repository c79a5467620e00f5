"""The playbooks in force, each text compiled once."""

from collections.abc import Iterable

from grace.intent.domain.document import parse_playbook
from grace.intent.domain.playbook import Playbook


class Library:
    """Remembers what the texts in force mean; texts that are no longer in force are forgotten."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._compiled: dict[bytes, Playbook] = {}

    def compile(self, sources: Iterable[bytes]) -> list[Playbook]:
        """Return the playbooks that the texts say."""
        known = self._compiled
        self._compiled = {each: known.get(each) or parse_playbook(each) for each in sources}
        return list(self._compiled.values())
