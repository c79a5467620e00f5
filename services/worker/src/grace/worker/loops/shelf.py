"""Keeps the states of an effect: short ones as they are, long ones encrypted in the blob store."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from grace.kit import SafeError
from grace.kit.blobs import (
    BlobCorrupt,
    BlobMissing,
    BlobRef,
    Blobs,
    BlobsUnreachable,
    BlobTooLarge,
)
from grace.kit.safe import Safe
from grace.worker.domain.capability import Act
from grace.worker.domain.failure import CorruptError, MissingError, NotNowError, UnusableError
from grace.worker.domain.large import LONGEST, Large, large_in, reference_to
from grace.worker.domain.state import State, digest, state_of, text_of

Note: TypeAlias = Callable[[str], Awaitable[None]]


class Shelf:
    """The states of one action; what another one put there does not open here.

    `note` keeps the hash of what is about to be put: whoever dies before a receipt refers to it leaves
    something that can be found again.
    """

    def __init__(self, blobs: Blobs, safe: Safe, act: Act, note: Note) -> None:
        """Nothing is reached before it is needed."""
        self._note = note
        self._blobs = blobs
        self._safe = safe
        self._place = f"blobs|{act.tenant_id}|{act.action_id}"

    async def put(self, state: State) -> State:
        """Return the state to store and to send in its place; it is durable when this returns.

        UnusableError for one that is too long for every store, NotNowError where none can be had.
        """
        text = text_of(state)
        size = len(text.encode())
        if size <= LONGEST:
            return state
        sealed = self._safe.close(text, place=self._place).encode()
        await self._note(BlobRef.of(sealed).sha256)
        try:
            ref = await self._blobs.put(sealed)
        except BlobTooLarge as error:
            raise UnusableError(f"the state is too long to be kept: {error.detail}") from error
        except BlobsUnreachable as error:
            raise NotNowError(f"the state cannot be kept: {error.detail}") from error
        return reference_to(Large(digest(text), size, ref.sha256, ref.size))

    async def get(self, state: State) -> State:
        """Return the state that was put. MissingError or CorruptError where it is not there as it was."""
        large = large_in(state)
        if large is None:
            return state
        text = self._opened(await self._sealed(large))
        if digest(text) != large.sha256:
            raise CorruptError
        return state_of(text)

    async def _sealed(self, large: Large) -> bytes:
        try:
            return await self._blobs.get(BlobRef(large.blob_sha256, large.blob_bytes))
        except BlobMissing as error:
            raise MissingError(f"the stored state is gone: {error.detail}") from error
        except (BlobCorrupt, BlobTooLarge) as error:
            raise CorruptError(
                f"the stored state is not what was stored: {error.detail}"
            ) from error
        except BlobsUnreachable as error:
            raise NotNowError(f"the stored state cannot be read: {error.detail}") from error

    def _opened(self, sealed: bytes) -> str:
        try:
            return self._safe.open(sealed.decode("ascii", "replace"), place=self._place)
        except SafeError as error:
            raise CorruptError from error
