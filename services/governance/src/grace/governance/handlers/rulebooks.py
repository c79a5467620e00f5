"""The policies in force: those that came with Grace and those of the store, compiled once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grace.governance.domain.rulebook import Document, Kind, Rulebook, compile_rulebook
from grace.governance.store import Made, Policies

_SHIPPED = Path(__file__).parent.parent / "policies"
CONSTITUTION = "constitution"
DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class Shipped:
    """What came with Grace."""

    schema: str
    constitution: Document
    defaults: Document

    @classmethod
    def read(cls) -> "Shipped":
        """Read the files of this package."""
        return cls(
            schema=_text("schema.cedarschema"),
            constitution=Document(CONSTITUTION, Kind.CONSTITUTION, _text("constitution.cedar")),
            defaults=Document(DEFAULTS, Kind.POLICY, _text("defaults.cedar")),
        )

    def with_stored(self, stored: Iterable[Document]) -> list[Document]:
        """Everything in force: the constitution always, the defaults where none were stored."""
        by_name = {DEFAULTS: self.defaults, **{each.name: each for each in stored}}
        return [self.constitution, *by_name.values()]


class Rulebooks:
    """Keeps the compiled policies until any document changes."""

    def __init__(self) -> None:
        self.shipped = Shipped.read()
        self._kept: tuple[int, Rulebook] | None = None

    async def current(self, store: Policies) -> Rulebook:
        """Return the policies as this transaction sees them. PolicyError where none can judge."""
        revision = await store.revision()
        if self._kept is None or self._kept[0] != revision:
            self._kept = (revision, self.compiled(documents_of(await store.current())))
        return self._kept[1]

    def compiled(self, stored: Iterable[Document]) -> Rulebook:
        """Compile what is in force with these documents. PolicyError where it is not valid."""
        return compile_rulebook(self.shipped.with_stored(stored), self.shipped.schema)


def documents_of(stored: Iterable[Made]) -> list[Document]:
    """The documents that were not taken back."""
    return [Document(each.name, each.kind, each.text) for each in stored if each.text is not None]


def _text(name: str) -> str:
    return (_SHIPPED / name).read_text(encoding="utf-8")
