"""The log's evidence, checked here with nothing but a key that was pinned before anything happened."""

import json
from base64 import b64encode

from grace.client import Conflict, Grace, NotFound
from grace.contracts.identity import Checkpoint, Proof
from grace.stack.demo.report import CheckpointReport, ProofReport
from grace.stack.demo.waiting import until
from grace.stack.errors import StackError
from grace.transparency import (
    Leaf,
    leaf_hash,
    parse_and_verify,
    parse_leaf,
    parse_verifier_key,
    verify_inclusion,
)

_WITHIN = 20.0  # seconds until a message is in the log and under a signed head


async def pin(admin: Grace) -> str:
    """The key that signs the log, as it is now: everything later is checked with this one."""

    async def ask() -> str | None:
        try:
            return (await admin.checkpoint()).verifier_key
        except (NotFound, Conflict):
            return None

    return await until(ask, within=_WITHIN, what="the log has a signed head")


async def prove(
    admin: Grace, pinned_key: str, message_id: str, mission_id: str
) -> tuple[CheckpointReport, ProofReport]:
    """Ask for the proof of one message and check all of it. StackError where it does not hold."""

    async def ask() -> Proof | None:
        try:
            return await admin.proof(message_id=message_id)
        except (NotFound, Conflict):
            return None

    proof = await until(ask, within=_WITHIN, what=f"message {message_id} is in the log")
    head = check_checkpoint(proof.checkpoint, pinned_key)
    leaf = check_inclusion(proof, head)
    _check_leaf(leaf, message_id, mission_id)
    return head, ProofReport(
        message_id=message_id,
        subject=leaf.subject,
        index=proof.index,
        size=head.size,
        hashes=len(proof.hashes),
        verified=True,
    )


def check_checkpoint(checkpoint: Checkpoint, pinned_key: str) -> CheckpointReport:
    """Check the signature of a head. StackError where the pinned key did not sign it."""
    try:
        key = parse_verifier_key(pinned_key)
        head = parse_and_verify(checkpoint.note, key.name, key.public_key)
    except ValueError as error:
        raise StackError(f"the log's head is not signed by {pinned_key}: {error}") from error
    return CheckpointReport(
        origin=head.origin,
        size=head.size,
        root=b64encode(head.root).decode(),
        note=checkpoint.note,
        verifier_key=pinned_key,
        verified=True,
    )


def check_inclusion(proof: Proof, head: CheckpointReport) -> Leaf:
    """Check that the leaf is in the tree of that head; only size and root of the head count."""
    key = parse_verifier_key(head.verifier_key)
    tree = parse_and_verify(head.note, key.name, key.public_key)
    hashed = leaf_hash(proof.leaf)
    if not verify_inclusion(
        hashed, proof.index, size=tree.size, proof=proof.hashes, root=tree.root
    ):
        raise StackError(f"the proof of entry {proof.index} does not lead to the log's root")
    return parse_leaf(proof.leaf)


def _check_leaf(leaf: Leaf, message_id: str, mission_id: str) -> None:
    """Check that the leaf is the message that was asked for, about the mission that was told."""
    body = json.loads(leaf.body)
    if leaf.message_id != message_id or body.get("mission_id") != mission_id:
        raise StackError(f"the log proves another message than {message_id} of {mission_id}")
