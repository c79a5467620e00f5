import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from grace.transparency import (
    EMPTY_ROOT,
    Frontier,
    Subtree,
    leaf_hash,
    node_hash,
    root,
    subtrees_of,
)

# The leaves and roots that the Certificate Transparency implementations share.
VECTOR_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
VECTOR_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

entries = st.lists(st.binary(max_size=8), max_size=80)


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_published_vectors(size: int) -> None:
    leaves = [leaf_hash(data) for data in VECTOR_LEAVES[:size]]
    assert root(leaves).hex() == VECTOR_ROOTS[size]


@pytest.mark.parametrize("size", range(71))
def test_the_root_equals_that_of_an_independent_implementation(size: int) -> None:
    data = [b"%d" % number for number in range(size)]
    oracle = InmemoryTree(algorithm="sha256")
    for item in data:
        oracle.append_entry(item)
    assert root(map(leaf_hash, data)) == oracle.get_root()


@given(entries)
def test_random_roots_equal_those_of_an_independent_implementation(data: list[bytes]) -> None:
    oracle = InmemoryTree(algorithm="sha256")
    for item in data:
        oracle.append_entry(item)
    assert root(map(leaf_hash, data)) == oracle.get_root()


@given(entries, st.integers(min_value=0, max_value=80))
def test_a_tree_grown_in_two_batches_is_the_tree_grown_one_by_one(
    data: list[bytes], border: int
) -> None:
    leaves = [leaf_hash(item) for item in data]
    one_by_one = Frontier()
    for leaf in leaves:
        one_by_one = one_by_one.append(leaf)
    assert Frontier().extend(leaves[:border]).extend(leaves[border:]) == one_by_one


@given(entries, st.integers(min_value=0, max_value=80))
def test_growing_names_every_subtree_it_completes_exactly_once(
    data: list[bytes], border: int
) -> None:
    leaves = [leaf_hash(item) for item in data]
    frontier, first = Frontier().grow(leaves[:border])
    _, second = frontier.grow(leaves[border:])
    read = subtrees_of(leaves)
    every = {
        Subtree(level, index, read(level, index))
        for level in range(len(leaves).bit_length())
        for index in range(len(leaves) >> level)
    }
    assert len(first + second) == len(every)
    assert set(first + second) == every


def test_a_frontier_keeps_one_hash_per_set_bit_of_its_size() -> None:
    assert len(Frontier().extend([leaf_hash(b"")] * 1000).edge) == (1000).bit_count()


def test_appending_leaves_the_older_frontier_as_it_was() -> None:
    old = Frontier().append(leaf_hash(b"a"))
    old.append(leaf_hash(b"b"))
    assert old.root() == leaf_hash(b"a")


def test_the_empty_tree_has_the_hash_of_nothing_as_root() -> None:
    assert Frontier().root() == root([]) == EMPTY_ROOT


def test_a_leaf_that_looks_like_a_node_has_another_hash() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize(
    ("size", "edge"), [(-1, ()), (1, ()), (0, (bytes(32),)), (2, (bytes(32),) * 2), (1, (b"x",))]
)
def test_a_frontier_whose_edge_does_not_fit_its_size_is_refused(
    size: int, edge: tuple[bytes, ...]
) -> None:
    with pytest.raises(ValueError, match="has"):
        Frontier(size, edge)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_leaf_hash_of_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier().append(bytes(length))


def test_wrong_lengths_are_refused_even_when_they_would_merge_into_a_hash() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier().extend([bytes(31), bytes(33)])
