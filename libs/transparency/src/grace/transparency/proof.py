"""Inclusion and consistency proofs of RFC 9162: made by the log, checked by anybody.

Making a proof that cannot exist raises ProofError. Checking never raises: whatever a stranger
hands over is either proven (True) or not (False).
"""

from collections.abc import Callable, Sequence
from hmac import compare_digest
from typing import TypeAlias

from .tree import EMPTY_ROOT, HASH_SIZE, Frontier, node_hash

SubtreeReader: TypeAlias = Callable[[int, int], bytes]
"""`(level, index)` -> 32-byte hash of that complete subtree, leaves being level 0."""


class ProofError(ValueError):
    """There is no such proof: an index or size lies outside the tree."""


def subtrees_of(leaf_hashes: Sequence[bytes]) -> SubtreeReader:
    """Read subtrees from a plain list of leaf hashes, hashing anew each time: O(n) per proof."""

    def subtree(level: int, index: int) -> bytes:
        if level < 0 or not 0 <= index < len(leaf_hashes) >> level:
            raise ProofError(f"{len(leaf_hashes)} leaves have no subtree {index} at level {level}")
        leaves = leaf_hashes[index << level : (index + 1) << level]
        return Frontier().extend(leaves).root()

    return subtree


def prove_inclusion(subtree: SubtreeReader, index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf `index` (from 0) in the tree of `size`, leaf to root.

    Reads O(log size) subtrees, each once. ProofError unless 0 <= index < size.
    Source: RFC 9162, 2.1.3.1.
    """
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of size {size}")
    start, end, path = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            path.append(_range_hash(subtree, middle, end))
            end = middle
        else:
            path.append(_range_hash(subtree, start, middle))
            start = middle
    return path[::-1]


def prove_consistency(subtree: SubtreeReader, old_size: int, new_size: int) -> list[bytes]:
    """Return the proof that the tree of `new_size` only appended to the one of `old_size`.

    Empty when the old tree is empty or the same. Reads O(log new_size) subtrees.
    ProofError unless 0 <= old_size <= new_size. Source: RFC 9162, 2.1.4.1.
    """
    if not 0 <= old_size <= new_size:
        raise ProofError(f"a tree of size {new_size} has no past of size {old_size}")
    start, end, path = 0, new_size, list[bytes]()
    while 0 < old_size < end:
        middle = start + _left_width(end - start)
        if old_size <= middle:
            path.append(_range_hash(subtree, middle, end))
            end = middle
        else:
            path.append(_range_hash(subtree, start, middle))
            start = middle
    if start:
        # The old tree is no single subtree of the new one: its last piece must be named too.
        path.append(_range_hash(subtree, start, end))
    return path[::-1]


def verify_inclusion(
    leaf_hash: bytes, index: int, *, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Tell whether `leaf_hash` is leaf `index` (from 0) of the tree with this size and root.

    Size and root must come together from a verified checkpoint: the proof binds the leaf and
    its index to the root, only the signature binds the size. Source: RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size or not _are_hashes(leaf_hash, root, *proof):
        return False
    fn, sn, result = index, size - 1, leaf_hash
    for sibling in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            result = node_hash(sibling, result)
            fn, sn = _skip_promoted(fn, sn)
        else:
            result = node_hash(result, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and compare_digest(result, root)


def verify_consistency(
    old_size: int, old_root: bytes, *, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether the new tree is the old tree with leaves appended and nothing else changed.

    The empty tree is the past of every tree. Source: RFC 9162, 2.1.4.2.
    """
    if not 0 <= old_size <= new_size or not _are_hashes(old_root, new_root, *proof):
        return False
    if old_size in (0, new_size):
        return not proof and _agree_without_proof(old_size, old_root, new_size, new_root)
    if not proof:
        return False
    is_whole_subtree = old_size.bit_count() == 1
    old, new = _replay(old_size, new_size, [old_root, *proof] if is_whole_subtree else proof)
    return compare_digest(old, old_root) and compare_digest(new, new_root)


def _agree_without_proof(old_size: int, old_root: bytes, new_size: int, new_root: bytes) -> bool:
    if old_size == 0 and not compare_digest(old_root, EMPTY_ROOT):
        return False
    return old_size < new_size or compare_digest(old_root, new_root)


def _replay(old_size: int, new_size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Compute both roots from one path; empty hashes, equal to no root, if its length is wrong."""
    fn, sn = _skip_right_turns(old_size - 1, new_size - 1)
    old = new = path[0]
    for sibling in path[1:]:
        if sn == 0:
            return b"", b""
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            fn, sn = _skip_promoted(fn, sn)
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    return (old, new) if sn == 0 else (b"", b"")


def _skip_right_turns(fn: int, sn: int) -> tuple[int, int]:
    """Climb while the old tree's last node is a right child: that subtree is complete in both."""
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _skip_promoted(fn: int, sn: int) -> tuple[int, int]:
    """Climb past the levels where the last node had no sibling and was promoted unhashed."""
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _left_width(width: int) -> int:
    """Return how many leaves the left child holds: the largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _range_hash(subtree: SubtreeReader, start: int, end: int) -> bytes:
    """Hash leaves start..end, where `start` is aligned as every split of the tree leaves it."""
    width = end - start
    if width.bit_count() == 1:
        level = width.bit_length() - 1
        return subtree(level, start >> level)
    middle = start + _left_width(width)
    return node_hash(_range_hash(subtree, start, middle), _range_hash(subtree, middle, end))


def _are_hashes(*values: object) -> bool:
    return all(isinstance(value, bytes) and len(value) == HASH_SIZE for value in values)
