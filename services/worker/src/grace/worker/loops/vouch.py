"""Asks governance itself how the kill switch stands: only from there on do beacons count."""

import secrets
from datetime import timedelta
from math import inf
from time import monotonic

from grace.contracts.governance import PermitWord, VouchedPermit, VouchPermit
from grace.contracts.message import ContractError
from grace.kit import GraceError, Runtime
from grace.worker.domain.permit import Permit, Word
from grace.worker.loops.switch import KillSwitch

PERMIT_KIND = "grace/permit/v1"
_GOVERNANCE = "governance"
_TIMEOUT_SECONDS = 1.0  # A later answer would make every beacon too old.
_AGAIN = timedelta(seconds=1)
_SELDOM_SECONDS = 0.25  # Recorded beacons come as often as somebody likes, and each leads here.


class Vouch:
    """Asks at the start, when nothing is heard that counts, and now and then: clocks drift."""

    def __init__(self, switch: KillSwitch, renewal: timedelta) -> None:
        """Ask for this switch, at the latest after `renewal`."""
        self._switch = switch
        self._renewal = renewal.total_seconds()
        self._asked_at = -inf
        self._answered_at = -inf

    async def tick(self, runtime: Runtime) -> bool | timedelta:
        """Ask if it is time to. What cannot be answered or trusted is asked again in a second."""
        asked_at = monotonic()
        if not self._switch.is_silent() and asked_at - self._answered_at < self._renewal:
            return False
        if asked_at - self._asked_at < _SELDOM_SECONDS:
            return timedelta(seconds=_SELDOM_SECONDS)
        self._asked_at, nonce = asked_at, secrets.token_hex(16)
        try:
            answer = await runtime.call(VouchPermit(nonce=nonce), timeout=_TIMEOUT_SECONDS)
            word = await _opened(runtime, answer, nonce, asked_at)
        except GraceError as error:
            runtime.log.warning("permit.unvouched", error=error.detail)
            return _AGAIN
        if word is None:
            runtime.log.error("permit.forged", key_id=answer.key_id)
            return _AGAIN
        self._answered_at = asked_at
        self._switch.asked(word)
        return False


async def _opened(
    runtime: Runtime, answer: VouchedPermit, nonce: str, asked_at: float
) -> Word | None:
    """What governance signed to this very question, or None."""
    keys = runtime.keys
    await keys.learn({answer.key_id})
    signed = keys.verify(answer.key_id, answer.signature, PERMIT_KIND, answer.body)
    if not signed or keys.component_of(answer.key_id) != _GOVERNANCE:
        return None
    try:
        body = PermitWord.from_bytes(answer.body)
    except ContractError:
        return None
    if body.nonce != nonce:
        return None
    return Word(
        Permit(
            version=body.version,
            allowed=body.allowed,
            reverts_allowed=body.reverts_allowed,
            issued_at=body.issued_at,
            heard_at=asked_at,
        )
    )
