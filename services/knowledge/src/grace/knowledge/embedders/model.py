"""Likeness of meaning, by a model of sentence-transformers that lies in a folder of this machine."""

from __future__ import annotations

import json
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from grace.kit.settings import SettingsError
from grace.knowledge.embedders.protocol import EmbeddingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentence_transformers import SentenceTransformer

_DIMENSIONS: Final = 384
_POOLING = "1_Pooling/config.json"  # where sentence-transformers writes how long a vector is
_PIECE = 1024 * 1024
# One thread: beside other work two take several times as long as one.
_THREADS = 1


class SentenceModel:
    """A model, loaded when the first text comes: that takes a second, and half a gigabyte of memory."""

    # all-MiniLM-L6-v2, seen on Grace's own guides: a question about something else is at 0.06 at most, one that a
    # long passage answers in passing at 0.2 to 0.3.
    least = 0.2

    def __init__(self, folder: Path) -> None:
        """SettingsError where the folder holds no model whose vectors have 384 numbers, or nothing can run it."""
        _refuse_other_lengths(folder)
        if find_spec("sentence_transformers") is None:
            raise SettingsError(
                "sentence-transformers is not installed: `make embeddings`, or requirements/embed.txt"
            )
        self.name = f"{folder.name[:60]}.{_fingerprint(folder)[:16]}"
        self._folder = folder
        self._model: SentenceTransformer | None = None
        self._turn = Lock()  # a model is asked by one thread at a time

    def load(self) -> None:
        """Read the model, unless it is there. EmbeddingError where it cannot be read."""
        with self._turn, _failures_told():
            self._loaded()

    def embed(self, texts: Sequence[str]) -> list[list[float] | None]:
        """Return a vector of each. EmbeddingError where the model cannot be read, or fails."""
        with self._turn, _failures_told():
            found = self._loaded().encode(list(texts), normalize_embeddings=True)
        return [[float(each) for each in vector] for vector in found]

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            # A gigabyte of libraries, for those alone who use them.
            import torch  # noqa: PLC0415
            from sentence_transformers import SentenceTransformer  # noqa: PLC0415
            from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

            torch.set_num_threads(_THREADS)
            disable_progress_bar()  # the log is lines of JSON
            self._model = SentenceTransformer(
                str(self._folder), device="cpu", local_files_only=True
            )
        return self._model


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise EmbeddingError(f"{type(error).__name__}: {error}") from error


def _refuse_other_lengths(folder: Path) -> None:
    try:
        pooling = json.loads((folder / _POOLING).read_text(encoding="utf-8"))
        length = pooling["word_embedding_dimension"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SettingsError(f"{folder} holds no model of sentence-transformers: {error}") from error
    if length != _DIMENSIONS:
        raise SettingsError(
            f"the vectors of {folder} have {length} numbers; Grace keeps {_DIMENSIONS}, as all-MiniLM-L6-v2 has"
        )


def _fingerprint(folder: Path) -> str:
    """Name what is in the folder: another file is another space."""
    whole = sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        whole.update(str(path.relative_to(folder)).encode() + b"\0")
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                whole.update(piece)
    return whole.hexdigest()
