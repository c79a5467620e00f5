"""What the log says is believed only as far as the pinned key reaches."""

import json
from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grace import transparency as log
from grace.contracts.identity import Checkpoint, Proof
from grace.stack.demo import evidence
from grace.stack.errors import StackError

ORIGIN = "example.com/log"
KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
PINNED = log.encode_verifier_key(ORIGIN, KEY.public_key())
LEAVES = [
    log.leaf_bytes(
        "verification.action.closed",
        f"message-{n}",
        body=json.dumps({"mission_id": f"mission-{n}"}).encode(),
        key_id="verification-1",
        signature=bytes(64),
    )
    for n in range(7)
]
HASHES = [log.leaf_hash(leaf) for leaf in LEAVES]


def head(key: Ed25519PrivateKey = KEY, size: int = 7) -> Checkpoint:
    tree = log.Checkpoint(ORIGIN, size, log.root(HASHES[:size]))
    return Checkpoint(
        origin=ORIGIN,
        size=size,
        root=tree.root,
        note=log.sign(tree, ORIGIN, key),
        verifier_key=log.encode_verifier_key(ORIGIN, key.public_key()),
    )


def proof(index: int = 3, leaf: bytes | None = None) -> Proof:
    hashes = log.prove_inclusion(log.subtrees_of(HASHES), index, 7)
    return Proof(
        index=index,
        size=7,
        leaf=LEAVES[index] if leaf is None else leaf,
        hashes=tuple(hashes),
        checkpoint=head(),
    )


def test_a_head_is_believed_when_the_pinned_key_signed_it() -> None:
    found = evidence.check_checkpoint(head(), PINNED)
    assert (found.origin, found.size, found.verified) == (ORIGIN, 7, True)
    assert b64decode(found.root) == log.root(HASHES)


def test_a_head_that_brings_its_own_key_is_not_believed() -> None:
    with pytest.raises(StackError, match="not signed by"):
        evidence.check_checkpoint(head(OTHER_KEY), PINNED)


def test_only_the_signed_size_and_root_count() -> None:
    lying = head().model_copy(update={"size": 9, "root": bytes(32)})
    found = evidence.check_checkpoint(lying, PINNED)
    assert (found.size, b64decode(found.root)) == (7, log.root(HASHES))


def test_an_entry_of_the_tree_is_found() -> None:
    leaf = evidence.check_inclusion(proof(), evidence.check_checkpoint(head(), PINNED))
    assert leaf.message_id == "message-3"


@pytest.mark.parametrize(
    "forged",
    [
        proof(leaf=LEAVES[4]),
        proof(leaf=LEAVES[3] + b"x"),
        proof().model_copy(update={"index": 2}),
        proof().model_copy(update={"hashes": proof().hashes[:-1]}),
        proof().model_copy(update={"hashes": (bytes(32), *proof().hashes[1:])}),
    ],
)
def test_a_forged_proof_leads_nowhere(forged: Proof) -> None:
    with pytest.raises(StackError, match="does not lead to the log's root"):
        evidence.check_inclusion(forged, evidence.check_checkpoint(head(), PINNED))


@pytest.mark.parametrize("asked", [("message-3", "mission-4"), ("message-4", "mission-3")])
def test_the_proof_of_another_message_is_no_proof(asked: tuple[str, str]) -> None:
    leaf = evidence.check_inclusion(proof(), evidence.check_checkpoint(head(), PINNED))
    with pytest.raises(StackError, match="another message"):
        evidence._check_leaf(leaf, *asked)
