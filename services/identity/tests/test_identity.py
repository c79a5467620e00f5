"""Identity on real servers: keys survive, the log grows without gaps and proves itself."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from grace.contracts.identity import GetCheckpoint, GetProof, ListEntries, ReadRegistry
from grace.kit import SafeError
from grace.testkit import House, eventually
from grace.transparency import leaf_hash, parse_and_verify, parse_verifier_key, verify_inclusion


async def test_a_key_is_the_same_after_every_restart(house: House) -> None:
    async with house.running("identity"):
        first = await house.act_as("htm")
        signature = first.keys.sign("test", b"x")
    async with house.running("identity"):
        again = await house.act_as("htm")
        assert again.keys.key_id == first.keys.key_id
        assert again.keys.verify(first.keys.key_id, signature, "test", b"x")
        assert not again.keys.verify(first.keys.key_id, signature, "test", b"y")
        assert again.keys.component_of(first.keys.key_id) == "htm"


async def test_every_new_key_is_in_the_log_with_a_proof_that_verifies(house: House) -> None:
    async with house.running("identity"):
        gateway = await house.act_as("gateway")

        async def rotations() -> bool:
            found = await gateway.call(ListEntries(start=0, limit=100))
            subjects = [entry.subject for entry in found.entries]
            return subjects.count("identity.key.rotated") >= 2

        await eventually(rotations)
        checkpoint = await eventually(lambda: gateway.call(GetCheckpoint()))
        verifier = parse_verifier_key(checkpoint.verifier_key)
        head = parse_and_verify(checkpoint.note, verifier.name, verifier.public_key)
        proof = await gateway.call(GetProof(index=0))
        assert verify_inclusion(
            leaf_hash(proof.leaf),
            proof.index,
            size=proof.size,
            proof=proof.hashes,
            root=proof.checkpoint.root,
        )
        assert head.size == checkpoint.size
        assert base64.b64encode(head.root) == base64.b64encode(checkpoint.root)


async def test_the_registry_lists_every_key(house: House) -> None:
    async with house.running("identity"):
        gateway = await house.act_as("gateway")
        registry = await gateway.call(ReadRegistry())
        components = {key.component for key in registry.keys}
        assert components == {"identity", "gateway"}
        for key in registry.keys:
            Ed25519PublicKey.from_public_bytes(key.public_key)


async def test_a_service_gets_a_storage_key_of_its_own_that_stays_the_same(house: House) -> None:
    async with house.running("identity"):
        closed = (await house.act_as("worker")).keys.safe.close("before", place="receipt")
    async with house.running("identity"):
        assert (await house.act_as("worker")).keys.safe.open(closed, place="receipt") == "before"
        stranger = await house.act_as("verification")
        with pytest.raises(SafeError):
            stranger.keys.safe.open(closed, place="receipt")
