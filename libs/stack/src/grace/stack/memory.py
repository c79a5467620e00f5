"""How much memory processes take: as PSS, which counts what they share once."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of some processes.

    `measure` is "PSS", or "RSS" where the kernel gave no PSS of at least one of them.
    """

    bytes: int = 0
    measure: str = "PSS"
    processes: int = 0

    def __add__(self, other: "Memory") -> "Memory":
        """Both together; one RSS makes the sum an upper bound, and so RSS."""
        measure = "PSS" if {self.measure, other.measure} == {"PSS"} else "RSS"
        return Memory(self.bytes + other.bytes, measure, self.processes + other.processes)

    @property
    def mib(self) -> float:
        """The same in MiB."""
        return round(self.bytes / 2**20, 1)


def memory_of(pid: int, *, alone: bool = False) -> Memory:
    """The memory of a process and of everything that descends from it, or of the process `alone`.

    What has ended counts for nothing.
    """
    return sum((_memory(each) for each in ([pid] if alone else tree_of(pid))), Memory())


def tree_of(pid: int) -> list[int]:
    """The process and its descendants, as they are at this moment."""
    children = _children()
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def _memory(pid: int) -> Memory:
    pss = _field(_PROC / str(pid) / "smaps_rollup", "Pss:")
    if pss is not None:
        return Memory(pss, "PSS", 1)
    rss = _field(_PROC / str(pid) / "status", "VmRSS:")
    return Memory() if rss is None else Memory(rss, "RSS", 1)


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in _PROC.glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            # The command's name may hold blanks and brackets: the parent is the second word
            # behind the last bracket.
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    return children


def _field(file: Path, name: str) -> int | None:
    """A size in bytes out of a file of /proc; None where it cannot be read."""
    with suppress(OSError, ValueError, IndexError):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return None
