"""The Qdrant that an operator names, loaded only then: its client weighs more than all of knowledge."""

from __future__ import annotations

import ssl
import stat
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grace.kit import SettingsError
from grace.knowledge.settings import Settings

if TYPE_CHECKING:
    from grace.knowledge.store.qdrant import Qdrant

_FORM = 2  # of what a point holds: with another one everything is copied anew
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class QdrantError(Exception):
    """Qdrant did not answer, or not as it should; the text says why."""


def qdrant_of(settings: Settings) -> Qdrant | None:
    """Return the Qdrant of the settings, without asking it; None where there is none.

    SettingsError where its key would go over the network in the clear, or its URL cannot be read.
    """
    if settings.qdrant_url is None:
        return None
    try:
        asked = urlsplit(settings.qdrant_url)
        _ = asked.port
    except ValueError as error:
        raise SettingsError(f"GRACE_KNOWLEDGE_QDRANT_URL: {error}") from error
    key = _key_in(settings.qdrant_key_file) if settings.qdrant_key_file else None
    if key and asked.scheme == "http" and asked.hostname not in _LOOPBACK:
        raise SettingsError("the key of Qdrant is sent over https alone: change the URL")
    from qdrant_client import AsyncQdrantClient  # noqa: PLC0415

    from grace.knowledge.store.qdrant import Qdrant  # noqa: PLC0415

    patience = max(settings.qdrant_timeout, settings.qdrant_copy_timeout)
    return Qdrant(
        AsyncQdrantClient(
            url=settings.qdrant_url,
            headers={"api-key": key} if key else None,
            timeout=ceil(patience.total_seconds()),
            check_compatibility=False,  # it would ask from a thread, before anything has started
            trust_env=False,
            **_trusted(asked.scheme),
        ),
        place=f"{settings.qdrant_url} {settings.qdrant_collection} {_FORM}",
        collection=settings.qdrant_collection,
        patience=settings.qdrant_timeout,
        copy_patience=settings.qdrant_copy_timeout,
    )


def _trusted(scheme: str) -> dict[str, Any]:
    """Say whose certificates count: the machine's authorities, a house's own among them, and not those of a library."""
    return {"verify": ssl.create_default_context()} if scheme == "https" else {}


def _key_in(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        key = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read the key file of Qdrant {file}: {error}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise SettingsError(f"others can read the key file of Qdrant {file}: chmod 600 it")
    if not key:
        raise SettingsError(f"the key file of Qdrant {file} is empty")
    return key
