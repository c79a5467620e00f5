"""The RFC 6962 Merkle tree, held as its right edge.

A frontier is all that an appender needs: at most 64 hashes for any log that fits a disk.
It keeps no leaves; whoever must answer proofs stores the subtrees that `grow` hands out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class Subtree:
    """A complete subtree: the hash over leaves `index << level` up to `(index + 1) << level`."""

    level: int
    index: int
    hash: bytes


def leaf_hash(data: bytes) -> bytes:
    """Hash one leaf: SHA-256(0x00 || data), 32 bytes (RFC 6962, 2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children into their parent: SHA-256(0x01 || left || right) (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: its size in leaves and the complete subtrees that make it up.

    `edge` has one 32-byte hash per set bit of `size`, the largest subtree first. Raises
    ValueError when the two do not fit, so a damaged row cannot become a silent wrong root.
    """

    size: int = 0
    edge: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.edge) != self.size.bit_count():
            raise ValueError(f"a tree of size {self.size} has not {len(self.edge)} edge hashes")
        for item in self.edge:
            _require_hash(item)

    def append(self, leaf: bytes) -> "Frontier":
        """Return the frontier with one more leaf hash, in O(log size)."""
        return self.extend((leaf,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> "Frontier":
        """Return the frontier with these leaf hashes behind it; ValueError if one is not a hash."""
        return self.grow(leaf_hashes)[0]

    def grow(self, leaf_hashes: Iterable[bytes]) -> tuple["Frontier", list[Subtree]]:
        """Extend, and also return every subtree this completed, leaves included.

        A store that writes these rows once answers any later proof from O(log size) of them.
        """
        size, edge, completed = self.size, list(self.edge), list[Subtree]()
        for leaf in leaf_hashes:
            _require_hash(leaf)
            completed.extend(_push(edge, size, leaf))
            size += 1
        return Frontier(size, tuple(edge)), completed

    def root(self) -> bytes:
        """Return the tree's root, 32 bytes; the empty tree's is SHA-256 of nothing."""
        if not self.edge:
            return EMPTY_ROOT
        return reduce(lambda right, left: node_hash(left, right), reversed(self.edge))


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the RFC 6962 root over these leaf hashes (each from `leaf_hash`)."""
    return Frontier().extend(leaf_hashes).root()


def _push(edge: list[bytes], size: int, leaf: bytes) -> Iterator[Subtree]:
    """Put a leaf on the edge of a tree of `size`, merging like a carry in binary addition."""
    level, index, node = 0, size, leaf
    yield Subtree(level, index, node)
    while index & 1:
        level, index, node = level + 1, index >> 1, node_hash(edge.pop(), node)
        yield Subtree(level, index, node)
    edge.append(node)


def _require_hash(value: bytes) -> None:
    # A shorter or longer value would move the border between the children of a node.
    if len(value) != HASH_SIZE:
        raise ValueError(f"a hash has {HASH_SIZE} bytes, not {len(value)}")
