"""Says to one worker how the kill switch stands, so that it can tell live beacons from recorded ones."""

from datetime import UTC, datetime

from grace.contracts.governance import PermitWord, VouchedPermit, VouchPermit
from grace.governance.handlers.switch import SwitchUnknown
from grace.governance.store import Switches
from grace.kit import Called, Runtime

PERMIT = "grace/permit/v1"


async def on_vouch_permit(call: Called[VouchPermit], runtime: Runtime) -> VouchedPermit:
    """Answer with what is read now, signed together with the nonce of the question."""
    async with runtime.reading() as tx:
        permit = await Switches(tx).read_permit()
    if permit is None:
        raise SwitchUnknown
    body = PermitWord(
        nonce=call.body.nonce,
        version=permit.version,
        allowed=permit.allowed,
        reverts_allowed=permit.reverts_allowed,
        issued_at=datetime.now(UTC),
    ).to_bytes()
    keys = runtime.keys
    return VouchedPermit(key_id=keys.key_id, body=body, signature=keys.sign(PERMIT, body))
