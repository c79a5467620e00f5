"""Proves offline that a log was only ever appended to: Merkle tree, proofs, signed checkpoints."""

from .checkpoint import Checkpoint, parse_and_verify, sign
from .leaf import LEAF_KIND, Leaf, LeafError, leaf_bytes, pae, parse_leaf, parse_pae
from .note import (
    NoteError,
    VerifierKey,
    encode_verifier_key,
    key_hash,
    open_note,
    parse_verifier_key,
    sign_note,
)
from .proof import (
    ProofError,
    SubtreeReader,
    prove_consistency,
    prove_inclusion,
    subtrees_of,
    verify_consistency,
    verify_inclusion,
)
from .tree import EMPTY_ROOT, HASH_SIZE, Frontier, Subtree, leaf_hash, node_hash, root

__all__ = [
    "EMPTY_ROOT",
    "HASH_SIZE",
    "LEAF_KIND",
    "Checkpoint",
    "Frontier",
    "Leaf",
    "LeafError",
    "NoteError",
    "ProofError",
    "Subtree",
    "SubtreeReader",
    "VerifierKey",
    "encode_verifier_key",
    "key_hash",
    "leaf_bytes",
    "leaf_hash",
    "node_hash",
    "open_note",
    "pae",
    "parse_and_verify",
    "parse_leaf",
    "parse_pae",
    "parse_verifier_key",
    "prove_consistency",
    "prove_inclusion",
    "root",
    "sign",
    "sign_note",
    "subtrees_of",
    "verify_consistency",
    "verify_inclusion",
]
