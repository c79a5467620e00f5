from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from grace.transparency import (
    EMPTY_ROOT,
    Frontier,
    ProofError,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root,
    subtrees_of,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 70
DATA = [b"entry %d" % number for number in range(LARGEST)]
LEAVES = [leaf_hash(item) for item in DATA]
ROOTS = [root(LEAVES[:size]) for size in range(LARGEST + 1)]

sizes = st.integers(min_value=1, max_value=LARGEST)


@pytest.fixture(scope="module")
def oracle() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for item in DATA:
        tree.append_entry(item)
    return tree


def bit_flips(value: bytes) -> Iterator[bytes]:
    for bit in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)


def damaged(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Every proof that differs in one bit, lacks one hash, or has one more."""
    for position, item in enumerate(proof):
        for flipped in bit_flips(item):
            yield [*proof[:position], flipped, *proof[position + 1 :]]
        yield proof[:position] + proof[position + 1 :]
        yield [*proof[:position], item, *proof[position:]]
    yield [*proof, bytes(32)]


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_inclusion_proofs_are_those_of_an_independent_implementation(
    oracle: InmemoryTree, size: int
) -> None:
    read = subtrees_of(LEAVES[:size])
    for index in range(size):
        proof = prove_inclusion(read, index, size)
        assert proof == oracle.prove_inclusion(index + 1, size).path[1:]
        assert verify_inclusion(LEAVES[index], index, size=size, proof=proof, root=ROOTS[size])


@pytest.mark.parametrize("new", range(1, LARGEST + 1))
def test_consistency_proofs_are_the_definition_and_join_the_roots_of_the_oracle(
    oracle: InmemoryTree, new: int
) -> None:
    read = subtrees_of(LEAVES[:new])
    for old in range(1, new + 1):
        proof = prove_consistency(read, old, new)
        assert proof == subproof(old, LEAVES[:new], is_known=True)
        assert verify_consistency(
            old,
            oracle.get_root(old),
            new_size=new,
            new_root=oracle.get_root(new),
            proof=proof,
        )


def subproof(old: int, leaves: list[bytes], *, is_known: bool) -> list[bytes]:
    """SUBPROOF(m, D_n, b), word for word from RFC 9162, 2.1.4.1.

    The oracle's own consistency proofs have another form, so only its roots can be compared.
    """
    if old == len(leaves):
        return [] if is_known else [root(leaves)]
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    if old <= half:
        return [*subproof(old, leaves[:half], is_known=is_known), root(leaves[half:])]
    return [*subproof(old - half, leaves[half:], is_known=False), root(leaves[:half])]


def test_inclusion_and_consistency_proofs_are_those_of_the_published_vectors() -> None:
    data = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")
    last = "606162636465666768696a6b6c6d6e6f"
    read = subtrees_of([leaf_hash(bytes.fromhex(text)) for text in (*data, last)])
    shared = [
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [item.hex() for item in prove_inclusion(read, 5, 8)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        *shared,
    ]
    assert [item.hex() for item in prove_consistency(read, 6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        *shared,
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 13])
def test_an_inclusion_proof_with_any_bit_changed_is_refused(size: int) -> None:
    read = subtrees_of(LEAVES[:size])
    for index in range(size):
        leaf, proof, head = LEAVES[index], prove_inclusion(read, index, size), ROOTS[size]

        def holds(
            leaf: bytes = leaf, index: int = index, head: bytes = head, proof: list[bytes] = proof
        ) -> bool:
            return verify_inclusion(leaf, index, size=size, proof=proof, root=head)

        assert holds()
        assert not any(holds(leaf=wrong) for wrong in bit_flips(leaf))
        assert not any(holds(head=wrong) for wrong in bit_flips(head))
        assert not any(holds(proof=wrong) for wrong in damaged(proof))
        assert not any(holds(index=index ^ 1 << bit) for bit in range(64))


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 7), (4, 7), (6, 8), (7, 13), (8, 13)])
def test_a_consistency_proof_with_any_bit_changed_is_refused(old: int, new: int) -> None:
    proof = prove_consistency(subtrees_of(LEAVES[:new]), old, new)

    def holds(
        old_root: bytes = ROOTS[old], new_root: bytes = ROOTS[new], proof: list[bytes] = proof
    ) -> bool:
        return verify_consistency(old, old_root, new_size=new, new_root=new_root, proof=proof)

    assert holds()
    assert not any(holds(old_root=wrong) for wrong in bit_flips(ROOTS[old]))
    assert not any(holds(new_root=wrong) for wrong in bit_flips(ROOTS[new]))
    assert not any(holds(proof=wrong) for wrong in damaged(proof))


def test_a_proof_of_another_length_than_the_size_demands_is_refused() -> None:
    pair, right_pair = [LEAVES[1]], [root(LEAVES[2:4])]
    assert verify_inclusion(LEAVES[0], 0, size=2, proof=pair, root=ROOTS[2])
    assert not verify_inclusion(LEAVES[0], 0, size=4, proof=pair, root=ROOTS[2])
    assert not verify_inclusion(LEAVES[1], 0, size=1, proof=[LEAVES[0]], root=ROOTS[2])
    assert verify_consistency(2, ROOTS[2], new_size=4, new_root=ROOTS[4], proof=right_pair)
    assert not verify_consistency(2, ROOTS[2], new_size=8, new_root=ROOTS[4], proof=right_pair)
    seven_eight = prove_consistency(subtrees_of(LEAVES[:8]), 7, 8)
    assert verify_consistency(7, ROOTS[7], new_size=8, new_root=ROOTS[8], proof=seven_eight)
    assert not verify_consistency(3, ROOTS[7], new_size=4, new_root=ROOTS[8], proof=seven_eight)


def test_moving_the_border_between_two_hashes_is_refused() -> None:
    longer, shorter = LEAVES[0] + LEAVES[1][:1], LEAVES[1][1:]
    assert not verify_inclusion(longer, 0, size=2, proof=[shorter], root=ROOTS[2])


@given(st.data())
def test_no_proof_makes_a_rewritten_log_look_consistent(data: st.DataObject) -> None:
    new = data.draw(sizes)
    old = data.draw(st.integers(min_value=1, max_value=new))
    victim = data.draw(st.integers(min_value=0, max_value=old - 1))
    forged = [*LEAVES[:victim], leaf_hash(b"forged"), *LEAVES[victim + 1 : new]]
    proof = prove_consistency(subtrees_of(forged), old, new)
    assert not verify_consistency(old, ROOTS[old], new_size=new, new_root=root(forged), proof=proof)


@given(st.data())
def test_arbitrary_input_is_answered_with_false_and_never_raises(data: st.DataObject) -> None:
    number = st.integers(min_value=-3, max_value=2**70)
    digest = st.one_of(st.binary(max_size=40), st.just(ROOTS[5]))
    proof = data.draw(st.lists(digest, max_size=6))
    assert not verify_inclusion(
        b"x" * 32, data.draw(number), size=data.draw(number), proof=proof, root=data.draw(digest)
    )
    assert not verify_consistency(
        data.draw(number), b"x" * 32, new_size=data.draw(number), new_root=ROOTS[5], proof=proof
    )


@given(st.integers(min_value=1, max_value=2**40), st.data())
def test_a_store_of_complete_subtrees_is_asked_for_logarithmically_few(
    size: int, data: st.DataObject
) -> None:
    asked: list[tuple[int, int]] = []

    def read(level: int, index: int) -> bytes:
        assert (index + 1) << level <= size, "an incomplete subtree is nowhere stored"
        asked.append((level, index))
        return leaf_hash(b"%d/%d" % (level, index))

    prove_inclusion(read, data.draw(st.integers(min_value=0, max_value=size - 1)), size)
    prove_consistency(read, data.draw(st.integers(min_value=0, max_value=size)), size)
    assert len(asked) <= 4 * size.bit_length()


@given(sizes, st.data())
def test_the_subtrees_that_growing_names_answer_every_proof(size: int, data: st.DataObject) -> None:
    _, completed = Frontier().grow(LEAVES[:size])
    stored = {(item.level, item.index): item.hash for item in completed}
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    proof = prove_inclusion(lambda *place: stored[place], index, size)
    assert proof == prove_inclusion(subtrees_of(LEAVES[:size]), index, size)


def test_the_empty_tree_is_the_past_of_every_tree() -> None:
    for size in range(5):
        assert prove_consistency(subtrees_of(LEAVES[:size]), 0, size) == []
        assert verify_consistency(0, EMPTY_ROOT, new_size=size, new_root=ROOTS[size], proof=[])
    assert not verify_consistency(0, ROOTS[1], new_size=2, new_root=ROOTS[2], proof=[])
    assert not verify_consistency(0, EMPTY_ROOT, new_size=0, new_root=ROOTS[1], proof=[])


def test_two_trees_of_one_size_are_consistent_only_if_equal() -> None:
    assert verify_consistency(5, ROOTS[5], new_size=5, new_root=ROOTS[5], proof=[])
    assert not verify_consistency(5, ROOTS[5], new_size=5, new_root=ROOTS[6], proof=[])
    assert not verify_consistency(5, ROOTS[5], new_size=5, new_root=ROOTS[5], proof=[ROOTS[5]])
    assert not verify_consistency(5, ROOTS[5], new_size=6, new_root=ROOTS[6], proof=[])


def test_a_log_cannot_shrink() -> None:
    proof = prove_consistency(subtrees_of(LEAVES[:8]), 6, 8)
    assert not verify_consistency(8, ROOTS[8], new_size=6, new_root=ROOTS[6], proof=proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3), (0, -1)])
def test_a_proof_for_a_leaf_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        prove_inclusion(subtrees_of(LEAVES), index, size)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (0, -1)])
def test_a_proof_for_an_impossible_past_is_refused(old: int, new: int) -> None:
    with pytest.raises(ProofError):
        prove_consistency(subtrees_of(LEAVES), old, new)


@pytest.mark.parametrize(("level", "index"), [(-1, 0), (0, 3), (1, 1), (2, 0), (0, -1)])
def test_a_list_of_leaves_has_no_subtree_beyond_its_end(level: int, index: int) -> None:
    with pytest.raises(ProofError):
        subtrees_of(LEAVES[:3])(level, index)


def test_a_proof_beyond_the_stored_leaves_is_refused() -> None:
    with pytest.raises(ProofError):
        prove_inclusion(subtrees_of(LEAVES[:3]), 0, 5)
